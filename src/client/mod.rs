//! Other supervisors: find them, ask them, follow them.

pub mod actions;
pub mod connection;
pub mod ended;
pub mod fan_out;
pub mod feed;
pub mod follow;
pub mod resolve;
