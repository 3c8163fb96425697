//! How much memory processes use.

/// The resident memory of `pid` in bytes; nothing if there is no such process.
#[cfg(target_os = "linux")]
pub fn resident(pid: i32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(pages * u64::try_from(rustix::param::page_size()).ok()?)
}

/// The resident memory of `pid` in bytes; nothing if there is no such process. Written from the manual; not run here.
#[cfg(target_os = "macos")]
pub fn resident(pid: i32) -> Option<u64> {
    use libproc::proc_pid::pidinfo;
    use libproc::task_info::TaskInfo;
    pidinfo::<TaskInfo>(pid, 0).ok().map(|task| task.pti_resident_size)
}

/// The resident memory of `root` and all that descends from it. Pages that several share are counted for each.
pub fn of_tree(root: i32) -> u64 {
    let descendants = super::tree::descendants(root);
    let pids = descendants.iter().map(|process| process.identity.pid);
    pids.chain([root]).filter_map(resident).sum()
}

/// Gives back to the system what was allocated for a start and is free again: a supervisor and a guardian live long, and need
/// little of it.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the allocator's own function")]
pub fn trim() {
    // SAFETY: it changes no memory that is in use.
    unsafe { nix::libc::malloc_trim(0) };
}

/// Other allocators give back by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn trim() {}
