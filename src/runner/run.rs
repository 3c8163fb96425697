//! The loop: signals, commands on the standard input, events of the supervisors.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::os::fd::AsFd;
use std::process::Command;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::command::{ReplyTo, Start};
use super::output::{Output, PATIENCE};
use super::project::{Project, Run};
use crate::event::{Event, LineReader, Lines};
use crate::paths::StateDir;
use crate::process::caller::{CallerWatch, Parent};
use crate::process::signals::{ReceivedSignal, SignalKind, Signals, stop_group};
use crate::process::{Signal, children};

/// The longest command, in bytes.
const LONGEST: usize = 1024 * 1024;
const STATUS: Duration = Duration::from_secs(15);
/// How long supervisors may take to end once nobody reads the events. By default a service is killed after ten
/// seconds.
const LAST_PATIENCE: Duration = Duration::from_secs(15);

/// Makes the command that supervises a dev server. The runner sets its standard input and output.
pub(super) type Supervise<'a> = &'a dyn Fn(&Start) -> io::Result<Command>;

/// Serves commands until the standard input ends, the caller is gone or a signal comes; returns once every service
/// has ended, with the signal. `parent` is a process to end with.
///
/// # Errors
/// The events cannot be written, as on a full disk. A reader that has gone is no error.
pub fn run(
    state: &StateDir,
    supervise: Supervise<'_>,
    parent: Option<&Parent>,
) -> io::Result<Option<Signal>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { Runner::new(state, supervise, parent)?.run().await })
}

pub(super) struct Runner<'a> {
    signals: Signals,
    /// `None` once it is gone.
    caller: Option<CallerWatch>,
    input: LineReader,
    /// Whether no more commands are read: the input has ended, or a signal has come.
    is_over: bool,
    /// The signal that asked for the end.
    signal: Option<Signal>,
    pub state: &'a StateDir,
    pub supervise: Supervise<'a>,
    pub out: Output,
    /// The rest of the answer to a `fetch-logs`. No other command is read meanwhile.
    pub fetched: Option<(ReplyTo, std::vec::IntoIter<Event>)>,
    pub projects: BTreeMap<String, Project>,
    pub started: Instant,
    next_status: Instant,
    /// Set once the runner is to end: when it gives up the reader of the events unless that has read on, and then,
    /// when it gives up the supervisors.
    patience_ends: Option<Instant>,
}

impl<'a> Runner<'a> {
    fn new(state: &'a StateDir, supervise: Supervise<'a>, parent: Option<&Parent>) -> io::Result<Self> {
        let now = Instant::now();
        let (out, err) = (io::stdout(), io::stderr());
        Ok(Self {
            signals: Signals::take()?,
            caller: Some(CallerWatch::new(&[out.as_fd(), err.as_fd()], parent)?),
            input: LineReader::new(io::stdin().as_fd().try_clone_to_owned()?, Lines::new(LONGEST))?,
            is_over: false,
            signal: None,
            state,
            supervise,
            out: Output::new()?,
            fetched: None,
            projects: BTreeMap::new(),
            started: now,
            next_status: now,
            patience_ends: None,
        })
    }

    async fn run(mut self) -> io::Result<Option<Signal>> {
        self.pass_time();
        self.reap_strangers();
        while !self.is_over || self.runs().next().is_some() {
            let deadline = self.deadline();
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(deadline.into()) => self.pass_time(),
                () = poll_fn(|cx| self.poll_step(cx)) => {}
            }
            // A file or a full pipe is always ready, so the runtime must get a chance to see signals.
            tokio::task::yield_now().await;
        }
        self.status(&ReplyTo::default());
        self.out.finish().await.map(|()| self.signal)
    }

    pub fn is_ending(&self) -> bool {
        self.patience_ends.is_some()
    }

    fn runs(&mut self) -> impl Iterator<Item = &mut Run> {
        self.projects.values_mut().filter_map(|project| project.run.as_mut())
    }

    /// Handles one signal or command, or one event of each supervisor. Pending if nothing has come.
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Poll::Ready(caught) = self.signals.poll_next(cx) {
            self.handle_signal(caught);
            return Poll::Ready(());
        }
        if self.caller.as_mut().is_some_and(|caller| caller.poll_gone(cx).is_ready()) {
            self.abandon();
            return Poll::Ready(());
        }
        if self.poll_room(cx).is_pending() {
            // Nobody reads the events, so no command is read. The end of the input must still end the services.
            if self.is_ending() || self.input.poll_end(cx, LONGEST).is_pending() {
                return Poll::Pending;
            }
            self.end_services();
            return Poll::Ready(());
        }
        if self.is_over {
            return self.poll_supervisors(cx);
        }
        let has_reader = !self.out.is_closed();
        match if has_reader { self.input.poll_line(cx) } else { Poll::Ready(None) } {
            Poll::Ready(Some(line)) => self.handle_command(line),
            Poll::Ready(None) => {
                self.is_over = true;
                self.end_services();
            }
            Poll::Pending => return self.poll_supervisors(cx),
        }
        Poll::Ready(())
    }

    fn handle_signal(&mut self, caught: ReceivedSignal) {
        match caught.kind() {
            SignalKind::End => {
                // Passed on each time, so that a second Ctrl-C kills, as it does in the foreground.
                self.runs().for_each(|run| run.signal(caught.signal));
                self.patience_ends.get_or_insert_with(|| Instant::now() + PATIENCE);
                (self.is_over, self.signal) = (true, Some(caught.signal));
            }
            SignalKind::Suspend => stop_group(),
            SignalKind::Child => {
                self.reap();
                self.reap_strangers();
            }
            SignalKind::Continue | SignalKind::Resize => {}
        }
    }

    /// The caller is gone: ends as SIGHUP would, but the services get a short grace period.
    fn abandon(&mut self) {
        self.caller = None;
        self.patience_ends.get_or_insert_with(|| Instant::now() + PATIENCE);
        (self.is_over, self.signal) = (true, self.signal.or(Some(Signal::SIGHUP)));
        self.out.give_up();
        self.runs().for_each(Run::abandon);
    }

    fn end_services(&mut self) {
        self.patience_ends.get_or_insert_with(|| Instant::now() + PATIENCE);
        self.runs().for_each(Run::cut_lifeline);
    }

    /// Writes as much as possible, fetched logs included. Ready when there is room for the next answer.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.out.poll_progress(cx).is_ready() && !self.out.is_given_up() {
                self.patience_ends = self.patience_ends.map(|_| Instant::now() + PATIENCE);
            }
            if !self.out.has_room() {
                return Poll::Pending;
            }
            let Some((reply_to, events)) = &mut self.fetched else { return Poll::Ready(()) };
            match events.next() {
                Some(event) => self.out.emit(reply_to, &event),
                None => self.fetched = None,
            }
        }
    }

    /// Passes on one event of each supervisor. Pending if there is none.
    fn poll_supervisors(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let out = &mut self.out;
        let relayed =
            self.projects.values_mut().filter_map(|it| it.poll_relay(cx, out).is_ready().then_some(()));
        if relayed.count() == 0 {
            return Poll::Pending;
        }
        self.reap();
        Poll::Ready(())
    }

    /// Reaps children that are no supervisors, as the first process of a container has them.
    fn reap_strangers(&mut self) {
        let supervisors: Vec<i32> = self.runs().map(|run| run.pid()).collect();
        children::reap_besides(&supervisors);
    }

    /// Handles the supervisors that have ended, and starts what waits for their end.
    fn reap(&mut self) {
        let is_ending = self.is_ending();
        for project in self.projects.values_mut() {
            let Some(run) = &mut project.run else { continue };
            let Some(status) = run.exit_status() else { continue };
            run.report_end(status, is_ending, &mut self.out);
            project.run = None;
            match project.next.take() {
                Some((reply_to, _)) if is_ending => {
                    self.out.not_started(&reply_to, None, Some("the runner is ending"));
                }
                Some((reply_to, start)) => {
                    project.launch((self.supervise)(&start), &reply_to, start.dir, &mut self.out);
                }
                None => {}
            }
        }
    }

    /// When [`Runner::pass_time`] has something to do.
    fn deadline(&self) -> Instant {
        let errors = self.projects.values().filter_map(|project| project.run.as_ref()?.errors.due);
        let news = errors.chain([self.next_status]).filter(|_| self.out.has_room());
        news.chain(self.patience_ends).min().unwrap_or_else(|| Instant::now() + STATUS)
    }

    fn pass_time(&mut self) {
        let now = Instant::now();
        if self.patience_ends.is_some_and(|end| end <= now) {
            if self.out.is_given_up() {
                // The supervisors hang. They have got the signal, or the end of their lifeline.
                self.projects.clear();
            } else if self.out.pending() > 0 {
                // A supervisor cannot end while its output is stuck, so that is still read, but dropped.
                self.out.give_up();
                self.end_services();
            }
            self.patience_ends = Some(now + if self.out.is_given_up() { LAST_PATIENCE } else { PATIENCE });
        }
        if !self.out.has_room() {
            return;
        }
        if self.next_status <= now {
            self.next_status = now + STATUS;
            self.status(&ReplyTo::default());
        }
        for project in self.projects.values_mut() {
            if let Some(run) = &mut project.run {
                run.report_errors(now, &mut self.out);
            }
        }
    }
}
