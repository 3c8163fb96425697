//! The control socket of a supervisor: one JSON object a line, versioned.
//!
//! - `protocol`: requests and answers, documented in `docs/control-protocol.md`.
//! - `server`: polled by the supervisor's loop · `peer`: one connection · `service`: what clients see of a service
//! - `keyboard`: what clients type into services

mod error;
mod keyboard;
mod peer;
mod protocol;
mod server;
mod service;

pub use error::ControlError;
pub use protocol::{ControlRequest, Hello, Line, PROTOCOL, Status, Verb};
pub use server::Server;
