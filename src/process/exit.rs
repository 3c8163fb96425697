//! How a process ended.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use nix::unistd::Pid;
use rustix::process::{WaitId, WaitIdOptions, WaitIdStatus, waitid};

use super::Signal;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Code(u8),
    Signal(Signal),
}

impl Exit {
    /// `None` unless the process has ended. A real-time signal has no name here: it becomes the code that a shell
    /// gives it, 128 and its number.
    pub fn of(status: &WaitIdStatus) -> Option<Self> {
        let code = |code: i32| Self::Code(code.to_le_bytes()[0]);
        let signal = |number: i32| Signal::try_from(number).map_or_else(|_| code(128 + number), Self::Signal);
        status.terminating_signal().map(signal).or_else(|| status.exit_status().map(code))
    }

    pub fn success(self) -> bool {
        self == Self::Code(0)
    }

    pub fn code(self) -> Option<u8> {
        if let Self::Code(code) = self { Some(code) } else { None }
    }

    /// The signal's name, `SIGTERM`, if one ended it.
    pub fn signal(self) -> Option<&'static str> {
        if let Self::Signal(signal) = self { Some(signal.as_str()) } else { None }
    }
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        let signal = status.signal().and_then(|number| Signal::try_from(number).ok());
        signal.map_or(Self::Code(status.code().unwrap_or(1).to_le_bytes()[0]), Self::Signal)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => f.write_str(signal.as_str()),
        }
    }
}

/// A change of this kind in a child. nix' waitpid has no names for real-time signals.
pub(super) fn poll_child(child: Pid, kind: WaitIdOptions) -> Option<WaitIdStatus> {
    let child = rustix::process::Pid::from_raw(child.as_raw())?;
    waitid(WaitId::Pid(child), kind | WaitIdOptions::NOHANG).ok().flatten()
}
