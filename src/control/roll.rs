//! Many supervisors asked at once: none waits for another to answer.

use std::panic::resume_unwind;
use std::thread;
use std::time::{Duration, Instant};

use super::client::Connection;
use super::error::Error;
use super::protocol::Status;
use crate::port::Reservation;

/// How long all of them together may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// The services of one supervisor, and what it says of them.
pub type Called<'a> = (Vec<&'a Reservation>, Result<Vec<Status>, Error>);

/// Asks every supervisor of these services how its services are.
pub fn call(reservations: &[Reservation]) -> Vec<Called<'_>> {
    let deadline = Instant::now() + PATIENCE;
    let mut sorted: Vec<&Reservation> = reservations.iter().collect();
    sorted.sort_by_key(|one| &one.session);
    let groups: Vec<&[&Reservation]> = sorted.chunk_by(|a, b| a.session == b.session).collect();
    let answers =
        at_once(&groups, |group| Connection::open(group[0], Some(deadline))?.status(None, Some(deadline)));
    groups.into_iter().map(<[&Reservation]>::to_vec).zip(answers).collect()
}

/// Does the same with each of these at the same time, and answers in their order.
pub fn at_once<T: Sync, R: Send>(items: &[T], act: impl Fn(&T) -> R + Sync) -> Vec<R> {
    if let [only] = items {
        return vec![act(only)];
    }
    let act = &act;
    thread::scope(|scope| {
        let start = |item| (item, thread::Builder::new().spawn_scoped(scope, move || act(item)));
        let started: Vec<_> = items.iter().map(start).collect();
        let finish = |(item, thread): (_, Result<thread::ScopedJoinHandle<'_, R>, _>)| match thread {
            Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            // No more threads: then it comes in its turn.
            Err(_) => act(item),
        };
        started.into_iter().map(finish).collect()
    })
}
