//! The flow: detect → allocate → reserve → spawn → verify → supervise → release.
//!
//! Each step takes the product of the step before. The loop in [`crate::supervise`] spawns, verifies and releases,
//! as often as a service is started, through the [`Backend`] in `loop_backend`.

use std::io::{self, PipeReader};
use std::time::Duration;

use tokio::time::Instant;

use super::backend::SessionBackend;
use super::configured::ConfiguredProject;
use super::options::Options;
use super::output::{self, Outlets, announce};
use super::prepared::Prepared;
use super::{absent, conflict, hooks, joiners, neighbours, order, outcome, portless, settings, usual_ports};
use crate::control::Server;
use crate::detect::ServiceKind;
use crate::invocation::{Failure, Invocation, StartedBy, require_descriptors};
use crate::port::{AllocateOptions, Lease, PortChoice, PortError, Ports, Remembered, Reservation};
use crate::process::signals::Signals;
use crate::process::{Exit, children, memory};
use crate::supervise::{Backend, Lifeline, LoopInputs, SharedTerminal, Sink, Supervisor};

/// Descriptors of a supervisor without its services.
const DESCRIPTORS: usize = 32;
/// Descriptors of each service: a terminal with its four, or three pipes; the guardian's socket, the log, its directory.
const DESCRIPTORS_OF_A_SERVICE: usize = 8;

/// How long others may hold up a start before it is looked whether all of it runs already.
const FIRST_PATIENCE: Duration = Duration::from_secs(2);

pub struct Session<'a> {
    invocation: &'a Invocation,
    options: &'a Options,
    pub ports: Ports,
    pub prepared: Vec<Prepared<'a>>,
    /// The services that run already and whose ports other bowlines forward, each with the output of that bowline.
    pub joiners: Vec<(Reservation, PipeReader)>,
}

pub enum Reserved {
    /// Ports for all services, not yet committed.
    Lease(Lease),
    /// These services run already; nothing was reserved.
    AlreadyRunning(Vec<Reservation>),
}

impl<'a> Session<'a> {
    /// Detects the frameworks and prepares the requests.
    ///
    /// # Errors
    /// The state directory cannot be written, detection fails, or the limit of open files is too low: later, a
    /// start that ran into it could not be undone.
    pub fn new(
        invocation: &'a Invocation,
        options: &'a Options,
        projects: Vec<ConfiguredProject>,
    ) -> Result<Self, Failure> {
        let ports = invocation.ports_to_write()?;
        require_descriptors(DESCRIPTORS + DESCRIPTORS_OF_A_SERVICE * projects.len())?;
        // No store yet: the transaction in `reserve` recalls the remembered frameworks.
        let live = neighbours::live(&ports, &projects);
        let prepared = prepare(invocation, options, projects, (None, &live))?;
        order::asked_for(&prepared)?;
        Ok(Self { invocation, options, ports, prepared, joiners: Vec::new() })
    }

    pub fn leave_out(&mut self, running: &[Reservation]) {
        self.prepared.retain(|one| !running.iter().any(|running| running.is_of(&one.request.project)));
    }

    /// Leaves out the tasks that only services need which run already.
    pub fn leave_out_needless(&mut self, running: &[Reservation]) -> Result<(), Failure> {
        let Self { prepared, options, .. } = self;
        let graph = order::of(prepared, options)?.graph;
        let is_running = |one: &Prepared<'_>| running.iter().any(|held| held.is_of(&one.request.project));
        let mut is_served: Vec<bool> = prepared.iter().map(is_running).collect();
        // Tasks may need each other.
        for task in graph.levels().concat().into_iter().rev() {
            let is_task = prepared[task].detected().kind == ServiceKind::Task;
            let mut dependents = graph.dependents_of(task).peekable();
            is_served[task] |=
                is_task && dependents.peek().is_some() && dependents.all(|dependent| is_served[dependent]);
        }
        let mut is_served = is_served.into_iter();
        prepared.retain(|one| !is_served.next().unwrap_or_default() || is_running(one));
        Ok(())
    }

    /// Of services that run already, those that the others wait for.
    pub fn needed(&self, running: &[Reservation]) -> Result<Vec<Reservation>, Failure> {
        let Self { prepared, options, .. } = self;
        let is_running = |one: &&Reservation, service: usize| one.is_of(&prepared[service].request.project);
        let find = |service: usize| running.iter().find(|one| is_running(one, service));
        let graph = order::of(prepared, options)?.graph;
        let starting: Vec<usize> = (0..prepared.len()).filter(|&service| find(service).is_none()).collect();
        let is_needed = |service: &usize| graph.dependents_of(*service).any(|one| starting.contains(&one));
        Ok((0..prepared.len()).filter(is_needed).filter_map(|service| find(service).cloned()).collect())
    }

    /// Reserves a port for each service, or none.
    pub fn reserve(&mut self) -> Result<Reserved, Failure> {
        let Self { invocation, options, ports, prepared, .. } = self;
        let projects: Vec<_> = prepared.iter().map(|one| one.request.project.clone()).collect();
        let all: Vec<&Prepared<'_>> = prepared.iter().collect();
        let absent = absent::addresses(invocation, ports, &all)?;
        all.iter().try_for_each(|one| portless::check(one, &all, &absent))?;
        for one in prepared.iter_mut() {
            one.absent.clone_from(&absent);
        }
        let mut request = |service: usize, remembered: Option<&Remembered>| {
            prepared[service].recall(invocation, options, remembered);
            prepared[service].request.clone()
        };
        let options = AllocateOptions::default();
        let mut allocated =
            ports.clone().with_patience(FIRST_PATIENCE).allocate(&projects, &mut request, options);
        if let Err(PortError::Busy { .. }) = allocated {
            // Where everything runs already, there is nothing to wait for.
            let live = ports.clone().with_patience(Duration::ZERO).reservations();
            let running = |project: &String| live.iter().find(|one| one.is_of(project)).cloned();
            allocated = match projects.iter().map(running).collect() {
                Some(running) => Err(PortError::AlreadyRunning(running)),
                None => ports.allocate(&projects, &mut request, options),
            };
        }
        match allocated {
            Ok(lease) => Ok(Reserved::Lease(lease)),
            Err(PortError::AlreadyRunning(running)) => Ok(Reserved::AlreadyRunning(running)),
            Err(error) => Err(conflict::report(invocation, error, prepared)),
        }
    }

    pub fn supervise(self, mut lease: Lease) -> Result<Exit, Failure> {
        let Self { invocation, options, ports, prepared, joiners } = self;
        invocation.files.forget();
        let order = order::of(&prepared, options)?;
        // A single service is committed while its guardian starts. Several would keep others from the store too
        // long.
        if prepared.len() > 1 {
            invocation.warn_all(&lease.commit());
            lease.close_store();
        }
        let grants = lease.grants().to_vec();
        let (session, socket) = (lease.session().to_string(), lease.socket());
        let own = lease.reservations().first().cloned();
        let logs = ports.dir().logs();
        let backend = SessionBackend::new(invocation, options, prepared, lease, ports);
        let mut services = backend.prepared.iter().enumerate();
        services.try_for_each(|(service, prepared)| {
            let addresses = backend.addresses(service);
            hooks::check(prepared, backend.port(service), &|text| addresses.fill(text))
        })?;
        let services = settings::services(&backend, Instant::now());
        backend.specs.iter().for_each(output::log_spec);
        let mut statuses = backend.statuses();
        for (service, status) in statuses.iter_mut().enumerate() {
            status.wanted_by = order::wanted_by(&order.graph, &backend.prepared, service);
        }
        let is_caught = invocation.started_by == StartedBy::Caught;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let _entered = runtime.enter();
        let signals = Box::new(Signals::take()?);
        children::begin();
        let Outlets { sink, console, terminal } =
            output::open(invocation, options, &statuses, (&session, &logs))?;
        let has_keys = terminal.as_ref().is_some_and(SharedTerminal::has_keyboard);
        let control = Server::new(&socket, &session, statuses);
        if let Some(own) = own {
            joiners::relay(joiners, &own)?;
        }
        let is_runner = invocation.started_by == StartedBy::Runner;
        let lifeline = is_runner.then(|| Lifeline::new(io::stdin())).transpose()?;
        let caller = Some(invocation.watch_caller()?);
        let inputs = LoopInputs { signals, console, terminal, lifeline, caller, control };
        let mut supervisor = Supervisor::new(services, order, backend, sink, inputs);
        supervisor.start_all();
        let Supervisor { sink, backend, .. } = &mut supervisor;
        backend.close_store();
        memory::trim();
        // The user reads this while the services start.
        announce(sink, backend, &grants);
        if has_keys {
            sink.introduce_keys();
        }
        let finished = runtime.block_on(supervisor.run());
        // What has called it is told the exit and nothing else; the outer bowline knows why.
        if is_caught { Ok(outcome::exit(&finished)) } else { outcome::conclude(&finished) }
    }
}

/// Detects the framework of each project, or recalls it from `ports`, and makes the requests to the allocator. `live` are
/// the services that run. The ports are chosen by [`Session::reserve`].
pub fn prepare<'a>(
    invocation: &'a Invocation,
    options: &Options,
    projects: Vec<ConfiguredProject>,
    (ports, live): (Option<&Ports>, &[Reservation]),
) -> Result<Vec<Prepared<'a>>, Failure> {
    let mut place = 0;
    let prepare = |configured: ConfiguredProject| {
        let remembered = ports.and_then(|ports| ports.remembered(&configured.project.id));
        let prepared = Prepared::new(invocation, options, place, configured, remembered.as_ref())?;
        // What has no port leaves the ports that were wished for to the others.
        place += usize::from(prepared.request.choice != PortChoice::None);
        Ok(prepared)
    };
    let mut prepared = projects.into_iter().map(prepare).collect::<Result<Vec<_>, Failure>>()?;
    conflict::ensure_own_ports(&prepared)?;
    usual_ports::find(invocation, options, &mut prepared, live);
    Ok(prepared)
}
