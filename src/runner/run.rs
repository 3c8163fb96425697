//! The loop: signals, the standard input, and the supervisors.

use std::future::poll_fn;
use std::io;
use std::os::fd::AsFd;
use std::task::{Context, Poll};

use super::answers::Runner;
use super::command::ReplyTo;
use super::host::RunnerHost;
use super::output::Output;
use crate::event::{LineReader, Lines};
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
            input: LineReader::new(io::stdin().as_fd().try_clone_to_owned()?, Lines::new(LONGEST))?,
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
                () = poll_fn(|cx| self.poll_step(cx)) => {}
            }
            // A file or a full buffer always has more; the runtime must see signals in between.
            tokio::task::yield_now().await;
        }
        self.runner.status(&ReplyTo::default());
        self.runner.out.finish().await.map(|()| self.signal)
    }

    /// Takes one signal or command, or a line of each supervisor. Pending if nothing has come.
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Poll::Ready(caught) = self.signals.poll_next(cx) {
            self.handle_signal(caught);
            return Poll::Ready(());
        }
        let is_free = self.runner.poll_free(cx).is_ready();
        if self.runner.out.is_closed() && !self.is_over {
            self.is_over = true;
            self.runner.end_services();
            return Poll::Ready(());
        }
        if !is_free {
            // The services end with the input, whether or not anybody reads the events.
            if self.runner.is_ending() || self.input.poll_end(cx, LONGEST).is_pending() {
                return Poll::Pending;
            }
            self.runner.end_services();
            return Poll::Ready(());
        }
        if !self.is_over
            && let Poll::Ready(line) = self.input.poll_line(cx)
        {
            match line {
                Some(line) => self.runner.command(line),
                None => {
                    self.is_over = true;
                    self.runner.end_services();
                }
            }
            return Poll::Ready(());
        }
        self.runner.poll_supervisors(cx)
    }

    fn handle_signal(&mut self, caught: ReceivedSignal) {
        match caught.meaning() {
            SignalKind::End => {
                self.runner.signal(caught.signal);
                (self.is_over, self.signal) = (true, Some(caught.signal));
            }
            SignalKind::Suspend => stop_group(),
            SignalKind::Child => self.runner.reap(),
            SignalKind::Continue | SignalKind::Resize => {}
        }
    }
}
