//! The guardian process itself: one loop over its children, its lifeline and its deadline.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::select::{FdSet, pselect};
use nix::sys::signal::{SigSet, Signal, killpg};
use nix::sys::time::{TimeSpec, TimeValLike};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use rustix::process::WaitIdOptions;

use super::setup::{
    GuardianSpec, TERMINATED, adopt_orphans, callers_descriptors, catch_signals, close_all_but, detach_stdio,
    errno, report_failure,
};
use super::wire::{Frame, Order, Report};
use crate::process::exit::poll_child;
use crate::process::spawn::spawn;
use crate::process::{Exit, Identity, Process, Stdio, memory, signal, signals, tree};

/// How often a tree that is being killed is searched for processes that the last search missed.
const KILLING_INTERVAL: Duration = Duration::from_millis(20);

/// The longest time between two searches for strays. Each reads the whole process table, and a server may be a
/// stray for days, so the interval starts at [`KILLING_INTERVAL`] and doubles.
const STRAY_INTERVAL: Duration = Duration::from_secs(1);

/// How many rounds of SIGSTOP precede the kill: each stops what was forked during the one before.
const FREEZES: usize = 8;

pub(super) fn run(spec: GuardianSpec, lifeline: UnixStream) -> ! {
    let outcome = std::panic::catch_unwind(AssertUnwindSafe(move || {
        let mut watch = Watch::new(spec);
        match watch.begin(&lifeline) {
            Ok(()) => {
                // The first order is on its way: the inherited resources are released after it.
                let goes_on = watch.turn();
                watch.release_inherited(&lifeline);
                while goes_on && watch.turn() {}
            }
            Err(error) => report_failure(&lifeline, &error),
        }
        watch.spec.lock.finish();
    }));
    #[expect(unsafe_code, reason = "a forked child must not run its parent's exit handlers")]
    // SAFETY: ends the process.
    unsafe {
        nix::libc::_exit(i32::from(outcome.is_err()))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The supervisor lives and decides.
    Guarding,
    /// The tree was asked to end by this time: the supervisor is gone, or somebody has sent the guardian SIGTERM.
    Ending(Instant),
    Killing,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Leader {
    pub pid: Pid,
    pub exit: Option<Exit>,
}

pub(super) struct Watch {
    pub spec: GuardianSpec,
    pub lifeline: Option<UnixStream>,
    pub phase: Phase,
    /// Kept as a zombie until it is the last of the tree, so that its process group id cannot be reused.
    pub leader: Option<Leader>,
    /// Process group of the last leader.
    pub group: Option<Pid>,
    /// The leader of the probe that runs.
    pub probe: Option<Pid>,
    /// Whether the leader is what runs after the service.
    pub concludes: bool,
    /// The last step that was started, successfully or not.
    step: usize,
    /// Whether the tree is known to be empty since the last step was started.
    pub empty: bool,
    stray_interval: Duration,
}

impl Watch {
    fn new(spec: GuardianSpec) -> Self {
        Self {
            spec,
            lifeline: None,
            phase: Phase::Guarding,
            leader: None,
            group: None,
            probe: None,
            concludes: false,
            step: 0,
            empty: true,
            stray_interval: KILLING_INTERVAL,
        }
    }

    fn begin(&mut self, lifeline: &UnixStream) -> io::Result<()> {
        // First, so that the guardian can be seen wherever the service can.
        self.spec.lock.begin();
        nix::unistd::setsid()?;
        adopt_orphans();
        crate::process::set_name(c"bowline-guard");
        catch_signals()?;
        if self.spec.stdio.terminal {
            // If the script's shell led the session of its terminal, a script that ends before its server would
            // take the terminal with it.
            rustix::process::ioctl_tiocsctty(&self.spec.stdio.stdout)?;
        }
        // A low number: pselect(2) takes descriptors below 1024 only, and the supervisor may have more open.
        // CLOEXEC, or the service would keep it open and the supervisor not notice the guardian's death.
        self.lifeline = Some(rustix::io::fcntl_dupfd_cloexec(lifeline, 3)?.into());
        Ok(())
    }

    /// Closes and frees what the guardian has inherited and does not need. Called after the first step was
    /// started, which need not wait for it.
    fn release_inherited(&self, lifeline: &UnixStream) {
        let Stdio { stdin, stdout, stderr, .. } = &self.spec.stdio;
        let mut keep = [stdin, stdout, stderr].map(AsRawFd::as_raw_fd).to_vec();
        keep.extend([lifeline.as_raw_fd(), self.spec.lock.as_fd().as_raw_fd()]);
        keep.extend(self.lifeline.as_ref().map(AsRawFd::as_raw_fd));
        keep.extend(self.spec.probe.as_ref().map(|probe| probe.output.as_raw_fd()));
        if !self.is_at_last_step() {
            keep.extend(callers_descriptors());
        }
        close_all_but(&keep);
        memory::trim();
        // If this fails, a reader of bowline's output waits for the guardian too, or a mount stays busy.
        let _streams = detach_stdio(&keep);
        let _root = std::env::set_current_dir("/");
    }

    fn start(&mut self, step: usize) {
        let is_busy = self.living_leader().is_some();
        let Some(program) = self.spec.steps.get(step).filter(|_| !is_busy) else { return };
        self.step = step;
        // If the step cannot be started, the next turn reports an empty tree again, unless an earlier step has
        // left processes.
        self.empty = false;
        match spawn(program, &self.spec.stdio) {
            Ok(pid) => {
                self.release_leader();
                self.leader = Some(Leader { pid, exit: None });
                self.group = Some(pid);
                if step > 0 && self.is_at_last_step() {
                    for number in callers_descriptors() {
                        let _closed = nix::unistd::close(number);
                    }
                }
            }
            Err(error) => {
                let errno = errno(&error);
                // A missing program gives the same errors.
                let is_missing = matches!(errno, nix::libc::ENOENT | nix::libc::ENOTDIR);
                let no_directory = is_missing && !program.dir.is_dir();
                self.report(Report::Failed { step, errno, no_directory });
            }
        }
    }

    fn is_at_last_step(&self) -> bool {
        self.step + 1 >= self.spec.steps.len()
    }

    /// Waits for the next event and acts on it. Returns false when the guardian's work is done.
    fn turn(&mut self) -> bool {
        self.reap();
        if self.empty {
            if self.lifeline.is_some() {
                self.phase = Phase::Guarding;
            } else if !self.conclude() {
                return false;
            }
        }
        if self.wait() {
            self.read_order();
        }
        if TERMINATED.swap(false, Ordering::Relaxed) && self.phase == Phase::Guarding {
            self.end(self.spec.grace);
        }
        match self.phase {
            Phase::Ending(deadline) if Instant::now() >= deadline => self.phase = Phase::Killing,
            Phase::Guarding | Phase::Ending(_) => {}
            Phase::Killing => self.kill(),
        }
        true
    }

    /// Sleeps until a signal, an order, the end of the lifeline, or the deadline. Returns whether the lifeline is
    /// readable.
    fn wait(&mut self) -> bool {
        let timeout = match self.phase {
            Phase::Guarding if self.has_strays() => {
                let interval = self.stray_interval;
                self.stray_interval = (interval * 2).min(STRAY_INTERVAL);
                Some(interval)
            }
            Phase::Guarding => None,
            Phase::Ending(deadline) => Some(deadline.saturating_duration_since(Instant::now())),
            Phase::Killing => Some(KILLING_INTERVAL),
        };
        let timeout =
            timeout.map(|time| TimeSpec::nanoseconds(i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)));
        let mut readable = FdSet::new();
        if let Some(lifeline) = &self.lifeline {
            readable.insert(lifeline.as_fd());
        }
        pselect(None, &mut readable, None, None, &timeout, &SigSet::empty()).is_ok_and(|ready| ready > 0)
    }

    /// Whether the tree may have processes that are no longer descendants: their end sends no SIGCHLD.
    fn has_strays(&self) -> bool {
        !self.empty && self.leader.is_none()
    }

    fn read_order(&mut self) {
        // The order may end the strays.
        self.stray_interval = KILLING_INTERVAL;
        let Some(lifeline) = &mut self.lifeline else { return };
        let mut frame = Frame::default();
        match lifeline.read_exact(&mut frame) {
            Ok(()) => match Order::decode(frame) {
                Some(Order::Run(step)) if self.phase == Phase::Guarding => self.start(step),
                Some(Order::Run(_)) | None => {}
                // Meant for the service.
                Some(Order::Signal(_) | Order::SignalRest(_)) if self.concludes => {}
                Some(Order::Signal(signal)) => self.signal(signal),
                Some(Order::SignalRest(signal)) => self.signal_tree(signal, self.group),
                Some(Order::Kill) => self.phase = Phase::Killing,
                Some(Order::Probe) => self.start_probe(),
                Some(Order::EndProbe) => self.end_probe(),
                // The report that the tree is empty is waited for.
                Some(Order::Conclude) => self.begin_conclusion(),
            },
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => {
                self.lifeline = None;
                self.abandon();
            }
        }
    }

    /// Asks the whole tree to end within `grace`.
    pub(super) fn end(&mut self, grace: Duration) {
        self.phase = Phase::Ending(Instant::now() + grace);
        self.signal_tree(Signal::SIGTERM, None);
    }

    fn signal(&self, wanted: Signal) {
        let Some(Leader { pid, .. }) = self.living_leader() else {
            return self.signal_tree(wanted, None);
        };
        // EPERM is a group of zombies on macOS, ESRCH an empty one.
        let _nobody = killpg(pid, wanted);
        if signals::asks_to_end(wanted) {
            let _nobody = killpg(pid, Signal::SIGCONT);
        }
    }

    /// Signals every process of the tree outside of the group `except`, and continues the stopped ones so that
    /// they can act on it.
    fn signal_tree(&self, wanted: Signal, except: Option<Pid>) {
        let except = except.map(Pid::as_raw);
        for process in self.tree().into_iter().filter(|process| Some(process.group) != except) {
            // A process that has changed its user cannot be signalled.
            let _refused = signal::send(process.identity, wanted);
            if signals::asks_to_end(wanted) {
                let _refused = signal::send(process.identity, Signal::SIGCONT);
            }
        }
    }

    /// Stops the tree until no new process appears, so that none can fork away, and kills it.
    fn kill(&self) {
        if let Some(Leader { pid, .. }) = self.leader {
            // Needs no process table, which a container may hide. The group id is valid until the leader is
            // reaped.
            let _nobody = killpg(pid, Signal::SIGKILL);
        }
        let mut frozen: Vec<Identity> = Vec::new();
        for _ in 0..FREEZES {
            let tree = self.tree().into_iter().map(|process| process.identity);
            let fresh: Vec<Identity> = tree.filter(|process| !frozen.contains(process)).collect();
            if fresh.is_empty() {
                break;
            }
            for &identity in &fresh {
                let _gone = signal::send(identity, Signal::SIGSTOP);
            }
            frozen.extend(fresh);
        }
        for identity in frozen {
            let _gone = signal::send(identity, Signal::SIGKILL);
        }
    }

    /// The guardian's descendants; if there are none, the processes of the service that are no longer descendants.
    fn tree(&self) -> Vec<Process> {
        let descendants = tree::descendants(own_pid());
        if descendants.is_empty() { self.strays() } else { descendants }
    }

    fn strays(&self) -> Vec<Process> {
        tree::marked_or_of_session(&self.spec.mark, own_pid())
    }

    fn living_leader(&self) -> Option<Leader> {
        self.leader.filter(|leader| leader.exit.is_none())
    }

    /// Reaps the children that have ended, and reports the end or stop of the leader.
    fn reap(&mut self) {
        if let Some(Leader { pid, .. }) = self.living_leader() {
            let end = poll_child(pid, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
            if let Some(exit) = end.as_ref().and_then(Exit::of) {
                self.leader = Some(Leader { pid, exit: Some(exit) });
                if self.concludes {
                    self.phase = Phase::Killing;
                    self.report(Report::Concluded { exit });
                } else {
                    self.report(Report::Left { step: self.step, exit });
                }
            } else if poll_child(pid, WaitIdOptions::STOPPED).is_some_and(|status| status.stopped())
                && self.phase == Phase::Guarding
            {
                self.report(Report::Stopped);
            }
        }
        self.reap_probe();
        let kept = [self.leader.map(|leader| leader.pid.as_raw()), self.probe.map(Pid::as_raw)];
        let mut is_alive = self.living_leader().is_some() || self.probe.is_some();
        for pid in tree::children(own_pid()).into_iter().filter(|&pid| !kept.contains(&Some(pid))) {
            is_alive |= waitpid(Pid::from_raw(pid), Some(WaitPidFlag::WNOHANG)) == Ok(WaitStatus::StillAlive);
        }
        if !is_alive {
            self.confirm_empty();
        }
    }

    /// Reports an empty tree if the kernel says that there is no child at all: the list of children may miss one.
    fn confirm_empty(&mut self) {
        self.release_leader();
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) => return,
                // Reaped. EINVAL is a child that a real-time signal has ended, for which nix has no name.
                Ok(_) | Err(Errno::EINVAL | Errno::EINTR) => {}
                Err(_) => break,
            }
        }
        if !self.empty && self.strays().is_empty() {
            self.empty = true;
            self.report(Report::Empty { step: self.step });
        }
    }

    pub(super) fn release_leader(&mut self) {
        if let Some(Leader { pid, exit: Some(_) }) = self.leader {
            self.leader = None;
            let _status = waitpid(pid, Some(WaitPidFlag::WNOHANG));
        }
    }

    pub(super) fn report(&self, report: Report) {
        if let Some(mut lifeline) = self.lifeline.as_ref() {
            // A dead supervisor is noticed by the end of the lifeline.
            let _gone = lifeline.write_all(&report.encode());
        }
    }
}

fn own_pid() -> i32 {
    std::process::id().cast_signed()
}
