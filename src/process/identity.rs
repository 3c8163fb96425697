//! Who a process is: a pid alone names whoever has it now, so every pid is kept with its start time.

use std::fmt;
use std::time::{Duration, SystemTime};

/// A process that cannot be mistaken for a later one with the same pid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// The process id.
    pub pid: i32,
    /// When it started, in a unit of the kernel's: clock ticks since boot on Linux, microseconds since the
    /// epoch on macOS. Only equality means anything.
    pub started: u64,
}

impl Identity {
    /// Who has `pid` now, or `None` if nobody has.
    pub fn of(pid: i32) -> Option<Self> {
        Process::read(pid).map(|process| process.identity)
    }

    /// The process that asks.
    pub fn current() -> Self {
        let pid = std::process::id().cast_signed();
        Self::of(pid).unwrap_or(Self { pid, started: 0 })
    }

    /// When it started by the clock on the wall, to a second or so; `None` if the system does not say.
    #[cfg(target_os = "linux")]
    pub fn since(self) -> Option<SystemTime> {
        let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
        let uptime =
            Duration::try_from_secs_f64(uptime.split_ascii_whitespace().next()?.parse().ok()?).ok()?;
        let ticks = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok()??;
        let rate = u64::try_from(ticks).ok().filter(|&rate| rate > 0)?;
        let started = Duration::from_secs(self.started / rate);
        SystemTime::now().checked_sub(uptime.saturating_sub(started))
    }

    /// When it started by the clock on the wall. Written from the manual; not run here.
    #[cfg(target_os = "macos")]
    pub fn since(self) -> Option<SystemTime> {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_micros(self.started))
    }

    /// Whether this very process still exists, a zombie included.
    pub fn exists(self) -> bool {
        Self::of(self.pid) == Some(self)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.pid)
    }
}

/// What the process table says of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// Who it is.
    pub identity: Identity,
    /// Its parent's pid.
    pub parent: i32,
    /// Its process group.
    pub group: i32,
    /// Whether it has ended and waits to be reaped.
    pub zombie: bool,
}

impl Process {
    /// Reads the entry of `pid`, `None` if there is none.
    #[cfg(target_os = "linux")]
    pub fn read(pid: i32) -> Option<Self> {
        let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
        Self::parse(pid, &stat)
    }

    /// Parses `/proc/PID/stat` (see proc_pid_stat(5)). The name may hold spaces and parentheses, so the
    /// fields are counted from the last closing one.
    #[cfg(target_os = "linux")]
    fn parse(pid: i32, stat: &[u8]) -> Option<Self> {
        let end_of_name = stat.iter().rposition(|&byte| byte == b')')?;
        let rest = std::str::from_utf8(stat.get(end_of_name + 2..)?).ok()?;
        let mut fields = rest.split_ascii_whitespace();
        let state = fields.next()?;
        let parent = fields.next()?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        let started = fields.nth(16)?.parse().ok()?;
        Some(Self {
            identity: Identity { pid, started },
            parent,
            group,
            zombie: matches!(state, "Z" | "X" | "x"),
        })
    }

    /// Reads the entry of `pid`, `None` if there is none. Written from the manual; not run here.
    #[cfg(target_os = "macos")]
    pub fn read(pid: i32) -> Option<Self> {
        use libproc::bsd_info::BSDInfo;
        /// `SZOMB` of `sys/proc.h`.
        const ZOMBIE: u32 = 5;
        let info = libproc::proc_pid::pidinfo::<BSDInfo>(pid, 0).ok()?;
        let started = info.pbi_start_tvsec * 1_000_000 + info.pbi_start_tvusec;
        Some(Self {
            identity: Identity { pid, started },
            parent: info.pbi_ppid.cast_signed(),
            group: info.pbi_pgid.cast_signed(),
            zombie: info.pbi_status == ZOMBIE,
        })
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_and_spaces_is_skipped() {
        let stat = b"42 (a) b (c)) S 7 42 41 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 2 3";
        let process = Process::parse(42, stat).unwrap();
        assert_eq!(process.identity, Identity { pid: 42, started: 987_654 });
        assert_eq!((process.parent, process.group, process.zombie), (7, 42, false));
    }

    #[test]
    fn a_truncated_entry_is_nobody() {
        for stat in [&b""[..], b"42 (a", b"42 (a)", b"42 (a) S 7"] {
            assert_eq!(Process::parse(42, stat), None);
        }
    }

    #[test]
    fn the_current_process_exists_and_another_start_time_does_not() {
        let me = Identity::current();
        assert!(me.exists());
        assert!(!Identity { started: me.started + 1, ..me }.exists());
    }

    #[test]
    fn a_process_started_not_long_ago() {
        let age = Identity::current().since().unwrap().elapsed().unwrap_or_default();
        assert!(age < Duration::from_secs(600), "{age:?}");
    }
}
