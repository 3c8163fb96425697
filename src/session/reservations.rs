//! The reservations of a session's services.

use std::time::SystemTime;

use super::backend::SessionBackend;
use crate::launch::Shims;
use crate::port::{AllocateOptions, Lease, PortChoice, Reservation};

impl SessionBackend<'_> {
    /// The reservation of a service. One that has ended has given it back.
    pub(super) fn reservation(&self, service: usize) -> Option<&Reservation> {
        let project = &self.prepared[service].request.project;
        self.lease.iter().flat_map(Lease::reservations).find(|held| held.project == *project)
    }

    /// The port that is reserved for a service; `None` for one without a port, too.
    pub(super) fn reserved(&self, service: usize) -> Option<u16> {
        self.reservation(service).map(|held| held.port).filter(|port| *port != 0)
    }

    /// Reserves another port for a service, in place of its own.
    pub(super) fn reserve_instead(&mut self, service: usize, choice: PortChoice) -> Result<(), String> {
        let told = self.reservation(service).map(|held| held.told.clone()).unwrap_or_default();
        let Some(lease) = &mut self.lease else { return Err("nothing is reserved".to_owned()) };
        let mut request = self.prepared[service].request.clone();
        if choice == PortChoice::Any {
            request.exclude.extend(&self.lost_ports[service]);
        }
        request.choice = choice;
        lease.replace(&request, AllocateOptions::default()).map_err(|error| error.to_string())?;
        lease.tell(&request.project, told);
        self.neighbours = lease.others().to_vec();
        self.record_scheme(service);
        self.plan();
        Ok(())
    }

    /// Notes the present scheme for other bowlines.
    pub(super) fn record_scheme(&mut self, service: usize) {
        let project = &self.prepared[service].request.project;
        let scheme = self.schemes[service].present;
        if let Some(Err(error)) = self.lease.as_mut().map(|lease| lease.set_scheme(project, scheme)) {
            tracing::warn!("other bowlines do not see that it speaks {}: {error}", scheme.name());
        }
    }

    /// Gives back the reservation of a service that has ended.
    pub(super) fn give_back(&mut self, service: usize) {
        // The reservation still keeps another run from writing its shims there.
        if let Some(Err(error)) = self.shims[service].as_ref().map(Shims::remove) {
            tracing::debug!("its shims stay: {error}");
        }
        let project = &self.prepared[service].request.project;
        let released = match self.lease.take() {
            Some(mut lease) if lease.reservations().len() > 1 => {
                let released = lease.remove(project);
                self.lease = Some(lease);
                released
            }
            Some(lease) => lease.release(SystemTime::now()),
            None => Ok(()),
        };
        if let Err(error) = released {
            // The port is free all the same once this process has ended: the locks decide.
            tracing::warn!("{error}");
        }
    }

    /// Closes the store, which only one process at a time can open.
    pub fn close_store(&mut self) {
        if let Some(lease) = &mut self.lease {
            lease.close_store();
        }
    }
}
