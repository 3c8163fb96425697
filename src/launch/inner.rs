//! A bowline within the script of another one.

use super::caller::Caller;
use crate::project::Project;

/// What a bowline takes over from the one whose script it runs in: it neither reserves a port nor supervises, but
/// becomes the command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inherited {
    /// The port that the outer bowline holds.
    pub port: u16,
    /// The mark of the outer bowline's service.
    pub mark: String,
}

impl Inherited {
    /// What the environment says, if it is that of this project. The URL decides about the port, as scripts may
    /// set `PORT` to anything.
    pub fn from(caller: &Caller, project: &Project) -> Option<Self> {
        if caller.text("BOWLINE")? != "1" || caller.text("BOWLINE_PROJECT_ID")? != project.id {
            return None;
        }
        let port = caller.text("BOWLINE_URL")?.rsplit_once(':')?.1.parse().ok().filter(|port| *port != 0)?;
        Some(Self { port, mark: caller.text("BOWLINE_SESSION")?.to_owned() })
    }
}
