//! The SentryVibe runner: its commands in, its events out, one JSON object a line.
//!
//! Each project has its own supervisor, this same program, whose standard input the runner holds open: the end of
//! it tells the supervisor that the runner is gone, however it ended. The runner passes on the events of its
//! supervisors, and adds which command each event answers.
//!
//! - `run`: the loop · `answers`: what it does about commands, supervisors, signals and the passing of time
//! - `command`: the commands · `output`: the events
//! - `project`: projects and their supervisors · `trouble`: errors in the output of servers
//! - `host`: functions of the program around the runner

mod answers;
mod command;
mod host;
mod output;
mod project;
mod run;
mod trouble;

pub use command::Start;
pub use host::{RecordedOutput, RunnerHost};
pub use run::run;
