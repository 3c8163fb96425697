//! Commands from elsewhere, and clients that follow what happens.

use std::task::{Context, Poll};

use super::service::Input;
use crate::event::{State, Stream, What};

/// How a service is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    pub state: State,
    pub port: u16,
    /// The guardian that its processes descend from, while there is one.
    pub guardian: Option<i32>,
}

/// Where commands come from, and a second place where output and events go.
pub trait Control {
    /// Serves the clients, and is ready with the next command that would change something: a service and its
    /// input.
    fn poll_command(&mut self, cx: &mut Context<'_>) -> Poll<(usize, Input)>;
    /// A service has written these bytes.
    fn wrote(&mut self, service: usize, stream: Stream, bytes: &[u8]);
    fn notify(&mut self, service: usize, what: &What);
    /// The condition of a service, which may be the same as before.
    fn changed(&mut self, service: usize, now: Condition);
    /// Writes what can be written, and is ready when nothing waits any more.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}
