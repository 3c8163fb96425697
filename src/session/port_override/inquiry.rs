//! What is found out about a service while the loop goes on: the answers of its listeners, and its sources.

use std::collections::HashMap;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::place::Place;
use super::sources::Sources;
use crate::port::listeners::Held;
use crate::port::{Greeting, greeting};

/// The pause before a listener that has not answered is asked again; it doubles.
const PAUSE: Duration = Duration::from_secs(1);

/// The questions about one service. Those about listeners are forgotten with the listeners.
#[derive(Debug, Default)]
pub struct Inquiry {
    /// By the kernel's number of the socket.
    listeners: HashMap<u64, Listener>,
    search: Option<JoinHandle<Sources>>,
    sources: Option<Sources>,
    /// How often the service was looked at since it was ready.
    pub reviews: u32,
}

#[derive(Debug)]
struct Listener {
    since: Instant,
    greeting: Option<Greeting>,
    question: Option<JoinHandle<Option<Greeting>>>,
    ask_at: Option<Instant>,
    pause: Duration,
}

impl Inquiry {
    /// The listeners with what they have answered. `ask_after` says how old one on this port is when it is asked, if
    /// ever.
    pub fn places(&mut self, held: &[Held], ask_after: impl Fn(u16) -> Option<Duration>) -> Vec<Place> {
        let now = Instant::now();
        self.listeners.retain(|socket, _| held.iter().any(|held| held.listener.socket == *socket));
        let place = |held: &Held| {
            let listener = self.listeners.entry(held.listener.socket).or_insert_with(|| Listener::new(now));
            listener.hear(now);
            let address = held.listener.address;
            if ask_after(address.port()).is_some_and(|age| listener.is_due(age, now)) {
                listener.question = Some(tokio::spawn(greeting(address)));
            }
            Place::of(held, listener.greeting)
        };
        held.iter().map(place).collect()
    }

    /// Whether a listener was asked.
    pub fn has_asked(&self) -> bool {
        self.listeners.values().any(|listener| listener.question.is_some() || listener.greeting.is_some())
    }

    /// What the sources say, once they are searched.
    pub fn sources(&mut self) -> Option<&Sources> {
        if let Some(Poll::Ready(found)) = self.search.as_mut().map(poll) {
            self.search = None;
            // A search that panics has found nothing.
            self.sources = Some(found.unwrap_or_default());
        }
        self.sources.as_ref()
    }

    /// Begins to search the sources, once.
    pub fn search(&mut self, dir: &Path) {
        if self.search.is_none() && self.sources.is_none() {
            self.search = Some(tokio::spawn(Sources::search(dir.to_owned())));
        }
    }
}

impl Listener {
    fn new(now: Instant) -> Self {
        Self { since: now, greeting: None, question: None, ask_at: None, pause: PAUSE }
    }

    /// Takes in an answer that has come.
    fn hear(&mut self, now: Instant) {
        if let Some(Poll::Ready(answer)) = self.question.as_mut().map(poll) {
            self.question = None;
            self.greeting = answer.flatten();
            self.ask_at = Some(now + self.pause);
            self.pause *= 2;
        }
    }

    fn is_due(&self, age: Duration, now: Instant) -> bool {
        let is_open = self.greeting.is_none() && self.question.is_none();
        is_open && now >= self.ask_at.unwrap_or(self.since + age)
    }
}

/// The result of a task that may have ended. The loop asks again anyway, so nothing has to be woken.
fn poll<T>(task: &mut JoinHandle<T>) -> Poll<Option<T>> {
    Pin::new(task).poll(&mut Context::from_waker(Waker::noop())).map(Result::ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_asked_once_it_has_stayed_and_again_after_a_pause() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut listener = Listener::new(start);
        let age = Duration::from_secs(1);
        assert!(!listener.is_due(age, at(900)));
        assert!(listener.is_due(age, at(1_000)));
        listener.ask_at = Some(at(12_000));
        assert!(!listener.is_due(age, at(11_999)));
        assert!(listener.is_due(age, at(12_000)));
        listener.greeting = Some(Greeting::Data);
        assert!(!listener.is_due(age, at(99_000)));
    }
}
