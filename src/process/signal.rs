//! Sending a signal to one process and never to a later one with its pid.

use std::io;

use rustix::io::Errno;
use rustix::process::{Pid, kill_process};
#[cfg(target_os = "linux")]
use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};

use super::{Identity, Signal};

/// Sends `signal` to exactly this process. False if it has ended, even if another process has its pid now.
///
/// # Errors
/// Those of kill(2), except `ESRCH`: above all `EPERM`.
pub fn send(target: Identity, signal: Signal) -> io::Result<bool> {
    match send_verified(target, signal) {
        Ok(()) => Ok(true),
        Err(Errno::SRCH) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn send_verified(target: Identity, signal: Signal) -> Result<(), Errno> {
    if target.pid <= 1 {
        return Err(Errno::SRCH);
    }
    let pid = Pid::from_raw(target.pid).ok_or(Errno::SRCH)?;
    let signal = rustix::process::Signal::from_named_raw(signal as i32).ok_or(Errno::SRCH)?;
    // A pidfd pins the process that has the pid now, so the check of the start time holds until the signal is
    // sent.
    #[cfg(target_os = "linux")]
    let pidfd = match pidfd_open(pid, PidfdFlags::empty()) {
        // Kernels before 5.3.
        Err(Errno::NOSYS) => None,
        pidfd => Some(pidfd?),
    };
    if !target.exists() {
        return Err(Errno::SRCH);
    }
    #[cfg(target_os = "linux")]
    if let Some(pidfd) = pidfd {
        return pidfd_send_signal(pidfd, signal);
    }
    // Without process descriptors, an instant remains between the check and the signal.
    kill_process(pid, signal)
}
