//! Many supervisors asked at once: all are written to before any is waited for, and all have the same deadline.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::client::{connect, parse};
use super::error::Error;
use super::protocol::{Answer, Hello, Lines, PROTOCOL, Request, Status, Verb};
use crate::port::Reservation;

/// How long all of them together may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a supervisor that was asked has said.
#[derive(Clone, Debug)]
pub enum Reply {
    /// How its services are.
    Services(Vec<Status>),
    /// That it speaks another protocol.
    Foreign(Hello),
    /// Nothing.
    Silence,
}

impl Reply {
    /// Why there is no status from the supervisor of this reservation, if there is none.
    pub fn trouble(&self, reservation: &Reservation) -> Option<Error> {
        match self {
            Self::Services(_) => None,
            Self::Foreign(hello) => Some(Error::incompatible(hello)),
            Self::Silence => Some(Error::NotConnected {
                project: reservation.name.clone(),
                pid: reservation.pid,
                source: ErrorKind::TimedOut.into(),
            }),
        }
    }
}

/// Asks for the status of every service behind these sockets.
pub fn call(sockets: &[PathBuf]) -> Vec<Reply> {
    let deadline = Instant::now() + PATIENCE;
    let mut asked: Vec<Asked> = sockets.iter().map(|socket| Asked::ask(socket)).collect();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let open: Vec<usize> = (0..asked.len()).filter(|&at| asked[at].stream.is_some()).collect();
        if open.is_empty() || left.is_zero() {
            break;
        }
        let mut watched: Vec<PollFd<'_>> = open
            .iter()
            .filter_map(|&at| asked[at].stream.as_ref())
            .map(|stream| PollFd::new(stream.as_fd(), PollFlags::POLLIN))
            .collect();
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        // An interrupted wait is taken up again with what is left of the time.
        let _count = poll(&mut watched, timeout);
        let ready: Vec<usize> = open
            .into_iter()
            .zip(&watched)
            .filter(|(_, watched)| watched.any().unwrap_or(false))
            .map(|(at, _)| at)
            .collect();
        for at in ready {
            asked[at].read();
        }
    }
    asked.into_iter().map(|asked| asked.answer).collect()
}

/// One supervisor that was asked.
struct Asked {
    /// Nothing once it has answered, or cannot.
    stream: Option<UnixStream>,
    lines: Lines,
    answer: Reply,
}

impl Asked {
    fn ask(socket: &Path) -> Self {
        let ask = || {
            let mut stream = connect(socket)?;
            let hello = serde_json::to_string(&Hello::ours(None))?;
            let request = serde_json::to_string(&Request::new(Verb::Status, None))?;
            // Two short lines fit the buffer of a new socket.
            stream.write_all(format!("{hello}\n{request}\n").as_bytes())?;
            Ok::<_, std::io::Error>(stream)
        };
        Self { stream: ask().ok(), lines: Lines::of_server(), answer: Reply::Silence }
    }

    fn read(&mut self) {
        let Some(stream) = &mut self.stream else { return };
        let mut bytes = [0; 16 * 1024];
        match stream.read(&mut bytes) {
            Ok(count) if count > 0 => self.lines.push(&bytes[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return,
            Ok(_) | Err(_) => self.stream = None,
        }
        loop {
            match self.lines.next_line() {
                Ok(Some(line)) => self.hear(&line),
                Ok(None) => return,
                Err(_) => return self.stream = None,
            }
        }
    }

    fn hear(&mut self, line: &[u8]) {
        if let Ok(hello) = serde_json::from_slice::<Hello>(line) {
            if hello.protocol != PROTOCOL {
                self.answer = Reply::Foreign(hello);
                self.stream = None;
            }
        } else if let Ok(Answer::Status { services }) = parse(line) {
            self.answer = Reply::Services(services);
            self.stream = None;
        }
    }
}
