//! What to execute, as plain data.

use std::ffi::OsString;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::PathBuf;

/// A program with its arguments, directory and whole environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Looked up in the `PATH` of `environment` if it has no slash.
    pub program: PathBuf,
    /// Arguments, the program's own name first.
    pub argv: Vec<OsString>,
    pub dir: PathBuf,
    /// Every variable it gets, and no other.
    pub environment: Vec<(OsString, OsString)>,
}

#[derive(Debug)]
pub struct Stdio {
    pub stdin: OwnedFd,
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
    /// Whether `stdout` is a pseudo-terminal of the service's own, which becomes its controlling terminal.
    pub terminal: bool,
}

impl Stdio {
    pub(super) fn numbers(&self) -> [RawFd; 3] {
        [self.stdin.as_raw_fd(), self.stdout.as_raw_fd(), self.stderr.as_raw_fd()]
    }
}
