//! The loop: one event at a time, of a signal, the standard input or a supervisor.

use std::future::poll_fn;
use std::io;
use std::os::fd::AsFd;
use std::task::{Context, Poll};

use super::answers::Runner;
use super::host::RunnerHost;
use super::output::Output;
use super::reader::LineReader;
use crate::event::TooLong;
use crate::process::Signal;
use crate::process::signals::{ReceivedSignal, SignalKind, Signals, stop_group};

/// The longest command, in bytes.
const LONGEST: usize = 1024 * 1024;

/// Serves the commands on the standard input until it ends or a signal comes, and every service has ended. Returns
/// the signal.
///
/// # Errors
/// The events cannot be written, as on a full disk. A reader that has gone is no error.
pub fn run(host: RunnerHost<'_>) -> io::Result<Option<Signal>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { Loop::new(host)?.run().await })
}

enum LoopEvent {
    Signal(ReceivedSignal),
    RunnerCommand(Result<Vec<u8>, TooLong>),
    /// The standard input has ended; commands may be left that wait for room for their answers.
    InputEnded,
    /// No command is left, or nobody can read the answers.
    CommandsEnded,
    /// A line of a project's supervisor, or the end of its lines.
    Supervisor(String, Option<Vec<u8>>),
}

struct Loop<'a> {
    signals: Signals,
    input: LineReader,
    runner: Runner<'a>,
    /// Whether no more commands are read.
    is_over: bool,
    /// The signal that asked for the end.
    signal: Option<Signal>,
}

impl<'a> Loop<'a> {
    fn new(host: RunnerHost<'a>) -> io::Result<Self> {
        Ok(Self {
            signals: Signals::take()?,
            input: LineReader::new(io::stdin().as_fd().try_clone_to_owned()?, LONGEST)?,
            runner: Runner::new(host, Output::new()?),
            is_over: false,
            signal: None,
        })
    }

    async fn run(mut self) -> io::Result<Option<Signal>> {
        self.runner.pass_time();
        while !self.is_over || self.runner.is_waiting() {
            let deadline = self.runner.deadline();
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(deadline.into()) => self.runner.pass_time(),
                event = poll_fn(|cx| self.poll(cx)) => self.handle(event),
            }
            // A file or a full buffer always has a next event; the runtime must see signals in between.
            tokio::task::yield_now().await;
        }
        self.runner.finish().await;
        self.runner.out.into_result().map(|()| self.signal)
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<LoopEvent> {
        if let Poll::Ready(caught) = self.signals.poll_next(cx) {
            return Poll::Ready(LoopEvent::Signal(caught));
        }
        let is_free = self.runner.poll_free(cx).is_ready();
        if self.runner.out.is_closed() && !self.is_over {
            return Poll::Ready(LoopEvent::CommandsEnded);
        }
        if !is_free {
            // The services end with the input, whether or not anybody reads the events.
            let has_ended = !self.runner.is_ending() && self.input.poll_end(cx, LONGEST).is_ready();
            return if has_ended { Poll::Ready(LoopEvent::InputEnded) } else { Poll::Pending };
        }
        if !self.is_over
            && let Poll::Ready(line) = self.input.poll_line(cx)
        {
            return Poll::Ready(line.map_or(LoopEvent::CommandsEnded, LoopEvent::RunnerCommand));
        }
        self.runner.poll_supervisors(cx).map(|(project, line)| LoopEvent::Supervisor(project, line))
    }

    fn handle(&mut self, event: LoopEvent) {
        match event {
            LoopEvent::Signal(caught) => match caught.meaning() {
                SignalKind::End => {
                    self.runner.signal(caught.signal);
                    (self.is_over, self.signal) = (true, Some(caught.signal));
                }
                SignalKind::Suspend => stop_group(),
                SignalKind::Child => self.runner.reap(),
                SignalKind::Continue | SignalKind::Resize => {}
            },
            LoopEvent::RunnerCommand(line) => self.runner.command(line),
            LoopEvent::InputEnded => self.runner.end_services(),
            LoopEvent::CommandsEnded => {
                self.is_over = true;
                self.runner.end_services();
            }
            LoopEvent::Supervisor(project, Some(line)) => self.runner.relay(&project, &line),
            LoopEvent::Supervisor(project, None) => self.runner.lines_ended(&project),
        }
    }
}
