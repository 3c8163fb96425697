//! Signals that reach only the process they are meant for.

use std::io;

use nix::sys::signal::kill;
use nix::unistd::Pid;

use super::{Identity, Signal};

/// Sends `signal` to exactly this process, and to nobody if it has ended, even if its pid is somebody else's now.
/// Whether it was sent.
///
/// # Errors
/// Those of kill(2) but for `ESRCH`: not permitted, above all.
pub fn send(target: Identity, signal: Signal) -> io::Result<bool> {
    if target.pid <= 1 {
        return Ok(false);
    }
    send_verified(target, signal)
}

/// The file descriptor pins the process: once it is open, and the start time is still the expected one, the
/// pid cannot change hands between the check and the signal.
#[cfg(target_os = "linux")]
fn send_verified(target: Identity, signal: Signal) -> io::Result<bool> {
    use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};
    let Some(pid) = rustix::process::Pid::from_raw(target.pid) else { return Ok(false) };
    let pidfd = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(pidfd) => pidfd,
        Err(rustix::io::Errno::SRCH) => return Ok(false),
        // Kernels before 5.3.
        Err(rustix::io::Errno::NOSYS) => return send_checked(target, signal),
        Err(error) => return Err(error.into()),
    };
    if !target.exists() {
        return Ok(false);
    }
    let Some(raw) = rustix::process::Signal::from_named_raw(signal as i32) else { return Ok(false) };
    match pidfd_send_signal(pidfd, raw) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::SRCH) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// There is no process descriptor here, so an instant remains between the check and the signal.
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
