//! What can go wrong before anything runs, and how it is reported.

mod files;
mod files_of_projects;
mod lines;
mod machine;
mod messages;
mod names;
mod programs;
mod state;
