//! The SentryVibe runner: its commands in, its events out, one JSON object a line.
//!
//! Each project has a supervisor of its own, this same program, whose standard input the runner holds open: its end
//! tells the supervisor that the runner is gone, however it went. The runner passes on the events of the supervisors
//! and adds which command each answers.
//!
//! - `run`: the loop · `answers`: what is done on each of its events
//! - `command`: the commands · `output`: the events · `reader`: lines read without blocking
//! - `project`: the projects and their supervisors · `trouble`: errors in what servers write
//! - `host`: what the program around lends

mod answers;
mod command;
mod host;
mod output;
mod project;
mod reader;
mod run;
mod trouble;

pub use command::Start;
pub use host::{Host, Recorded};
pub use run::run;
