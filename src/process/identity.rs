//! Identities of processes: a pid alone names whoever has it now, so every pid is kept with its start time.

use std::fmt;

/// A process that cannot be mistaken for a later one with the same pid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    pub pid: i32,
    /// When it started: clock ticks since boot on Linux, microseconds since the epoch on macOS. Compare for
    /// equality only.
    pub started: u64,
}

impl Identity {
    /// The process that has `pid` now.
    pub fn of(pid: i32) -> Option<Self> {
        Process::read(pid).map(|process| process.identity)
    }

    pub fn current() -> Self {
        let pid = std::process::id().cast_signed();
        Self::of(pid).unwrap_or(Self { pid, started: 0 })
    }

    /// Whether this very process still exists, be it as a zombie.
    pub fn exists(self) -> bool {
        Self::of(self.pid) == Some(self)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.pid)
    }
}

/// An entry of the process table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    pub identity: Identity,
    pub parent: i32,
    pub group: i32,
    /// Whether it has ended and waits to be reaped.
    pub zombie: bool,
    /// Whether a signal has stopped it, as Ctrl-Z does.
    pub stopped: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_current_process_exists_and_another_start_time_does_not() {
        let me = Identity::current();
        assert!(me.exists());
        assert!(!Identity { started: me.started + 1, ..me }.exists());
    }

    #[test]
    fn the_start_time_of_this_process_is_not_long_ago() {
        let age = Identity::current().since().unwrap().elapsed().unwrap_or_default();
        assert!(age.as_secs() < 3600, "{age:?}");
    }
}
