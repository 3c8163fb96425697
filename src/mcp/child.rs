//! One command of bowline's own, run with `--json` for a call.

use std::io::{self, PipeReader, Read};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::event::{Event, LONGEST_EVENT, Lines, What};
use crate::process::own_executable;

/// Bytes read at once.
const CHUNK: usize = 64 * 1024;
/// What a failure's hint begins with on stderr.
const HINT: &str = "hint: ";

/// The way to end a call before its time.
#[derive(Debug, Default)]
pub struct Cancel(Mutex<Running>);

#[derive(Debug, Default)]
struct Running {
    is_cancelled: bool,
    child: Option<Child>,
}

impl Cancel {
    /// Ends the command that is running for the call, and those that it would run.
    pub fn cancel(&self) {
        let mut running = self.lock();
        running.is_cancelled = true;
        if let Some(child) = &mut running.child {
            // It has ended by itself if this fails.
            let _gone = child.kill();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Running> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hold(&self, mut child: Child) {
        let mut running = self.lock();
        if running.is_cancelled {
            let _gone = child.kill();
        }
        running.child = Some(child);
    }
}

/// What a command printed.
#[derive(Debug, Default)]
pub struct Printed {
    pub events: Vec<Event>,
    pub hint: Option<String>,
    /// Whether it was still running at the deadline, and was ended.
    pub is_late: bool,
    /// Its exit code, if it has one.
    pub code: Option<i32>,
}

/// Runs bowline with these arguments until it ends, the deadline passes, or `is_enough` says so.
pub fn run(
    arguments: &[&std::ffi::OsStr],
    cancel: &Cancel,
    deadline: Instant,
    is_enough: impl Fn(&What) -> bool,
) -> io::Result<Printed> {
    let (mut pipe, theirs) = io::pipe()?;
    let mut command = Command::new(own_executable()?);
    command.args(arguments).stdin(Stdio::null()).stdout(theirs.try_clone()?).stderr(theirs);
    cancel.hold(command.spawn()?);
    // It holds the writing end of the pipe, which would never end.
    drop(command);
    let mut printed = Printed::default();
    let read = read(&mut pipe, deadline, &mut printed, is_enough);
    let child = cancel.lock().child.take();
    if let Some(mut child) = child {
        if !matches!(read, Ok(true)) {
            let _gone = child.kill();
        }
        printed.code = child.wait()?.code();
    }
    read.map(|_| printed)
}

/// Reads what the command prints. Returns whether that was all.
fn read(
    pipe: &mut PipeReader,
    deadline: Instant,
    printed: &mut Printed,
    is_enough: impl Fn(&What) -> bool,
) -> io::Result<bool> {
    let (mut buffer, mut lines) = (vec![0; CHUNK], Lines::new(LONGEST_EVENT));
    loop {
        if !is_readable(pipe, deadline)? {
            printed.is_late = true;
            return Ok(false);
        }
        let count = pipe.read(&mut buffer)?;
        if count == 0 {
            return Ok(true);
        }
        lines.push(&buffer[..count]);
        while let Some(line) = lines.next_line().map_err(io::Error::from)? {
            if let Ok(event) = serde_json::from_slice::<Event>(&line) {
                let enough = is_enough(&event.what);
                printed.events.push(event);
                if enough {
                    return Ok(false);
                }
            } else if let Some(hint) =
                String::from_utf8_lossy(&line).split_once(HINT).map(|(_, hint)| hint.to_owned())
            {
                printed.hint = Some(hint);
            }
        }
    }
}

/// Waits until the pipe can be read. False at the deadline.
fn is_readable(pipe: &PipeReader, deadline: Instant) -> io::Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        // Rounded up, so that the last turn does not end before the deadline.
        let timeout = PollTimeout::try_from(left.as_millis() + 1).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(0) if Instant::now() >= deadline => return Ok(false),
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(true),
            Err(error) => return Err(error.into()),
        }
    }
}
