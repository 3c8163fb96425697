//! One service with what it is made of: its guardian, its output, and who listens on its port.

use std::collections::VecDeque;
use std::io::{self, IsTerminal, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use tokio::io::Interest;

use super::Sighting;
use super::console::Console;
use super::look::Seen;
use super::service::Service;
use crate::event::Stream;
use crate::process::async_fd::{Watched, watch};
use crate::process::guardian::{Charge, Guardian, Order, Report, Token};
use crate::process::outlet;
use crate::process::tree::Mark;
use crate::process::{Program, Stdio};

/// How much of the latest output is kept for the explanation of a failure, in bytes.
const TAIL: usize = 16 * 1024;
/// How many lines of it are shown.
const TAIL_LINES: usize = 20;

/// What a service is started with.
#[derive(Debug)]
pub struct Start {
    /// The script's `pre`, itself, its `post`.
    pub steps: Vec<Program>,
    /// What its processes carry.
    pub mark: Mark,
    /// What its guardian holds as long as it lives.
    pub token: Option<Box<dyn Token>>,
    /// How long the tree may take to end after the supervisor is gone.
    pub grace: Duration,
    /// Where it reads.
    pub stdin: OwnedFd,
}

/// A stream of a service's output, read without blocking.
#[derive(Debug)]
pub(super) struct Source {
    pub stream: Stream,
    watched: Watched,
}

impl Source {
    fn new(stream: Stream, reader: OwnedFd) -> io::Result<Self> {
        Ok(Self { stream, watched: watch(reader, Interest::READABLE)? })
    }

    /// Lets `pass` read once if there is something, and is ready with whether there may be more.
    pub fn poll_pass(
        &self,
        cx: &mut Context<'_>,
        pass: impl FnOnce(Stream, &mut Reader<'_>) -> io::Result<usize>,
    ) -> Poll<bool> {
        let Ok(mut readiness) = ready!(self.watched.poll_read_ready(cx)) else { return Poll::Ready(false) };
        match pass(self.stream, &mut self.reader()) {
            Ok(count) => Poll::Ready(count > 0),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                readiness.clear_ready();
                // The cleared readiness is asked for again, so that its return wakes us.
                drop(readiness);
                self.watched.poll_read_ready(cx).map(|_| true)
            }
            Err(error) => Poll::Ready(error.kind() == io::ErrorKind::Interrupted),
        }
    }

    /// Reads it without blocking.
    pub fn reader(&self) -> Reader<'_> {
        Reader(self.watched.get_ref())
    }
}

/// Reads a descriptor.
pub(super) struct Reader<'a>(&'a OwnedFd);

impl Read for Reader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        nix::unistd::read(self.0, into).map_err(Into::into)
    }
}

/// A guardian whose reports the runtime watches for.
#[derive(Debug)]
pub(super) struct Guarded {
    guardian: Guardian,
    watched: Watched,
}

impl Guarded {
    /// The next report, or an error if the guardian has ended.
    pub fn poll_report(&self, cx: &mut Context<'_>) -> Poll<io::Result<Report>> {
        loop {
            match self.guardian.report() {
                Ok(Some(report)) => return Poll::Ready(Ok(report)),
                Ok(None) => ready!(self.watched.poll_read_ready(cx))?.clear_ready(),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    pub fn order(&self, order: Order) {
        self.guardian.order(order);
    }

    pub fn pid(&self) -> i32 {
        self.guardian.identity().pid
    }

    /// Waits for a guardian that has nothing left to guard.
    pub fn reap(self) {
        let Self { guardian, watched } = self;
        drop(watched);
        guardian.reap();
    }
}

/// What is looked for while a service is not ready.
#[derive(Clone, Debug, Default)]
pub(super) struct Lookout {
    /// The socket of ours that is seen on the port.
    pub listener: Option<Seen>,
    /// Since when a stranger has been seen on the port.
    pub stranger_since: Option<Instant>,
    /// When it was last asked what the service does instead.
    pub asked: Option<Instant>,
    /// What the service does instead of listening on its port, and since when.
    pub seen: Option<(Sighting, Instant)>,
}

impl Lookout {
    /// Takes in what is seen now, and answers it if it has stayed for long enough.
    pub fn see(&mut self, sighting: Option<Sighting>, now: Instant) -> Option<Sighting> {
        let since = match &self.seen {
            Some((before, since)) if Some(before) == sighting.as_ref() => *since,
            Some(_) | None => now,
        };
        self.seen = sighting.map(|sighting| (sighting, since));
        let (sighting, since) = self.seen.as_ref()?;
        (now.saturating_duration_since(*since) >= sighting.patience).then(|| sighting.clone())
    }
}

/// One service with what it is made of.
#[derive(Debug)]
pub(super) struct Stage {
    pub service: Service,
    pub guarded: Option<Guarded>,
    pub mark: Mark,
    /// The last order to a tree whose guardian has died, so that it is the supervisor's own to end.
    pub orphaned: Option<Order>,
    pub sources: Vec<Source>,
    pub lookout: Option<Lookout>,
    pub tail: Tail,
}

impl Stage {
    pub fn new(service: Service) -> Self {
        Self {
            service,
            guarded: None,
            mark: Mark::default(),
            orphaned: None,
            sources: Vec::new(),
            lookout: None,
            tail: Tail::default(),
        }
    }

    /// Gives the service a new guardian, which waits for the order to run it; at the console if there is one.
    pub fn guard(&mut self, start: Start, console: Option<&Console>) -> io::Result<()> {
        let Start { steps, mark, token, grace, stdin } = start;
        let stdio = match console {
            Some(console) => self.at_console(stdin, console)?,
            None => self.with_pipes(stdin)?,
        };
        self.mark.clone_from(&mark);
        let guardian = Guardian::start(Charge { steps, stdio, mark, token, grace })?;
        let watched = watch(guardian.as_fd().try_clone_to_owned()?, Interest::READABLE)?;
        self.guarded = Some(Guarded { guardian, watched });
        self.orphaned = None;
        self.tail.clear();
        Ok(())
    }

    fn with_pipes(&mut self, stdin: OwnedFd) -> io::Result<Stdio> {
        let stdout = self.pipe(Stream::Stdout)?;
        let stderr = self.pipe(Stream::Stderr)?;
        Ok(Stdio { stdin, stdout, stderr, terminal: false })
    }

    /// The terminal stands for each of the three streams that is a terminal for bowline itself.
    fn at_console(&mut self, stdin: OwnedFd, console: &Console) -> io::Result<Stdio> {
        let slave = console.pty().slave();
        let stdin = if console.has_keyboard() { slave.try_clone_to_owned()? } else { stdin };
        let stderr =
            if io::stderr().is_terminal() { slave.try_clone_to_owned()? } else { self.pipe(Stream::Stderr)? };
        self.sources.push(Source::new(Stream::Stdout, console.pty().master().try_clone_to_owned()?)?);
        Ok(Stdio { stdin, stdout: slave.try_clone_to_owned()?, stderr, terminal: true })
    }

    /// A pipe for one stream of the service; the answer is the service's end.
    fn pipe(&mut self, stream: Stream) -> io::Result<OwnedFd> {
        let (ours, theirs) = io::pipe()?;
        let ours = OwnedFd::from(ours);
        outlet::enlarge(&ours);
        fcntl(&ours, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        self.sources.push(Source::new(stream, ours)?);
        Ok(theirs.into())
    }
}

/// The latest output.
#[derive(Debug, Default)]
pub(super) struct Tail {
    bytes: VecDeque<u8>,
}

impl Tail {
    pub fn push(&mut self, bytes: &[u8]) {
        let kept = &bytes[bytes.len().saturating_sub(TAIL)..];
        let excess = (self.bytes.len() + kept.len()).saturating_sub(TAIL);
        self.bytes.drain(..excess);
        self.bytes.extend(kept);
    }

    /// All of it, without colours and cursor movements.
    pub fn text(&self) -> String {
        let bytes: Vec<u8> = self.bytes.iter().copied().collect();
        anstream::adapter::strip_str(&String::from_utf8_lossy(&bytes)).to_string()
    }

    /// The last lines, without colours and cursor movements.
    pub fn lines(&self) -> String {
        let plain = self.text();
        let lines: Vec<&str> = plain.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }

    fn clear(&mut self) {
        self.bytes.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_must_stay() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let sighting =
            |port| Some(Sighting { ports: vec![port], movable: true, patience: Duration::from_secs(1) });
        let mut lookout = Lookout::default();
        assert_eq!(lookout.see(sighting(1), at(0)), None);
        assert_eq!(lookout.see(sighting(2), at(900)), None);
        assert_eq!(lookout.see(sighting(2), at(1_800)), None);
        assert_eq!(lookout.see(sighting(2), at(1_900)), sighting(2));
        assert_eq!(lookout.see(None, at(2_000)), None);
        assert_eq!(lookout.see(sighting(2), at(3_000)), None);
    }

    #[test]
    fn the_tail_is_bounded_and_plain() {
        let mut tail = Tail::default();
        for number in 0..10_000 {
            tail.push(format!("\x1b[31mline {number}\x1b[0m\r\n").as_bytes());
        }
        assert!(tail.bytes.len() <= TAIL);
        let lines = tail.lines();
        assert_eq!(lines.lines().count(), TAIL_LINES);
        assert!(lines.ends_with("line 9998\nline 9999"), "{lines}");
        tail.push(&vec![b'x'; TAIL * 3]);
        assert_eq!(tail.bytes.len(), TAIL);
    }
}
