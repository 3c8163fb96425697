//! macOS' answers about processes, from libproc and sysctl(3). `linux.rs` has the same functions, and says what
//! they do.
//!
//! Written after `bsd/sys/proc_info.h`, `bsd/kern/proc_info.c`, `bsd/kern/kern_sysctl.c` and
//! `bsd/kern/kern_event.c` of Apple's xnu (release 11417), whose functions are named below. It compiles; it has
//! never run.

use std::ffi::{CStr, OsStr, c_char, c_int};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::ptr;
use std::time::{Duration, SystemTime};

use nix::libc::{self, proc_bsdinfo, proc_taskinfo, timespec};
use nix::sys::event::{EvFlags, EventFilter, FilterFlag, KEvent, Kqueue};

use super::identity::{Identity, Process};
use super::load::Progress;

/// Kinds of lists of proc_listpids (`proc_info.h`), which libc does not have.
const PROC_ALL_PIDS: u32 = 1;
const PROC_PPID_ONLY: u32 = 6;

impl Process {
    /// The entry of `pid`, `None` if there is none, or if it is another user's.
    pub fn read(pid: i32) -> Option<Self> {
        let info = bsd_info(pid)?;
        Some(Self {
            identity: Identity { pid, started: info.pbi_start_tvsec * 1_000_000 + info.pbi_start_tvusec },
            parent: info.pbi_ppid.cast_signed(),
            group: info.pbi_pgid.cast_signed(),
            zombie: info.pbi_status == libc::SZOMB,
            stopped: info.pbi_status == libc::SSTOP,
        })
    }
}

impl Identity {
    /// When it started by the wall clock.
    pub fn since(self) -> Option<SystemTime> {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_micros(self.started))
    }
}

/// The entry of `pid` in the process table. Refused for the processes of other users (`proc_security_policy`).
pub(crate) fn bsd_info(pid: i32) -> Option<proc_bsdinfo> {
    // Zombies are looked for only if the argument is not 0 (`proc_pidinfo_internal`).
    info(pid, libc::PROC_PIDTBSDINFO, 1)
}

#[expect(unsafe_code, reason = "libc has the call, and nobody a safe one")]
fn info<T: Copy>(pid: i32, flavor: c_int, argument: u64) -> Option<T> {
    let mut answer = MaybeUninit::<T>::zeroed();
    let size = c_int::try_from(size_of::<T>()).ok()?;
    // SAFETY: the kernel writes at most `size` bytes, and every `T` of this file is made of integers alone.
    unsafe {
        let written = libc::proc_pidinfo(pid, flavor, argument, answer.as_mut_ptr().cast(), size);
        (written == size).then(|| answer.assume_init())
    }
}

pub fn all_pids() -> Vec<i32> {
    list(PROC_ALL_PIDS, 0)
}

/// The children of `pid`, zombies and those of other users included.
pub fn children(pid: i32) -> Vec<i32> {
    list(PROC_PPID_ONLY, pid.cast_unsigned())
}

#[expect(unsafe_code, reason = "libc has the call, and nobody a safe one")]
fn list(kind: u32, of: u32) -> Vec<i32> {
    // SAFETY: without a buffer only the size is answered, with room for some more processes (`proc_listpids`).
    let wanted = unsafe { libc::proc_listpids(kind, of, ptr::null_mut(), 0) };
    let mut pids = vec![0_i32; usize::try_from(wanted).unwrap_or(0) / size_of::<i32>()];
    // SAFETY: the kernel writes at most `wanted` bytes, which `pids` has.
    let written = unsafe { libc::proc_listpids(kind, of, pids.as_mut_ptr().cast(), wanted) };
    pids.truncate(usize::try_from(written).unwrap_or(0) / size_of::<i32>());
    pids
}

/// Reads the arguments too. Those of other users are refused, and those of restricted programs (`/bin/sh`,
/// `/bin/sleep` and all others of the system) come without their environment (`sysctl_procargsx`).
#[expect(unsafe_code, reason = "nix has no sysctl")]
pub fn read_environment(pid: i32, area: &mut Vec<u8>) -> bool {
    // `ARG_MAX`: more is refused.
    area.resize(1 << 20, 0);
    let mut name = [libc::CTL_KERN, libc::KERN_PROCARGS2, pid];
    let mut length = area.len();
    // SAFETY: `name` has three numbers, and `length` is the size of `area`.
    let answer = unsafe {
        libc::sysctl(name.as_mut_ptr(), 3, area.as_mut_ptr().cast(), &raw mut length, ptr::null_mut(), 0)
    };
    area.truncate(length);
    answer == 0
}

#[expect(unsafe_code, reason = "libc has the call, and nobody a safe one")]
pub fn executable(pid: i32) -> Option<PathBuf> {
    let mut path = [0_u8; 4096];
    let size = u32::try_from(path.len()).ok()?;
    // SAFETY: `path` has room for `size` bytes.
    let length = unsafe { libc::proc_pidpath(pid, path.as_mut_ptr().cast(), size) };
    let length = usize::try_from(length).ok().filter(|&length| length > 0)?;
    Some(PathBuf::from(OsStr::from_bytes(path.get(..length)?)))
}

pub fn own_executable() -> io::Result<PathBuf> {
    std::env::current_exe()
}

pub fn executable_while_running() -> Option<PathBuf> {
    None
}

pub fn set_name(_: &CStr) {}

pub fn resident(pid: i32) -> Option<u64> {
    info::<proc_taskinfo>(pid, libc::PROC_PIDTASKINFO, 0).map(|task| task.pti_resident_size)
}

impl Progress {
    /// Not implemented on this system.
    pub fn of(_pid: i32) -> Option<Self> {
        None
    }
}

pub fn watch_end(pid: i32) -> io::Result<OwnedFd> {
    let (queue, ident) = (Kqueue::new()?, usize::try_from(pid).map_err(|_| io::ErrorKind::InvalidInput)?);
    let exit = KEvent::new(ident, EventFilter::EVFILT_PROC, EvFlags::EV_ADD, FilterFlag::NOTE_EXIT, 0, 0);
    // A process that has ended is refused, a zombie included (`filt_procattach`). The queue itself is readable once
    // it has an event (`kqueue_select`, `kqueue_kqfilter`).
    queue.kevent(&[exit], &mut [], Some(timespec { tv_sec: 0, tv_nsec: 0 }))?;
    Ok(queue.into())
}

pub fn wait_for_end(pid: i32, limit: Duration, is_the_one: impl FnOnce() -> bool) -> bool {
    let (Ok(queue), Ok(ident)) = (Kqueue::new(), usize::try_from(pid)) else { return false };
    let exit = KEvent::new(ident, EventFilter::EVFILT_PROC, EvFlags::EV_ADD, FilterFlag::NOTE_EXIT, 0, 0);
    let at_once = timespec { tv_sec: 0, tv_nsec: 0 };
    // A process that has ended is refused, a zombie included (`filt_procattach`).
    if queue.kevent(&[exit], &mut [], Some(at_once)).is_err() || !is_the_one() {
        return false;
    }
    let tv_sec = i64::try_from(limit.as_secs()).unwrap_or(i64::MAX);
    let limit = timespec { tv_sec, tv_nsec: limit.subsec_nanos().into() };
    // A signal to this process ends the wait early; callers look again or are merely less patient.
    let _ended = queue.kevent(&[], &mut [exit], Some(limit));
    true
}

/// The kernel's name for a process.
pub(crate) fn name(info: &proc_bsdinfo) -> String {
    let name: &[c_char] = if info.pbi_name[0] == 0 { &info.pbi_comm } else { &info.pbi_name };
    let bytes: Vec<u8> = name.iter().map(|&byte| byte.to_ne_bytes()[0]).chain([0]).collect();
    CStr::from_bytes_until_nul(&bytes).unwrap_or_default().to_string_lossy().into_owned()
}
