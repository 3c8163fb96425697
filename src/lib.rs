//! bowline: starts dev servers on the right port and leaves nothing behind.

pub mod cli;
pub mod config;
pub mod control;
pub mod detect;
pub mod event;
pub mod launch;
pub mod logs;
pub mod paths;
pub mod port;
pub mod process;
pub mod project;
pub mod range;
pub mod runner;
pub mod script;
pub mod supervise;
pub mod ui;
