//! Requests to many supervisors at once.

use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::connection::Connection;
use crate::control::{ControlError, ControlRequest, Status, Verb};
use crate::port::Reservation;

/// Time without an answer from any supervisor, after which the remaining ones are given up. While others answer,
/// the machine may only be busy.
const SILENCE: Duration = Duration::from_secs(1);
/// Time for all supervisors together.
const PATIENCE: Duration = Duration::from_secs(5);

/// The reservations of one supervisor, and its answer.
pub type Called<'a> = (Vec<&'a Reservation>, Result<Vec<Status>, ControlError>);

/// Asks the supervisors that hold these reservations, each once, for the status of their services.
pub fn call(reservations: &[Reservation]) -> Vec<Called<'_>> {
    let mut sorted: Vec<&Reservation> = reservations.iter().collect();
    sorted.sort_by_key(|one| &one.session);
    let groups: Vec<&[&Reservation]> = sorted.chunk_by(|a, b| a.session == b.session).collect();
    let round = Round::new(Instant::now());
    let answers = at_once(&groups, |group| {
        let request = ControlRequest::new(Verb::Status, None);
        round.ask(|deadline| Connection::open(group[0], Some(deadline))?.status(&request, Some(deadline)))
    });
    groups.into_iter().map(<[&Reservation]>::to_vec).zip(answers).collect()
}

/// The services of those supervisors that answer.
pub fn statuses(reservations: &[Reservation]) -> Vec<Status> {
    call(reservations).into_iter().filter_map(|(_, answer)| answer.ok()).flatten().collect()
}

struct Round {
    end: Instant,
    last_answer: Mutex<Instant>,
}

impl Round {
    fn new(now: Instant) -> Self {
        Self { end: now + PATIENCE, last_answer: Mutex::new(now) }
    }

    fn deadline(&self) -> Instant {
        let last = *self.last_answer.lock().unwrap_or_else(PoisonError::into_inner);
        (last + SILENCE).min(self.end)
    }

    /// Asks one supervisor, and asks again as long as others answer.
    fn ask<T>(&self, ask: impl Fn(Instant) -> Result<T, ControlError>) -> Result<T, ControlError> {
        loop {
            let deadline = self.deadline();
            match ask(deadline) {
                Err(error) if error.is_timeout() && self.deadline() > deadline => {}
                outcome => {
                    if outcome.is_ok() {
                        *self.last_answer.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
                    }
                    return outcome;
                }
            }
        }
    }
}

/// Acts on every item in a thread of its own. The results are in the order of the items.
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
            // The system has no more threads.
            Err(_) => act(item),
        };
        started.into_iter().map(finish).collect()
    })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::io;

    use super::*;

    fn late() -> ControlError {
        let source = io::ErrorKind::TimedOut.into();
        ControlError::NotConnected { project: "app".to_owned(), pid: 1, source }
    }

    #[test]
    fn a_late_supervisor_is_asked_again_while_others_answer() {
        let start = Instant::now();
        let round = Round::new(start);
        let asked = Cell::new(0);
        let outcome = round.ask(|deadline| {
            asked.set(asked.get() + 1);
            if asked.get() == 3 {
                return Ok(deadline);
            }
            // Another answers just before this one's time is over.
            *round.last_answer.lock().unwrap() = deadline;
            Err(late())
        });
        assert_eq!((outcome.unwrap() - start, asked.get()), (SILENCE * 3, 3));
    }

    #[test]
    fn a_supervisor_that_does_not_answer_is_given_up() {
        let round = Round::new(Instant::now());
        let asked = Cell::new(0);
        let ask = |answered: Option<Instant>| {
            round.ask(|deadline| {
                asked.set(asked.get() + 1);
                *round.last_answer.lock().unwrap() = answered.unwrap_or(deadline);
                Err::<(), _>(late())
            })
        };
        let nobody = *round.last_answer.lock().unwrap();
        assert!(ask(Some(nobody)).unwrap_err().is_timeout());
        assert_eq!(asked.replace(0), 1, "when nobody else answers");
        assert!(ask(None).unwrap_err().is_timeout());
        assert_eq!(Duration::from_secs(asked.get()), PATIENCE, "and at the end in any case");
    }
}
