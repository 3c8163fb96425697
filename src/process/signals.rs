//! The signals that the supervisor itself gets, as a stream in which none is lost and each says where it came from.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::OnceLock;
use std::task::{Context, Poll, ready};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use tokio::io::Interest;

use super::readiness::{Watched, watch};

/// Those that ask for an end, are passed on, or tell of children, the terminal's size and job control.
const WATCHED: [Signal; 8] = [
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGTSTP,
    Signal::SIGCONT,
    Signal::SIGWINCH,
    Signal::SIGCHLD,
];

/// The writing end, for the handler. It is set once and never closed.
static PIPE: OnceLock<OwnedFd> = OnceLock::new();

/// A signal that has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caught {
    /// Its number.
    pub signal: Signal,
    /// Whether a program sent it by kill(2); otherwise the kernel did, as for Ctrl-C. `None` where the system does not
    /// tell.
    pub sent: Option<bool>,
}

/// What a signal means to a supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// All shall end.
    End,
    /// Ctrl-Z.
    Suspend,
    /// `fg` or `bg`.
    Continue,
    /// The terminal has another size.
    Resize,
    /// A child has ended.
    Child,
}

impl Caught {
    /// What it means.
    pub fn meaning(self) -> Meaning {
        if asks_to_end(self.signal) {
            return Meaning::End;
        }
        let others = [
            (Signal::SIGTSTP, Meaning::Suspend),
            (Signal::SIGCONT, Meaning::Continue),
            (Signal::SIGWINCH, Meaning::Resize),
        ];
        let other = others.into_iter().find(|(signal, _)| *signal == self.signal);
        other.map_or(Meaning::Child, |(_, meaning)| meaning)
    }
}

/// All signals of this process from now on.
#[derive(Debug)]
pub struct Signals {
    pipe: Watched,
}

extern "C" fn note(
    number: nix::libc::c_int,
    info: *mut nix::libc::siginfo_t,
    _machine_state: *mut nix::libc::c_void,
) {
    #[expect(unsafe_code, reason = "a signal handler is given raw pointers, and only write(2) is safe in it")]
    // SAFETY: the kernel passes a valid siginfo because of SA_SIGINFO; errno is put back as it was found.
    unsafe {
        let errno = nix::errno::Errno::last_raw();
        if let (Some(pipe), Ok(number)) = (PIPE.get(), u8::try_from(number)) {
            let record = [number, sent(&*info).map_or(UNKNOWN, u8::from)];
            nix::libc::write(pipe.as_raw_fd(), record.as_ptr().cast(), record.len());
        }
        nix::errno::Errno::set_raw(errno);
    }
}

/// How a record says that it is not known whether the signal was sent.
const UNKNOWN: u8 = 2;

#[cfg(target_os = "linux")]
fn sent(info: &nix::libc::siginfo_t) -> Option<bool> {
    Some(info.si_code == nix::libc::SI_USER)
}

/// macOS gives every signal but SIGCHLD the code 0, whoever sent it (`psignal_internal`, `bsd/kern/kern_sig.c` of xnu).
#[cfg(not(target_os = "linux"))]
fn sent(_info: &nix::libc::siginfo_t) -> Option<bool> {
    None
}

impl Signals {
    /// Takes over the signals of this process. A SIGHUP that is ignored stays so: that is what `nohup` is for.
    /// To be called once, within the runtime.
    ///
    /// # Errors
    /// No more descriptors, or a second call.
    pub fn take() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        for end in [reader.as_fd(), writer.as_fd()] {
            fcntl(end, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        }
        PIPE.set(writer.into()).map_err(|_| io::Error::other("the signals are taken already"))?;
        for signal in WATCHED {
            let action = SigAction::new(
                SigHandler::SigAction(note),
                SaFlags::SA_RESTART | SaFlags::SA_SIGINFO,
                SigSet::empty(),
            );
            let before = install(signal, &action)?;
            if signal == Signal::SIGHUP && matches!(before.handler(), SigHandler::SigIgn) {
                install(signal, &before)?;
            }
        }
        // A closed pipe is an error of the write, which the writer sees.
        let ignored = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
        install(Signal::SIGPIPE, &ignored)?;
        install(Signal::SIGTTOU, &ignored)?;
        Ok(Self { pipe: watch(reader.into(), Interest::READABLE)? })
    }

    /// The next signal.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Caught> {
        loop {
            let Ok(mut readiness) = ready!(self.pipe.poll_read_ready(cx)) else { return Poll::Pending };
            let mut record = [0; 2];
            match nix::unistd::read(self.pipe.get_ref().as_fd(), &mut record) {
                Ok(2) => {
                    if let Ok(signal) = Signal::try_from(i32::from(record[0])) {
                        let sent = (record[1] != UNKNOWN).then_some(record[1] == 1);
                        return Poll::Ready(Caught { signal, sent });
                    }
                }
                Ok(_) | Err(_) => readiness.clear_ready(),
            }
        }
    }
}

fn install(signal: Signal, action: &SigAction) -> io::Result<SigAction> {
    #[expect(unsafe_code, reason = "handlers are unsafe by nature")]
    // SAFETY: the handler only writes to a pipe that stays open.
    unsafe { sigaction(signal, action) }.map_err(Into::into)
}

/// Ends this process by `signal`, so that whoever started it sees that the service ended that way.
/// Returns only if the signal does not end a process.
pub fn die_by(signal: Signal) {
    // The service's own core, if it left one, is the one worth having.
    let _kept = nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0);
    let action = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SIGKILL has no disposition to set, and works all the same.
    let _fixed = install(signal, &action);
    let mut unblocked = SigSet::empty();
    unblocked.add(signal);
    let _mask = unblocked.thread_unblock();
    let _sent = nix::sys::signal::raise(signal);
}

/// Stops this process group as Ctrl-Z would, until it is continued. Returns at once if there is no shell that could
/// continue it, which the kernel knows.
pub fn stop_group() {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    if let Ok(before) = install(Signal::SIGTSTP, &default) {
        let _continued = nix::sys::signal::kill(nix::unistd::Pid::from_raw(0), Signal::SIGTSTP);
        let _restored = install(Signal::SIGTSTP, &before);
    }
}

/// Whether `signal` is a wish that this program and what it runs should end.
pub fn asks_to_end(signal: Signal) -> bool {
    matches!(signal, Signal::SIGINT | Signal::SIGTERM | Signal::SIGHUP | Signal::SIGQUIT)
}
