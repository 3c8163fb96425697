//! How busy a process and the machine are.

use std::time::Duration;

/// The scheduler's account of a process's first thread, to tell a process at rest from one that had no processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Whether it runs, or would if it had a processor.
    pub runnable: bool,
    /// Time on a processor since it was started.
    pub ran: Duration,
}

/// The load average of the last minute: how many threads wanted to run.
pub fn of_last_minute() -> Option<f64> {
    let mut loads = [0.0];
    #[expect(unsafe_code, reason = "no crate that is used here has it for every system")]
    // SAFETY: one element is asked for, and there is one.
    let count = unsafe { nix::libc::getloadavg(loads.as_mut_ptr(), 1) };
    (count == 1).then_some(loads[0])
}
