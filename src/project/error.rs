//! The errors of projects and of their files.

use std::io;
use std::path::{Path, PathBuf};

use super::similar::choose_name;
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
        /// The directory; a relative path if the current directory itself is gone.
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

/// `advice`, and the other scripts that could be chosen.
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
            Self::NotFound { start } if start.ancestors().any(|dir| dir.join("rush.json").is_file()) => {
                Some("a repository of Rush is no workspace for bowline: run this in the directory of a project".to_owned())
            }
            Self::NotFound { .. } | Self::NoManifest { .. } => Some(
                "run this in a project, name its directory with `--dir`, or run a command with `bowline exec -- COMMAND`"
                    .to_owned(),
            ),
            Self::Gone { path } if path.is_relative() => Some("change to a directory that exists".to_owned()),
            Self::Gone { .. } | Self::NotADirectory { .. } => Some("name a directory that exists".to_owned()),
            Self::NotAFile { .. } => Some("put a file in its place, or move it out of the way".to_owned()),
            Self::Unreadable { .. } => Some("check the permissions".to_owned()),
            Self::Invalid(FileError { path, .. }) => {
                let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
                Some(format!("correct `{name}` at that place"))
            }
            Self::Unknown { names, .. } if names.is_empty() => {
                Some("name a directory with a package.json".to_owned())
            }
            Self::Unknown { name, names } => Some(choose_name(name, names)),
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

/// A mistake in a file, with its place.
#[derive(Debug, thiserror::Error)]
#[error("{}:{line}:{column}: {message}\n{excerpt}", path.visible())]
pub struct FileError {
    pub path: PathBuf,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    pub message: String,
    /// The line, with a caret below the place.
    pub excerpt: String,
}

/// How many characters of a line an excerpt shows; a minified file is one line of a megabyte.
const WIDTH: usize = 100;

impl FileError {
    /// The error at a byte of `text`, which is the content of `path`; past the end, at the end.
    pub fn at_offset(path: &Path, text: &str, offset: usize, message: &str) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.rsplit('\n').next().unwrap_or(before);
        let position = (before.matches('\n').count() + 1, line.chars().count() + 1);
        Self::new(path, position, message.to_owned(), text)
    }

    /// The position is a line and a column, both from 1; columns count characters.
    pub(super) fn new(path: &Path, (line, column): (usize, usize), message: String, text: &str) -> Self {
        Self { path: path.to_owned(), line, column, message, excerpt: excerpt(text, line, column) }
    }
}

/// The line with a caret below the column.
fn excerpt(text: &str, line: usize, column: usize) -> String {
    let content = text.lines().nth(line - 1).unwrap_or_default().chars();
    let skipped = (column - 1).saturating_sub(WIDTH / 2);
    // Tabs are shown as one space, so that the caret is below its column.
    let shown = content.skip(skipped).take(WIDTH).map(|c| if c.is_control() { ' ' } else { c });
    let (number, indent) = (line.to_string(), column - 1 - skipped);
    let shown: String = shown.collect();
    format!("{number} | {}\n{:pad$} | {:indent$}^", shown.trim_end(), "", "", pad = number.len())
}
