//! `--open`: the browser, once the server is ready.

use std::io::{self, Read};
use std::task::{Context, Poll};

use crate::event::{Level, Stream, What};
use crate::launch;
use crate::supervise::Sink;

/// A sink that opens the URL of the first service that is ready.
pub struct Opening {
    inner: Box<dyn Sink>,
    wanted: bool,
}

impl Opening {
    /// Passes everything on to `inner`, and opens a browser if `wanted`.
    pub fn new(inner: Box<dyn Sink>, wanted: bool) -> Self {
        Self { inner, wanted }
    }
}

impl Sink for Opening {
    fn has_room(&self, service: usize, stream: Stream) -> bool {
        self.inner.has_room(service, stream)
    }

    fn pass(&mut self, service: usize, stream: Stream, source: &mut dyn Read) -> io::Result<&[u8]> {
        self.inner.pass(service, stream, source)
    }

    fn notify(&mut self, service: usize, what: What) {
        let ready = if let What::PortDetected { port, .. } = &what { Some(launch::url(*port)) } else { None };
        self.inner.notify(service, what);
        if let Some(url) = ready.filter(|_| std::mem::take(&mut self.wanted))
            && open::that_detached(&url).is_err()
        {
            let message = format!("no browser could be opened; the URL is {url}");
            self.inner.notify(service, What::Noted { level: Level::Warning, message });
        }
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.inner.poll_drain(cx)
    }
}
