//! `bowline attach`.

use crate::cli::args::OneService;
use crate::client::follow::{self, Manner};
use crate::client::resolve;
use crate::invocation::{Failure, Invocation};
use crate::process::Exit;

pub fn attach(invocation: &Invocation, which: &OneService) -> Result<Exit, Failure> {
    let ports = invocation.ports_to_read();
    let found = resolve::one(invocation, &ports.reservations(), which.project.as_deref())?;
    let exit = follow::follow(invocation, &ports, std::slice::from_ref(&found), &Manner::Attach)?;
    exit.ok_or_else(|| resolve::not_running(&found.name))
}
