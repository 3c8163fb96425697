//! Where output and events go.

use std::io::{self, Read};
use std::task::{Context, Poll};

use crate::event::{Stream, What};

/// Where output and events go.
pub trait Sink {
    /// Whether more of this stream may be read.
    fn has_room(&self, service: usize, stream: Stream) -> bool;
    /// Reads once from `source`, passes the bytes on and returns them; none at the end.
    ///
    /// # Errors
    /// Those of the read.
    fn pass(&mut self, service: usize, stream: Stream, source: &mut dyn Read) -> io::Result<&[u8]>;
    fn notify(&mut self, service: usize, what: What);
    /// Writes what can be written, and is ready when nothing waits any more.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}
