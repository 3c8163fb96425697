//! A connection to a supervisor, with time limits on reading and writing.

use std::io::ErrorKind::{
    BrokenPipe, ConnectionRefused, ConnectionReset, Interrupted, NotFound, TimedOut, UnexpectedEof,
    WouldBlock,
};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;
use socket2::{Domain, SockAddr, Socket, Type};

use crate::control::{ControlError, ControlRequest, Hello, Line, PROTOCOL, Status, Verb};
use crate::event::{LONGEST_EVENT, LineReader, Lines, Refusal, What};
use crate::port::Reservation;
use crate::process::Process;
use crate::process::nonblocking_writer::NonblockingWriter;

/// Time for a supervisor to answer at all.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a supervisor may be silent before its process is looked at: a suspended one answers nothing.
const SILENCE: Duration = Duration::from_millis(200);
/// Pauses between attempts to connect to a supervisor that has no socket yet.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub struct Connection {
    stream: UnixStream,
    lines: Lines,
    reservation: Reservation,
    /// The supervisor's message about a request that it had accepted.
    pub remark: Option<String>,
    /// The supervisor's.
    version: String,
}

impl Connection {
    /// Connects to the supervisor that has this reservation, before `deadline`. One that was started just now may
    /// have no socket yet, and no event announces it, so a live one is tried again.
    pub fn open(reservation: &Reservation, deadline: Option<Instant>) -> Result<Self, ControlError> {
        let deadline = patience(deadline);
        let mut pause = FIRST_PAUSE;
        loop {
            match Self::attempt(reservation, deadline) {
                Err(ControlError::NotConnected { source, .. })
                    if is_passing(&source) && reservation.is_live() && Instant::now() < deadline =>
                {
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                outcome => return outcome,
            }
        }
    }

    fn attempt(reservation: &Reservation, deadline: Instant) -> Result<Self, ControlError> {
        // Before the connection: a full queue would block. Who waits no longer than that has an answer in time.
        if deadline.saturating_duration_since(Instant::now()) > SILENCE && is_suspended(reservation) {
            return Err(suspended(reservation));
        }
        let stream =
            dial(&reservation.socket(), deadline).map_err(|error| not_connected(reservation, error))?;
        let mut connection = Self {
            stream,
            lines: Lines::new(LONGEST_EVENT),
            reservation: reservation.clone(),
            remark: None,
            version: String::new(),
        };
        connection.send(&Hello::ours(None))?;
        let Hello { bowline: version, protocol: theirs, .. } =
            connection.receive(deadline, |line| serde_json::from_slice(line))?;
        if theirs != PROTOCOL {
            let (project, pid) = (reservation.name.clone(), reservation.pid);
            return Err(ControlError::Incompatible { project, pid, theirs, ours: PROTOCOL, version });
        }
        connection.version = version;
        Ok(connection)
    }

    /// Sends a request and returns the status in its answer.
    pub fn status(
        &mut self,
        request: &ControlRequest,
        deadline: Option<Instant>,
    ) -> Result<Vec<Status>, ControlError> {
        let deadline = patience(deadline);
        self.send(request)?;
        loop {
            match self.receive(deadline, Line::parse)? {
                Line::Status { mut services, .. } => {
                    for service in &mut services {
                        service.bowline.clone_from(&self.version);
                    }
                    return Ok(services);
                }
                Line::Event(event) => {
                    if let What::Error { error } = event.what {
                        return Err(ControlError::Refused(error));
                    }
                }
            }
        }
    }

    /// Waits for the outcome of a request: [`What::PortDetected`], [`What::Ready`], [`What::Blocked`] or
    /// [`What::ProcessExited`]. After a silence, asks the supervisor for its status, to see whether it still answers.
    pub fn outcome(&mut self, deadline: Option<Instant>) -> Result<What, ControlError> {
        let (mut accepted, mut asked) = (false, false);
        loop {
            let until = patience(deadline);
            let answer = self.receive(until, Line::parse);
            if let Err(error) = &answer
                && error.is_timeout()
                && accepted
                && !asked
                && deadline != Some(until)
            {
                asked = true;
                self.send(&ControlRequest::new(Verb::Status, Some(&self.reservation.project)))?;
                continue;
            }
            asked = false;
            let Line::Event(event) = answer? else { continue };
            match event.what {
                What::PortDetected { .. }
                | What::Ready { .. }
                | What::Blocked { .. }
                | What::ProcessExited { .. } => {
                    return Ok(event.what);
                }
                What::Error { error } => return Err(refused(error, event.refusal)),
                What::Ack { message } if accepted => self.remark = Some(message),
                What::Ack { .. } => accepted = true,
                What::LogChunk { .. }
                | What::PortConflict { .. }
                | What::PortForwarded { .. }
                | What::PortReallocated { .. }
                | What::Waiting { .. }
                | What::Noted { .. }
                | What::Unknown => {}
            }
        }
    }

    /// Needs a running tokio runtime.
    pub fn into_reader(self) -> io::Result<LineReader> {
        LineReader::new(self.stream.into(), self.lines)
    }

    /// The way to the supervisor, for more requests whose answers nobody reads. Needs a running tokio runtime.
    pub fn into_writer(self) -> io::Result<NonblockingWriter> {
        NonblockingWriter::new(self.stream.as_fd())
    }

    pub fn send(&mut self, value: &impl Serialize) -> Result<(), ControlError> {
        let mut line = serde_json::to_vec(value).map_err(|error| self.lost(error.into()))?;
        line.push(b'\n');
        match self.stream.write_all(&line) {
            // The supervisor has hung up, and may have sent the reason, which is still to be read.
            Err(error) if [BrokenPipe, ConnectionReset].contains(&error.kind()) => Ok(()),
            outcome => outcome.map_err(|error| self.lost(error)),
        }
    }

    fn receive<T>(
        &mut self,
        deadline: Instant,
        parse: impl FnOnce(&[u8]) -> serde_json::Result<T>,
    ) -> Result<T, ControlError> {
        let line = self.line(deadline)?;
        parse(&line).map_err(|error| self.lost(error.into()))
    }

    fn line(&mut self, deadline: Instant) -> Result<Vec<u8>, ControlError> {
        loop {
            match self.lines.next_line() {
                Ok(Some(line)) => return Ok(line),
                Ok(None) => {}
                Err(error) => return Err(self.lost(error.into())),
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(self.lost(TimedOut.into()));
            }
            if !self.read(left.min(SILENCE)).map_err(|error| self.lost(error))?
                && is_suspended(&self.reservation)
            {
                return Err(suspended(&self.reservation));
            }
        }
    }

    /// Reads once, and waits at most `limit` for it. False if nothing came.
    fn read(&mut self, limit: Duration) -> io::Result<bool> {
        self.stream.set_read_timeout(Some(limit))?;
        let mut bytes = [0; 16 * 1024];
        match self.stream.read(&mut bytes) {
            Ok(0) => Err(UnexpectedEof.into()),
            Ok(count) => {
                self.lines.push(&bytes[..count]);
                Ok(true)
            }
            // A shorter limit than the silence is for the deadline.
            Err(error) if error.kind() == WouldBlock => Ok(limit < SILENCE),
            Err(error) if error.kind() == Interrupted => Ok(true),
            // The supervisor was killed.
            Err(error) if error.kind() == ConnectionReset => Err(UnexpectedEof.into()),
            Err(error) => Err(error),
        }
    }

    fn lost(&self, source: io::Error) -> ControlError {
        not_connected(&self.reservation, source)
    }
}

fn refused(error: String, refusal: Option<Refusal>) -> ControlError {
    match refusal {
        Some(refusal) => ControlError::Failed(error, refusal),
        None => ControlError::Refused(error),
    }
}

fn not_connected(reservation: &Reservation, source: io::Error) -> ControlError {
    ControlError::NotConnected { project: reservation.name.clone(), pid: reservation.pid, source }
}

fn suspended(reservation: &Reservation) -> ControlError {
    ControlError::Suspended { project: reservation.name.clone(), pid: reservation.pid }
}

/// Whether the supervisor was stopped by a signal, as by Ctrl-Z: it answers once it is continued.
fn is_suspended(reservation: &Reservation) -> bool {
    let process = i32::try_from(reservation.pid).ok().and_then(Process::read);
    // The lock says that the pid is still the supervisor's.
    process.is_some_and(|process| process.stopped) && reservation.is_live()
}

/// The time by which a supervisor has to answer: [`PATIENCE`] from now, or the deadline if that is earlier.
fn patience(deadline: Option<Instant>) -> Instant {
    let longest = Instant::now() + PATIENCE;
    deadline.map_or(longest, |deadline| deadline.min(longest))
}

/// Connects to a socket. A suspended supervisor with a full backlog blocks connect(2), which obeys no time limit
/// but `SO_SNDTIMEO`.
fn dial(path: &Path, deadline: Instant) -> io::Result<UnixStream> {
    let left = deadline.saturating_duration_since(Instant::now());
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // Zero means no limit.
    socket.set_write_timeout(Some(left.max(Duration::from_millis(1))))?;
    socket
        .connect(&SockAddr::unix(path)?)
        .map_err(|error| if error.kind() == WouldBlock { TimedOut.into() } else { error })?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok(OwnedFd::from(socket).into())
}

/// Whether the error may pass: a supervisor that is starting or ending causes it.
fn is_passing(error: &io::Error) -> bool {
    [NotFound, ConnectionRefused, ConnectionReset, BrokenPipe, UnexpectedEof].contains(&error.kind())
}
