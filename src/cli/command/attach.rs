//! `bowline attach`.

use crate::cli::args::One;
use crate::client::follow::{self, Left, Manner};
use crate::client::resolve;
use crate::invocation::Invocation;
use crate::invocation::failure::Failure;
use crate::process::Exit;

/// Follows a service: its output so far, then all that happens.
pub fn attach(invocation: &Invocation, which: &One) -> Result<Exit, Failure> {
    let ports = invocation.ports_to_read();
    let found = resolve::one(invocation, &ports.reservations(), which.project.as_deref())?;
    match follow::follow(invocation, &ports, std::slice::from_ref(&found), &Manner::Attach)? {
        Left::With(exit) => Ok(exit),
        Left::Gone => Err(resolve::not_running(&found.name)),
    }
}
