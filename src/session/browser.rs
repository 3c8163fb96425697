//! Opening a browser, which bowline neither waits for nor ends.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::event::{Level, What};
use crate::process::{children, wait_for_end};

/// How long a launcher is watched for an immediate failure. One that goes on is the browser itself, or waits for it.
const WATCHED: Duration = Duration::from_millis(250);

/// Opens the URL with the first of the system's launchers that works. Returns whether one did.
///
/// The `open` crate would wait for the launcher in a thread, and a supervisor with a second thread cannot fork
/// another guardian. The supervisor reaps all of its children.
pub fn open(url: &str) -> bool {
    open::commands(url).iter_mut().any(is_launched)
}

/// Opens the URL for the user, and returns what there is to say; a service without a port has none.
pub fn show(url: Option<String>) -> What {
    let (level, message) = match url {
        Some(url) if open(&url) => (Level::Plain, format!("opened {url}")),
        Some(url) => (Level::Warning, unopened(&url)),
        None => (Level::Warning, "it has no URL, as it has no port".to_owned()),
    };
    What::Noted { level, message }
}

pub fn unopened(url: &str) -> String {
    format!("no browser could be opened; the URL is {url}")
}

fn is_launched(launcher: &mut Command) -> bool {
    launcher.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // In a process group of its own: Ctrl-C is for the service.
    let Ok(mut child) = launcher.process_group(0).spawn() else { return false };
    children::expect_strangers();
    wait_for_end(child.id().cast_signed(), WATCHED, || true);
    child.try_wait().map_or(true, |ended| ended.is_none_or(|status| status.success()))
}
