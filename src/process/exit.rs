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
        let code = status.exit_status().map(Self::by_code);
        status.terminating_signal().map(Self::by_signal).or(code)
    }

    fn by_code(code: i32) -> Self {
        Self::Code(code.to_le_bytes()[0])
    }

    fn by_signal(number: i32) -> Self {
        Signal::try_from(number).map_or_else(|_| Self::by_code(128 + number), Self::Signal)
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
        status.signal().map_or_else(|| Self::by_code(status.code().unwrap_or(1)), Self::by_signal)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_a_code_or_a_signal() {
        for (raw, expected) in [
            (0, Exit::Code(0)),
            (7 << 8, Exit::Code(7)),
            (15, Exit::Signal(Signal::SIGTERM)),
            // SIGRTMIN, which has no name here.
            (34, Exit::Code(162)),
        ] {
            assert_eq!(Exit::from(ExitStatus::from_raw(raw)), expected, "{raw}");
        }
    }
}
