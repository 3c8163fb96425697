//! Opening a browser, which bowline neither waits for nor ends.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::event::{Level, What};
use crate::process::{children, wait_for_end};

/// How long a launcher is watched for an immediate failure. One that goes on is the browser itself, or waits for it.
const WATCHED: Duration = Duration::from_millis(250);

/// Opens the URL with the first that works of the programs that the user names in `BROWSER`, as `xdg-open` and Python
/// take it, and the system's launchers. Returns whether one did.
///
/// The `open` crate would wait for the launcher in a thread, and a supervisor with a second thread cannot fork
/// another guardian. The supervisor reaps all of its children.
pub fn open(url: &str) -> bool {
    let wanted = std::env::var("BROWSER").unwrap_or_default();
    // As Vite and Create React App have it.
    if wanted == "none" {
        return false;
    }
    wanted.split(':').filter_map(|words| named(words, url)).chain(open::commands(url)).any(is_launched)
}

/// The command of these words, with the URL in the place of `%s` or at the end.
fn named(words: &str, url: &str) -> Option<Command> {
    let words = shell_words::split(words).ok()?;
    let (program, arguments) = words.split_first()?;
    let mut command = Command::new(program);
    command.args(arguments.iter().map(|word| word.replace("%s", url)));
    if !arguments.iter().any(|word| word.contains("%s")) {
        command.arg(url);
    }
    Some(command)
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

fn is_launched(mut launcher: Command) -> bool {
    launcher.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // In a process group of its own: Ctrl-C is for the service.
    let Ok(mut child) = launcher.process_group(0).spawn() else { return false };
    children::expect_strangers();
    wait_for_end(child.id().cast_signed(), WATCHED, || true);
    child.try_wait().map_or(true, |ended| ended.is_none_or(|status| status.success()))
}
