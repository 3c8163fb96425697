//! Services in the foreground: the supervisor with its output, and how bowline ends when they have.

use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::cli::args::Launch;
use crate::cli::command::start::Report;
use crate::control::{About, Server};
use crate::event::{Event, Level, What};
use crate::invocation::failure::{End, Failure};
use crate::invocation::{Keeper, Surroundings};
use crate::launch::{Host, LaunchSpec};
use crate::logs::{self, Recorded, Recorder};
use crate::paths::StateDir;
use crate::port::{Choice, Error as PortError, Grant, Lease, is_blocked};
use crate::process::memory;
use crate::process::signals::Signals;
use crate::range::Range;
use crate::session::backend::Services;
use crate::session::dry_run;
use crate::session::opener::Opening;
use crate::session::outcome;
use crate::session::prepared::Candidate;
use crate::supervise::restart::Policy;
use crate::supervise::service::{Service, Settings};
use crate::supervise::{Console, Inputs, Lifeline, Sink, Supervisor};
use crate::ui::{self, Human, JsonLines, Prefixed};
use crate::visible::Visible;

/// How long a server may take to listen before that is said, unless somebody says otherwise.
const READY_TIMEOUT: Duration = Duration::from_secs(60);
/// How often another port is tried when a stranger was faster.
const MOVES: u32 = 3;
/// How often a service that asks for another port is started once more: with its listener moved, and should it not run
/// so, without.
const REDIRECTS: u32 = 2;

/// All that running services takes.
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
        let Self { around, launch, candidates, host, mut lease, state } = self;
        // One service is started first. Many would take too long for those who wait for the store.
        if candidates.len() > 1 {
            around.warn_of(&lease.commit());
            lease.settle();
        }
        let now = Instant::now();
        let grants = lease.grants().to_vec();
        let (session, socket) = (lease.session().to_string(), lease.socket());
        let world = Services::new(around, candidates, host, lease, &state);
        let services = world
            .candidates()
            .iter()
            .zip(world.specs())
            .map(|(candidate, spec)| {
                Service::new(
                    settings(launch, around.keeper != Keeper::Terminal, candidate, spec),
                    seed(),
                    now,
                )
            })
            .collect();
        world.specs().iter().for_each(dry_run::explain);
        let abouts = abouts(&world, &state, around);
        let recorders = recorders(&abouts, &session);
        let projects: Vec<String> = abouts.iter().map(|about| about.project.clone()).collect();
        let names: Vec<String> = abouts.iter().map(|about| about.name.clone()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let _entered = runtime.enter();
        let signals = Signals::take()?;
        let mut console = None;
        let sink: Box<dyn Sink> = if around.keeper == Keeper::Nobody {
            Box::new(Report::new(&abouts, &session)?)
        } else if around.json {
            Box::new(JsonLines::new(projects, &session, around.style, around.quiet)?)
        } else if names.len() > 1 {
            Box::new(Prefixed::new(&names, around.style, around.quiet)?)
        } else {
            console = self::console()?;
            Box::new(Human::new(around.style, around.quiet)?)
        };
        let sink = Recorded::new(Opening::new(sink, launch.open), recorders);
        let control = Server::new(socket, &session, abouts);
        let lifeline = (around.keeper == Keeper::Runner).then(|| Lifeline::new(io::stdin())).transpose()?;
        let inputs = Inputs { signals, console, control, lifeline };
        let mut supervisor = Supervisor::new(services, world, sink, inputs);
        // What is said of the services is read while they start.
        supervisor.start_all();
        let (sink, world) = supervisor.sink_and_world();
        world.settle();
        memory::trim();
        introduce(sink, world, &grants);
        let (outcomes, world) = runtime.block_on(supervisor.run());
        outcome::conclude(&world, world.specs(), &outcomes)
    }
}

/// What others are told about the services.
fn abouts(world: &Services<'_>, state: &StateDir, around: &Surroundings) -> Vec<About> {
    let about = |(candidate, spec): (&Candidate<'_>, &LaunchSpec)| {
        let project = &candidate.subject.project;
        About {
            project: project.id.clone(),
            name: project.name.clone(),
            dir: project.dir.clone(),
            framework: candidate.detection.framework.key.to_string(),
            command: spec.command.clone(),
            original: candidate.reading.command(),
            started_by: around.keeper.started_by(),
            log: logs::file(&state.logs(), &project.id, &project.name),
        }
    };
    world.candidates().iter().zip(world.specs()).map(about).collect()
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

fn settings(launch: &Launch, background: bool, candidate: &Candidate<'_>, spec: &LaunchSpec) -> Settings {
    let configured = &candidate.subject.config.settings;
    let (before, after) = (usize::from(spec.pre.is_some()), usize::from(spec.post.is_some()));
    let is_ordered = matches!(candidate.request.choice, Choice::Order(_));
    Settings {
        steps: before + 1 + after,
        main: before,
        policy: launch.restart.map(Policy::from).or(configured.restart).unwrap_or_default(),
        grace: candidate.grace,
        ready_timeout: configured.ready.timeout.unwrap_or(READY_TIMEOUT),
        // Somebody waits for it, and must not wait for ever.
        ready_required: background || configured.ready.timeout.is_some(),
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

fn recorders(abouts: &[About], session: &str) -> Vec<Option<Recorder>> {
    let open = |about: &About| {
        Recorder::open(about.log.clone(), session)
            .inspect_err(|error| {
                tracing::warn!("the output is not recorded in `{}`: {error}", about.log.visible());
            })
            .ok()
    };
    abouts.iter().map(open).collect()
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

/// There is no port.
pub fn refused(around: &Surroundings, error: PortError, candidates: &[Candidate<'_>]) -> Failure {
    if let (true, true, [candidate]) = (around.json, error.is_no_port(), candidates) {
        let request = &candidate.request;
        let port = wanted(request.choice, request.range);
        let what = What::PortConflict { port, message: error.to_string() };
        if let Err(error) = ui::print(&format!("{}\n", Event::now(&request.project, what).to_json())) {
            return error.into();
        }
    }
    error.into()
}

/// The port that could not be had: where none was named, the first that could have been handed out.
fn wanted(choice: Choice, range: Range) -> u16 {
    match choice {
        Choice::Order(port) | Choice::Wish(port) | Choice::Adopt(port) => port,
        Choice::Any => (range.start..=range.end).find(|&port| !is_blocked(port)).unwrap_or(range.start),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_of_a_conflict_is_one_that_could_be_had() {
        let range = |start, end| Range::new(start, end).unwrap();
        for (choice, range, port) in [
            (Choice::Any, range(6000, 6100), 6001),
            (Choice::Any, range(3101, 3200), 3101),
            (Choice::Any, range(6665, 6669), 6665),
            (Choice::Wish(4000), range(6000, 6100), 4000),
            (Choice::Order(6000), range(6000, 6100), 6000),
        ] {
            assert_eq!(wanted(choice, range), port, "{choice:?} {range}");
        }
    }
}
