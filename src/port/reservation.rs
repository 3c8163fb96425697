//! A port that a session has reserved.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize, Serializer};

use super::scheme::Scheme;
use crate::project::{DirectoryId, Presence};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reservation {
    /// 0 for a service without a port.
    pub port: u16,
    pub project: String,
    pub name: String,
    #[serde(serialize_with = "lossy")]
    pub dir: PathBuf,
    /// The directory itself: another one may lie at its path by now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<DirectoryId>,
    pub framework: String,
    pub session: SessionId,
    /// The supervisor's process id, for messages: its lock tells whether it lives.
    pub pid: u32,
    /// When it was reserved, in seconds since 1970.
    pub started_at: u64,
    /// What the server speaks, or is expected to speak until it listens.
    #[serde(default)]
    pub scheme: Scheme,
    /// The session in whose tree a script was started that this one runs in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_of: Option<SessionId>,
    /// The ports that the service was told at its start for other projects, by their ids.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub told: BTreeMap<String, u16>,
    #[serde(skip)]
    pub state: SessionState,
    /// The run directory with the session's lock and socket.
    #[serde(skip)]
    pub run: PathBuf,
}

impl Reservation {
    pub fn has_port(&self) -> bool {
        self.port != 0
    }

    /// The URL of its server, if it has a port.
    pub fn url(&self) -> Option<String> {
        self.has_port().then(|| self.scheme.url(self.port))
    }

    /// The port that the service was told of a project, if that is on another one.
    pub fn told_instead_of(&self, project: &str, port: u16) -> Option<u16> {
        self.told.get(project).copied().filter(|told| *told != port)
    }

    /// Whether it is the reservation of the project with this id. A project whose directory was moved while it runs
    /// is known by its new path too, unless it has an id that is no path.
    pub fn is_of(&self, project: &str) -> bool {
        let path = Path::new(project);
        let are_paths = path.is_absolute() && Path::new(&self.project) == self.dir;
        self.project == project || are_paths && self.has_moved_to(path)
    }

    /// Whether its directory was moved to this path since it was reserved.
    pub fn has_moved_to(&self, path: &Path) -> bool {
        self.directory.is_some()
            && DirectoryId::of(path) == self.directory
            && DirectoryId::of(&self.dir) != self.directory
    }

    /// Whether the directory at this path is the one that it was reserved for.
    pub fn is_for(&self, path: &Path) -> bool {
        Presence::of(self.directory, path) == Presence::Present
    }

    /// What has become of its directory.
    pub fn presence(&self) -> Presence {
        Presence::of(self.directory, &self.dir)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionState {
    /// Its supervisor lives: its ports are reserved.
    Live,
    /// Only its guardian lives, ending the service: the ports are not free yet.
    Ending,
    /// Supervisor and guardian were killed: processes of the service may be left.
    Orphaned,
    /// Nothing is left but files.
    #[default]
    Over,
}

/// The name of one supervisor's session: 16 hexadecimal digits, never used twice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct SessionId(String);

impl SessionId {
    pub(super) fn random() -> io::Result<Self> {
        let mut bytes = [0_u8; 8];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        Ok(Self(format!("{:016x}", u64::from_be_bytes(bytes))))
    }

    /// In the place of an id, where nothing is reserved.
    pub(super) fn of_nobody() -> Self {
        Self("0".repeat(16))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for SessionId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() == 16 && text.bytes().all(is_hex) {
            Ok(Self(text))
        } else {
            Err("a session is 16 hexadecimal digits")
        }
    }
}

/// Serializes paths that are not UTF-8 as far as they can be shown.
pub(super) fn lossy<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// Seconds since 1970; 0 before.
pub(super) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
