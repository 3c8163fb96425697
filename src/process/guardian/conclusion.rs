//! What runs when the service has ended, however it ended: also when the supervisor was killed.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use super::watch::{Leader, Phase, Watch};
use super::wire::Report;
use crate::exit_code::NOT_FOUND;
use crate::process::spawn::spawn;
use crate::process::{ABANDONED_GRACE, Exit, Program, Stdio, left_terminal};

/// How long it may take before it is killed, unless the service itself may take longer to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long it may take after a service that has this time to end.
pub fn patience(grace: Duration) -> Duration {
    grace.max(PATIENCE)
}

impl Watch {
    /// The lifeline has ended. Whoever killed the supervisor counts on the port soon.
    pub(super) fn abandon(&mut self) {
        left_terminal::restore_if_abandoned();
        let grace = self.spec.grace.min(ABANDONED_GRACE);
        match self.phase {
            // The supervisor lives, and has dismissed a guardian that has nothing left to guard.
            Phase::Guarding if self.empty => {}
            Phase::Guarding => self.end(grace),
            Phase::Ending(_) if self.concludes => {}
            Phase::Ending(deadline) => self.phase = Phase::Ending(deadline.min(Instant::now() + grace)),
            Phase::Killing => {}
        }
    }

    /// Starts what runs after the service, and has the end reported in any case.
    pub(super) fn begin_conclusion(&mut self) {
        self.conclude();
        self.empty = false;
    }

    /// Starts what runs after the service, once, if any process of the service was started. Returns whether there is
    /// an end to wait for.
    pub(super) fn conclude(&mut self) -> bool {
        if self.lifeline.is_none() && self.phase != Phase::Guarding {
            left_terminal::restore_before_exit();
        }
        let Some(after) = self.spec.after.take().filter(|_| self.group.is_some()) else { return false };
        self.release_leader();
        (self.concludes, self.empty) = (true, false);
        self.phase = Phase::Ending(Instant::now() + patience(self.spec.grace));
        match self.spawn_after(&after) {
            Ok(pid) => (self.leader, self.group) = (Some(Leader { pid, exit: None }), Some(pid)),
            Err(_) => self.report(Report::Concluded { exit: Exit::Code(NOT_FOUND) }),
        }
        true
    }

    /// Without a supervisor nobody reads what it writes, which would end it.
    fn spawn_after(&self, after: &Program) -> io::Result<Pid> {
        let spawned = self.lifeline.as_ref().map(|_| spawn(after, &self.spec.stdio));
        match spawned {
            Some(Ok(pid)) => Ok(pid),
            // The terminal may be gone already.
            Some(Err(_)) | None => spawn(after, &silent()?),
        }
    }
}

fn silent() -> io::Result<Stdio> {
    let null = || File::options().read(true).write(true).open("/dev/null").map(OwnedFd::from);
    Ok(Stdio { stdin: null()?, stdout: null()?, stderr: null()?, terminal: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_take_long_to_end_may_take_long_to_be_cleared_away() {
        assert_eq!(patience(Duration::from_secs(60)), Duration::from_secs(60));
        assert_eq!(patience(Duration::ZERO), PATIENCE);
    }
}
