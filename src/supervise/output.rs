//! The services' output on its way to the sink.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use super::run::Instance;
use super::service::ReadyAt;
use super::{Backend, Control, Sink, Supervisor};
use crate::event::State;
use crate::process::signals::SignalKind;

/// How long the end waits for clients to read what was written for them.
const CLIENTS_PATIENCE: Duration = Duration::from_millis(100);

impl<B: Backend, S: Sink, C: Control> Supervisor<B, S, C> {
    /// Writes what the services left unread, until it is done or a signal or key asks to end.
    pub(super) async fn flush(&mut self) {
        for index in 0..self.instances.len() {
            self.read_rest(index);
        }
        loop {
            tokio::select! {
                // Signals first: one that came with the service's end counts as well.
                biased;
                caught = poll_fn(|cx| self.inputs.signals.poll_next(cx)) => {
                    self.note_interrupt(caught);
                    if caught.kind() == SignalKind::End {
                        break;
                    }
                }
                () = poll_fn(|cx| self.sink.poll_drain(cx)) => break,
                // In raw mode, Ctrl-C is no signal. Asked last, as other keys may be meant for the shell.
                _ = poll_fn(|cx| self.inputs.console.as_mut().map_or(Poll::Pending, |it| it.poll_keys(cx))) => break,
            }
        }
        // Clients that have not read by now miss the rest.
        let _missed =
            tokio::time::timeout(CLIENTS_PATIENCE, poll_fn(|cx| self.inputs.control.poll_drain(cx))).await;
    }

    /// Reads each stream once and passes the bytes on, if there is room for them. Ready if something
    /// has changed for the loop.
    pub(super) fn poll_output(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // Written before anything is read, to make room.
        let _waiting = self.sink.poll_drain(cx);
        let (mut progress, mut has_deadline) = (false, false);
        let mut built = Vec::new();
        let count = self.instances.len();
        for index in (self.next_read..count).chain(0..self.next_read) {
            let instance = &mut self.instances[index];
            let Instance { service, sources, tail, scheme, input, conditions, first_build, .. } = instance;
            if let Some(input) = input {
                input.write_some(cx);
            }
            sources.retain_mut(|source| {
                if !self.sink.has_room(index, source.stream) {
                    return true;
                }
                let read = source.poll_read(cx, |reader| {
                    let bytes = self.sink.pass(index, source.stream, reader)?;
                    tail.push(bytes);
                    conditions.heard(source.stream, bytes);
                    if !bytes.is_empty() && service.state() == State::Running {
                        has_deadline |= service.ready_at() == ReadyAt::Listener && scheme.heard();
                    }
                    if let Some(first_build) = first_build.as_mut().filter(|_| service.awaits_build())
                        && first_build.push(source.stream, bytes)
                    {
                        built.push(index);
                    }
                    self.inputs.control.wrote(index, source.stream, bytes);
                    Ok(bytes.len())
                });
                progress |= read.is_ready();
                read != Poll::Ready(false)
            });
        }
        self.next_read = (self.next_read + 1) % count.max(1);
        if progress {
            let _waiting = self.sink.poll_drain(cx);
            // There may be more to read; signals get their turn first.
            cx.waker().wake_by_ref();
        }
        for &index in &built {
            self.first_built(index);
        }
        if has_deadline || !built.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Passes on what an earlier step has written, so that it is not taken for output of the script itself.
    pub(super) fn read_before_script(&mut self, index: usize) {
        let Instance { sources, tail, first_build, .. } = &mut self.instances[index];
        if first_build.is_none() {
            return;
        }
        for source in sources.iter() {
            let mut reader = source.reader();
            while let Ok(bytes) = self.sink.pass(index, source.stream, &mut reader)
                && !bytes.is_empty()
            {
                tail.push(bytes);
                self.inputs.control.wrote(index, source.stream, bytes);
            }
        }
    }

    /// Passes on what is left in the pipes of a service whose processes are gone.
    pub(super) fn read_rest(&mut self, index: usize) {
        let Instance { sources, tail, .. } = &mut self.instances[index];
        for source in sources.drain(..) {
            let mut reader = source.reader();
            while let Ok(bytes) = self.sink.pass(index, source.stream, &mut reader) {
                if bytes.is_empty() {
                    break;
                }
                tail.push(bytes);
                self.inputs.control.wrote(index, source.stream, bytes);
            }
        }
    }
}
