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
use rustix::process::{WaitId, WaitIdOptions, WaitIdStatus};

use super::Charge;
use super::setup::{TERMINATED, adopt_orphans, catch_signals, close_all_but, detach_stdio, take_terminal};
use super::wire::{FRAME, Order, Report};
use crate::process::spawn::spawn;
use crate::process::{Exit, Identity, Process, memory, signal, signals, tree};

/// The news of a child, if there is any of this kind. It is told by waitid(2) as it is, real-time signals included.
fn look(child: Pid, kind: WaitIdOptions) -> Option<WaitIdStatus> {
    let child = rustix::process::Pid::from_raw(child.as_raw())?;
    rustix::process::waitid(WaitId::Pid(child), kind | WaitIdOptions::NOHANG).ok().flatten()
}

/// How often a tree that is being killed is looked at again for processes that the last look missed.
const KILLING_INTERVAL: Duration = Duration::from_millis(20);

/// How often at least strays are looked for while nothing else happens. Each time reads the whole process table, and a
/// server may be a stray for days: its first look comes after [`KILLING_INTERVAL`], each later one after twice the time.
const STRAY_INTERVAL: Duration = Duration::from_secs(1);

/// How many times a tree is frozen before it is killed: each time stops whatever was forked during the last.
const FREEZES: usize = 8;

/// Becomes the guardian and never returns.
pub(super) fn run(charge: Charge, lifeline: UnixStream) -> ! {
    let outcome = std::panic::catch_unwind(AssertUnwindSafe(move || {
        let mut watch = Watch::new(charge);
        match watch.begin(&lifeline) {
            Ok(()) => {
                // The first order comes at once.
                let goes_on = watch.turn();
                watch.release_inherited(&lifeline);
                while goes_on && watch.turn() {}
            }
            Err(error) => report_failure(&lifeline, &error),
        }
        if let Some(token) = watch.charge.token.take() {
            token.finish();
        }
    }));
    #[expect(unsafe_code, reason = "a forked child must not run its parent's exit handlers")]
    // SAFETY: ends the process.
    unsafe {
        nix::libc::_exit(i32::from(outcome.is_err()))
    }
}

/// Reports that the guardian could not become one, and that it has left nothing.
fn report_failure(mut lifeline: &UnixStream, error: &io::Error) {
    for report in [Report::Failed { step: 0, errno: errno(error) }, Report::Empty { step: 0 }] {
        // A supervisor that is gone is nobody to report to.
        let _gone = lifeline.write_all(&report.encode());
    }
}

fn errno(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(nix::libc::EIO)
}

/// Where the guardian is in the life of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The supervisor lives and decides.
    Guarding,
    /// The supervisor is gone; the tree was asked to end by this time.
    Ending(Instant),
    /// The tree is being killed.
    Killing,
}

/// The leader of the current step.
#[derive(Clone, Copy, Debug)]
struct Leader {
    step: usize,
    pid: Pid,
    exit: Option<Exit>,
}

struct Watch {
    charge: Charge,
    lifeline: Option<UnixStream>,
    phase: Phase,
    /// Kept as a zombie until it is the last of the tree, so that its group's number cannot become a stranger's.
    leader: Option<Leader>,
    /// The process group of the last leader.
    group: Option<Pid>,
    /// The last step that was started, successfully or not.
    step: usize,
    /// Whether the tree is known to be empty since the last step was started.
    empty: bool,
    /// How long the next wait for strays may take.
    stray_interval: Duration,
}

impl Watch {
    fn new(charge: Charge) -> Self {
        let phase = Phase::Guarding;
        let stray_interval = KILLING_INTERVAL;
        Self {
            charge,
            lifeline: None,
            phase,
            leader: None,
            group: None,
            step: 0,
            empty: true,
            stray_interval,
        }
    }

    fn begin(&mut self, lifeline: &UnixStream) -> io::Result<()> {
        // Whoever sees the service must be able to see its guardian.
        if let Some(token) = &mut self.charge.token {
            token.begin();
        }
        nix::unistd::setsid()?;
        adopt_orphans();
        catch_signals()?;
        if self.charge.stdio.terminal {
            take_terminal(&self.charge.stdio)?;
        }
        // pselect(2) takes numbers below 1024 only, and a supervisor of many services may have more open. The service must
        // not inherit it, or the supervisor would not notice the guardian's death.
        self.lifeline = Some(rustix::io::fcntl_dupfd_cloexec(lifeline, 3)?.into());
        Ok(())
    }

    /// Closes and frees what the guardian has inherited and does not need. The first step is running by now, as it need
    /// not wait for this.
    fn release_inherited(&mut self, lifeline: &UnixStream) {
        let mut keep = self.charge.stdio.numbers().to_vec();
        keep.push(lifeline.as_raw_fd());
        keep.extend(self.lifeline.as_ref().map(AsRawFd::as_raw_fd));
        keep.extend(self.charge.token.as_ref().map(|token| token.as_fd().as_raw_fd()));
        close_all_but(&keep);
        memory::trim();
        // Without `/dev/null` or a root directory, nothing worse follows than a reader that waits, or a busy mount.
        let _streams = detach_stdio(&keep);
        let _root = std::env::set_current_dir("/");
    }

    fn start(&mut self, step: usize) {
        let leader_lives = self.leader.is_some_and(|leader| leader.exit.is_none());
        let Some(program) = self.charge.steps.get(step).filter(|_| !leader_lives) else { return };
        self.step = step;
        match spawn(program, &self.charge.stdio) {
            Ok(pid) => {
                self.release_leader();
                self.leader = Some(Leader { step, pid, exit: None });
                self.group = Some(pid);
                self.empty = false;
                self.tell(Report::Started { step, pid: pid.as_raw() });
            }
            Err(error) => {
                let errno = errno(&error);
                // The next look reports it empty again, unless an earlier step has left something.
                self.empty = false;
                // A program that is missing gives the same error.
                let no_directory =
                    matches!(errno, nix::libc::ENOENT | nix::libc::ENOTDIR) && !program.dir.is_dir();
                let report =
                    if no_directory { Report::NoDirectory { step } } else { Report::Failed { step, errno } };
                self.tell(report);
            }
        }
    }

    /// Waits for the next thing to happen and acts on it. False when the guardian's work is done.
    fn turn(&mut self) -> bool {
        self.reap();
        if self.empty {
            if self.lifeline.is_none() {
                return false;
            }
            self.phase = Phase::Guarding;
        }
        if self.wait() {
            self.obey();
        }
        if TERMINATED.swap(false, Ordering::Relaxed) && self.phase == Phase::Guarding {
            self.end();
        }
        match self.phase {
            Phase::Ending(deadline) if Instant::now() >= deadline => self.phase = Phase::Killing,
            Phase::Guarding | Phase::Ending(_) => {}
            Phase::Killing => self.kill(),
        }
        true
    }

    /// Sleeps until a signal, an order, the end of the lifeline, or the deadline. Whether the lifeline is readable.
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

    /// Whether processes of the tree are left that are no children: their end sends no SIGCHLD.
    fn has_strays(&self) -> bool {
        !self.empty && self.leader.is_none()
    }

    fn obey(&mut self) {
        // What it orders may end the strays soon.
        self.stray_interval = KILLING_INTERVAL;
        let Some(lifeline) = &mut self.lifeline else { return };
        let mut frame = [0; FRAME];
        match lifeline.read_exact(&mut frame) {
            Ok(()) => match Order::decode(frame) {
                Some(Order::Run(step)) if self.phase == Phase::Guarding => self.start(step),
                Some(Order::Run(_)) | None => {}
                Some(Order::Signal(signal)) => self.signal(signal),
                Some(Order::SignalRest(signal)) => self.signal_tree(signal, self.group),
                Some(Order::Kill) => self.phase = Phase::Killing,
            },
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => {
                self.lifeline = None;
                if self.phase == Phase::Guarding {
                    self.end();
                }
            }
        }
    }

    /// The supervisor is gone, or somebody wants the guardian to go: asks the whole tree to end.
    fn end(&mut self) {
        self.phase = Phase::Ending(Instant::now() + self.charge.grace);
        self.signal_tree(Signal::SIGTERM, None);
    }

    fn signal(&self, wanted: Signal) {
        match self.leader {
            Some(Leader { pid, exit: None, .. }) => {
                // EPERM is a group of zombies on macOS, ESRCH an empty one: nobody is left to be told.
                let _nobody = killpg(pid, wanted);
                if signals::asks_to_end(wanted) {
                    let _nobody = killpg(pid, Signal::SIGCONT);
                }
            }
            Some(Leader { exit: Some(_), .. }) | None => self.signal_tree(wanted, None),
        }
    }

    /// Signals every process of the tree but for one group, and wakes the stopped ones so that they can act on it.
    fn signal_tree(&self, wanted: Signal, but_for: Option<Pid>) {
        let spared = but_for.map(Pid::as_raw);
        for process in self.tree().into_iter().filter(|process| Some(process.group) != spared) {
            // A process that has changed its user cannot be signalled; the kill that follows reports nothing either.
            let _refused = signal::send(process.identity, wanted);
            if signals::asks_to_end(wanted) {
                let _refused = signal::send(process.identity, Signal::SIGCONT);
            }
        }
    }

    /// Stops the tree until no new process appears, so that none can fork away, and kills it.
    fn kill(&self) {
        if let Some(Leader { pid, .. }) = self.leader {
            // This works without the process table too (a bare container): until the leader is reaped, the number is its.
            let _nobody = killpg(pid, Signal::SIGKILL);
        }
        let mut frozen: Vec<Identity> = Vec::new();
        for _ in 0..FREEZES {
            let fresh: Vec<_> = self
                .tree()
                .into_iter()
                .map(|process| process.identity)
                .filter(|one| !frozen.contains(one))
                .collect();
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

    /// Everything that descends from the guardian; once that is nothing, what has left it.
    fn tree(&self) -> Vec<Process> {
        let descendants = tree::descendants(std::process::id().cast_signed());
        if descendants.is_empty() { self.strays() } else { descendants }
    }

    fn strays(&self) -> Vec<Process> {
        tree::marked_or_of_session(&self.charge.mark, std::process::id().cast_signed())
    }

    /// Reaps whatever has ended, and reports what matters of it.
    fn reap(&mut self) {
        let nothing_new = WaitPidFlag::WNOHANG;
        if let Some(Leader { step, pid, exit: None }) = self.leader {
            if let Some(exit) =
                look(pid, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).as_ref().and_then(Exit::of)
            {
                self.leader = Some(Leader { step, pid, exit: Some(exit) });
                self.tell(Report::Left { step, exit });
            } else if look(pid, WaitIdOptions::STOPPED).is_some_and(|status| status.stopped())
                && self.phase == Phase::Guarding
            {
                self.tell(Report::Stopped);
            }
        }
        let kept = self.leader.map(|leader| leader.pid.as_raw());
        let others =
            tree::children(std::process::id().cast_signed()).into_iter().filter(|&pid| Some(pid) != kept);
        let mut living = false;
        for pid in others {
            living |= waitpid(Pid::from_raw(pid), Some(nothing_new)) == Ok(WaitStatus::StillAlive);
        }
        let leader_lives = self.leader.is_some_and(|leader| leader.exit.is_none());
        if !living && !leader_lives {
            self.confirm_empty();
        }
    }

    /// The list of children may miss one, so the kernel's own word decides: no child at all.
    fn confirm_empty(&mut self) {
        self.release_leader();
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) => return,
                // Reaped. That is also what becomes of a child whose real-time signal nix has no name for.
                Ok(_) | Err(Errno::EINVAL | Errno::EINTR) => {}
                Err(_) => break,
            }
        }
        if !self.empty && self.strays().is_empty() {
            self.empty = true;
            self.tell(Report::Empty { step: self.step });
        }
    }

    /// Gives up the zombie of a leader that has ended.
    fn release_leader(&mut self) {
        if let Some(Leader { pid, exit: Some(_), .. }) = self.leader {
            self.leader = None;
            let _status = waitpid(pid, Some(WaitPidFlag::WNOHANG));
        }
    }

    fn tell(&mut self, report: Report) {
        if let Some(lifeline) = &mut self.lifeline {
            // A supervisor that is gone is noticed by the end of the lifeline.
            let _gone = lifeline.write_all(&report.encode());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guardian_that_cannot_begin_says_why_and_that_it_has_left_nothing() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        report_failure(&ours, &io::Error::from_raw_os_error(nix::libc::EPERM));
        drop(ours);
        let mut frame = [0; FRAME];
        for report in [Report::Failed { step: 0, errno: nix::libc::EPERM }, Report::Empty { step: 0 }] {
            theirs.read_exact(&mut frame).unwrap();
            assert_eq!(Report::decode(frame), Some(report));
        }
        assert!(theirs.read_exact(&mut frame).is_err(), "nothing follows");
    }
}
