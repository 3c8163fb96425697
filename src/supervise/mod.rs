//! Keeping services running: one loop over guardians, output, listeners, signals and deadlines.
//!
//! What shall happen is decided by [`service::Service`]; this loop turns what the kernel says into its inputs, and its effects
//! into orders. Ports, programs and what users see are behind [`World`] and [`Sink`], so a test can drive it.

mod console;
mod control;
mod lifeline;
mod look;
mod orphans;
mod output;
pub mod restart;
mod run;
pub mod service;
mod signalled;
mod stage;
mod tell;

use std::io::{self, Read};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::event::{Stream, What};
use crate::process::Exit;
pub use console::Console;
pub use control::{Condition, Control};
pub use lifeline::Lifeline;
pub use run::{Inputs, Supervisor};
use service::Ending;
pub use stage::Start;

/// Who listens on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listener {
    /// Nobody.
    Nobody,
    /// A process of the tree.
    Ours {
        /// The kernel's number for its socket.
        socket: u64,
        /// A process that has it.
        pid: i32,
    },
    /// A process of the same user that is not of the tree.
    Stranger,
    /// A process that this user may not look into: another user's, or one behind a proxy of a container.
    Hidden,
}

/// A service that does not listen on its port, and what it does instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The other ports that its processes listen on; none if it waits because the port that it wants is taken.
    pub ports: Vec<u16>,
    /// Whether it can be started so that it listens on the reserved port all the same.
    pub movable: bool,
    /// How long it must have been so: what opens an auxiliary port first may need long for its own.
    pub patience: Duration,
}

/// What the loop needs of ports and programs.
pub trait World {
    /// What to start for this service now.
    ///
    /// # Errors
    /// It cannot be said, for instance because the project is gone.
    fn start(&mut self, service: usize) -> io::Result<Start>;
    /// Makes true what has to be before the service runs. Its guardian is there already, as that takes some time.
    fn confirm(&mut self);
    /// Who listens on the service's port. `roots` are the processes that the tree descends from.
    fn listener(&mut self, service: usize, roots: &[i32]) -> Listener;
    /// What the service does instead of listening on its port, if anything. `output` is what it wrote last.
    fn sighting(&mut self, service: usize, roots: &[i32], output: &str) -> Option<Sighting>;
    /// Whether a run that ended in this way without ever listening on its port asked for another one, or was kept from
    /// it by what moves its listener, so that [`World::redirect`] can help.
    fn is_redirectable(&mut self, service: usize, exit: Exit, output: &str) -> bool;
    /// Prepares the next start for what was found last, and answers what to tell.
    fn redirect(&mut self, service: usize) -> What;
    /// Reserves the port that was seen last in place of the service's own, and answers what to tell.
    fn follow(&mut self, service: usize, roots: &[i32]) -> Result<What, What>;
    /// The service listens on its port: what helped is worth remembering.
    fn succeeded(&mut self, service: usize);
    /// Reserves another port, and answers what to tell.
    fn relocate(&mut self, service: usize) -> Result<What, What>;
    /// Gives the port back.
    fn release(&mut self, service: usize);
    /// The service's port and framework.
    fn port(&self, service: usize) -> (u16, String);
}

/// Where output and events go.
pub trait Sink {
    /// Whether more of this stream may be read.
    fn has_room(&self, service: usize, stream: Stream) -> bool;
    /// Reads once from `source` and passes on what was read, which is also the answer: nothing at the end.
    ///
    /// # Errors
    /// Those of the read.
    fn pass(&mut self, service: usize, stream: Stream, source: &mut dyn Read) -> io::Result<&[u8]>;
    /// Tells of something.
    fn tell(&mut self, service: usize, what: What);
    /// Writes what can be written, and is ready when nothing waits any more.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

/// How a service ended, with its last lines.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How.
    pub ending: Ending,
    /// When.
    pub at: Instant,
}

impl<S: Sink + ?Sized> Sink for Box<S> {
    fn has_room(&self, service: usize, stream: Stream) -> bool {
        (**self).has_room(service, stream)
    }

    fn pass(&mut self, service: usize, stream: Stream, source: &mut dyn Read) -> io::Result<&[u8]> {
        (**self).pass(service, stream, source)
    }

    fn tell(&mut self, service: usize, what: What) {
        (**self).tell(service, what);
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        (**self).poll_drain(cx)
    }
}
