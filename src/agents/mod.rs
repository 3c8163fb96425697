//! Instructions for coding agents, in the files that they read: a block of text, and entries in JSON.
//!
//! - `block`: the text · `entries`: the entries · `jsonc`: changes that keep every other byte
//! - `files`: writing, all or none

mod block;
mod entries;
mod files;
mod jsonc;

use std::path::{Path, PathBuf};

use serde_json::Value;

pub use self::block::BLOCK;
pub use self::entries::DevServer;
use self::files::Change;
use self::jsonc::Damage;
use crate::invocation::Failure;
use crate::project::{self, FileError, ProjectError};

/// A file that agents or editors read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentFile {
    AgentsMd,
    ClaudeLaunch,
    ClaudeMcp,
    CursorMcp,
    VscodeMcp,
}

/// The reader of such a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// Any agent.
    Agents,
    Claude,
    Cursor,
    Vscode,
}

impl Reader {
    /// The files and directories that say that it is used here.
    fn signs(self) -> &'static [&'static str] {
        match self {
            Self::Agents => &["AGENTS.md"],
            Self::Claude => &[".claude", ".mcp.json", "CLAUDE.md"],
            Self::Cursor => &[".cursor"],
            Self::Vscode => &[".vscode"],
        }
    }
}

/// The readers that are used in the directory; [`Reader::Agents`] if there is none.
pub fn readers(dir: &Path) -> Vec<Reader> {
    let all = [Reader::Agents, Reader::Claude, Reader::Cursor, Reader::Vscode];
    let is_used = |reader: &Reader| reader.signs().iter().any(|sign| dir.join(sign).exists());
    let used: Vec<Reader> = all.into_iter().filter(is_used).collect();
    if used.is_empty() { vec![Reader::Agents] } else { used }
}

impl AgentFile {
    pub const ALL: [Self; 5] =
        [Self::AgentsMd, Self::ClaudeLaunch, Self::ClaudeMcp, Self::CursorMcp, Self::VscodeMcp];

    /// Its path below the project.
    pub fn path(self) -> &'static str {
        match self {
            Self::AgentsMd => "AGENTS.md",
            Self::ClaudeLaunch => ".claude/launch.json",
            Self::ClaudeMcp => ".mcp.json",
            Self::CursorMcp => ".cursor/mcp.json",
            Self::VscodeMcp => ".vscode/mcp.json",
        }
    }

    pub fn reader(self) -> Reader {
        match self {
            Self::AgentsMd => Reader::Agents,
            Self::ClaudeLaunch | Self::ClaudeMcp => Reader::Claude,
            Self::CursorMcp => Reader::Cursor,
            Self::VscodeMcp => Reader::Vscode,
        }
    }

    /// The member with the servers of the Model Context Protocol.
    fn list(self) -> &'static str {
        if self == Self::VscodeMcp { "servers" } else { "mcpServers" }
    }

    /// The JSON of a new file; `None` for text.
    pub fn json(self, servers: &[DevServer]) -> Option<Value> {
        match self {
            Self::AgentsMd => None,
            Self::ClaudeLaunch => Some(entries::launch_file(servers)),
            Self::ClaudeMcp | Self::CursorMcp | Self::VscodeMcp => Some(entries::mcp_file(self.list())),
        }
    }

    fn merge(self, text: &str, servers: &[DevServer]) -> Result<String, Damage> {
        match self {
            Self::AgentsMd => block::merge(text),
            Self::ClaudeLaunch => entries::merge_launch(text, servers),
            Self::ClaudeMcp | Self::CursorMcp | Self::VscodeMcp => entries::merge_mcp(text, self.list()),
        }
    }

    /// Whether bowline has something in this text.
    fn is_in(self, text: &str) -> bool {
        match self {
            Self::AgentsMd => block::is_in(text),
            Self::ClaudeLaunch => entries::is_in_launch(text),
            Self::ClaudeMcp | Self::CursorMcp | Self::VscodeMcp => entries::is_in_mcp(text, self.list()),
        }
    }
}

/// A file as it is and as it is to be.
pub struct Planned {
    pub file: AgentFile,
    path: PathBuf,
    /// `None` if there is no file.
    before: Option<String>,
    after: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    Created,
    Changed,
    Unchanged,
}

impl Written {
    pub fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
        }
    }
}

impl Planned {
    /// Reads a file below `dir`.
    ///
    /// # Errors
    /// It cannot be read, or is damaged.
    fn new(dir: &Path, file: AgentFile, servers: &[DevServer]) -> Result<Self, ProjectError> {
        let path = dir.join(file.path());
        let before = project::read_text(&path)?;
        let text = before.as_deref().unwrap_or_default();
        let after = file.merge(text, servers).map_err(|Damage { offset, message }| {
            ProjectError::from(FileError::at_offset(&path, text, offset, &message))
        })?;
        Ok(Self { file, path, before, after })
    }

    pub fn outcome(&self) -> Written {
        match &self.before {
            None => Written::Created,
            Some(before) if *before == self.after => Written::Unchanged,
            Some(_) => Written::Changed,
        }
    }
}

/// Reads the files of these readers below `dir`, and writes what they lack. If one is damaged or cannot be written,
/// none is written.
pub fn write(dir: &Path, readers: &[Reader], servers: &[DevServer]) -> Result<Vec<Planned>, Failure> {
    let files = AgentFile::ALL.into_iter().filter(|file| readers.contains(&file.reader()));
    let planned = files.map(|file| Planned::new(dir, file, servers)).collect::<Result<Vec<_>, _>>()?;
    let is_due = |one: &&Planned| one.outcome() != Written::Unchanged;
    let change = |one| {
        let Planned { path, after, .. }: &Planned = one;
        Change { path: path.clone(), text: after }
    };
    files::write_all(&planned.iter().filter(is_due).map(change).collect::<Vec<_>>())?;
    Ok(planned)
}

/// The reason why a file with a block or entry of bowline's has to be mended.
#[derive(Debug)]
pub enum Stale {
    /// Another version has written it, or the servers have changed.
    Outdated,
    /// An entry of this name runs no server of the project.
    Obsolete(String),
    Damaged(String),
}

/// The files below `dir` that bowline has something in, and what is wrong with each.
pub fn examine(dir: &Path, servers: &[DevServer]) -> Vec<(AgentFile, Vec<Stale>)> {
    AgentFile::ALL.into_iter().filter_map(|file| Some((file, stale(dir, file, servers)?))).collect()
}

fn stale(dir: &Path, file: AgentFile, servers: &[DevServer]) -> Option<Vec<Stale>> {
    let text = project::read_text_if_any(&dir.join(file.path()))?;
    let mut found = Vec::new();
    match Planned::new(dir, file, servers) {
        // A damaged file without the word is taken for another program's.
        Err(_) if !text.contains("bowline") => return None,
        Err(error) => found.push(Stale::Damaged(error.to_string())),
        Ok(_) if !file.is_in(&text) => return None,
        Ok(planned) if planned.outcome() != Written::Unchanged => found.push(Stale::Outdated),
        Ok(_) => {}
    }
    if file == AgentFile::ClaudeLaunch {
        found.extend(entries::obsolete(&text, servers).into_iter().map(Stale::Obsolete));
    }
    Some(found)
}
