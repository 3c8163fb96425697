//! Named pipes, by which programs tell a test where they are.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::stat::Mode;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Pid;

/// A named pipe that the test reads: a line says that something has begun, its end that it is over.
#[derive(Debug)]
pub struct Fifo {
    pub path: PathBuf,
    file: File,
}

impl Fifo {
    pub fn create(path: &Path) -> Self {
        make(path);
        let file = File::options().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path);
        Self { path: path.to_owned(), file: file.expect("our own FIFO") }
    }

    /// The pid that somebody writes; none where nobody does for so long.
    pub fn pid(&self, patience: Duration) -> Option<Pid> {
        let deadline = Instant::now() + patience;
        let mut text = Vec::new();
        while !text.ends_with(b"\n") {
            if !self.wait(deadline) {
                return None;
            }
            let mut byte = [0];
            let count = (&self.file).read(&mut byte).ok().filter(|&count| count > 0)?;
            text.extend_from_slice(&byte[..count]);
        }
        std::str::from_utf8(&text).ok()?.trim().parse().ok().and_then(Pid::from_raw)
    }

    /// Whether everybody who could write is gone by then.
    pub fn ends(&self, deadline: Instant) -> bool {
        loop {
            if !self.wait(deadline) {
                return false;
            }
            match (&self.file).read(&mut [0; 64]) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => panic!("reading a FIFO: {error}"),
            }
        }
    }

    fn wait(&self, deadline: Instant) -> bool {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).expect("minutes fit");
            match poll(&mut [PollFd::new(&self.file, PollFlags::IN)], Some(&timeout)) {
                Ok(count) => return count > 0,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => panic!("poll: {error}"),
            }
        }
    }
}

/// A named pipe that holds a script up until the test opens it: `read go < PATH`.
#[derive(Debug)]
pub struct Gate(pub PathBuf);

impl Gate {
    pub fn create(path: &Path) -> Self {
        make(path);
        Self(path.to_owned())
    }

    /// Waits for the script to come to the gate. It passes once something is written.
    pub fn reached(&self) -> File {
        File::options().write(true).open(&self.0).expect("our own FIFO")
    }

    /// Waits for the script to come to the gate, and lets it pass.
    pub fn open(&self) {
        writeln!(self.reached(), "go").expect("the script reads");
    }
}

fn make(path: &Path) {
    nix::unistd::mkfifo(path, Mode::from_bits_truncate(0o600)).expect("a directory of our own");
}
