//! A bowline within the script of another one.

use super::caller::Caller;
use crate::port::Scheme;
use crate::process::tree;
use crate::project::Project;

/// The variable with the URL of the server; a service without a port has none.
pub(super) const URL: &str = "BOWLINE_URL";

/// The variable with the kind of a service that has no port.
pub(super) const KIND: &str = "BOWLINE_KIND";

/// The port and identity that a bowline takes over from the outer one in whose script it runs. It neither reserves
/// a port nor supervises, but replaces itself by the command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inherited {
    /// 0 if the outer one has reserved none.
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
        let url = caller.text(URL).or_else(|| caller.text(KIND).map(|_| ""))?;
        let port = match url.rsplit_once(':') {
            Some((_, port)) => port.parse().ok().filter(|port| *port != 0)?,
            None if url.is_empty() => 0,
            None => return None,
        };
        let scheme = url.split_once("://").and_then(|(name, _)| Scheme::from_name(name)).unwrap_or_default();
        let text = |name| caller.text(name).map(str::to_owned);
        Some(Self { port, scheme, session: text(tree::SESSION)?, id: text(tree::PROJECT)? })
    }
}
