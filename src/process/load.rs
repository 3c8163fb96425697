//! The load of the machine.

/// The load average of the last minute: how many threads wanted to run.
pub fn of_last_minute() -> Option<f64> {
    let mut loads = [0.0];
    #[expect(unsafe_code, reason = "no crate that is used here has it for every system")]
    // SAFETY: one element is asked for, and there is one.
    let count = unsafe { nix::libc::getloadavg(loads.as_mut_ptr(), 1) };
    (count == 1).then_some(loads[0])
}
