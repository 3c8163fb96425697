//! The signals to the supervisor itself, as a stream that loses none and says where each came from.

use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::OnceLock;
use std::task::{Context, Poll, ready};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc::{self, c_int, c_void, siginfo_t};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, kill, raise, sigaction};
use nix::unistd::Pid;
use tokio::io::Interest;

use super::async_fd::{Watched, watch};

const TAKEN: [(Signal, SignalKind); 8] = [
    (Signal::SIGINT, SignalKind::End),
    (Signal::SIGTERM, SignalKind::End),
    (Signal::SIGHUP, SignalKind::End),
    (Signal::SIGQUIT, SignalKind::End),
    (Signal::SIGTSTP, SignalKind::Suspend),
    (Signal::SIGCONT, SignalKind::Continue),
    (Signal::SIGWINCH, SignalKind::Resize),
    (Signal::SIGCHLD, SignalKind::Child),
];

/// The writing end, for the handler. It is set once and never closed.
static PIPE: OnceLock<OwnedFd> = OnceLock::new();

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceivedSignal {
    pub signal: Signal,
    /// Whether a program sent it by kill(2); otherwise the kernel did, as for Ctrl-C. `None` where the system does
    /// not tell.
    pub sent: Option<bool>,
    /// The process that sent it, if a program did; 0 if that is outside of this container.
    pub sender: Option<i32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalKind {
    End,
    /// Ctrl-Z.
    Suspend,
    /// `fg` or `bg`.
    Continue,
    Resize,
    Child,
}

impl ReceivedSignal {
    pub fn kind(self) -> SignalKind {
        kind_of(self.signal)
    }
}

fn kind_of(signal: Signal) -> SignalKind {
    // Only the signals of the table arrive.
    TAKEN.into_iter().find(|(taken, _)| *taken == signal).map_or(SignalKind::Child, |(_, kind)| kind)
}

/// Whether `signal` asks this program and what it runs to end.
pub fn asks_to_end(signal: Signal) -> bool {
    kind_of(signal) == SignalKind::End
}

/// The signals to this process, as a stream.
#[derive(Debug)]
pub struct Signals {
    pipe: Watched,
}

extern "C" fn write_to_pipe(number: c_int, info: *mut siginfo_t, _machine_state: *mut c_void) {
    #[expect(unsafe_code, reason = "a signal handler is given raw pointers, and only write(2) is safe in it")]
    // SAFETY: the kernel passes a valid siginfo because of SA_SIGINFO; errno is put back as it was found.
    unsafe {
        let errno = Errno::last_raw();
        if let (Some(pipe), Ok(number)) = (PIPE.get(), u8::try_from(number)) {
            let sent = (*info).si_code == SENT_BY_PROGRAM;
            let [a, b, c, d] = if sent { (*info).si_pid().to_ne_bytes() } else { [0; 4] };
            let record: Record = [number, sent.into(), a, b, c, d];
            libc::write(pipe.as_raw_fd(), record.as_ptr().cast(), record.len());
        }
        Errno::set_raw(errno);
    }
}

/// A signal in the pipe: its number, whether a program sent it, and the pid of that.
type Record = [u8; 6];

/// `SI_USER` of Linux, which libc has for Linux only.
const SENT_BY_PROGRAM: c_int = 0;

impl Signals {
    /// Takes over the signals of this process, once. Needs a running tokio runtime.
    pub fn take() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        for end in [reader.as_fd(), writer.as_fd()] {
            fcntl(end, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        }
        PIPE.set(writer.into()).map_err(|_| io::Error::other("the signals are taken already"))?;
        let flags = SaFlags::SA_RESTART | SaFlags::SA_SIGINFO;
        let action = SigAction::new(SigHandler::SigAction(write_to_pipe), flags, SigSet::empty());
        for (signal, _) in TAKEN {
            set_unless_nohup(signal, &action)?;
        }
        // A closed pipe is an error of the write.
        set_action(Signal::SIGPIPE, &simple_action(SigHandler::SigIgn))?;
        set_action(Signal::SIGTTOU, &simple_action(SigHandler::SigIgn))?;
        Ok(Self { pipe: watch(reader.into(), Interest::READABLE)? })
    }

    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<ReceivedSignal> {
        loop {
            let Ok(mut readiness) = ready!(self.pipe.poll_read_ready(cx)) else { return Poll::Pending };
            let mut record = Record::default();
            match self.pipe.get_ref().read(&mut record) {
                Ok(6) => {
                    let [number, by_program, pid @ ..] = record;
                    let Ok(signal) = Signal::try_from(i32::from(number)) else { continue };
                    // macOS gives every signal but SIGCHLD the code 0, whoever sent it (`psignal_internal`,
                    // `bsd/kern/kern_sig.c` of xnu).
                    let sent = cfg!(target_os = "linux").then_some(by_program == 1);
                    let sender = sent.filter(|&sent| sent).map(|_| i32::from_ne_bytes(pid));
                    return Poll::Ready(ReceivedSignal { signal, sent, sender });
                }
                Ok(_) | Err(_) => readiness.clear_ready(),
            }
        }
    }
}

extern "C" fn end_at_once(number: c_int) {
    #[expect(unsafe_code, reason = "only _exit(2) may end a process within a signal handler")]
    // SAFETY: ends the process.
    unsafe {
        libc::_exit(128 + number)
    }
}

/// Has the signals that ask to end do so though this process may be the first of a container, for which the kernel
/// ignores every signal without a handler. [`Signals::take`] replaces the handlers.
pub fn end_by_signals_as_first_process() -> nix::Result<()> {
    if std::process::id() == 1 {
        for (signal, _) in TAKEN.into_iter().filter(|(signal, _)| asks_to_end(*signal)) {
            set_action(signal, &simple_action(SigHandler::Handler(end_at_once)))?;
        }
    }
    Ok(())
}

pub(super) fn simple_action(handler: SigHandler) -> SigAction {
    SigAction::new(handler, SaFlags::empty(), SigSet::empty())
}

/// Returns the previous action.
pub(super) fn set_action(signal: Signal, action: &SigAction) -> nix::Result<SigAction> {
    #[expect(unsafe_code, reason = "handlers are unsafe by nature")]
    // SAFETY: the handlers of this program only write to a pipe that stays open or to an atomic, or end the process.
    unsafe {
        sigaction(signal, action)
    }
}

/// Sets the action, except for a SIGHUP that `nohup` has ignored: that stays ignored.
pub(super) fn set_unless_nohup(signal: Signal, action: &SigAction) -> nix::Result<()> {
    let before = set_action(signal, action)?;
    if signal == Signal::SIGHUP && matches!(before.handler(), SigHandler::SigIgn) {
        set_action(signal, &before)?;
    }
    Ok(())
}

/// Ends this process by `signal`, so that its parent sees how the service ended. Returns only if the signal does
/// not end a process.
pub fn die_by(signal: Signal) {
    // Or this process's core file would replace the service's.
    let _kept = nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0);
    // SIGKILL has no disposition to set, and works all the same.
    let _fixed = set_action(signal, &simple_action(SigHandler::SigDfl));
    let _mask = SigSet::from_iter([signal]).thread_unblock();
    let _sent = raise(signal);
}

/// Interrupts this process group as Ctrl-C would have, had the terminal not been in raw mode.
pub fn interrupt_group() {
    let _sent = kill(Pid::from_raw(0), Signal::SIGINT);
}

/// Stops this process group as Ctrl-Z would, and returns when it is continued. The kernel ignores the stop of an
/// orphaned group, which no shell could continue.
pub fn stop_group() {
    if let Ok(before) = set_action(Signal::SIGTSTP, &simple_action(SigHandler::SigDfl)) {
        let _continued = kill(Pid::from_raw(0), Signal::SIGTSTP);
        let _restored = set_action(Signal::SIGTSTP, &before);
    }
}
