//! Other supervisors: find them, ask them, follow them.

pub mod actions;
pub mod connection;
pub mod ended;
pub mod fan_out;
mod feed;
pub mod follow;
mod forward;
pub mod framework_mcp;
pub mod holder;
pub mod own_command;
pub mod pattern;
pub mod resolve;
mod screen;
pub mod services;
mod typing;
pub mod whereabouts;
