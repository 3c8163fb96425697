//! Commands from elsewhere, and those who are to know what happens.

use std::task::{Context, Poll};

use super::service::Input;
use crate::event::{State, Stream, What};

/// How a service is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Its state.
    pub state: State,
    /// Its port.
    pub port: u16,
    /// The guardian that its processes descend from, while there is one.
    pub guardian: Option<i32>,
}

/// Where commands come from, and who else is told of everything.
pub trait Control {
    /// Serves whoever is connected, and is ready with the next command that would change something: the service and
    /// its input.
    fn poll_command(&mut self, cx: &mut Context<'_>) -> Poll<(usize, Input)>;
    /// A service has written this.
    fn wrote(&mut self, service: usize, stream: Stream, bytes: &[u8]);
    /// Something happened.
    fn tell(&mut self, service: usize, what: &What);
    /// A service is now like this, perhaps as before.
    fn changed(&mut self, service: usize, now: Condition);
    /// Sends what waits to be sent, and is ready when nothing waits any more.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}
