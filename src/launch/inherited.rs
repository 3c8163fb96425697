//! A bowline within the script of another one.

use super::caller::Caller;
use crate::port::Scheme;
use crate::process::tree;
use crate::project::Project;

/// The port and identity that a bowline takes over from the outer one in whose script it runs. It neither reserves
/// a port nor supervises, but replaces itself by the command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inherited {
    pub port: u16,
    /// What the outer bowline expects the server to speak.
    pub scheme: Scheme,
    pub session: String,
    /// The project's id in the outer bowline: with the session, it marks the processes of the service.
    pub id: String,
}

impl Inherited {
    /// Reads it from the environment, if the outer bowline runs this project, under any id. The port is taken from
    /// the URL, because scripts may set `PORT` to anything.
    pub fn from(caller: &Caller, project: &Project) -> Option<Self> {
        if caller.text("BOWLINE")? != "1" || caller.raw("BOWLINE_PROJECT_DIR")? != project.dir {
            return None;
        }
        let url = caller.text("BOWLINE_URL")?;
        let port = url.rsplit_once(':')?.1.parse().ok().filter(|port| *port != 0)?;
        let scheme = url.split_once("://").and_then(|(name, _)| Scheme::from_name(name)).unwrap_or_default();
        let text = |name| caller.text(name).map(str::to_owned);
        Some(Self { port, scheme, session: text(tree::SESSION)?, id: text(tree::PROJECT)? })
    }
}
