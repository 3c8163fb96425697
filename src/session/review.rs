//! A second look at services that are ready: does their own server have the port?

use std::time::Duration;

use super::backend::{SessionBackend, descendants};
use super::port_override::{Evidence, Judgement, Place, list};
use crate::detect::ServiceKind;
use crate::event::{Level, What};
use crate::port::PortChoice;
use crate::supervise::service::Input;
use crate::supervise::{Backend, PortOwner, Review};

/// How often, and how many times, a service is looked at about which something was learned.
const INTERVAL: Duration = Duration::from_secs(1);
const TIMES: u32 = 120;
/// In how many looks the listeners beside its server are learned. Its own answer comes after the first.
const LEARNING: u32 = 3;
/// How many times any other one is looked at, after pauses that double.
const TIMES_OF_OTHERS: u32 = 6;

impl SessionBackend<'_> {
    pub(super) fn look_again(&mut self, service: usize, root: i32, output: &str) -> Review {
        let again = self.pause(service);
        if self.port(service) == 0 && !self.is_server(service) {
            return Review { event: self.find_server(service, root, output), again, ..Review::default() };
        }
        if let Some(event) = self.return_to_original(service, root) {
            return Review { event: Some(event), input: Some(Input::Followed), again: None };
        }
        let reserved = self.port(service);
        let listeners = self.greeted(service, root);
        let here = listeners.iter().find(|place| place.port == reserved).and_then(|place| place.greeting);
        if self.inquiries[service].reviews <= LEARNING
            && let Some(note) = self.overrides[service].learn(&listeners, here, reserved)
        {
            self.store(service, &note);
        }
        let evidence = Evidence { listeners, ..self.evidence(service, output) };
        match self.overrides[service].review(&evidence, here) {
            Judgement::Fine => Review { again, ..Review::default() },
            Judgement::Misplaced => Review { input: Some(Input::Misplaced), again, ..Review::default() },
            Judgement::Obeys(notes) => {
                for note in &notes {
                    self.store(service, note);
                }
                let message = format!(
                    "it asks for its reserved port {reserved} itself: what was moved there has its own port again, and is not moved any more"
                );
                tracing::info!("{message}");
                Review {
                    event: Some(What::Noted { level: Level::Plain, message }),
                    again,
                    ..Review::default()
                }
            }
            Judgement::Follow if self.is_exact(service) => Review { again, ..Review::default() },
            Judgement::Follow => match self.follow(service, root) {
                Ok(event) => Review { event: Some(event), input: Some(Input::Followed), again: None },
                Err(_) => Review { again, ..Review::default() },
            },
            Judgement::Contested => {
                let message = self.contest(service, root);
                tracing::warn!("{message}");
                Review {
                    event: Some(What::Noted { level: Level::Warning, message }),
                    again,
                    ..Review::default()
                }
            }
        }
    }

    /// Reserves the port on which a service without one serves after all.
    fn find_server(&mut self, service: usize, root: i32, output: &str) -> Option<What> {
        let seen = self.observe(service, root, output)?;
        let is_server = !seen.ports.is_empty() && seen.patience.is_some();
        is_server.then(|| self.follow(service, root).ok()).flatten()
    }

    fn pause(&mut self, service: usize) -> Option<Duration> {
        let is_server = self.is_server(service);
        let reviews = &mut self.inquiries[service].reviews;
        *reviews += 1;
        if !is_server {
            return (*reviews < TIMES).then(|| INTERVAL * (1 << (*reviews).min(2)));
        }
        if self.overrides[service].is_in_effect() {
            return (*reviews < TIMES).then_some(INTERVAL);
        }
        (*reviews < TIMES_OF_OTHERS).then(|| INTERVAL * (1 << *reviews))
    }

    /// The listeners of a service about which something was learned, with their answers as far as they matter.
    fn greeted(&mut self, service: usize, root: i32) -> Vec<Place> {
        let reserved = self.port(service);
        let (port_override, inquiry) = (&self.overrides[service], &mut self.inquiries[service]);
        if !port_override.is_in_effect() {
            return Vec::new();
        }
        let held = self.listeners.of(&descendants(root)).unwrap_or_default();
        let listeners = inquiry.places(&held, |port| port_override.ask_after(port, reserved));
        if port_override.asks_itself(&listeners, reserved) {
            return inquiry.places(&held, |port| (port == reserved).then_some(Duration::ZERO));
        }
        listeners
    }

    /// Reserves the port again from which the reservation had followed the service, if that listens there by now.
    fn return_to_original(&mut self, service: usize, root: i32) -> Option<What> {
        let new_port = self.overrides[service].original()?;
        let original_port = self.port(service);
        let held = self.listeners.among(new_port, &descendants(root)).ok()?;
        if held.is_empty() || self.reserve_instead(service, PortChoice::Observed(new_port)).is_err() {
            return None;
        }
        let note = self.overrides[service].unfollow();
        self.store(service, &note);
        let message = format!(
            "it listens on port {new_port} after all, which is reserved for it again in place of port {original_port}"
        );
        tracing::info!("{message}");
        Some(What::PortReallocated { original_port, new_port, message })
    }

    fn contest(&mut self, service: usize, root: i32) -> String {
        let port = self.port(service);
        let who = match self.verify(service, root) {
            PortOwner::Ours { pid, .. } => {
                let held = self.listeners.among(port, &[pid]).unwrap_or_default();
                let places: Vec<Place> = held.iter().map(|held| Place::of(held, None)).take(1).collect();
                if places.is_empty() { String::new() } else { format!(": {}", list(&places)) }
            }
            PortOwner::Nobody | PortOwner::Stranger | PortOwner::Hidden => String::new(),
        };
        format!(
            "two programs of it ask for port {port}, and only one has got it{who}; let the other one ask for a port of its own"
        )
    }

    fn is_server(&self, service: usize) -> bool {
        self.prepared[service].detected().kind == ServiceKind::Server
    }

    fn is_exact(&self, service: usize) -> bool {
        matches!(self.prepared[service].request.choice, PortChoice::Exact(_))
    }
}
