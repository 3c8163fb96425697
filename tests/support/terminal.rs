//! A terminal that a test sits at.

use std::io::{PipeReader, PipeWriter, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use nix::pty::openpty;
use nix::sys::termios::{Termios, tcgetattr};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::termios::{Winsize, tcsetwinsize};

use super::{PATIENCE, own_descriptors};

/// A pseudo-terminal with all that was ever shown on it. Dropping it closes it, as closing a window would.
#[derive(Debug)]
pub struct Terminal {
    master: Option<OwnedFd>,
    slave: OwnedFd,
    shown: Receiver<Vec<u8>>,
    screen: Vec<u8>,
    /// How much of the screen was looked through already.
    read: usize,
    reader: Option<(PipeWriter, JoinHandle<()>)>,
}

impl Terminal {
    /// With this many rows and columns.
    pub fn new(rows: u16, columns: u16) -> Self {
        own_descriptors();
        let pair = openpty(None, None).expect("a pseudo-terminal");
        let copy = pair.master.try_clone().expect("a descriptor");
        for end in [&pair.master, &pair.slave, &copy] {
            rustix::io::fcntl_setfd(end, rustix::io::FdFlags::CLOEXEC).expect("an open descriptor");
        }
        let (tell, shown) = mpsc::channel();
        let (stop, stopper) = std::io::pipe().expect("a pipe");
        let reader = thread::spawn(move || read_until_stopped(&copy, &stop, &tell));
        let terminal = Self {
            master: Some(pair.master),
            slave: pair.slave,
            shown,
            screen: Vec::new(),
            read: 0,
            reader: Some((stopper, reader)),
        };
        terminal.resize(rows, columns);
        terminal
    }

    /// Puts the command's standard streams here.
    pub fn streams(&self, command: &mut Command) {
        let stream = || Stdio::from(self.slave.try_clone().expect("a descriptor"));
        command.stdin(stream()).stdout(stream()).stderr(stream());
    }

    /// Makes the command lead a session of its own at this terminal, with its streams here.
    pub fn seat(&self, command: &mut Command) {
        self.streams(command);
        #[expect(unsafe_code, reason = "only the child may take the terminal")]
        // SAFETY: both calls are async-signal-safe.
        unsafe {
            command.pre_exec(|| {
                rustix::process::setsid()?;
                rustix::process::ioctl_tiocsctty(std::io::stdin()).map_err(Into::into)
            });
        }
    }

    /// Types these keys.
    pub fn keys(&mut self, keys: &str) {
        let master = self.master.as_ref().expect("the terminal is open");
        let mut left = keys.as_bytes();
        while !left.is_empty() {
            let count = rustix::io::write(master, left).expect("room for a few keys");
            left = &left[count..];
        }
    }

    /// Changes the size, which the programs at the terminal are told by a signal.
    pub fn resize(&self, rows: u16, columns: u16) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(self.master.as_ref().expect("the terminal is open"), size).expect("a terminal");
    }

    /// Waits until this text is shown after what was waited for before, and returns what was shown up to its end.
    pub fn until(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let new = &self.screen[self.read..];
            if let Some(at) = new.windows(text.len()).position(|window| window == text.as_bytes()) {
                let seen = String::from_utf8_lossy(&new[..at + text.len()]).into_owned();
                self.read += at + text.len();
                return seen;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(bytes) = self.shown.recv_timeout(left) else {
                panic!("no {text:?} on the terminal:\n{}", self.screen());
            };
            self.screen.extend(bytes);
        }
    }

    /// Everything that has been shown so far.
    pub fn screen(&mut self) -> String {
        while let Ok(bytes) = self.shown.try_recv() {
            self.screen.extend(bytes);
        }
        String::from_utf8_lossy(&self.screen).into_owned()
    }

    /// How the terminal treats keys now.
    pub fn settings(&self) -> Termios {
        tcgetattr(&self.slave).expect("a terminal")
    }

    /// Shows nothing more of what is written, as a connection that hangs.
    pub fn stall(&mut self) {
        if let Some((stopper, reader)) = self.reader.take() {
            drop(stopper);
            let _ = reader.join();
        }
    }

    /// Shows so many bytes more of a terminal that was stalled, once there are any.
    pub fn show(&mut self, most: usize) -> Vec<u8> {
        let mut bytes = vec![0; most];
        let master = self.master.as_ref().expect("the terminal is open");
        let count = rustix::io::read(master, &mut bytes).expect("an open terminal");
        bytes.truncate(count);
        bytes
    }

    /// Closes the terminal as a closed window does: the programs at it are hung up.
    pub fn close(&mut self) {
        self.stall();
        drop(self.master.take());
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.close();
    }
}

fn read_until_stopped(master: &OwnedFd, stop: &PipeReader, tell: &mpsc::Sender<Vec<u8>>) {
    loop {
        let mut ready = [PollFd::new(master, PollFlags::IN), PollFd::new(stop, PollFlags::IN)];
        if poll(&mut ready, None).is_err() {
            continue;
        }
        if !ready[1].revents().is_empty() {
            return;
        }
        let mut bytes = vec![0; 4096];
        match rustix::io::read(master.as_fd(), &mut bytes) {
            Ok(count) => bytes.truncate(count),
            // Nobody has the other end open just now; here it stays open in the test.
            Err(_) => return,
        }
        if tell.send(bytes).is_err() {
            return;
        }
    }
}
