//! How far a process has come, for whoever waits until it has come to rest.

use std::time::Duration;

/// What the scheduler knows of a process's first thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Whether it runs, or would if it had a processor.
    pub runnable: bool,
    /// How long it has run since it was started.
    pub ran: Duration,
}

impl Progress {
    /// That of `pid`, `None` where the kernel does not say.
    #[cfg(target_os = "linux")]
    pub fn of(pid: i32) -> Option<Self> {
        let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
        let end_of_name = stat.iter().rposition(|&byte| byte == b')')?;
        // Nanoseconds on a processor, on a queue for one, and the number of turns (sched-stats.rst of the kernel).
        let schedule = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).ok()?;
        let ran = schedule.split_ascii_whitespace().next()?.parse().ok()?;
        Some(Self { runnable: stat.get(end_of_name + 2) == Some(&b'R'), ran: Duration::from_nanos(ran) })
    }

    /// Not asked for on this system.
    #[cfg(not(target_os = "linux"))]
    pub fn of(_pid: i32) -> Option<Self> {
        None
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn who_asks_runs_and_has_run() {
        let me = std::process::id().cast_signed();
        let before = Progress::of(me).unwrap();
        assert!(Progress::of(me).unwrap().ran >= before.ran);
        assert_eq!(Progress::of(i32::MAX), None);
    }
}
