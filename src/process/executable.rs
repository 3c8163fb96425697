//! Which program a process runs.

use std::path::PathBuf;

/// The file of the program that `pid` runs, whatever the process calls itself; `None` where the system does not say.
#[cfg(target_os = "linux")]
pub fn executable(pid: i32) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/{pid}/exe")).ok()
}

/// The file of the program that `pid` runs. Written from the manual; not run here.
#[cfg(target_os = "macos")]
pub fn executable(pid: i32) -> Option<PathBuf> {
    libproc::proc_pid::pidpath(pid).ok().map(PathBuf::from)
}
