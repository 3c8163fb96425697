//! Services in the foreground: the supervisor with its output, and how bowline ends when they have.

use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::args::Launch;
use super::failure::{End, Failure};
use super::opener::Opening;
use super::surroundings::Surroundings;
use super::world::{Candidate, Services};
use super::{exit, show};
use crate::event::{Event, Level, What};
use crate::launch::{Host, LaunchSpec};
use crate::logs::{self, Recorded, Recorder};
use crate::paths::StateDir;
use crate::port::{Choice, Error as PortError, Grant, Lease};
use crate::process::signals::Signals;
use crate::supervise::restart::Policy;
use crate::supervise::service::{Service, Settings};
use crate::supervise::{Console, Sink, Supervisor};
use crate::ui::{self, Human, JsonLines, Prefixed};

/// How long a server may take to listen before that is said, unless somebody says otherwise.
const READY_TIMEOUT: Duration = Duration::from_secs(60);
/// How often another port is tried when a stranger was faster.
const MOVES: u32 = 3;
/// How often a service that asks for another port is started once more: with its listener moved, and should it not run
/// so, without.
const REDIRECTS: u32 = 2;

/// All that running in the foreground takes.
pub struct Foreground<'a> {
    pub around: &'a Surroundings,
    pub launch: &'a Launch,
    pub candidates: Vec<Candidate<'a>>,
    pub host: Option<&'a Host>,
    pub lease: Lease,
    pub state: Arc<StateDir>,
}

impl Foreground<'_> {
    /// Runs the services to their end.
    pub fn run(self) -> Result<End, Failure> {
        let Self { around, launch, candidates, host, lease, state } = self;
        let now = Instant::now();
        let grants = lease.grants().to_vec();
        let projects: Vec<String> =
            candidates.iter().map(|candidate| candidate.subject.project.id.clone()).collect();
        let names: Vec<String> =
            candidates.iter().map(|candidate| candidate.subject.project.name.clone()).collect();
        let world = Services::new(around, candidates, host, lease, &state);
        let services = world
            .candidates()
            .iter()
            .zip(world.specs())
            .map(|(candidate, spec)| Service::new(settings(launch, candidate, spec), seed(), now))
            .collect();
        let opening = launch.open;
        let recorders = recorders(&state, &projects, &names);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let _entered = runtime.enter();
        let signals = Signals::take()?;
        let (outcomes, world) = if around.json {
            let sink = JsonLines::new(projects, around.style, around.quiet)?;
            let mut sink = Recorded::new(Opening::new(sink, opening), recorders);
            introduce(&mut sink, &world, &grants);
            let supervisor = Supervisor::new(services, world, sink, signals, None);
            runtime.block_on(supervisor.run())
        } else if projects.len() > 1 {
            let sink = Prefixed::new(&names, around.style, around.quiet)?;
            let mut sink = Recorded::new(Opening::new(sink, opening), recorders);
            introduce(&mut sink, &world, &grants);
            let supervisor = Supervisor::new(services, world, sink, signals, None);
            runtime.block_on(supervisor.run())
        } else {
            let console = console()?;
            let sink = Human::new(around.style, around.quiet)?;
            let mut sink = Recorded::new(Opening::new(sink, opening), recorders);
            introduce(&mut sink, &world, &grants);
            let supervisor = Supervisor::new(services, world, sink, signals, console);
            runtime.block_on(supervisor.run())
        };
        exit::conclude(&world, world.specs(), &outcomes)
    }
}

/// Says what is started, and what is not as the user may expect.
fn introduce(sink: &mut impl Sink, world: &Services<'_>, grants: &[Grant]) {
    for (service, (grant, spec)) in grants.iter().zip(world.specs()).enumerate() {
        if let Some(declined) = &grant.declined {
            let message = format!("{declined}; using port {} instead", grant.port);
            sink.tell(
                service,
                What::PortReallocated { original_port: declined.port, new_port: grant.port, message },
            );
        }
        let message = world.headline(service);
        sink.tell(service, What::Noted { level: Level::Plain, message });
        if let Some(message) = world.reminder(service) {
            sink.tell(service, What::Noted { level: Level::Plain, message });
        }
        for warning in &spec.warnings {
            sink.tell(service, What::Noted { level: Level::Warning, message: warning.clone() });
        }
    }
}

fn settings(launch: &Launch, candidate: &Candidate<'_>, spec: &LaunchSpec) -> Settings {
    let configured = &candidate.subject.config.settings;
    let (before, after) = (usize::from(spec.pre.is_some()), usize::from(spec.post.is_some()));
    let is_ordered = matches!(candidate.request.choice, Choice::Order(_));
    Settings {
        steps: before + 1 + after,
        main: before,
        policy: launch.restart.map(Policy::from).or(configured.restart).unwrap_or_default(),
        grace: candidate.grace,
        ready_timeout: configured.ready.timeout.unwrap_or(READY_TIMEOUT),
        ready_required: configured.ready.timeout.is_some(),
        moves: if is_ordered { 0 } else { MOVES },
        redirects: REDIRECTS,
        follows: !is_ordered,
    }
}

/// Spreads the pauses of supervisors that were started together.
fn seed() -> u64 {
    let nanos =
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    u64::from(nanos) ^ (u64::from(std::process::id()) << 32)
}

fn recorders(state: &StateDir, projects: &[String], names: &[String]) -> Vec<Option<Recorder>> {
    let open = |(project, name): (&String, &String)| {
        let path = logs::file(&state.logs(), project, name);
        Recorder::open(path.clone())
            .inspect_err(|error| {
                tracing::warn!("the output is not recorded in `{}`: {error}", path.display());
            })
            .ok()
    };
    projects.iter().zip(names).map(open).collect()
}

/// A console if there is a terminal to show it on.
fn console() -> Result<Option<Console>, Failure> {
    let (stdin, stdout) = (io::stdin(), io::stdout());
    if !stdout.is_terminal() {
        return Ok(None);
    }
    let keyboard = if stdin.is_terminal() { Some(stdin.as_fd().try_clone_to_owned()?) } else { None };
    Ok(Some(Console::open(stdout.as_fd().try_clone_to_owned()?, keyboard)?))
}

/// There is no port: because the project runs already, or because none is left.
pub fn refused(
    around: &Surroundings,
    error: PortError,
    candidates: &[Candidate<'_>],
) -> Result<End, Failure> {
    if let PortError::AlreadyRunning(reservations) = &error {
        for running in reservations {
            show::running(around, running)?;
        }
        return Ok(End::Code(0));
    }
    if let (true, true, [candidate]) = (around.json, error.is_no_port(), candidates) {
        let request = &candidate.request;
        let port = match request.choice {
            Choice::Order(port) | Choice::Wish(port) | Choice::Adopt(port) => port,
            Choice::Any => request.range.start,
        };
        let what = What::PortConflict { port, message: error.to_string() };
        ui::print(&format!("{}\n", Event::now(&request.project, what).to_json()))?;
    }
    Err(error.into())
}
