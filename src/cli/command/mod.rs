//! A file a command.

pub mod detect;
pub mod dev;
pub mod doctor;
pub mod logs;
pub mod ls;
pub mod man;
pub mod port;
pub mod ports;
pub mod runner;
pub mod start;
pub mod stop;
