//! A sink that counts what it is given, and may be slow.

use std::io::{self, Read, Write};
use std::rc::Rc;
use std::task::{Context, Poll};

use super::fake::Shared;
use crate::event::{Stream, Told, What};
use crate::supervise::Sink;

pub struct FakeSink {
    world: Shared,
    buffer: Vec<u8>,
}

impl FakeSink {
    pub fn new(world: &Shared) -> Self {
        Self { world: Rc::clone(world), buffer: vec![0; 4096] }
    }
}

impl Sink for FakeSink {
    fn has_room(&self, _service: usize, _stream: Stream) -> bool {
        !self.world.borrow().sink_is_slow
    }

    fn pass(&mut self, service: usize, stream: Stream, source: &mut dyn Read) -> io::Result<&[u8]> {
        let count = source.read(&mut self.buffer)?;
        let mut world = self.world.borrow_mut();
        world.reads += 1;
        world.read += count;
        if world.floods
            && stream == Stream::Stdout
            && let Some(stdout) = &mut world.services[service].stdout
        {
            stdout.write_all(&self.buffer[..count])?;
        }
        Ok(&self.buffer[..count])
    }

    fn notify(&mut self, _service: usize, _what: What) {}

    fn relay(&mut self, _told: &Told) {}

    fn poll_drain(&mut self, _cx: &mut Context<'_>) -> Poll<()> {
        if self.world.borrow().sink_is_slow { Poll::Pending } else { Poll::Ready(()) }
    }
}
