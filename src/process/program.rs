//! What to execute, as plain data; the command is built at the last moment.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use nix::sys::signal::SigSet;
use nix::unistd::{Pid, getppid, setpgid};

/// A program with its arguments, directory and whole environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The program, looked up in the `PATH` of `environment` if it has no slash.
    pub program: PathBuf,
    /// Its arguments, what it is called first.
    pub argv: Vec<OsString>,
    /// Where it runs.
    pub dir: PathBuf,
    /// Every variable it gets, and no other.
    pub environment: Vec<(OsString, OsString)>,
}

/// The three standard streams of a service.
#[derive(Debug)]
pub struct Stdio {
    /// Where it reads.
    pub stdin: OwnedFd,
    /// Where its output goes.
    pub stdout: OwnedFd,
    /// Where its complaints go.
    pub stderr: OwnedFd,
    /// Whether `stdout` is a terminal made for it, which then becomes its controlling terminal.
    pub terminal: bool,
}

impl Stdio {
    /// All three at `/dev/null`.
    pub fn null() -> io::Result<Self> {
        let null = File::options().read(true).write(true).open("/dev/null")?;
        Ok(Self {
            stdin: null.try_clone()?.into(),
            stdout: null.try_clone()?.into(),
            stderr: null.into(),
            terminal: false,
        })
    }

    /// The descriptors' numbers.
    pub(super) fn numbers(&self) -> [RawFd; 3] {
        [self.stdin.as_raw_fd(), self.stdout.as_raw_fd(), self.stderr.as_raw_fd()]
    }
}

impl Program {
    /// Starts the program as the leader of its own process group, in the foreground of its terminal if it has one.
    pub(super) fn spawn(&self, stdio: &Stdio) -> io::Result<Pid> {
        let mut command = Command::new(&self.program);
        if let Some((name, arguments)) = self.argv.split_first() {
            command.arg0(name).args(arguments);
        }
        command
            .current_dir(&self.dir)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(stdio.stdin.try_clone()?)
            .stdout(stdio.stdout.try_clone()?)
            .stderr(stdio.stderr.try_clone()?);
        let guardian = nix::unistd::getpid();
        let terminal = stdio.terminal;
        #[expect(unsafe_code, reason = "only this hook runs between fork and exec")]
        // SAFETY: the hook makes system calls only; it allocates nothing and takes no lock.
        unsafe {
            command.pre_exec(move || prepare(guardian, terminal));
        }
        let child = command.spawn()?;
        Ok(Pid::from_raw(child.id().cast_signed()))
    }
}

/// Runs in the child, after fork and before exec. The guardian's handlers become defaults by the exec itself, whatever
/// bowline's own starter ignored: a shell starts background jobs with SIGINT ignored, and a server that inherits
/// this cannot be asked to stop. A SIGHUP ignored by `nohup` stays so, as the guardian leaves it alone.
fn prepare(guardian: Pid, terminal: bool) -> io::Result<()> {
    // With SIGTTOU blocked, a background process may take the foreground.
    SigSet::all().thread_set_mask()?;
    setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
    if terminal {
        nix::unistd::tcsetpgrp(io::stdout(), nix::unistd::getpid())?;
    }
    die_with(guardian)?;
    SigSet::empty().thread_set_mask().map_err(Into::into)
}

/// Asks for a SIGTERM should the guardian die without having ended the tree.
#[cfg(target_os = "linux")]
fn die_with(guardian: Pid) -> io::Result<()> {
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGTERM)?;
    if getppid() == guardian { Ok(()) } else { Err(io::Error::from_raw_os_error(nix::libc::ESRCH)) }
}

/// macOS has no such signal: a dead guardian is noticed by its supervisor alone.
#[cfg(not(target_os = "linux"))]
fn die_with(guardian: Pid) -> io::Result<()> {
    if getppid() == guardian { Ok(()) } else { Err(io::Error::from_raw_os_error(nix::libc::ESRCH)) }
}
