//! The supervisor's view of ports and programs.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, SystemTime};

use super::journal;
use super::plan::Subject;
use super::surroundings::Surroundings;
use crate::detect::{Detection, Inputs};
use crate::event::What;
use crate::launch::{self, Changes, Host, LaunchSpec, Reading, Sibling, Step};
use crate::port::listeners::Listeners;
use crate::port::{Choice, Guard, Lease, Request, SessionId, Terms};
use crate::process::guardian::Token;
use crate::process::{Program, leftovers, tree};
use crate::supervise::{Listener, Start, World};

/// How long to wait for the guardian of a project's last server beyond the grace period it was given.
const PATIENCE: Duration = Duration::from_secs(15);

/// One service to be: what was read and decided before its port was reserved.
pub struct Candidate<'a> {
    pub subject: &'a Subject,
    pub reading: &'a Reading<'a>,
    pub detection: &'a Detection<'a>,
    pub inputs: &'a Inputs,
    pub request: Request,
    pub grace: Duration,
}

/// Ports and programs of the services of one supervisor.
pub struct Services<'a> {
    around: &'a Surroundings,
    candidates: Vec<Candidate<'a>>,
    host: Option<&'a Host>,
    lease: Option<Lease>,
    listeners: Listeners,
    lost: Vec<Vec<u16>>,
    /// What is run on the ports as they are now.
    specs: Vec<LaunchSpec>,
}

impl<'a> Services<'a> {
    /// Services whose ports are reserved by `lease`.
    pub fn new(
        around: &'a Surroundings,
        candidates: Vec<Candidate<'a>>,
        host: Option<&'a Host>,
        lease: Lease,
    ) -> Self {
        let lost = candidates.iter().map(|_| Vec::new()).collect();
        let mut services = Self {
            around,
            candidates,
            host,
            lease: Some(lease),
            listeners: Listeners::new(),
            lost,
            specs: Vec::new(),
        };
        services.plan();
        services
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
        self.candidates[service].spec(self.port_of(service), session, self.host, &siblings)
    }

    /// What is started, in one line: `next 16.4 · pnpm · port 3101`.
    pub fn headline(&self, service: usize) -> String {
        let Candidate { subject, detection, .. } = &self.candidates[service];
        let framework = &detection.framework;
        let version = framework
            .rules
            .dependencies
            .iter()
            .find(|package| subject.project.manifest.dependencies.contains_key(*package))
            .and_then(|package| subject.project.version_of(package))
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
        reservations.iter().find(|held| held.project == *project).map_or(0, |held| held.port)
    }

    fn program(&self, step: Step) -> Program {
        let mut argv = step.argv;
        // The program may be a path that its own name in the argument list is not.
        if let Some(first) = argv.first_mut() {
            *first = step.program.into_os_string();
        }
        Program { argv, dir: step.cwd, environment: environment(self.around, &step.environment) }
    }
}

impl Candidate<'_> {
    /// What is run on `port`.
    pub fn spec(&self, port: u16, session: &str, host: Option<&Host>, siblings: &[Sibling]) -> LaunchSpec {
        launch::plan(&launch::Request {
            reading: self.reading,
            detection: self.detection,
            inputs: self.inputs,
            catalog: &self.subject.config.catalog,
            port,
            host,
            session,
            siblings,
            environment: &self.subject.config.settings.env,
        })
    }
}

/// The caller's environment with these changes.
pub fn environment(around: &Surroundings, changes: &Changes) -> Vec<(OsString, OsString)> {
    let mut variables = around.caller.variables.clone();
    for name in changes.removals() {
        variables.remove(std::ffi::OsStr::new(name));
    }
    for (name, value) in changes.additions() {
        variables.insert(name.into(), value.to_owned());
    }
    variables.into_iter().collect()
}

/// How to allocate now.
pub fn allocate<T>(body: impl FnOnce(&mut Terms<'_>) -> T) -> T {
    let mut end_leftovers = |session: &SessionId| leftovers::end(session.as_str());
    body(&mut Terms { now: SystemTime::now(), patience: PATIENCE, end_leftovers: &mut end_leftovers })
}

impl World for Services<'_> {
    fn start(&mut self, service: usize) -> io::Result<Start> {
        // What the guardian copies must not be written twice.
        journal::flush();
        let LaunchSpec { pre, main, post, .. } = self.specs[service].clone();
        let steps = pre.into_iter().chain([main]).chain(post).map(|step| self.program(step)).collect();
        let lease = self.lease.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let token: Option<Box<dyn Token>> = Some(Box::new(Lock(lease.guard()?)));
        let session = lease.session().to_string();
        let stdin = if self.candidates.len() == 1 { own_stdin()? } else { null()? };
        Ok(Start { steps, session, token, grace: self.candidates[service].grace, stdin })
    }

    fn listener(&mut self, service: usize, roots: &[i32]) -> Listener {
        let port = self.port_of(service);
        let seen = match self.listeners.on(port) {
            Ok(seen) if !seen.is_empty() => seen,
            Ok(_) | Err(_) => return Listener::Nobody,
        };
        let ours: Vec<i32> = roots
            .iter()
            .flat_map(|&root| tree::descendants(root))
            .map(|process| process.identity.pid)
            .collect();
        if self.listeners.among(port, &ours).is_ok_and(|held| !held.is_empty()) {
            return Listener::Ours;
        }
        let me = nix::unistd::getuid().as_raw();
        if seen.iter().all(|listener| listener.user == me) { Listener::Stranger } else { Listener::Hidden }
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
        (self.port_of(service), self.candidates[service].detection.framework.key.clone())
    }
}

/// The guard of a session as a guardian's token.
#[derive(Debug)]
struct Lock(Guard);

impl AsFd for Lock {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_file().as_fd()
    }
}

impl Token for Lock {
    fn begin(&mut self) {
        // Without the pid, others cannot wait for this guardian and look for another port instead.
        let _full = self.0.begin();
    }

    fn finish(self: Box<Self>) {
        self.0.finish();
    }
}

fn own_stdin() -> io::Result<OwnedFd> {
    // A closed standard input is an empty one.
    io::stdin().as_fd().try_clone_to_owned().or_else(|_| null())
}

fn null() -> io::Result<OwnedFd> {
    Ok(std::fs::File::open("/dev/null")?.into())
}
