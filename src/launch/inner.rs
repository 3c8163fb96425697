//! A bowline within the script of another one.

use super::caller::Caller;
use crate::process::tree;
use crate::project::Project;

/// What a bowline takes over from the one whose script it runs in: it neither reserves a port nor supervises, but
/// becomes the command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inherited {
    /// The port that the outer bowline holds.
    pub port: u16,
    /// The outer bowline's session.
    pub session: String,
    /// What it calls the project: with the session, this is how it knows the processes of its service.
    pub id: String,
}

impl Inherited {
    /// What the environment says, if the outer bowline runs this project, under whatever id. The URL decides about the
    /// port, as scripts may set `PORT` to anything.
    pub fn from(caller: &Caller, project: &Project) -> Option<Self> {
        if caller.text("BOWLINE")? != "1" || caller.raw("BOWLINE_PROJECT_DIR")? != project.dir {
            return None;
        }
        let port = caller.text("BOWLINE_URL")?.rsplit_once(':')?.1.parse().ok().filter(|port| *port != 0)?;
        let text = |name| caller.text(name).map(str::to_owned);
        Some(Self { port, session: text(tree::SESSION)?, id: text(tree::PROJECT)? })
    }
}
