//! The options that `dev`, `exec` and `start` share.

use std::num::NonZeroU16;
use std::time::Duration;

use crate::launch::Host;
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
    /// Start everything at once, except what bowline.toml orders.
    pub no_order: bool,
    /// End all services with the first that fails.
    pub fail_fast: bool,
}
