//! The limit of open files.

use std::error::Error;
use std::io;
use std::os::fd::AsFd;

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
