//! Waiting for the end of a process, with a watchdog.

#[cfg(target_os = "linux")]
use std::fs;
use std::io::{self, Read};
#[cfg(target_os = "linux")]
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::Duration;
#[cfg(not(target_os = "linux"))]
use std::time::Instant;

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

/// Reads until this text has come, and returns all that has.
pub fn read_until(source: &mut impl Read, text: &str) -> String {
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains(text) {
        let mut bytes = [0; 1024];
        let count = source.read(&mut bytes).expect("an open pipe");
        assert!(count > 0, "the end, and no `{text}`: {}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&bytes[..count]);
    }
    String::from_utf8_lossy(&seen).into_owned()
}

/// Waits until something is in this directory of bowline's own, or has changed, and gives what was looked for.
#[cfg(target_os = "linux")]
pub fn await_in<T>(dir: &Path, look: impl Fn() -> Option<T>) -> T {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::fs::inotify;

    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).expect("a state directory of our own");
    let changes = inotify::init(inotify::CreateFlags::CLOEXEC).expect("a descriptor");
    let watched = inotify::WatchFlags::CREATE | inotify::WatchFlags::ATTRIB;
    inotify::add_watch(&changes, dir, watched).expect("an existing directory");
    let patience = Timespec::try_from(PATIENCE).expect("minutes fit");
    loop {
        if let Some(found) = look() {
            return found;
        }
        let count = poll(&mut [PollFd::new(&changes, PollFlags::IN)], Some(&patience));
        assert!(count.is_ok_and(|count| count > 0), "nothing happens in {}", dir.display());
        rustix::io::read(&changes, &mut [0; 4096]).expect("an event");
    }
}

/// The same, by looking often.
#[cfg(not(target_os = "linux"))]
pub fn await_in<T>(dir: &Path, look: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "nothing happens in {}", dir.display());
        thread::park_timeout(Duration::from_millis(5));
    }
}

/// Runs something for each of these, so many at once, and returns the results in their order. The threads are
/// named, as those of tests are, so that each has descriptors of its own.
pub fn side_by_side<T: Sync, R: Send>(at_once: usize, cases: &[T], run: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let (next, done) = (Mutex::new(cases.iter().enumerate()), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let Some((at, case)) = next.lock().unwrap().next() else { return };
            let result = run(case);
            done.lock().unwrap().push((at, result));
        }
    };
    thread::scope(|scope| {
        for _ in 0..at_once {
            thread::Builder::new().name("case".to_owned()).spawn_scoped(scope, work).expect("a thread");
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|&(at, _)| at);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Kills these processes, all at once as far as that goes, and waits until they have ended: those that come
/// first are stopped meanwhile, so that none sees the others go.
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
