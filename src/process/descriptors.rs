//! The open files of this process: how many there may be, and which a program executed here inherits.

use std::error::Error;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, RawFd};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::libc::{EMFILE, ENFILE, rlim_t};
use nix::sys::resource::{Resource, getrlimit};

/// The errors of a process and of a machine that can open no more files.
const EXHAUSTED: [i32; 2] = [EMFILE, ENFILE];

/// A limit that is enough for nearly everything.
const ENOUGH: rlim_t = 1024;

/// Checks that `count` more descriptors can be opened now. To be called before anything is begun: later, some code
/// that opens files can only panic.
pub fn require(count: usize) -> io::Result<()> {
    let held: io::Result<Vec<_>> = (0..count).map(|_| io::stdin().as_fd().try_clone_to_owned()).collect();
    held.err().filter(is_exhausted).map_or(Ok(()), Err)
}

/// The descriptors of this process from 3 on. The one that the list itself is read with is closed by now.
pub(super) fn open_numbers() -> Vec<RawFd> {
    let listing = if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" };
    let entries = std::fs::read_dir(listing).into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter(|&number| number > 2).collect()
}

/// Whether a program executed here inherits this descriptor. From 3 on it is then the caller's, as bowline opens its
/// own files so that they are closed on exec.
pub(super) fn is_inherited(number: RawFd) -> bool {
    flags(number).is_some_and(|flags| !flags.contains(FdFlag::FD_CLOEXEC))
}

fn flags(number: RawFd) -> Option<FdFlag> {
    fcntl(borrow(number), FcntlArg::F_GETFD).ok().map(FdFlag::from_bits_truncate)
}

#[expect(unsafe_code, reason = "the numbers come from the kernel's list")]
fn borrow(number: RawFd) -> BorrowedFd<'static> {
    // SAFETY: it is only asked about or marked by number. If it is closed already, fcntl(2) says so.
    unsafe { BorrowedFd::borrow_raw(number) }
}

/// Keeps the caller's descriptors from the programs executed here, standard streams excepted.
pub fn close_inherited_on_exec() {
    for number in open_numbers().into_iter().filter(|&number| is_inherited(number)) {
        let _closed = fcntl(borrow(number), FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC));
    }
}

fn is_exhausted(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|code| EXHAUSTED.contains(&code))
}

/// The advice for an error that too many open files have caused.
pub fn hint(error: &(dyn Error + 'static)) -> Option<String> {
    let mut causes = std::iter::successors(Some(error), |&error| error.source());
    let is_cause =
        |cause: &(dyn Error + 'static)| cause.downcast_ref::<io::Error>().is_some_and(is_exhausted);
    causes.any(is_cause).then(|| {
        let present = getrlimit(Resource::RLIMIT_NOFILE).map_or(0, |(soft, _)| soft);
        let more = present.saturating_mul(2).checked_next_power_of_two().unwrap_or(present);
        format!("raise the limit of open files: `ulimit -n {}`", more.max(ENOUGH))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot do it: {0}")]
    struct Wrapped(#[source] io::Error);

    #[test]
    fn only_a_limit_of_files_has_the_hint() {
        assert!(require(2).is_ok());
        for code in EXHAUSTED {
            let error = io::Error::from_raw_os_error(code);
            assert!(hint(&error).is_some_and(|hint| hint.contains("`ulimit -n ")), "{error}");
            let wrapped = io::Error::other(Wrapped(error));
            assert!(hint(&wrapped).is_some(), "{wrapped}");
        }
        assert_eq!(hint(&io::Error::from_raw_os_error(2)), None);
    }
}
