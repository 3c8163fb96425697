//! The memory of processes, and what a long-lived one gives back.

use std::ptr::{NonNull, with_exposed_provenance_mut};

use nix::sys::mman::{MmapAdvise, madvise};

pub use super::system::resident;
use super::tree;

/// The resident memory of `root` and its descendants in bytes. Shared pages are counted for each process.
pub fn of_tree(root: i32) -> u64 {
    let descendants = tree::descendants(root);
    let pids = descendants.iter().map(|process| process.identity.pid);
    pids.chain([root]).filter_map(resident).sum()
}

/// Gives the heap that only the start needed back to the system. Allocators other than glibc's do so by
/// themselves.
pub fn trim() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "the allocator's own function")]
    // SAFETY: it changes no memory that is in use.
    unsafe {
        nix::libc::malloc_trim(0);
    }
}

/// Unmaps the pages of executable code, most of which only the start needs. The rest returns from the page cache
/// when it is executed, sixteen pages at a time. Only Linux has the list.
pub fn unmap_start_code() {
    let Ok(maps) = std::fs::read_to_string("/proc/self/maps") else { return };
    let code = maps.lines().filter_map(|line| {
        let (range, rest) = line.split_once(' ')?;
        // Private, never written to, and of a file: every page is as the file has it.
        if !rest.starts_with("r-xp ") || !rest.contains('/') {
            return None;
        }
        let (start, end) = range.split_once('-')?;
        let [start, end] = [start, end].map(|address| usize::from_str_radix(address, 16).ok());
        Some((NonNull::new(with_exposed_provenance_mut(start?))?, end? - start?))
    });
    for (address, length) in code {
        #[expect(unsafe_code, reason = "no library has the addresses of a program's own code")]
        // SAFETY: code is only read, and reads as before.
        let _ = unsafe { madvise(address, length, MmapAdvise::MADV_DONTNEED) };
    }
}
