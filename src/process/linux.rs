//! Linux' answers about processes, from `/proc` (proc(5)) and process descriptors. `macos.rs` has the same list of
//! functions.

use std::ffi::CStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::str::{FromStr, SplitAsciiWhitespace};
use std::time::{Duration, SystemTime};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::identity::{Identity, Process};
use super::load::Progress;

impl Process {
    /// The entry of `pid`, `None` if there is none.
    pub fn read(pid: i32) -> Option<Self> {
        parse(pid, &fs::read(format!("/proc/{pid}/stat")).ok()?)
    }
}

impl Identity {
    /// When it started by the wall clock, to about a second.
    pub fn since(self) -> Option<SystemTime> {
        let uptime = Duration::try_from_secs_f64(number("/proc/uptime", 0)?).ok()?;
        let started = Duration::from_secs(self.started / rustix::param::clock_ticks_per_second());
        SystemTime::now().checked_sub(uptime.saturating_sub(started))
    }
}

fn parse(pid: i32, stat: &[u8]) -> Option<Process> {
    let mut fields = fields(stat)?;
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let threads: usize = fields.nth(14)?.parse().ok()?;
    let started = fields.nth(1)?.parse().ok()?;
    // The state is that of the first thread, which may end before the others; these keep the children.
    let (zombie, stopped) = (matches!(state, "Z" | "X" | "x") && threads <= 1, state == "T");
    Some(Process { identity: Identity { pid, started }, parent, group, zombie, stopped })
}

/// The fields of `/proc/PID/stat` from the state on. The name before it may contain spaces and parentheses, so
/// they are counted from the last closing one.
fn fields(stat: &[u8]) -> Option<SplitAsciiWhitespace<'_>> {
    let end_of_name = stat.iter().rposition(|&byte| byte == b')')?;
    std::str::from_utf8(stat.get(end_of_name + 2..)?).ok().map(str::split_ascii_whitespace)
}

/// The number at `index` of a file of numbers.
fn number<T: FromStr>(path: &str, index: usize) -> Option<T> {
    fs::read_to_string(path).ok()?.split_ascii_whitespace().nth(index)?.parse().ok()
}

pub fn all_pids() -> Vec<i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The children of `pid`, zombies included. One that is being forked at this moment may be missing.
pub fn children(pid: i32) -> Vec<i32> {
    let mut found = Vec::new();
    for task in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
        match fs::read_to_string(task.path().join("children")) {
            Ok(list) => found.extend(list.split_ascii_whitespace().filter_map(|pid| pid.parse::<i32>().ok())),
            // A kernel built without CONFIG_PROC_CHILDREN; a thread that has just ended gives the same error.
            Err(_) if task.path().join("stat").exists() => {
                let is_child = |&one: &i32| Process::read(one).is_some_and(|process| process.parent == pid);
                return all_pids().into_iter().filter(is_child).collect();
            }
            Err(_) => {}
        }
    }
    found
}

/// Reads the environment that `pid` was executed with into `area`. Returns whether it could be read.
pub fn read_environment(pid: i32, area: &mut Vec<u8>) -> bool {
    area.clear();
    File::open(format!("/proc/{pid}/environ")).is_ok_and(|mut file| file.read_to_end(area).is_ok())
}

/// The file of the program that `pid` runs, whatever the process calls itself.
pub fn executable(pid: i32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/exe")).ok()
}

/// A path by which this very program can be executed again, even if its file was deleted or replaced meanwhile.
pub fn own_executable() -> io::Result<PathBuf> {
    // Not always the second: the process would be called `exe` then.
    std::env::current_exe().map(|path| if path.exists() { path } else { "/proc/self/exe".into() })
}

/// A path by which any process executes this very program as long as this process runs, whatever becomes of its file.
pub fn executable_while_running() -> Option<PathBuf> {
    Some(format!("/proc/{}/exe", std::process::id()).into())
}

/// The name of this process in process lists.
pub fn set_name(name: &CStr) {
    let _cosmetic = nix::sys::prctl::set_name(name);
}

/// In bytes.
pub fn resident(pid: i32) -> Option<u64> {
    let pages: u64 = number(&format!("/proc/{pid}/statm"), 1)?;
    Some(pages * u64::try_from(rustix::param::page_size()).ok()?)
}

impl Progress {
    /// How far `pid` has come, `None` if the kernel keeps no account.
    pub fn of(pid: i32) -> Option<Self> {
        let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
        let runnable = fields(&stat)?.next()? == "R";
        // Nanoseconds on a processor, on a queue for one, and the number of turns (sched-stats.rst of the kernel).
        let ran = Duration::from_nanos(number(&format!("/proc/{pid}/schedstat"), 0)?);
        Some(Self { runnable, ran })
    }
}

/// A descriptor that is readable once `pid` has ended.
pub fn watch_end(pid: i32) -> io::Result<OwnedFd> {
    let pid = Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(pidfd_open(pid, PidfdFlags::empty())?)
}

/// Waits at most `limit` for the end of `pid`, which need not be a child. `is_the_one` is called once the process
/// is pinned and its pid cannot be reused. Returns whether it waited, even in vain: false if there is no such
/// process, or if it is not the one.
pub fn wait_for_end(pid: i32, limit: Duration, is_the_one: impl FnOnce() -> bool) -> bool {
    let Some(pid) = Pid::from_raw(pid).filter(|pid| pid.as_raw_pid() > 0) else { return false };
    let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else { return false };
    if !is_the_one() {
        return false;
    }
    let timeout = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
    // A signal to this process ends the wait early; callers look again or are merely less patient.
    let _ended = poll(&mut [PollFd::new(process.as_fd(), PollFlags::POLLIN)], timeout);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_and_spaces_is_skipped() {
        let stat = b"42 (a) b (c)) S 7 42 41 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 2 3";
        let process = parse(42, stat).unwrap();
        assert_eq!(process.identity, Identity { pid: 42, started: 987_654 });
        assert_eq!((process.parent, process.group), (7, 42));
        assert!(!process.zombie && !process.stopped);
    }

    #[test]
    fn a_process_has_ended_when_its_last_thread_has() {
        for (state, threads, ended) in [("S", 1, false), ("Z", 2, false), ("Z", 1, true), ("X", 0, true)] {
            let stat =
                format!("42 (a) {state} 7 42 41 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 {threads} 0 98 1 2 3");
            assert_eq!(parse(42, stat.as_bytes()).unwrap().zombie, ended, "{state} {threads}");
        }
    }

    #[test]
    fn a_truncated_entry_is_no_process() {
        for stat in [&b""[..], b"42 (a", b"42 (a)", b"42 (a) S 7"] {
            assert_eq!(parse(42, stat), None);
        }
    }

    #[test]
    fn the_asking_process_is_runnable_and_has_run() {
        let me = std::process::id().cast_signed();
        let before = Progress::of(me).unwrap();
        assert!(Progress::of(me).unwrap().ran >= before.ran);
        assert_eq!(Progress::of(i32::MAX), None);
    }
}
