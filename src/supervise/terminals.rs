//! The terminals of the services, at the user's.

use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};

use super::input_end::InputEnd;
use super::streams::{self, Place, Source};
use super::{Backend, Control, Sink, Supervisor};
use crate::process::Stdio;

impl<B: Backend, S: Sink, C: Control> Supervisor<B, S, C> {
    pub(super) fn poll_keyboard(&mut self, cx: &mut Context<'_>) -> Poll<Vec<u8>> {
        let Some(terminal) = &mut self.inputs.terminal else { return Poll::Pending };
        // A service that does not read what it is given is not given more.
        let lent_to = terminal.lent_to.and_then(|service| self.instances[service].input.as_ref());
        if lent_to.is_some_and(|input| !input.has_room()) {
            return Poll::Pending;
        }
        let (keys, has_come) = ready!(terminal.poll_keys(cx));
        if has_come {
            self.fit_terminals();
        }
        Poll::Ready(keys)
    }

    /// Makes the streams of a service, for its next run, and the end of its input that bowline holds.
    pub(super) fn open_streams(
        &mut self,
        index: usize,
    ) -> io::Result<(Stdio, Vec<Source>, Option<InputEnd>)> {
        let instance = &mut self.instances[index];
        let place = if let Some(console) = &self.inputs.console {
            Some(Place { pty: &console.pty, has_keyboard: console.has_keyboard() })
        } else if let Some(terminal) = &self.inputs.terminal {
            if instance.pty.is_none() {
                instance.pty = Some(terminal.new_pty(self.sink.margin())?);
            }
            instance.pty.as_ref().map(|pty| Place { pty, has_keyboard: terminal.has_keyboard() })
        } else {
            None
        };
        let (stdio, sources, writer) = streams::open(self.backend.stdin(), place)?;
        let input = match (&instance.pty, place) {
            (Some(pty), Some(Place { has_keyboard: true, .. })) => Some(pty.master.try_clone()?),
            _ => writer.map(OwnedFd::from),
        };
        Ok((stdio, sources, input.map(InputEnd::new)))
    }

    /// Gives every service the size that the user's terminal has now.
    pub(super) fn fit_terminals(&mut self) {
        let Some(terminal) = &self.inputs.terminal else { return };
        self.sink.resized();
        for (index, instance) in self.instances.iter().enumerate() {
            let margin = if terminal.lent_to == Some(index) { 0 } else { self.sink.margin() };
            if let (Some(pty), Some(size)) = (&instance.pty, terminal.size_beside(margin)) {
                pty.resize(size);
            }
        }
    }
}
