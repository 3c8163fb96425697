//! Waiting for the end of a process, with a watchdog.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

/// How long anything may take before a test gives up on it: a watchdog, never a measure.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// How a process ended and what it wrote.
#[derive(Debug)]
pub struct Finished {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a command that answers.
pub fn run_to_end(command: &mut Command) -> Finished {
    run_within(command, PATIENCE)
}

/// Runs a command that answers, and gives up on it after this time.
pub fn run_within(command: &mut Command, patience: Duration) -> Finished {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("starting {}: {error}", command.get_program().display()));
    let stdout = read_in_background(child.stdout.take());
    let stderr = read_in_background(child.stderr.take());
    let end = end_of(&child);
    let in_time = end.recv_timeout(patience).is_ok();
    if !in_time {
        let _ = child.kill();
    }
    let status = child.wait().expect("a child of our own");
    assert!(in_time, "{command:?} had not ended after {patience:?}");
    Finished { status, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() }
}

/// Gets a message when the child ends. The child stays unreaped, so that its pid remains its own until
/// `wait` is called.
pub fn end_of(child: &Child) -> Receiver<()> {
    let pid = pid_of(child);
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        while let Err(Errno::INTR) = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
        }
        let _ = tell.send(());
    });
    told
}

pub fn pid_of(child: &Child) -> Pid {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a pid is a positive i32")
}

pub fn read_in_background<R: Read + Send + 'static>(source: Option<R>) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut source) = source {
            let _: io::Result<usize> = source.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Kills these processes, all at once as far as that goes, and waits until they have ended: those that come first are
/// stopped meanwhile, so that none sees the others go.
#[cfg(target_os = "linux")]
pub fn kill_at_once(pids: &[Pid]) {
    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::process::{PidfdFlags, pidfd_open};
    // One may have ended by itself since it was looked up.
    let ends: Vec<_> = pids.iter().filter_map(|&pid| pidfd_open(pid, PidfdFlags::empty()).ok()).collect();
    for signal in [Signal::STOP, Signal::KILL] {
        for &pid in pids {
            let _ = kill_process(pid, signal);
        }
    }
    for end in &ends {
        while let Err(Errno::INTR) = poll(&mut [PollFd::new(end, PollFlags::IN)], None) {}
    }
}
