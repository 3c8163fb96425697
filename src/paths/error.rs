//! Why a directory cannot hold bowline's state.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::visible::Visible;

#[derive(Debug, Error)]
pub enum PathsError {
    #[error("cannot use the state directory `{path}`: {source}", path = path.visible())]
    Unusable { path: PathBuf, source: io::Error },
    #[error("the state directory `{path}` belongs to another user: {owner}", path = path.visible())]
    Foreign { path: PathBuf, owner: u32 },
    #[error("the state directory `{path}` is open to others: mode {mode:04o}", path = path.visible())]
    Open { path: PathBuf, mode: u32 },
    #[error("there is no place for a state directory: neither `HOME` nor `XDG_STATE_HOME` is set")]
    Homeless,
}

impl PathsError {
    pub fn hint(&self) -> Option<String> {
        let remedy = match self {
            Self::Unusable { path, .. } => format!("make `{}` writable", path.visible()),
            Self::Foreign { path, .. } => format!("give `{}` to yourself with `chown`", path.visible()),
            // A directory like `/tmp` is open to others on purpose.
            Self::Open { path, mode } if mode & 0o1000 != 0 => {
                let own = path.join("bowline").visible();
                return Some(format!("choose one of your own with `--state-dir`, such as `{own}`"));
            }
            Self::Open { path, .. } => format!("close it with `chmod go= '{}'`", path.visible()),
            Self::Homeless => return Some("set `HOME`, or choose a directory with `--state-dir`".to_owned()),
        };
        Some(format!("{remedy}, or choose another with `--state-dir`"))
    }
}
