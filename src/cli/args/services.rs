//! Arguments of the commands about services that already run.

use std::time::{Duration, SystemTime};

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use crate::cli::completion;
use crate::config;

const SERVICE: &str = "A running project by directory, name or port [default: the one you are in]";

#[derive(Args, Debug)]
pub struct OneService {
    #[arg(help = SERVICE, add = ArgValueCompleter::new(completion::services))]
    pub project: Option<String>,
}

#[derive(Args, Debug)]
pub struct Attach {
    #[command(flatten)]
    pub service: OneService,
    /// Give the service what is typed, until Ctrl-]: keys if it has a terminal of its own, else whole lines
    #[arg(short, long, conflicts_with = "json")]
    pub interactive: bool,
}

#[derive(Args, Debug)]
pub struct StatusOptions {
    #[arg(help = SERVICE, add = ArgValueCompleter::new(completion::services))]
    pub project: Option<String>,
    /// Print, in ten lines at most, what runs in the project or workspace, what does not, and what to type
    #[arg(long, conflicts_with = "project")]
    pub brief: bool,
}

#[derive(Args, Debug)]
pub struct Stop {
    /// Running projects by directory, name, port or filter [default: the one you are in, or all of the workspace]
    #[arg(value_name = "PROJECT", add = ArgValueCompleter::new(completion::services))]
    pub projects: Vec<String>,
    /// Stop every service of this user
    #[arg(long, conflicts_with = "projects")]
    pub all: bool,
    /// Kill at once, without a grace period
    #[arg(long)]
    pub force: bool,
}

#[derive(Args, Debug)]
pub struct Wait {
    /// Running projects by directory, name, port or filter [default: the one you are in, or all of the workspace]
    #[arg(value_name = "PROJECT", add = ArgValueCompleter::new(completion::services))]
    pub projects: Vec<String>,
    /// Give up after TIME, with exit code 4 [default: never]
    #[arg(long, value_name = "TIME", value_parser = config::parse_duration)]
    pub timeout: Option<Duration>,
}

#[derive(Args, Debug)]
pub struct Logs {
    /// Projects by directory, name, port or filter, running or not [default: the one you are in, or all of the workspace]
    #[arg(value_name = "PROJECT", add = ArgValueCompleter::new(completion::services))]
    pub projects: Vec<String>,
    /// Go on with new output until the service ends
    #[arg(short, long)]
    pub follow: bool,
    /// Start at TIME: `10m` ago, or `2026-01-31T12:00:00Z`
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub since: Option<SystemTime>,
    /// Start with the last N lines, of each project
    #[arg(short = 'n', long = "lines", alias = "tail", value_name = "N", value_parser = count, allow_negative_numbers = true)]
    pub lines: Option<usize>,
}

fn count(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| format!("not a number of lines: `{text}`"))
}

/// A time span before now, or a moment, in UTC unless it has a zone.
fn since(text: &str) -> Result<SystemTime, String> {
    if let Ok(ago) = humantime::parse_duration(text) {
        return SystemTime::now().checked_sub(ago).ok_or_else(|| "too long ago".to_owned());
    }
    humantime::parse_rfc3339_weak(text)
        .map_err(|_| format!("not a time like `10m` or `2026-01-31T12:00:00Z`: `{text}`"))
}
