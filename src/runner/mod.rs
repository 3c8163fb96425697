//! The SentryVibe runner: its commands in, its events out, one JSON object a line.
//!
//! Each project has its own supervisor, this same program, whose standard input the runner holds open: the end of
//! it tells the supervisor that the runner is gone, however it ended. The runner passes on the events of its
//! supervisors, and adds which command each event answers.
//!
//! - `run`: the loop · `command`: the commands · `answers`: the reaction to them · `output`: the events
//! - `project`: projects and their supervisors · `trouble`: errors in the output of servers

mod answers;
mod command;
mod output;
mod project;
mod run;
mod trouble;

pub use command::Start;
pub use run::run;
