//! A file a command.

pub mod agents;
mod already_running;
mod answer;
pub mod attach;
mod background;
pub mod brief;
pub mod caught;
pub mod detect;
pub mod dev;
pub mod doctor;
pub mod logs;
pub mod ls;
pub mod man;
pub mod open;
pub mod port;
pub mod ports;
pub mod restart;
mod restart_order;
pub mod runner;
pub mod schema;
mod service_row;
pub mod start;
pub mod status;
pub mod stop;
pub mod wait;
