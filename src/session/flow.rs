//! The flow: detect → allocate → reserve → spawn → verify → supervise → release.
//!
//! Each step takes the product of the step before. The loop in [`crate::supervise`] spawns, verifies and releases, as often as
//! a service is started, through the [`Backend`] at the end of this file.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Instant;

use super::backend::Services;
use super::configured::ConfiguredProject;
use super::options::Options;
use super::output::{self, introduce};
use super::prepared::{Detected, Prepared};
use super::{conflict, outcome, settings};
use crate::client::terms::with_terms;
use crate::control::Server;
use crate::event::What;
use crate::invocation::failure::Failure;
use crate::invocation::{Invocation, StartedBy, require_descriptors};
use crate::paths::StateDir;
use crate::port::{Error as PortError, Lease, Ports, Remembered, Reservation};
use crate::process::signals::Signals;
use crate::process::{Exit, Stdio, memory};
use crate::supervise::{Backend, Inputs, Lifeline, Listener, Observation, ProcessTree, Supervisor};

/// Descriptors of a supervisor without its services.
const DESCRIPTORS: usize = 28;
/// Descriptors of each service: two pipes, the guardian's socket, a copy of it, the log.
const DESCRIPTORS_OF_A_SERVICE: usize = 5;

/// The services of one start.
pub struct Session<'a> {
    invocation: &'a Invocation,
    options: &'a Options,
    ports: Ports,
    state: Arc<StateDir>,
    prepared: Vec<Prepared<'a>>,
}

/// The answer to a reservation.
pub enum Reserved {
    /// Ports for all services, not yet durable.
    Lease(Lease),
    /// These services run already; nothing was reserved.
    AlreadyRunning(Vec<Reservation>),
}

impl<'a> Session<'a> {
    /// Detects the frameworks and prepares the requests.
    ///
    /// # Errors
    /// The state directory cannot be written, the limit of open files is too low (nothing could be given back half-way), or
    /// detection fails.
    pub fn new(
        invocation: &'a Invocation,
        options: &'a Options,
        projects: &'a [ConfiguredProject],
    ) -> Result<Self, Failure> {
        let (ports, state) = invocation.ports_to_write()?;
        require_descriptors(DESCRIPTORS + DESCRIPTORS_OF_A_SERVICE * projects.len())?;
        // The reserving transaction reads the remembered frameworks.
        let prepared = allocate(invocation, options, detect(invocation, options, projects, |_| None)?);
        Ok(Self { invocation, options, ports, state, prepared })
    }

    /// The store of ports.
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// The services to start.
    pub fn prepared(&self) -> &[Prepared<'a>] {
        &self.prepared
    }

    /// Takes services out of the session that run already.
    pub fn leave_out(&mut self, running: &[Reservation]) {
        self.prepared.retain(|one| running.iter().all(|running| running.project != one.request.project));
    }

    /// Reserves a port for each service, or none.
    ///
    /// # Errors
    /// There is no port.
    pub fn reserve(&mut self) -> Result<Reserved, Failure> {
        let Self { invocation, options, ports, prepared, .. } = self;
        let projects: Vec<_> = prepared.iter().map(|one| one.request.project.clone()).collect();
        let request = |service: usize, remembered: Option<&Remembered>| {
            prepared[service].recall(invocation, options, remembered);
            prepared[service].request.clone()
        };
        match with_terms(|terms| ports.allocate(&projects, request, terms)) {
            Ok(lease) => Ok(Reserved::Lease(lease)),
            Err(PortError::AlreadyRunning(running)) => Ok(Reserved::AlreadyRunning(running)),
            Err(error) => Err(conflict::report(invocation, error, prepared)),
        }
    }

    /// Runs the services to their end.
    ///
    /// # Errors
    /// A service failed, or the terminal or runtime could not be set up.
    pub fn supervise(self, mut lease: Lease) -> Result<Exit, Failure> {
        let Self { invocation, options, prepared, state, .. } = self;
        // A single service is spawned before the commit. Several would keep others waiting for the store.
        if prepared.len() > 1 {
            invocation.warn_all(&lease.commit());
            lease.settle();
        }
        let now = Instant::now();
        let grants = lease.grants().to_vec();
        let (session, socket) = (lease.session().to_string(), lease.socket());
        let backend = Services::new(invocation, prepared, options.host.as_ref(), lease, &state);
        let services = settings::services(invocation, options, &backend, now);
        backend.specs().iter().for_each(output::log_spec);
        let abouts = backend.abouts(&state.logs());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let _entered = runtime.enter();
        let signals = Box::new(Signals::take()?);
        let (sink, console) = output::open(invocation, options, &abouts, &session)?;
        let control = Server::new(socket, &session, abouts);
        let is_runner = invocation.started_by == StartedBy::Runner;
        let lifeline = is_runner.then(|| Lifeline::new(io::stdin())).transpose()?;
        let inputs = Inputs { signals, console, lifeline, control };
        let mut supervisor = Supervisor::new(services, backend, sink, inputs);
        supervisor.start_all();
        let (sink, backend) = supervisor.sink_and_backend();
        backend.settle();
        memory::trim();
        // The user reads this while the services start.
        introduce(sink, backend, &grants);
        let (outcomes, backend) = runtime.block_on(supervisor.run());
        outcome::conclude(&backend, &outcomes)
    }
}

/// Detects the framework of each project. `remembered` is the store's row of a project's id.
///
/// # Errors
/// See [`Detected::new`].
pub fn detect<'a>(
    invocation: &'a Invocation,
    options: &Options,
    projects: impl IntoIterator<Item = &'a ConfiguredProject>,
    remembered: impl Fn(&str) -> Option<Remembered>,
) -> Result<Vec<Detected<'a>>, Failure> {
    let detect = |configured: &'a ConfiguredProject| {
        let remembered = remembered(&configured.project.id);
        Detected::new(invocation, configured, options.framework.as_deref(), remembered.as_ref())
    };
    projects.into_iter().map(detect).collect()
}

/// Adds the request of each service to the allocator.
pub fn allocate<'a>(
    invocation: &Invocation,
    options: &Options,
    detected: Vec<Detected<'a>>,
) -> Vec<Prepared<'a>> {
    detected.into_iter().map(|one| Prepared::new(invocation, options, one)).collect()
}

impl Backend for Services<'_> {
    fn stdin(&self) -> io::Result<OwnedFd> {
        self.stdin()
    }

    fn spawn(&mut self, service: usize, stdio: Stdio) -> io::Result<Box<dyn ProcessTree>> {
        let tree = self.spawn(service, stdio);
        // The guardian sets itself up meanwhile.
        self.commit();
        Ok(Box::new(tree?))
    }

    fn verify(&mut self, service: usize, root: i32) -> Listener {
        self.verify(service, root)
    }

    fn observe(&mut self, service: usize, root: i32, output: &str) -> Option<Observation> {
        self.observe(service, root, output)
    }

    fn is_redirectable(&mut self, service: usize, exit: Exit, output: &str) -> bool {
        self.can_override(service, exit, output)
    }

    fn redirect(&mut self, service: usize) -> What {
        self.override_port(service)
    }

    fn follow(&mut self, service: usize, root: i32) -> Result<What, What> {
        self.follow_listener(service, root)
    }

    fn became_ready(&mut self, service: usize) {
        memory::let_go_of_code();
        self.remember_override(service);
    }

    fn relocate(&mut self, service: usize) -> Result<What, What> {
        self.move_to_next_port(service)
    }

    fn release(&mut self, service: usize) {
        self.release_port(service);
    }

    fn port(&self, service: usize) -> u16 {
        self.port_of(service)
    }

    fn framework(&self, service: usize) -> String {
        self.framework(service).to_owned()
    }
}
