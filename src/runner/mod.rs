//! The SentryVibe runner: its commands in, its events out, one JSON object a line.
//!
//! Each project has its own supervisor, which is this same program. Its standard input is a lifeline that the
//! runner holds: end-of-file tells the supervisor that the runner is gone, however it ended. The runner passes on
//! the events of its supervisors, and adds which command each event answers.
//!
//! - `run`: the loop · `command`: commands, parsed · `answers`: commands, carried out · `output`: the events
//! - `project`: projects and their supervisors · `error_watch`: errors in the output of servers

mod answers;
mod command;
mod error_watch;
mod output;
mod project;
mod run;

pub use command::Start;
pub use run::run;
