//! What can be wrong with a project.

use std::io;
use std::path::{Path, PathBuf};

use super::position::FileError;
use crate::visible::{self, Visible};

#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    #[error("no package.json in `{}` or any directory above it", start.visible())]
    NotFound {
        /// Where the search began.
        start: PathBuf,
    },
    #[error("no package.json in `{}`", dir.visible())]
    NoManifest { dir: PathBuf },
    #[error("{}", gone(path))]
    Gone {
        /// The directory; it is relative where there is no current directory any more.
        path: PathBuf,
    },
    #[error("not a directory: `{}`", path.visible())]
    NotADirectory { path: PathBuf },
    #[error("{} is {is}: `{}`", path.file_name().unwrap_or(path.as_os_str()).visible(), path.visible())]
    NotAFile { path: PathBuf, is: &'static str },
    #[error("could not read `{}`: {source}", path.visible())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Invalid(#[from] FileError),
    #[error("Project not found: `{}`", visible::line(name))]
    Unknown { name: String, names: Vec<String> },
    #[error("`{}` is the name of several projects: {}", visible::line(name), visible::line(&names.join(", ")))]
    Ambiguous {
        name: String,
        /// Those meant, by their whole names or, if these are equal, directories.
        names: Vec<String>,
    },
    #[error("no script `{}` in `{}`", visible::line(&wanted.join("`, `")), path.visible())]
    NoScript { path: PathBuf, wanted: Vec<String>, scripts: Vec<String> },
    #[error("the script `{}` is empty in `{}`", visible::line(name), path.visible())]
    EmptyScript {
        path: PathBuf,
        name: String,
        /// The scripts that are not empty.
        scripts: Vec<String>,
    },
}

/// Where a script can be written, or which others there are.
fn or_choose(advice: &str, scripts: &[String]) -> String {
    match scripts {
        [] => format!("{advice}, or run one with `bowline exec -- COMMAND`"),
        _ => format!("{advice}, or choose one of the others with `--script`: {}", scripts.join(", ")),
    }
}

fn gone(path: &Path) -> String {
    if path.is_absolute() {
        format!("no such directory: `{}`", path.visible())
    } else {
        "the current directory is gone".to_owned()
    }
}

impl ProjectError {
    pub(super) fn unreadable(path: &Path, source: io::Error) -> Self {
        Self::Unreadable { path: path.to_path_buf(), source }
    }

    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound { .. } | Self::NoManifest { .. } => {
                Some("run this in a project, or name its directory with `--dir`".to_owned())
            }
            Self::Gone { path } if path.is_relative() => Some("change to a directory that exists".to_owned()),
            Self::Gone { .. } | Self::NotADirectory { .. } => Some("name a directory that exists".to_owned()),
            Self::NotAFile { .. } => Some("put a file in its place, or move it out of the way".to_owned()),
            Self::Unreadable { .. } => Some("check the permissions".to_owned()),
            Self::Invalid(FileError { path, .. }) => {
                let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
                Some(format!("correct `{name}` at that place"))
            }
            Self::Unknown { names, .. } if names.is_empty() => {
                Some("name a directory with a package.json, or a package of the workspace".to_owned())
            }
            Self::Unknown { names, .. } => Some(format!("choose one of: {}", names.join(", "))),
            Self::Ambiguous { .. } => Some("give the whole name or the directory".to_owned()),
            Self::EmptyScript { scripts, .. } => Some(or_choose("give it a command", scripts)),
            Self::NoScript { scripts, .. } if scripts.is_empty() => Some(
                "add a `dev` script to package.json, or give a command: `bowline exec -- COMMAND`".to_owned(),
            ),
            Self::NoScript { scripts, .. } => {
                Some(format!("choose one of the scripts there are with `--script`: {}", scripts.join(", ")))
            }
        }
    }
}
