//! Which port a project gets, and for how long.
//!
//! [`Ports::allocate`] chooses in one transaction: the project's own port again if that is free, else the first
//! free one of its range. What it returns, a [`Lease`], holds the reservation for as long as the process lives.
//!
//! - `ports`: where reservations are recorded, and the lock of one transaction.
//! - `session`: which sessions are alive, by file locks · `snapshot`: all that others have reserved.
//! - `store`: what is remembered, in redb.
//! - `candidates`: the order of the scan, pure; `blocked`: what is never handed out.
//! - `probe`: is it free? · [`listeners`]: who listens? · `exchange`: what does it answer, to a `tls_hello` (its
//!   `scheme`) or to a request for its page (`greeting`, `page`)?
//! - `choice`: the port of a request · `lease`: the transaction and its reservations · `inspect`: questions, pruning.

mod blocked;
mod candidates;
mod choice;
mod ephemeral;
mod error;
mod exchange;
mod greeting;
mod inspect;
mod lease;
pub mod listeners;
pub(crate) mod page;
mod ports;
mod probe;
mod remembered;
mod request;
mod reservation;
mod scheme;
mod session;
mod snapshot;
mod store;
pub(crate) mod tls_hello;

pub(crate) use blocked::is_blocked;
pub(crate) use ephemeral::is_ephemeral;
pub use error::{Occupant, PortError, Warning};
pub use greeting::{Greeting, greeting};
pub use inspect::{Forgotten, Lookup, Pruned, Usage, Why};
pub use lease::Lease;
pub use ports::Ports;
pub use probe::{Probe, Verdict};
pub use remembered::{FOLLOWS, Former, MEMORY, Remembered};
pub use request::{AllocateOptions, Declined, GUARDIAN_PATIENCE, Grant, PortChoice, PortRequest, Reason};
pub use reservation::{Reservation, SessionId, SessionState};
pub use scheme::Scheme;
pub use session::Guard;
