//! How services ended, for as long as this process lives: their supervisors, which knew it, are gone by then.

use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::child::Cancel;
use super::failed::{self, ServiceEnd};
use crate::client::connection::Connection;
use crate::control::{ControlRequest, Line, Verb};
use crate::event::{Event, What};
use crate::invocation::Failure;
use crate::port::Reservation;

/// How long the news of an end may take.
const MOMENT: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, Default)]
pub struct Ends(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// By the ids of the services: so few that they are looked for one by one.
    known: Mutex<Vec<(String, Known)>>,
    changed: Condvar,
}

#[derive(Debug)]
enum Known {
    /// A thread waits for the end of the service of this session.
    Watched(String),
    Ended(Value),
}

impl Wake for Shared {
    fn wake(self: Arc<Self>) {
        // With the lock, as who has looked and does not wait yet would miss it.
        drop(self.known.lock());
        self.changed.notify_all();
    }
}

impl Ends {
    /// Waits for the end of a service, in a thread of its own.
    pub fn watch(&self, reservation: &Reservation) {
        if self.is_watched(reservation) {
            return;
        }
        self.put(&reservation.project, Some(Known::Watched(reservation.session.as_str().to_owned())));
        let (ends, reservation) = (self.clone(), reservation.clone());
        // Without the thread, only the reason of the end is missed.
        let _missed = thread::Builder::new().spawn(move || {
            // Where the supervisor was killed, nobody knows more.
            let end = end_of(&reservation).ok().flatten();
            if ends.is_watched(&reservation) {
                let answer = end.as_ref().and_then(|event| failed::describe(event, None));
                ends.put(&reservation.project, answer.map(Known::Ended));
                ends.0.changed.notify_all();
            }
        });
    }

    /// Keeps the ends of services that did not get as far as being watched.
    pub fn keep(&self, ends: &[ServiceEnd]) {
        for end in ends {
            self.put(&end.id, Some(Known::Ended(end.answer.clone())));
        }
    }

    fn put(&self, id: &str, known: Option<Known>) {
        let mut all = self.lock();
        all.retain(|(its, _)| its != id);
        all.extend(known.map(|known| (id.to_owned(), known)));
    }

    fn is_watched(&self, reservation: &Reservation) -> bool {
        let session = reservation.session.as_str();
        let is_same = |known: &Known| matches!(known, Known::Watched(id) if id == session);
        self.lock().iter().any(|(id, known)| *id == reservation.project && is_same(known))
    }

    /// How the last service with this id ended, if it has.
    pub fn of(&self, id: &str) -> Option<Value> {
        self.lock().iter().find_map(|(its, known)| match known {
            Known::Ended(answer) if its == id => Some(answer.clone()),
            Known::Ended(_) | Known::Watched(_) => None,
        })
    }

    /// As [`Ends::of`], of a watched service that has just ended: it may take a moment until that is known.
    pub fn soon(&self, id: &str) -> Option<Value> {
        let is_watched = |known: &mut Vec<(String, Known)>| {
            known.iter().any(|(its, known)| its == id && matches!(known, Known::Watched(_)))
        };
        drop(self.0.changed.wait_timeout_while(self.lock(), MOMENT, is_watched));
        self.of(id)
    }

    /// Waits until one of several watched services has failed, or all have ended.
    pub fn until_one_failed(&self, is_meant: &dyn Fn(&str) -> bool, (cancel, deadline): (&Cancel, Instant)) {
        let goes_on = |known: &mut Vec<(String, Known)>| {
            let own = || known.iter().filter(|(id, _)| is_meant(id)).map(|(_, known)| known);
            let has_failed =
                |known: &Known| matches!(known, Known::Ended(answer) if answer["state"] == "failed");
            own().any(|known| matches!(known, Known::Watched(_))) && !own().any(has_failed)
        };
        cancel.wake(Waker::from(Arc::clone(&self.0)));
        let waits = |known: &mut Vec<(String, Known)>| !cancel.is_cancelled() && goes_on(known);
        let left = deadline.saturating_duration_since(Instant::now());
        drop(self.0.changed.wait_timeout_while(self.lock(), left, waits));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(String, Known)>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits until a service has ended for good. `None` if its supervisor ends without a word.
fn end_of(reservation: &Reservation) -> Result<Option<Event>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _entered = runtime.enter();
    let mut connection = Connection::open(reservation, None)?;
    let attach = ControlRequest::new(Verb::Attach, Some(&reservation.project));
    connection.status(&ControlRequest { output: false, ..attach }, None)?;
    let mut lines = connection.into_reader()?;
    runtime.block_on(async {
        while let Some(line) = poll_fn(|cx| lines.poll_line(cx)).await.transpose().map_err(io::Error::from)? {
            let Ok(Line::Event(event)) = Line::parse(&line) else { continue };
            if matches!(event.what, What::ProcessExited { state, .. } if !state.is_alive()) {
                return Ok(Some(event));
            }
        }
        Ok(None)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_for_one_that_fails_is_woken_when_the_call_is_cancelled() {
        let (ends, cancel) = (Ends::default(), Cancel::default());
        ends.put("web", Some(Known::Watched("session".to_owned())));
        let late = Instant::now() + Duration::from_secs(3600);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| ends.until_one_failed(&|id| id == "web", (&cancel, late)));
            cancel.cancel();
            waiting.join().unwrap();
        });
        assert!(cancel.is_cancelled() && ends.of("web").is_none());
    }
}
