//! The options that `dev`, `exec` and `start` share.

use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;

use crate::launch::Host;
use crate::port::Reservation;
use crate::supervise::restart::Policy;

#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The framework's key, in place of detection.
    pub framework: Option<String>,
    /// Exactly this port; the start fails if it is taken.
    pub port: Option<NonZeroU16>,
    pub host: Option<Host>,
    pub restart: Option<Policy>,
    /// Time between the stop signal and SIGKILL.
    pub grace: Option<Duration>,
    /// Open a browser once the first server is ready.
    pub open: bool,
    /// The service in whose tree the script was started that is run in its place.
    pub outer: Option<Reservation>,
    /// Where that service has its shims.
    pub shims: Option<PathBuf>,
    /// Whether somebody else runs the `pre` and `post` scripts.
    pub without_hooks: bool,
    pub order: OrderOptions,
}

impl Options {
    /// Those that hold for each service of a run, as arguments.
    pub fn of_each(&self) -> Vec<String> {
        let host = self.host.as_ref().map(|host| match host {
            Host::All => "--host=".to_owned(),
            Host::Address(address) => format!("--host={address}"),
        });
        let restart = self.restart.map(|policy| format!("--restart={}", policy.name()));
        let grace = self.grace.map(|grace| format!("--grace={}", humantime::format_duration(grace)));
        [host, restart, grace].into_iter().flatten().collect()
    }
}

/// How several services start and end together.
#[derive(Clone, Copy, Debug, Default)]
pub struct OrderOptions {
    /// Start everything at once, except what bowline.toml orders.
    pub no_order: bool,
    /// End all services with the first that fails.
    pub fail_fast: bool,
}
