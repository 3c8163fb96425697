//! How many files this process may open.

use std::io;
use std::os::fd::AsFd;

use nix::libc::{EMFILE, ENFILE, rlim_t};
use nix::sys::resource::{Resource, getrlimit};

/// The errors of a process, and of a machine, that may open no more files.
const EXHAUSTED: [i32; 2] = [EMFILE, ENFILE];

/// What is enough for nearly everything.
const PLENTY: rlim_t = 1024;

/// Whether `count` more can be opened at this moment.
///
/// Asked before anything is begun: half-way, some of those who open something (a signal handler, say) can only panic.
///
/// # Errors
/// They cannot.
pub fn require(count: usize) -> io::Result<()> {
    let mut held = Vec::with_capacity(count);
    for _ in 0..count {
        match io::stdin().as_fd().try_clone_to_owned() {
            Ok(one) => held.push(one),
            Err(error) if error.raw_os_error().is_some_and(|code| EXHAUSTED.contains(&code)) => {
                return Err(error);
            }
            // No question of how many.
            Err(_) => break,
        }
    }
    Ok(())
}

/// What to do if `message` tells of an error of this kind, however deep it lay.
pub fn hint(message: &str) -> Option<String> {
    let tells = EXHAUSTED.iter().any(|code| message.contains(&format!("(os error {code})")));
    tells.then(|| {
        let present = getrlimit(Resource::RLIMIT_NOFILE).map_or(0, |(soft, _)| soft);
        let more = present.saturating_mul(2).checked_next_power_of_two().unwrap_or(present);
        format!("raise the limit of open files: `ulimit -n {}`", more.max(PLENTY))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_these_errors_are_told() {
        assert!(require(2).is_ok());
        for code in EXHAUSTED {
            let message = format!("cannot do it: {}", io::Error::from_raw_os_error(code));
            assert!(hint(&message).is_some_and(|hint| hint.contains("`ulimit -n ")), "{message}");
        }
        assert_eq!(hint(&io::Error::from_raw_os_error(2).to_string()), None);
    }
}
