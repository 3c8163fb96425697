//! Changes of the reservations while services run: commit, another port, the service's own port, release.

use std::time::SystemTime;

use super::backend::{Services, descendants};
use super::port_override::{Note, list};
use crate::client::terms::with_terms;
use crate::event::{Level, What};
use crate::launch::Preload;
use crate::port::Choice;

impl Services<'_> {
    /// Closes the store, so that others can open it.
    pub fn settle(&mut self) {
        if let Some(lease) = &mut self.lease {
            lease.settle();
        }
    }

    /// Makes the reservations durable.
    pub fn commit(&mut self) {
        if let Some(lease) = &mut self.lease {
            self.invocation.warn_all(&lease.commit());
        }
    }

    /// Prepares another start with the listener moved, or without that, and returns the event.
    pub fn override_port(&mut self, service: usize) -> What {
        let reserved = self.port_of(service);
        let message = self.overrides[service].redirect(reserved);
        tracing::info!("{message}");
        What::Noted { level: Level::Plain, message }
    }

    /// The service listens on its port: stores what helped.
    pub fn remember_override(&mut self, service: usize) {
        let reserved = self.port_of(service);
        let claimed = self.overrides[service].preload().and_then(Preload::claimed);
        for note in self.overrides[service].succeed(reserved, claimed) {
            self.store(service, &note);
        }
    }

    fn store(&mut self, service: usize, (key, value): &Note) {
        self.settle();
        let project = &self.prepared[service].request.project;
        if let Err(error) = self.ports.note(project, key, value.as_deref()) {
            tracing::warn!("the next start has to find out again: {error}");
        }
    }

    /// Reserves the port on which the service listens, in place of its own, and returns the event.
    pub fn follow_listener(&mut self, service: usize, root: i32) -> Result<What, What> {
        let original_port = self.port_of(service);
        let error = |error: String| Err(What::Error { error });
        let Some(places) = self.overrides[service].elsewhere() else {
            return error(format!("nothing of the service listens on port {original_port}"));
        };
        let (listed, new_port) = (list(places), places.first().map_or(0, |place| place.port));
        if self.is_shared(new_port, root) {
            return error(format!("it listens on {listed}, and so does another program"));
        }
        if let Err(reason) = self.reserve_instead(service, Choice::Adopt(new_port)) {
            return error(format!("it listens on {listed}: {reason}"));
        }
        if let Some(note) = self.overrides[service].follow(new_port) {
            self.store(service, &note);
        }
        let message = format!(
            "it listens on {listed}, not on its reserved port {original_port}; \
             port {new_port} is reserved for it instead, and may be taken the next time: let it read `PORT`"
        );
        tracing::warn!("{message}");
        Ok(What::PortReallocated { original_port, new_port, message })
    }

    /// Whether a process outside of the tree listens on the port as well.
    fn is_shared(&mut self, port: u16, root: i32) -> bool {
        let all = self.listeners.on(port).unwrap_or_default();
        let ours = self.listeners.among(port, &descendants(root)).unwrap_or_default();
        all.iter().any(|listener| ours.iter().all(|held| held.listener.socket != listener.socket))
    }

    /// Reserves another port for a service that lost its own to a stranger, and returns the event.
    pub fn move_to_next_port(&mut self, service: usize) -> Result<What, What> {
        let original_port = self.port_of(service);
        self.lost[service].push(original_port);
        if let Err(message) = self.reserve_instead(service, Choice::Any) {
            return Err(What::PortConflict { port: original_port, message });
        }
        self.plan();
        let new_port = self.port_of(service);
        let message =
            format!("port {original_port} was taken by another process; trying port {new_port} instead");
        tracing::warn!("{message}");
        Ok(What::PortReallocated { original_port, new_port, message })
    }

    fn reserve_instead(&mut self, service: usize, choice: Choice) -> Result<(), String> {
        let Some(lease) = &mut self.lease else { return Err("nothing is reserved".to_owned()) };
        let mut request = self.prepared[service].request.clone();
        if choice == Choice::Any {
            request.exclude.clone_from(&self.lost[service]);
        }
        request.choice = choice;
        with_terms(|terms| lease.replace(&request, terms)).map_err(|error| error.to_string())
    }

    /// Gives the port back; with the last one the lease ends.
    pub fn release_port(&mut self, service: usize) {
        let project = &self.prepared[service].request.project;
        let now = SystemTime::now();
        let released = match self.lease.take() {
            Some(mut lease) if lease.reservations().len() > 1 => {
                let released = lease.remove(project, now);
                self.lease = Some(lease);
                released
            }
            Some(lease) => lease.release(now),
            None => Ok(()),
        };
        if let Err(error) = released {
            // The port is free all the same: the locks go with this process.
            tracing::warn!("{error}");
        }
    }
}
