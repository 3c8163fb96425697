//! The caught scripts of one run, each in a session of its own. Once a service is ready, those that name it by a port
//! which is not its own are told.

use super::Telling;
use crate::event::What;
use crate::port::Reservation;
use crate::session::backend::SessionBackend;
use crate::session::usual_ports;
use crate::supervise::{Backend, Misled};

impl SessionBackend<'_> {
    /// Tells those that were told another port of this service where it is.
    pub fn tell_others(&self, service: usize) {
        let Some(outer) = &self.options.outer else { return };
        let (one, port) = (&self.prepared[service], self.port(service));
        let (id, name) = (&one.request.project, &one.project().name);
        let is_misled = |other: &Reservation| {
            other.part_of.as_ref() == Some(&outer.session) && other.told_instead_of(id, port).is_some()
        };
        for other in self.ports.seen().iter().filter(|other| is_misled(other)) {
            let (framework, url) = (self.framework(service), self.scheme(service).url(port));
            Telling::new(other, name, id).tell(What::PortDetected { port, framework, url, after: None });
        }
    }

    /// What follows for a service if `project` is on another port than it was told.
    pub fn misled_by(&mut self, service: usize, project: &str) -> Option<Misled> {
        self.look_around(service);
        let named = self.neighbours.iter().find(|other| other.project == project && other.has_port())?;
        let (name, url, port) = (named.name.clone(), named.url()?, named.port);
        let mut told = self.reservation(service)?.told.clone();
        let before = told.insert(project.to_owned(), port).filter(|before| *before != port)?;
        let one = &self.prepared[service];
        if one.names(project) {
            return Some(Misled::Restart(format!("`{name}` is on port {port} now")));
        }
        let in_files = usual_ports::warnings(one, &self.siblings(service));
        let by_variable =
            || format!("it was told port {before} for `{name}`, which is at {url} now: restart it for that");
        let is_in_file = one.by_port.iter().any(|named| named.only() == Some(project));
        let warnings = if is_in_file { in_files } else { vec![by_variable()] };
        let own = self.prepared[service].request.project.clone();
        self.lease.as_mut()?.tell(&own, told);
        self.record_told();
        Some(Misled::Warn(warnings))
    }
}
