//! What a server speaks: found out when it begins to listen, and again when another one listens in its place.

use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use super::backend::{Backend, Control, PortOwner, SchemeAnswer, Sink};
use super::run::Supervisor;
use crate::event::{State, What};

impl<B: Backend, S: Sink, C: Control> Supervisor<B, S, C> {
    /// Whether the scheme of the server on this listener is known, or was waited for long enough.
    pub(super) fn knows_scheme(&mut self, index: usize, listener: PortOwner) -> bool {
        let PortOwner::Ours { socket, .. } = listener else { return true };
        if self.instances[index].scheme.socket != Some(socket) {
            self.find_scheme(index, socket);
        }
        let question = &self.instances[index].scheme.question;
        question.as_ref().is_none_or(|(_, until)| *until <= Instant::now())
    }

    fn find_scheme(&mut self, index: usize, socket: u64) {
        let root = self.root(index);
        let output = self.instances[index].tail.text();
        let answer = self.backend.find_scheme(index, root, &output);
        let watch = &mut self.instances[index].scheme;
        watch.question = None;
        watch.socket = match answer {
            SchemeAnswer::Known => Some(socket),
            SchemeAnswer::Assumed => None,
            SchemeAnswer::Asked { question, patience } => {
                watch.question = Some((question, Instant::now() + patience));
                Some(socket)
            }
        };
    }

    /// Takes in the answers of servers that were asked.
    pub(super) fn poll_schemes(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for index in 0..self.instances.len() {
            let Some((question, _)) = &mut self.instances[index].scheme.question else { continue };
            let Poll::Ready(answer) = question.as_mut().poll(cx) else { continue };
            self.instances[index].scheme.question = None;
            let before = self.backend.scheme(index);
            if let Some(scheme) = answer {
                self.backend.set_scheme(index, scheme);
            }
            if self.instances[index].service.is_starting() {
                // Readiness has waited for it.
                self.check_readiness(index);
            } else if self.backend.scheme(index) != before {
                self.announce_scheme(index);
            }
            return Poll::Ready(());
        }
        Poll::Pending
    }

    /// Looks whether the server that was ready is another one by now.
    pub(super) fn look_at_scheme(&mut self, index: usize) {
        self.instances[index].scheme.look_at = None;
        if self.instances[index].service.state() != State::Running {
            return;
        }
        match self.verify(index) {
            PortOwner::Ours { socket, .. } if self.instances[index].scheme.socket == Some(socket) => {}
            // Others listen in its place.
            PortOwner::Ours { pid: 0, .. } => {}
            PortOwner::Ours { socket, .. } => {
                let before = self.backend.scheme(index);
                self.find_scheme(index, socket);
                if self.backend.scheme(index) != before {
                    self.announce_scheme(index);
                }
            }
            // It is being started again.
            PortOwner::Nobody | PortOwner::Stranger | PortOwner::Hidden => {
                let _again = self.instances[index].scheme.heard();
            }
        }
    }

    /// Tells the URL of a service that is ready once more, with its present scheme.
    fn announce_scheme(&mut self, index: usize) {
        if self.instances[index].service.state() == State::Running {
            self.show_condition(index);
            self.announce_ready(index, None);
            self.restart_misled(index);
        }
    }

    /// Announces that a service is ready, `after` so long a time, or with another URL than before.
    pub(super) fn announce_ready(&mut self, index: usize, after: Option<Duration>) {
        let (port, framework) = (self.backend.port(index), self.backend.framework(index));
        let url = self.backend.scheme(index).url(port);
        self.announce(index, What::PortDetected { port, framework, url, after });
        if let Some(what) = self.backend.became_ready(index) {
            self.sink.notify(index, what);
        }
    }
}
