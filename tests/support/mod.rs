//! Helpers of the integration tests.
//!
//! | part | for |
//! | --- | --- |
//! | [`Sandbox`] | a project, a home and a state directory of the test's own; makes `bowline` commands |
//! | [`stage`] | a sandbox with the stand-in server and a range of ports |
//! | [`Test`] | one command that answers: status, stdout, stderr and files compared at once |
//! | [`Session`] | one command that runs: its events, its signals, its end |
//! | [`Seat`] | a program at such a terminal |
//! | [`Terminal`] | a terminal that the test types at and looks at |
//! | [`Fifo`], [`Gate`] | named pipes to and from programs |
//! | [`Ports`] | a block of free ports that no other test on the machine uses |
//! | [`http`] | an HTTP GET |
//! | [`launch`] | projects, planned and run by the library |
//! | [`Noise`] | lines that nobody should write |
//! | [`npm`] | fixtures whose packages come from the npm registry, installed once |
//! | [`agent`] | a Node program that runs a line in a shell, with pipes |
//! | [`managers`] | package managers and other programs of the npm registry, installed once |
//! | [`registry`] | a registry on this machine, which passes on what it does not have itself |
//! | [`dev_server`] | the stand-in server's program |
//!
//! Nothing here sleeps or polls: waiting is a read of a pipe, of a channel or of a process's end, with a
//! watchdog that is far longer than any healthy run and fails with all that was seen.

#![allow(dead_code, unused_imports, reason = "each test program uses a part of this")]
#![allow(missing_docs, unreachable_pub, reason = "compiled into each test program")]

mod agent;
mod descriptors;
mod dev_server;
mod fifo;
pub mod http;
pub mod launch;
pub mod managers;
mod noise;
pub mod npm;
mod ports;
pub mod registry;
mod sandbox;
mod seat;
mod session;
mod stage;
mod terminal;
mod test;
mod tree;
mod waiting;

pub use agent::agent;
pub use descriptors::own_descriptors;
pub use dev_server::dev_server;
pub use fifo::{Fifo, Gate};
pub use noise::Noise;
pub use ports::{Ports, is_free};
pub use sandbox::{Sandbox, memory};
pub use seat::Seat;
pub use session::{Ended, Session, last_end};
pub use stage::{stage, stage_in_shell, stage_of};
pub use terminal::Terminal;
pub use test::Test;
pub use tree::Tree;
#[cfg(target_os = "linux")]
pub use waiting::kill_at_once;
pub use waiting::{Finished, PATIENCE, await_in, end_of, read_until, run_to_end, run_within, side_by_side};
