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

/// Unmaps the pages of executable code, most of which only a start needs. What runs on comes back from the page cache by itself,
/// sixteen pages at a time.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "no library has the addresses of a program's own code")]
pub fn let_go_of_code() {
    use nix::sys::mman::{MmapAdvise, madvise};
    let Ok(maps) = std::fs::read_to_string("/proc/self/maps") else { return };
    let code = maps.lines().filter_map(|line| {
        let (range, rest) = line.split_once(' ')?;
        // Private, never written to, and of a file: every page is as the file has it.
        if !rest.starts_with("r-xp ") || !rest.contains('/') {
            return None;
        }
        let (start, end) = range.split_once('-')?;
        Some((usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?))
    });
    for (start, end) in code {
        let Some(address) = std::ptr::NonNull::new(std::ptr::with_exposed_provenance_mut(start)) else {
            continue;
        };
        // SAFETY: code is only read, and reads as before.
        let _ = unsafe { madvise(address, end - start, MmapAdvise::MADV_DONTNEED) };
    }
}

/// There is no such call.
#[cfg(not(target_os = "linux"))]
pub fn let_go_of_code() {}
