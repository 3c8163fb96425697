//! What to execute, as plain data.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::PathBuf;

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
