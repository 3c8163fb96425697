//! The services' output on its way to the sink.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use super::stage::Stage;
use super::{Control, Sink, Supervisor, World};
use crate::process::signals::Meaning;

/// How long the end waits for those who are connected.
const FAREWELL: Duration = Duration::from_millis(100);

impl<W: World, S: Sink, C: Control> Supervisor<W, S, C> {
    /// Writes what the services left behind, unless the user has no patience for it.
    pub(super) async fn flush(&mut self) {
        for index in 0..self.stages.len() {
            self.read_rest(index);
        }
        while !self.impatient {
            tokio::select! {
                () = poll_fn(|cx| self.sink.poll_drain(cx)) => break,
                caught = poll_fn(|cx| self.signals.poll_next(cx)) => self.impatient = caught.meaning() == Meaning::End,
            }
        }
        // What they do not read in time who are connected is theirs to miss.
        let _missed = tokio::time::timeout(FAREWELL, poll_fn(|cx| self.control.poll_drain(cx))).await;
    }

    /// Passes output on until there is none or no room for it.
    pub(super) fn poll_output(&mut self, cx: &mut Context<'_>) {
        // What waits goes first, so that there is room.
        let _waiting = self.sink.poll_drain(cx);
        let mut progress = false;
        for (index, stage) in self.stages.iter_mut().enumerate() {
            let Stage { sources, tail, .. } = stage;
            sources.retain_mut(|source| {
                if !self.sink.has_room(index, source.stream) {
                    return true;
                }
                match source.poll_pass(cx, |stream, reader| {
                    let bytes = self.sink.pass(index, stream, reader)?;
                    tail.push(bytes);
                    self.control.wrote(index, stream, bytes);
                    Ok(bytes.len())
                }) {
                    Poll::Pending => true,
                    Poll::Ready(open) => {
                        progress = true;
                        open
                    }
                }
            });
        }
        if progress {
            let _waiting = self.sink.poll_drain(cx);
            // There may be more, and signals must not wait for the end of it.
            cx.waker().wake_by_ref();
        }
    }

    /// What is left in the pipes of a service whose processes are gone.
    pub(super) fn read_rest(&mut self, index: usize) {
        let Stage { sources, tail, .. } = &mut self.stages[index];
        for source in sources.drain(..) {
            let mut reader = source.reader();
            while let Ok(bytes) = self.sink.pass(index, source.stream, &mut reader) {
                if bytes.is_empty() {
                    break;
                }
                tail.push(bytes);
                self.control.wrote(index, source.stream, bytes);
            }
        }
    }
}
