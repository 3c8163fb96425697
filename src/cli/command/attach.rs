//! `bowline attach`.

use crate::cli::args::Attach;
use crate::client::follow::{self, Manner};
use crate::client::resolve;
use crate::invocation::{Failure, Invocation};
use crate::process::Exit;

pub fn attach(invocation: &Invocation, wanted: &Attach) -> Result<Exit, Failure> {
    let ports = invocation.ports_to_read();
    let found = resolve::one(invocation, &ports.reservations(), wanted.service.project.as_deref())?;
    let manner = if wanted.interactive { Manner::Type } else { Manner::Attach };
    let exit = follow::follow(invocation, &ports, std::slice::from_ref(&found), &manner)?;
    exit.ok_or_else(|| resolve::not_running(&found.name))
}
