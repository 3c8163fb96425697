//! Places where a start can go wrong before anything runs, and what is said then.

mod files;
mod files_of_projects;
mod lines;
mod machine;
mod messages;
mod names;
mod programs;
mod state;
