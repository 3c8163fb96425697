//! Sending a signal to one process and never to a later one with its pid.

use std::io;

use nix::sys::signal::kill;
use nix::unistd::Pid;

use super::{Identity, Signal};

/// Sends `signal` to exactly this process. False if it has ended, even if another process has its pid now.
///
/// # Errors
/// Those of kill(2) but for `ESRCH`: not permitted, above all.
pub fn send(target: Identity, signal: Signal) -> io::Result<bool> {
    if target.pid <= 1 {
        return Ok(false);
    }
    send_verified(target, signal)
}

/// While the descriptor is open, no other process can get the pid between the check of the start time and the
/// signal.
#[cfg(target_os = "linux")]
fn send_verified(target: Identity, signal: Signal) -> io::Result<bool> {
    use rustix::io::Errno;
    use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};
    let Some(pid) = rustix::process::Pid::from_raw(target.pid) else { return Ok(false) };
    let Some(raw) = rustix::process::Signal::from_named_raw(signal as i32) else { return Ok(false) };
    let pidfd = match pidfd_open(pid, PidfdFlags::empty()) {
        // Kernels before 5.3.
        Err(Errno::NOSYS) => return send_checked(target, signal),
        pidfd => pidfd,
    };
    match pidfd
        .and_then(|pidfd| if target.exists() { pidfd_send_signal(pidfd, raw) } else { Err(Errno::SRCH) })
    {
        Ok(()) => Ok(true),
        Err(Errno::SRCH) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Without process descriptors, an instant remains between the check and the signal.
#[cfg(not(target_os = "linux"))]
fn send_verified(target: Identity, signal: Signal) -> io::Result<bool> {
    send_checked(target, signal)
}

fn send_checked(target: Identity, signal: Signal) -> io::Result<bool> {
    if !target.exists() {
        return Ok(false);
    }
    match kill(Pid::from_raw(target.pid), signal) {
        Ok(()) => Ok(true),
        Err(nix::errno::Errno::ESRCH) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
