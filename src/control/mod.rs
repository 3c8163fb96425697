//! Talking to a running supervisor: every supervisor serves a Unix socket, one JSON object a line.
//!
//! - `protocol`: what is said; `docs/control-protocol.md` says it to people.
//! - `server`: the supervisor's side, polled by its loop; a `peer` for everybody who is
//!   connected, and a `service` for everything that they can be told of.
//! - `client`: the other side · `roll`: many supervisors asked at once.

mod client;
mod error;
mod peer;
mod protocol;
mod roll;
mod server;
mod service;

pub use client::{Connection, parse};
pub use error::Error;
pub use protocol::{Answer, Hello, Lines, PROTOCOL, Request, Status, Verb};
pub use roll::{Called, at_once, call};
pub use server::Server;
pub use service::About;
