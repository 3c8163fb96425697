//! A sink that records the output and passes it on.

use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, Sleep, sleep};

use super::record::Recorder;
use crate::event::{Stream, Told, What};
use crate::supervise::{KeyCommand, Sink};
use crate::visible::Visible;

/// How long the output must pause after a flood before the end of the flood is written.
const CALM_AFTER_FLOOD: Duration = Duration::from_millis(200);

/// Records the output on its way. A recorder that fails is dropped: a full disk must not stop a service.
pub struct RecordingSink {
    inner: Box<dyn Sink>,
    recorders: Vec<Option<Recorder>>,
    /// Fires when the ends of floods are to be written.
    calm: Option<Pin<Box<Sleep>>>,
}

impl RecordingSink {
    /// Records the output to `inner`; `None` stands for a service without a recorder.
    pub fn new(inner: Box<dyn Sink>, recorders: Vec<Option<Recorder>>) -> Self {
        Self { inner, recorders, calm: None }
    }

    /// Writes the ends of floods that have passed.
    fn flush(&mut self) {
        self.calm = None;
        for slot in &mut self.recorders {
            if let Some(Err(error)) = slot.as_mut().map(|recorder| recorder.flush(SystemTime::now())) {
                give_up(slot, &error);
            }
        }
    }
}

fn give_up(slot: &mut Option<Recorder>, error: &io::Error) {
    if let Some(recorder) = slot.take() {
        tracing::warn!("the output is no longer recorded in `{}`: {error}", recorder.path.visible());
    }
}

impl Sink for RecordingSink {
    fn has_room(&self, service: usize, stream: Stream) -> bool {
        self.inner.has_room(service, stream)
    }

    fn pass(&mut self, service: usize, stream: Stream, source: &mut dyn Read) -> io::Result<&[u8]> {
        let bytes = self.inner.pass(service, stream, source)?;
        if let Some(slot) = self.recorders.get_mut(service)
            && let Some(recorder) = slot
            && !bytes.is_empty()
        {
            if let Err(error) = recorder.write(stream, bytes, SystemTime::now()) {
                give_up(slot, &error);
            } else if recorder.is_behind() {
                let until = Instant::now() + CALM_AFTER_FLOOD;
                self.calm.get_or_insert_with(|| Box::pin(sleep(CALM_AFTER_FLOOD))).as_mut().reset(until);
            }
        }
        Ok(bytes)
    }

    fn notify(&mut self, service: usize, what: What) {
        if let What::ProcessExited { .. } = what {
            self.flush();
        }
        self.inner.notify(service, what);
    }

    fn signalled(&mut self, service: usize, message: String) {
        self.inner.signalled(service, message);
    }

    fn relay(&mut self, told: &Told) {
        self.inner.relay(told);
    }

    fn stood_in(&mut self, service: usize) {
        self.inner.stood_in(service);
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.calm.as_mut().is_some_and(|calm| calm.as_mut().poll(cx).is_ready()) {
            self.flush();
        }
        self.inner.poll_drain(cx)
    }

    fn margin(&self) -> usize {
        self.inner.margin()
    }

    fn resized(&mut self) {
        self.inner.resized();
    }

    fn introduce_keys(&mut self) {
        self.inner.introduce_keys();
    }

    fn typed(&mut self, keys: &[u8]) -> Vec<KeyCommand> {
        self.inner.typed(keys)
    }

    fn lend_terminal(&mut self, service: Option<usize>) {
        self.inner.lend_terminal(service);
    }
}
