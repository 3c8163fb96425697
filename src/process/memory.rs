//! The memory of processes, and what a long-lived one gives back.

pub use super::system::resident;
use super::tree;

/// The resident memory of `root` and its descendants in bytes. Shared pages are counted for each process.
pub fn of_tree(root: i32) -> u64 {
    let descendants = tree::descendants(root);
    let pids = descendants.iter().map(|process| process.identity.pid);
    pids.chain([root]).filter_map(resident).sum()
}

/// Returns the heap that only the start needed to the system.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the allocator's own function")]
pub fn trim() {
    // SAFETY: it changes no memory that is in use.
    unsafe { nix::libc::malloc_trim(0) };
}

/// Other allocators give back by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn trim() {}

/// Unmaps the pages of executable code, most of which only the start needs. The rest returns from the page cache
/// when it is executed, sixteen pages at a time.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "no library has the addresses of a program's own code")]
pub fn unmap_start_code() {
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
pub fn unmap_start_code() {}
