//! How services ended, for as long as this process lives: their supervisors, which knew it, are gone by then.

use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::failed;
use crate::client::connection::Connection;
use crate::control::{ControlRequest, Line, Verb};
use crate::event::{Event, What};
use crate::invocation::Failure;
use crate::port::Reservation;

/// How long the news of an end may take.
const MOMENT: Duration = Duration::from_secs(1);

/// By the directory of the service.
#[derive(Clone, Debug, Default)]
pub struct Ends(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    known: Mutex<HashMap<PathBuf, Known>>,
    changed: Condvar,
}

#[derive(Debug)]
enum Known {
    /// A thread waits for the end of the service of this session.
    Watched(String),
    Ended(Value),
}

impl Ends {
    /// Waits for the end of a service, in a thread of its own.
    pub fn watch(&self, reservation: &Reservation) {
        if self.lock().get(&reservation.dir).is_some_and(watched_by(reservation)) {
            return;
        }
        let session = reservation.session.as_str().to_owned();
        self.lock().insert(reservation.dir.clone(), Known::Watched(session));
        let (ends, reservation) = (self.clone(), reservation.clone());
        // Without the thread, only the reason of the end is missed.
        let _missed = thread::Builder::new().spawn(move || {
            // Where the supervisor was killed, nobody knows more.
            let end = end_of(&reservation).ok().flatten();
            let mut known = ends.lock();
            if known.get(&reservation.dir).is_some_and(watched_by(&reservation)) {
                known.remove(&reservation.dir);
                ends.0.changed.notify_all();
                if let Some(answer) = end.as_ref().and_then(|event| failed::describe(event, None)) {
                    known.insert(reservation.dir, Known::Ended(answer));
                }
            }
        });
    }

    /// Keeps the ends of services that did not get as far as being watched.
    pub fn keep(&self, answers: &[Value]) {
        for answer in answers {
            let dir = PathBuf::from(answer["dir"].as_str().unwrap_or_default());
            self.lock().insert(dir, Known::Ended(answer.clone()));
        }
    }

    /// How the last service of a directory ended, if it has.
    pub fn of(&self, dir: &Path) -> Option<Value> {
        match self.lock().get(dir)? {
            Known::Ended(answer) => Some(answer.clone()),
            Known::Watched(_) => None,
        }
    }

    /// As [`Ends::of`], of a watched service that has just ended: it may take a moment until that is known.
    pub fn soon(&self, dir: &Path) -> Option<Value> {
        let is_watched = |known: &mut HashMap<_, _>| matches!(known.get(dir), Some(Known::Watched(_)));
        drop(self.0.changed.wait_timeout_while(self.lock(), MOMENT, is_watched));
        self.of(dir)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, Known>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn watched_by(reservation: &Reservation) -> impl Fn(&Known) -> bool {
    |known| matches!(known, Known::Watched(id) if id == reservation.session.as_str())
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
