//! One command of bowline's own, run with `--json` for a call.

use std::ffi::OsStr;
use std::io::{self, PipeReader, Read};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread;
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::event::{Event, LONGEST_EVENT, Level, Lines, What};
use crate::invocation::WITH_PARENT;
use crate::process::own_executable;

/// Bytes read at once.
const CHUNK: usize = 64 * 1024;
/// The beginnings of a failure's hint and of a warning on stderr.
const HINT: &str = "hint: ";
const WARNING: &str = "warning: ";

/// The way to end a call before its time.
#[derive(Debug, Default)]
pub struct Cancel(Mutex<Running>);

#[derive(Debug, Default)]
struct Running {
    is_cancelled: bool,
    child: Option<Child>,
    /// Of a thread that waits for something other than the command.
    waker: Option<Waker>,
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
        let waker = running.waker.take();
        // The woken thread takes this lock.
        drop(running);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Registers what a cancellation wakes.
    pub fn wake(&self, waker: Waker) {
        self.lock().waker = Some(waker);
    }

    pub fn is_cancelled(&self) -> bool {
        self.lock().is_cancelled
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

/// The fate of a command that still runs at the deadline, or that has printed enough.
pub enum AtDeadline {
    /// It is ended. It also ends with this process.
    End,
    /// It goes on, and this gets what it has printed. A start that was ended early might have started nothing.
    GoOn(Box<dyn FnOnce(&Printed) + Send>),
}

/// What a command printed.
#[derive(Debug, Default)]
pub struct Printed {
    pub events: Vec<Event>,
    pub hint: Option<String>,
    pub warnings: Vec<String>,
    /// Whether it was still running then.
    pub is_late: bool,
    /// Its exit code, if it has one.
    pub code: Option<i32>,
}

/// Runs bowline with these arguments until it ends, the deadline passes, or `is_enough` says so.
pub fn run(
    arguments: &[&OsStr],
    cancel: &Cancel,
    deadline: Instant,
    at_deadline: AtDeadline,
    is_enough: &dyn Fn(&What) -> bool,
) -> io::Result<Printed> {
    let (out, their_out) = io::pipe()?;
    let (err, their_err) = io::pipe()?;
    let mut command = Command::new(own_executable()?);
    command.args(arguments).stdin(Stdio::null()).stdout(their_out).stderr(their_err);
    // A port that was meant for whatever runs this process.
    command.env_remove("PORT");
    match at_deadline {
        AtDeadline::End => command.env(WITH_PARENT, "1"),
        AtDeadline::GoOn(_) => command.env_remove(WITH_PARENT),
    };
    cancel.hold(command.spawn()?);
    // It holds the writing ends of the pipes, which would never end.
    drop(command);
    let mut reading = Reading { out: Some(out), err: Some(err), printed: Printed::default() };
    let end = reading.read(Some(deadline), is_enough);
    let child = cancel.lock().child.take();
    let Some(mut child) = child else { return end.map(|_| reading.printed) };
    if let (Ok(End::Late | End::Enough), AtDeadline::GoOn(then)) = (&end, at_deadline) {
        // What was told by now is told twice.
        let events = reading.printed.events.clone();
        let warnings = reading.printed.warnings.clone();
        thread::Builder::new().spawn(move || {
            if reading.read(None, &|_| false).is_ok() {
                reading.printed.code = child.wait().ok().and_then(|status| status.code());
                then(&reading.printed);
            }
        })?;
        return Ok(Printed { events, warnings, is_late: true, ..Printed::default() });
    }
    if !matches!(end, Ok(End::Whole)) {
        let _gone = child.kill();
    }
    reading.printed.is_late = matches!(end, Ok(End::Late));
    reading.printed.code = child.wait()?.code();
    end.map(|_| reading.printed)
}

/// Why reading stopped.
enum End {
    Whole,
    Enough,
    Late,
}

/// Both pipes of a command, and what came out of them.
struct Reading {
    out: Option<PipeReader>,
    err: Option<PipeReader>,
    printed: Printed,
}

impl Reading {
    fn read(&mut self, deadline: Option<Instant>, is_enough: &dyn Fn(&What) -> bool) -> io::Result<End> {
        let mut buffer = vec![0; CHUNK];
        let (mut events, mut text) = (Lines::new(LONGEST_EVENT), Lines::new(LONGEST_EVENT));
        while self.out.is_some() || self.err.is_some() {
            let Some([has_events, has_text]) = readable([self.out.as_ref(), self.err.as_ref()], deadline)?
            else {
                return Ok(End::Late);
            };
            if has_text && take(&mut self.err, &mut buffer, &mut text)? {
                while let Some(line) = text.next_line().map_err(io::Error::from)? {
                    if self.take_text(&String::from_utf8_lossy(&line)).is_some_and(|what| is_enough(&what)) {
                        return Ok(End::Enough);
                    }
                }
            }
            if has_events && take(&mut self.out, &mut buffer, &mut events)? {
                while let Some(line) = events.next_line().map_err(io::Error::from)? {
                    let Ok(event) = serde_json::from_slice::<Event>(&line) else { continue };
                    let enough = is_enough(&event.what);
                    self.printed.events.push(event);
                    if enough {
                        return Ok(End::Enough);
                    }
                }
            }
        }
        Ok(End::Whole)
    }

    /// Returns what a warning says.
    fn take_text(&mut self, line: &str) -> Option<What> {
        if let Some((_, hint)) = line.split_once(HINT) {
            self.printed.hint = Some(hint.to_owned());
            return None;
        }
        let message = line.split_once(WARNING)?.1.to_owned();
        self.printed.warnings.push(message.clone());
        Some(What::Noted { level: Level::Warning, message })
    }
}

/// Reads once from a pipe, which is given up at its end. Returns whether anything came.
fn take(pipe: &mut Option<PipeReader>, buffer: &mut [u8], lines: &mut Lines) -> io::Result<bool> {
    let count = pipe.as_mut().map_or(Ok(0), |pipe| pipe.read(buffer))?;
    if count == 0 {
        *pipe = None;
    }
    lines.push(&buffer[..count]);
    Ok(count > 0)
}

/// Waits until a pipe can be read, and returns which can. `None` at the deadline.
fn readable(pipes: [Option<&PipeReader>; 2], deadline: Option<Instant>) -> io::Result<Option<[bool; 2]>> {
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        // Rounded up, so that the last turn does not end before the deadline.
        let timeout = left.map_or(PollTimeout::NONE, |left| {
            PollTimeout::try_from(left.as_millis() + 1).unwrap_or(PollTimeout::MAX)
        });
        let mut watched: Vec<PollFd<'_>> =
            pipes.iter().flatten().map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN)).collect();
        match poll(&mut watched, timeout) {
            Ok(0) if left.is_some_and(|_| deadline <= Some(Instant::now())) => return Ok(None),
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => {
                let mut answers = watched.iter().map(|one| one.any().unwrap_or(false));
                return Ok(Some(pipes.map(|pipe| pipe.is_some() && answers.next().unwrap_or(false))));
            }
            Err(error) => return Err(error.into()),
        }
    }
}
