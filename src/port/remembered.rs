//! The memory of a project after its server has ended.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Remembered ports are forgotten after this long without use.
pub const MEMORY: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The note with the port that the reservation has followed the service to.
pub const FOLLOWS: &str = "follows";

/// Whether a port last used at this time is to be forgotten. A time after `now`, as when the clock was set back,
/// counts as `now`.
pub(super) fn is_stale(last_used: u64, now: u64) -> bool {
    now.saturating_sub(last_used) >= MEMORY.as_secs()
}

/// The memory of a project after its server has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Remembered {
    /// The port of its range that it had last, unless another project has taken it over.
    pub port: Option<u16>,
    pub framework: String,
    /// The [`Fingerprint`](crate::fingerprint::Fingerprint) of what the framework was detected by.
    pub evidence: String,
    pub name: String,
    #[serde(serialize_with = "super::reservation::lossy")]
    pub dir: PathBuf,
    /// When it was last started or ended, in seconds since 1970.
    pub last_used: u64,
    /// Notes for later starts, see [`super::Ports::note`].
    pub notes: BTreeMap<String, String>,
    /// The ports that it had as other frameworks: a Storybook beside an app has a port of its own.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub former: BTreeMap<String, Former>,
}

/// A port that a project had as another framework than its last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Former {
    pub port: u16,
    /// When the project had it last, in seconds since 1970.
    pub last_used: u64,
}

impl Remembered {
    /// The port that it had last as this framework, else its last port, and the framework that it had then.
    pub(super) fn last_as(&self, framework: &str) -> Option<(u16, String)> {
        match self.former.get(framework) {
            Some(former) if framework != self.framework => Some((former.port, framework.to_owned())),
            _ => Some((self.port?, self.framework.clone())),
        }
    }

    /// The port that the reservation has followed the service to, see [`FOLLOWS`].
    pub(super) fn followed(&self, now: u64) -> Option<u16> {
        if is_stale(self.last_used, now) { None } else { self.notes.get(FOLLOWS)?.parse().ok() }
    }

    /// Every remembered port, the latest first, with the time when it was last used.
    pub(super) fn ports(&self) -> impl Iterator<Item = (u16, u64)> {
        let former = self.former.values().map(|former| (former.port, former.last_used));
        self.port.map(|port| (port, self.last_used)).into_iter().chain(former)
    }

    /// Forgets the ports of other frameworks that were unused for too long, and returns them.
    pub(super) fn forget_unused(&mut self, now: u64) -> Vec<u16> {
        let unused = |former: &Former| is_stale(former.last_used, now);
        let ports = self.former.values().filter(|former| unused(former)).map(|former| former.port).collect();
        self.former.retain(|_, former| !unused(former));
        ports
    }

    /// The same without one port, which another project has now.
    pub(super) fn without(mut self, port: u16) -> Self {
        self.port = self.port.filter(|&own| own != port);
        self.former.retain(|_, former| former.port != port);
        self
    }
}
