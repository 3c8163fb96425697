//! The limit of open files.

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
    let is_exhausted = |error: &io::Error| error.raw_os_error().is_some_and(|code| EXHAUSTED.contains(&code));
    held.err().filter(is_exhausted).map_or(Ok(()), Err)
}

/// The advice for a `message` with an error of this kind. Most errors become text before they arrive here, but the
/// standard library always appends their number.
pub fn hint(message: &str) -> Option<String> {
    let is_exhausted = EXHAUSTED.iter().any(|code| message.contains(&format!("(os error {code})")));
    is_exhausted.then(|| {
        let present = getrlimit(Resource::RLIMIT_NOFILE).map_or(0, |(soft, _)| soft);
        let more = present.saturating_mul(2).checked_next_power_of_two().unwrap_or(present);
        format!("raise the limit of open files: `ulimit -n {}`", more.max(ENOUGH))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_limit_of_files_has_the_hint() {
        assert!(require(2).is_ok());
        for code in EXHAUSTED {
            let message = format!("cannot do it: {}", io::Error::from_raw_os_error(code));
            assert!(hint(&message).is_some_and(|hint| hint.contains("`ulimit -n ")), "{message}");
        }
        assert_eq!(hint(&io::Error::from_raw_os_error(2).to_string()), None);
    }
}
