//! The time of day where the user is.

use std::mem::MaybeUninit;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::libc;

/// The time now as `hh:mm:ss`; `None` if the system cannot tell it.
pub fn clock() -> Option<String> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
    // A `time_t`, whose name libc deprecates where its size is about to change.
    let seconds = seconds.try_into().ok()?;
    let mut parts = MaybeUninit::<libc::tm>::uninit();
    #[expect(unsafe_code, reason = "the standard library knows no time zones")]
    // SAFETY: both pointers are valid, and the result is read only if the function has written it.
    let parts = unsafe {
        if libc::localtime_r(&raw const seconds, parts.as_mut_ptr()).is_null() {
            return None;
        }
        parts.assume_init()
    };
    Some(format!("{:02}:{:02}:{:02}", parts.tm_hour, parts.tm_min, parts.tm_sec))
}
