//! Failures before anything runs, and their reports.

mod files;
mod files_of_projects;
mod lines;
mod machine;
mod messages;
mod names;
mod programs;
mod state;
