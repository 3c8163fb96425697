//! The supervisor's view of ports and programs.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::event::{Level, What};
use crate::invocation::logging;
use crate::invocation::{Keeper, Surroundings};
use crate::launch::{Host, LaunchSpec, Sibling, Step};
use crate::paths::StateDir;
use crate::port::listeners::Listeners;
use crate::port::{Choice, Guard, Lease, Ports, SessionId, Terms};
use crate::process::guardian::Token;
use crate::process::tree::{self, Mark};
use crate::process::{Exit, Program, leftovers};
use crate::session::framework_locks;
use crate::session::port_override::{Redirect, listed};
use crate::session::prepared::{Candidate, environment};
use crate::supervise::{Listener, Sighting, Start, World};

/// How long to wait for the guardian of a project's last server beyond the grace period it was given.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// Ports and programs of the services of one supervisor.
pub struct Services<'a> {
    around: &'a Surroundings,
    candidates: Vec<Candidate<'a>>,
    host: Option<&'a Host>,
    lease: Option<Lease>,
    listeners: Listeners,
    lost: Vec<Vec<u16>>,
    redirects: Vec<Redirect>,
    ports: Ports,
    /// What is run on the ports as they are now.
    specs: Vec<LaunchSpec>,
    /// Whether something was learned since they were planned.
    stale: bool,
}

impl<'a> Services<'a> {
    /// Services whose ports are reserved by `lease`.
    pub fn new(
        around: &'a Surroundings,
        candidates: Vec<Candidate<'a>>,
        host: Option<&'a Host>,
        lease: Lease,
        state: &Arc<StateDir>,
    ) -> Self {
        let lost = candidates.iter().map(|_| Vec::new()).collect();
        let redirects = candidates.iter().zip(lease.grants());
        let redirects = redirects.map(|(candidate, grant)| candidate.redirect(grant, state)).collect();
        let mut services = Self {
            around,
            candidates,
            host,
            lease: Some(lease),
            listeners: Listeners::new(),
            lost,
            redirects,
            ports: Ports::new(Arc::clone(state)),
            specs: Vec::new(),
            stale: false,
        };
        services.plan();
        services
    }

    /// Closes the store and lets others at it, see [`Lease::settle`].
    pub fn settle(&mut self) {
        if let Some(lease) = &mut self.lease {
            lease.settle();
        }
    }

    /// What is run for each service on the port that it has now.
    pub fn specs(&self) -> &[LaunchSpec] {
        &self.specs
    }

    fn plan(&mut self) {
        self.specs = (0..self.candidates.len()).map(|service| self.spec(service)).collect();
    }

    fn spec(&self, service: usize) -> LaunchSpec {
        let siblings: Vec<Sibling> = (0..self.candidates.len())
            .filter(|&other| other != service)
            .map(|other| Sibling {
                name: self.candidates[other].subject.project.name.clone(),
                port: self.port_of(other),
            })
            .collect();
        let session = self.lease.as_ref().map_or("", |lease| lease.session().as_str());
        let preload = self.redirects[service].preload();
        self.candidates[service].spec(self.port_of(service), session, self.host, &siblings, preload)
    }

    /// What earlier starts have taught, if anything.
    pub fn reminder(&self, service: usize) -> Option<String> {
        let described = self.redirects[service].preload()?.moved.described();
        Some(format!("as before, its listener is moved to port {}: {described}", self.port_of(service)))
    }

    /// Where the service listened that did not listen on its port, if it did anywhere.
    pub fn elsewhere(&self, service: usize) -> Option<String> {
        self.redirects[service].elsewhere().map(listed)
    }

    /// Every process of the tree below `roots`.
    fn processes(roots: &[i32]) -> Vec<i32> {
        let descendants = roots.iter().flat_map(|&root| tree::descendants(root));
        descendants.map(|process| process.identity.pid).collect()
    }

    /// Whether a process that is not below `roots` listens on the port as well.
    fn is_shared(&mut self, port: u16, roots: &[i32]) -> bool {
        let all = self.listeners.on(port).unwrap_or_default();
        let ours = self.listeners.among(port, &Self::processes(roots)).unwrap_or_default();
        all.iter().any(|listener| ours.iter().all(|held| held.listener.socket != listener.socket))
    }

    fn take_note(&mut self, service: usize, key: &str, value: Option<&str>) {
        self.settle();
        let project = &self.candidates[service].request.project;
        if let Err(error) = self.ports.note(project, key, value) {
            tracing::warn!("the next start has to find out again: {error}");
        }
    }

    /// What is started, in one line: `next 16.4 · pnpm · port 3101`.
    pub fn headline(&self, service: usize) -> String {
        let Candidate { subject, detection, .. } = &self.candidates[service];
        let framework = &detection.framework;
        let version = framework
            .rules
            .dependencies
            .iter()
            .find(|package| subject.project.manifest.dependencies.contains_key(&***package))
            .and_then(|package| subject.project.installed_version(package))
            .map_or_else(String::new, |version| format!(" {}.{}", version.major, version.minor));
        let manager = subject.manager.manager.name();
        format!("{}{version} · {manager} · port {}", framework.key, self.port_of(service))
    }

    /// The services as they were read.
    pub fn candidates(&self) -> &[Candidate<'a>] {
        &self.candidates
    }

    fn port_of(&self, service: usize) -> u16 {
        let project = &self.candidates[service].subject.project.id;
        let reservations = self.lease.as_ref().map_or(&[][..], Lease::reservations);
        let held = reservations.iter().find(|held| held.project == *project).map(|held| held.port);
        // One that has ended is told of by the port that it had.
        held.or_else(|| self.specs.get(service).map(|spec| spec.port)).unwrap_or_default()
    }

    fn program(&self, step: Step) -> Program {
        let environment = environment(self.around, &step.environment);
        Program { program: step.program, argv: step.argv, dir: step.cwd, environment }
    }
}

/// How to allocate now.
pub fn allocate<T>(body: impl FnOnce(&mut Terms<'_>) -> T) -> T {
    let mut end_leftovers = |session: &SessionId| leftovers::end(session.as_str());
    body(&mut Terms { now: SystemTime::now(), patience: PATIENCE, end_leftovers: &mut end_leftovers })
}

impl World for Services<'_> {
    fn start(&mut self, service: usize) -> io::Result<Start> {
        // What the guardian copies must not be written twice.
        logging::flush();
        if let Some(preload) = self.redirects[service].preload() {
            preload.write(self.port_of(service))?;
        }
        // Whatever made this start necessary may have changed what is to be started.
        if std::mem::replace(&mut self.stale, true) {
            self.plan();
        }
        self.redirects[service].starts(&self.specs[service]);
        framework_locks::clear(&self.candidates[service]);
        let LaunchSpec { pre, main, post, .. } = self.specs[service].clone();
        let steps = pre.into_iter().chain([main]).chain(post).map(|step| self.program(step)).collect();
        let lease = self.lease.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let grace = self.candidates[service].grace;
        let token: Option<Box<dyn Token>> = Some(Box::new(Lock { guard: lease.guard()?, grace }));
        let project = &self.candidates[service].subject.project.id;
        let mark = Mark::of_service(lease.session().as_str(), project);
        let stdin = if self.candidates.len() == 1 && self.around.keeper != Keeper::Runner {
            own_stdin()?
        } else {
            null()?
        };
        Ok(Start { steps, mark, token, grace, stdin })
    }

    fn confirm(&mut self) {
        self.around.warn_of(&self.lease.as_mut().map(Lease::commit).unwrap_or_default());
    }

    fn listener(&mut self, service: usize, roots: &[i32]) -> Listener {
        let port = self.port_of(service);
        let seen = match self.listeners.on(port) {
            Ok(seen) if !seen.is_empty() => seen,
            Ok(_) | Err(_) => return Listener::Nobody,
        };
        let ours = self.listeners.among(port, &Self::processes(roots)).unwrap_or_default();
        if let Some(held) = ours.first() {
            return Listener::Ours { socket: held.listener.socket, pid: held.pid };
        }
        let me = nix::unistd::getuid().as_raw();
        if seen.iter().all(|listener| listener.user == me) { Listener::Stranger } else { Listener::Hidden }
    }

    fn sighting(&mut self, service: usize, roots: &[i32], output: &str) -> Option<Sighting> {
        let reserved = self.port_of(service);
        let held = self.listeners.of(&Self::processes(roots)).ok()?;
        self.redirects[service].sighting(held, reserved, output)
    }

    fn is_redirectable(&mut self, service: usize, exit: Exit, output: &str) -> bool {
        let reserved = self.port_of(service);
        self.redirects[service].is_redirectable(exit, reserved, output)
    }

    fn redirect(&mut self, service: usize) -> What {
        let reserved = self.port_of(service);
        let message = self.redirects[service].redirect(reserved);
        tracing::info!("{message}");
        What::Noted { level: Level::Plain, message }
    }

    fn follow(&mut self, service: usize, roots: &[i32]) -> Result<What, What> {
        let original_port = self.port_of(service);
        let error = |error: String| Err(What::Error { error });
        let Some(places) = self.redirects[service].elsewhere() else {
            return error(format!("nothing of the service listens on port {original_port}"));
        };
        let (listed, new_port) = (listed(places), places.first().map_or(0, |place| place.port));
        if self.is_shared(new_port, roots) {
            return error(format!("it listens on {listed}, and so does another program"));
        }
        let Some(lease) = &mut self.lease else { return error("nothing is reserved".to_owned()) };
        let mut request = self.candidates[service].request.clone();
        request.choice = Choice::Adopt(new_port);
        match allocate(|terms| lease.replace(&request, terms)) {
            Ok(()) => {
                if let Some((key, value)) = self.redirects[service].followed(new_port) {
                    self.take_note(service, key, value.as_deref());
                }
                let message = format!(
                    "it listens on {listed}, not on its reserved port {original_port}; \
                     port {new_port} is reserved for it instead, and may be taken the next time: let it read `PORT`"
                );
                tracing::warn!("{message}");
                Ok(What::PortReallocated { original_port, new_port, message })
            }
            Err(error) => Err(What::Error { error: format!("it listens on {listed}: {error}") }),
        }
    }

    fn succeeded(&mut self, service: usize) {
        let reserved = self.port_of(service);
        for (key, value) in self.redirects[service].succeeded(reserved) {
            self.take_note(service, key, value.as_deref());
        }
    }

    fn relocate(&mut self, service: usize) -> Result<What, What> {
        let original_port = self.port_of(service);
        self.lost[service].push(original_port);
        let conflict = |message: String| What::PortConflict { port: original_port, message };
        let Some(lease) = &mut self.lease else { return Err(conflict("nothing is reserved".to_owned())) };
        let mut request = self.candidates[service].request.clone();
        request.exclude.clone_from(&self.lost[service]);
        request.choice = Choice::Any;
        match allocate(|terms| lease.replace(&request, terms)) {
            Ok(()) => {
                self.plan();
                let new_port = self.port_of(service);
                let message = format!(
                    "port {original_port} was taken by another process; trying port {new_port} instead"
                );
                tracing::warn!("{message}");
                Ok(What::PortReallocated { original_port, new_port, message })
            }
            Err(error) => Err(conflict(error.to_string())),
        }
    }

    fn release(&mut self, service: usize) {
        let project = &self.candidates[service].subject.project.id;
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
            // The locks are gone with this process, so the port is free all the same.
            tracing::warn!("{error}");
        }
    }

    fn port(&self, service: usize) -> (u16, String) {
        (self.port_of(service), self.candidates[service].detection.framework.key.to_string())
    }
}

/// The guard of a session as a guardian's token.
#[derive(Debug)]
struct Lock {
    guard: Guard,
    grace: Duration,
}

impl AsFd for Lock {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.guard.as_file().as_fd()
    }
}

impl Token for Lock {
    fn begin(&mut self) {
        // Without the pid, others cannot wait for this guardian and look for another port instead.
        let _full = self.guard.begin(self.grace);
    }

    fn finish(self: Box<Self>) {
        self.guard.finish();
    }
}

fn own_stdin() -> io::Result<OwnedFd> {
    // A closed standard input is an empty one.
    io::stdin().as_fd().try_clone_to_owned().or_else(|_| null())
}

fn null() -> io::Result<OwnedFd> {
    Ok(std::fs::File::open("/dev/null")?.into())
}
