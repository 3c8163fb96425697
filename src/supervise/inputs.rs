//! What the loop reacts to, apart from the services themselves.

use std::task::{Context, Poll};

use super::console::Console;
use super::lifeline::Lifeline;
use crate::process::signals::{self, ReceivedSignal, Signals};

/// The signals of this process, and the stop that one of them asks for.
pub trait SignalSource {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<ReceivedSignal>;
    /// Stops this process group as Ctrl-Z would, until it is continued.
    fn stop_group(&mut self);
}

impl SignalSource for Signals {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<ReceivedSignal> {
        Signals::poll_next(self, cx)
    }

    fn stop_group(&mut self) {
        signals::stop_group();
    }
}

/// What the loop reacts to, apart from the services themselves.
pub struct LoopInputs<C> {
    pub signals: Box<dyn SignalSource>,
    /// The user's terminal. With one there is only one service.
    pub console: Option<Console>,
    /// Its end stops every service.
    pub lifeline: Option<Lifeline>,
    pub control: C,
}
