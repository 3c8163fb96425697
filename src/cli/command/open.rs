//! `bowline open`.

use super::answer::{Done, conclude};
use crate::cli::args::OneService;
use crate::client::{actions, resolve};
use crate::exit_code::FAILURE;
use crate::invocation::{Failure, Invocation};
use crate::port::Reservation;
use crate::process::Exit;
use crate::session::browser;

pub fn open(invocation: &Invocation, which: &OneService) -> Result<Exit, Failure> {
    let ports = invocation.ports_to_read();
    let found = resolve::one(invocation, &ports.reservations(), which.project.as_deref())?;
    let no_url = |one: &Reservation| {
        let message = format!("`{}` has no URL: it has no port", one.name);
        let hint = "open another service; `bowline ls` lists them".to_owned();
        Failure::new(FAILURE, message, Some(hint))
    };
    if !found.has_port() {
        return Err(no_url(&found));
    }
    actions::wait(&ports, &found, None)?;
    let found = actions::latest(&ports, &[found]).remove(0);
    let url = found.url().ok_or_else(|| no_url(&found))?;
    if !browser::open(&url) {
        let hint = Some(format!("open {url} yourself"));
        return Err(Failure::new(FAILURE, "no browser could be opened", hint));
    }
    conclude(invocation, vec![Ok(Done::new(found, None))], Vec::new(), "opened")
}
