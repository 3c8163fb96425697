//! Whether any process is left of what a test has started.

use std::io::{PipeReader, PipeWriter};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{SigHandler, Signal, signal};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{FdFlags, fcntl_setfd};

use super::own_descriptors;

/// The variable that marks every process of a tree.
const MARK: &str = "TEST_TREE";

/// All processes that descend from the commands marked with it. Two witnesses: the write end of a pipe, which
/// every process inherits that does not close it on purpose (node does), and on Linux a variable in the
/// environment, which survives that too.
#[derive(Debug)]
pub struct Tree {
    mark: String,
    reader: PipeReader,
    writer: Option<PipeWriter>,
}

impl Tree {
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        own_descriptors();
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self { mark: format!("{}-{number}", std::process::id()), reader, writer: Some(writer) }
    }

    /// Makes the command's process, once started, and all that come from it part of the tree. It heeds SIGHUP
    /// even where the tests themselves run under `nohup`.
    pub fn mark(&self, command: &mut Command) {
        command.env(MARK, &self.mark);
        let Some(writer) = self.writer.as_ref().map(AsRawFd::as_raw_fd) else { return };
        #[expect(unsafe_code, reason = "only the child may inherit the pipe, and no child of another thread")]
        // SAFETY: signal and fcntl are async-signal-safe, and the descriptor is open in the child as it was here.
        unsafe {
            command.pre_exec(move || {
                signal(Signal::SIGHUP, SigHandler::SigDfl)?;
                let writer = BorrowedFd::borrow_raw(writer);
                fcntl_setfd(writer, FdFlags::empty()).map_err(Into::into)
            });
        }
    }

    /// Fails where a process of the tree is left after this time.
    pub fn assert_gone(&mut self, within: Duration) {
        drop(self.writer.take());
        let deadline = Instant::now() + within;
        let holders = if ends_before(&self.reader, deadline) { Vec::new() } else { holders(&self.reader) };
        let left = self.wait_until_empty(deadline);
        assert!(left.is_empty(), "processes are left after {within:?}: {left:#?}");
        assert!(holders.is_empty(), "processes hold the test's pipe open after {within:?}: {holders:#?}");
    }

    /// The processes of the tree that are left after this time; none but on Linux.
    pub fn left(&self, within: Duration) -> Vec<String> {
        self.wait_until_empty(Instant::now() + within)
    }

    /// Ends what a failed test would leave.
    pub fn kill(&self) {
        #[cfg(target_os = "linux")]
        for process in linux::marked(&self.mark) {
            process.kill();
        }
    }

    /// The pids and command lines of the tree's living processes; none but on Linux.
    pub fn processes(&self) -> Vec<(i32, String)> {
        #[cfg(target_os = "linux")]
        return linux::marked(&self.mark).into_iter().map(|one| (one.pid, one.description)).collect();
        #[cfg(not(target_os = "linux"))]
        Vec::new()
    }

    #[cfg(target_os = "linux")]
    fn wait_until_empty(&self, deadline: Instant) -> Vec<String> {
        loop {
            let processes = linux::marked(&self.mark);
            let in_time = processes.iter().all(|process| ends_before(&process.pidfd, deadline));
            if processes.is_empty() || !in_time {
                return linux::marked(&self.mark).iter().map(|process| process.description.clone()).collect();
            }
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn wait_until_empty(&self, _deadline: Instant) -> Vec<String> {
        Vec::new()
    }
}

/// Whether a pipe comes to its end, or a pidfd's process to its own, before the deadline.
fn ends_before(fd: &impl std::os::fd::AsFd, deadline: Instant) -> bool {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).expect("minutes fit");
        match poll(&mut [PollFd::new(fd, PollFlags::IN)], Some(&timeout)) {
            Ok(0) => return false,
            Ok(_) => return true,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => panic!("poll: {error}"),
        }
    }
}

#[cfg(target_os = "linux")]
use linux::holders;

#[cfg(not(target_os = "linux"))]
fn holders(_: &PipeReader) -> Vec<String> {
    vec!["whoever they are".to_owned()]
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::{self, File};
    use std::io::{PipeReader, Read};
    use std::os::fd::{AsRawFd, OwnedFd};
    use std::path::{Path, PathBuf};
    use std::thread;

    use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

    pub struct Marked {
        pub pid: i32,
        pub pidfd: OwnedFd,
        pub description: String,
    }

    impl Marked {
        pub fn kill(&self) {
            let _ = pidfd_send_signal(&self.pidfd, Signal::KILL);
        }
    }

    /// The processes that have the other end of this pipe, but for copies of the test itself: a child of
    /// another thread has all that the test has until its exec, which a busy machine may delay.
    pub fn holders(pipe: &PipeReader) -> Vec<String> {
        let link = |fd: &Path| fs::read_link(fd).ok();
        let wanted = link(format!("/proc/thread-self/fd/{}", pipe.as_raw_fd()).as_ref());
        let test = link("/proc/self/exe".as_ref());
        let entries = fs::read_dir("/proc").expect("/proc is mounted").flatten().map(|entry| entry.path());
        let others = entries.filter(|process| link(&process.join("exe")) != test);
        let holds = |process: &PathBuf| {
            let fds = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
            fds.map(|fd| link(&fd.path())).any(|target| target == wanted)
        };
        others
            .filter(holds)
            .map(|process| format!("{} {}", process.display(), command_line(&process)))
            .collect()
    }

    fn command_line(process: &Path) -> String {
        let line = fs::read(process.join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).replace('\0', " ")
    }

    /// The living processes with this mark. The pidfd is opened first, and the mark read after it, so that a
    /// pid used again in between is not taken for the old process.
    pub fn marked(mark: &str) -> Vec<Marked> {
        let line = format!("{}={mark}", super::MARK);
        let entries = fs::read_dir("/proc").expect("/proc is mounted");
        let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter_map(|pid: i32| {
            let pidfd = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
            let environment = environment(pid)?;
            environment.split(|&byte| byte == 0).find(|entry| *entry == line.as_bytes())?;
            let command = command_line(format!("/proc/{pid}").as_ref());
            Some(Marked { pid, pidfd, description: format!("{pid} {command}") })
        })
        .collect()
    }

    /// The environment of a process. One that becomes another program has none for a moment, which a busy machine
    /// may draw out, and is looked at again.
    fn environment(pid: i32) -> Option<Vec<u8>> {
        const LOOKS: usize = 10_000;
        const LONGEST: usize = 128 * 1024;
        for _ in 0..LOOKS {
            let mut environment = vec![0; LONGEST];
            // One read: the rest is not there of a program that is replaced meanwhile.
            let count = File::open(format!("/proc/{pid}/environ")).ok()?.read(&mut environment).ok()?;
            environment.truncate(count);
            if !environment.is_empty() {
                return Some(environment);
            }
            let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            let fields: Vec<&str> = line.rsplit_once(") ")?.1.split(' ').collect();
            // The addresses at which its environment begins and ends.
            let (start, end) = (*fields.get(47)?, *fields.get(48)?);
            // One that is ending has no program any more.
            let becomes_another = end == "0" && fs::read_link(format!("/proc/{pid}/exe")).is_ok();
            if !becomes_another && start == end {
                return None;
            }
            thread::yield_now();
        }
        None
    }
}
