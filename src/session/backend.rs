//! Ports and programs of the services, for the loop in [`crate::supervise`].

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use super::caught::add_shims;
use super::framework_locks;
use super::hooks;
use super::options::Options;
use super::plan::{PlanInputs, plan};
use super::port_override::{Evidence, Inquiry, Note, PortOverride, list};
use super::prepared::{Prepared, environment};
use super::server_scheme::ServerScheme;
use crate::control::Status;
use crate::detect::ServiceKind;
use crate::invocation::{Invocation, StartedBy, logging};
use crate::launch::{LaunchSpec, Preload, Shims, Step};
use crate::logs;
use crate::port::listeners::Listeners;
use crate::port::{Guard, Lease, Ports, Reservation, Scheme};
use crate::process::guardian::{ExecProbe, GuardianSpec, HeldLock, patience};
use crate::process::tree::{self, Mark};
use crate::process::{ABANDONED_GRACE, Program, Stdio};
use crate::supervise::{Backend, Description, GuardedTree};

pub struct SessionBackend<'a> {
    pub(super) invocation: &'a Invocation,
    pub(super) options: &'a Options,
    pub(super) prepared: Vec<Prepared<'a>>,
    pub(super) lease: Option<Lease>,
    pub(super) listeners: Listeners,
    /// For each service, the ports that it lost to strangers.
    pub(super) lost_ports: Vec<Vec<u16>>,
    pub(super) overrides: Vec<PortOverride>,
    pub(super) schemes: Vec<ServerScheme>,
    /// What is found out about each service beside the loop.
    pub(super) inquiries: Vec<Inquiry>,
    /// The launch of each service on its present port.
    pub(super) specs: Vec<LaunchSpec>,
    /// Whether a browser is to be opened.
    pub(super) open_browser: bool,
    pub(super) ports: Ports,
    /// Whether each service was started before, so that its launch may be out of date.
    pub(super) started: Vec<bool>,
    /// The schemes of all services, as each of them was told when it started.
    pub(super) told: Vec<Vec<Scheme>>,
    /// The live reservations of other sessions.
    pub(super) neighbours: Vec<Reservation>,
    /// Whether each service counts as ready because others beneath it are.
    pub(super) stands_in: Vec<bool>,
    /// The shims for each service that starts the scripts of other packages, or is caught.
    pub(super) shims: Vec<Option<Shims>>,
}

impl<'a> SessionBackend<'a> {
    pub fn new(
        invocation: &'a Invocation,
        options: &'a Options,
        prepared: Vec<Prepared<'a>>,
        lease: Lease,
        ports: Ports,
    ) -> Self {
        let both = prepared.iter().zip(lease.grants());
        let overrides = both.map(|(one, grant)| {
            let previous = grant.previous.as_ref().filter(|_| grant.has_port());
            PortOverride::new(one, previous, ports.dir())
        });
        let overrides = overrides.collect();
        let both = prepared.iter().zip(lease.grants());
        let schemes = both.map(|(one, grant)| one.detected().scheme(&one.request, grant.previous.as_ref()));
        let schemes = schemes.collect();
        let mut services = Self {
            invocation,
            options,
            open_browser: options.open,
            neighbours: lease.others().to_vec(),
            lease: Some(lease),
            listeners: Listeners::default(),
            lost_ports: vec![Vec::new(); prepared.len()],
            started: vec![false; prepared.len()],
            told: vec![Vec::new(); prepared.len()],
            inquiries: prepared.iter().map(|_| Inquiry::default()).collect(),
            overrides,
            schemes,
            shims: Vec::new(),
            stands_in: vec![false; prepared.len()],
            ports,
            specs: Vec::new(),
            prepared,
        };
        for service in 0..services.prepared.len() {
            if services.schemes[service].present != Scheme::default() {
                services.record_scheme(service);
            }
        }
        services.shims = (0..services.prepared.len()).map(|service| services.shims_of(service)).collect();
        services.plan();
        services
    }

    /// Plans every launch anew: each service finds the ports of its siblings in its environment.
    pub(super) fn plan(&mut self) {
        self.specs = (0..self.prepared.len()).map(|service| self.spec(service)).collect();
    }

    fn spec(&self, service: usize) -> LaunchSpec {
        let session = self.lease.as_ref().map_or("", |lease| lease.session().as_str());
        let mut spec = plan(
            &self.prepared[service],
            &PlanInputs {
                session,
                options: self.options,
                state: self.ports.dir(),
                address: (self.port(service), self.schemes[service].present),
                port_override: Some(&self.overrides[service]),
                siblings: &self.siblings(service),
                addresses: &self.addresses(service),
            },
        );
        if self.options.without_hooks {
            (spec.pre, spec.post) = (None, None);
        }
        if let Some(shims) = &self.shims[service] {
            add_shims(&mut spec, shims, self.invocation);
        }
        spec
    }

    /// The descriptions that the control socket serves.
    pub fn statuses(&self) -> Vec<Status> {
        let logs = self.ports.dir().logs();
        let status = |(one, spec): (&Prepared<'_>, &LaunchSpec)| {
            let project = one.project();
            let Description { name, framework, kind, command, original, environment } = describe(one, spec);
            Status {
                project_id: project.id.clone(),
                name,
                dir: project.dir.to_string_lossy().into_owned(),
                framework,
                kind,
                command,
                original: Some(original),
                env: environment,
                started_by: self.invocation.started_by.word().to_owned(),
                log: logs::file(&logs, &project.id, &project.name).to_string_lossy().into_owned(),
                ..Status::default()
            }
        };
        self.prepared.iter().zip(&self.specs).map(status).collect()
    }

    pub(super) fn ports(&self) -> &Ports {
        &self.ports
    }

    /// The line about a start: `next 16.4 · pnpm · port 3101`, `tsc 7.0 · npm · watch`.
    pub fn headline(&self, service: usize) -> String {
        let detected = self.prepared[service].detected();
        let (project, framework) = (&detected.configured.project, &detected.detection.framework);
        let version = framework
            .dependencies
            .iter()
            .find(|package| project.manifest.dependencies.contains_key(&***package))
            .and_then(|package| project.installed_version(package))
            .map_or_else(String::new, |version| format!(" {}.{}", version.major, version.minor));
        let manager = project.manifest.exists().then(|| detected.configured.manager.manager.name());
        let manager = manager.map_or_else(String::new, |manager| format!(" · {manager}"));
        let what = match detected.kind {
            ServiceKind::Server if self.port(service) == 0 => "no port of its own".to_owned(),
            ServiceKind::Server => format!("port {}", self.port(service)),
            ServiceKind::Watch | ServiceKind::Task => detected.kind.name().to_owned(),
        };
        let command = &detected.reading.command;
        let own = detected.configured.runs_framework.then(|| format!(" · no dev script, so `{command}`"));
        format!("{}{version}{manager} · {what}{}", framework.key, own.unwrap_or_default())
    }

    /// The line about a port override, or a port, that an earlier session noted in the store.
    pub fn override_reminder(&self, service: usize) -> Option<String> {
        if self.overrides[service].has_followed_to(self.port(service)) {
            return Some(format!(
                "as before, port {} is the one that it listens on by itself",
                self.port(service)
            ));
        }
        let described = self.overrides[service].preload.as_ref()?.moved.described();
        Some(format!("as before, its listener is moved to port {}: {described}", self.port(service)))
    }

    /// The ports that the service listened on in place of its own, as text.
    pub fn misplaced(&self, service: usize) -> Option<String> {
        self.overrides[service].elsewhere().map(list)
    }

    /// Whether two programs of the service wanted its port.
    pub fn is_contested(&self, service: usize) -> bool {
        self.overrides[service].is_contested
    }

    /// What is known about the run of a service, apart from its listeners.
    pub(super) fn evidence<'e>(&self, service: usize, output: &'e str) -> Evidence<'e> {
        let preload = self.overrides[service].preload.as_ref();
        Evidence {
            reserved: self.port(service),
            listeners: Vec::new(),
            output,
            sources: None,
            remark: preload.and_then(Preload::remark),
            claimed: preload.and_then(Preload::claimed),
            is_taken: &is_taken,
        }
    }

    pub(super) fn start_guardian(&mut self, service: usize, stdio: Stdio) -> io::Result<GuardedTree> {
        // A guardian is forked, and would write the buffered lines once more.
        logging::flush();
        if let Some(preload) = &self.overrides[service].preload {
            preload.write(self.port(service))?;
        }
        self.stands_in[service] = false;
        // The reason for a further start (another port, a preload) may have changed the launch.
        if std::mem::replace(&mut self.started[service], true) {
            self.look_around(service);
            self.specs[service] = self.spec(service);
        }
        if let Some(shell) = &self.specs[service].script_shell {
            shell.write()?;
        }
        if let Some(shims) = &self.shims[service] {
            shims.write()?;
        }
        self.tell(service);
        self.overrides[service].begin(self.specs[service].delivery, self.specs[service].is_one_of_several);
        framework_locks::clear(&self.prepared[service]);
        let addresses = self.addresses(service);
        let hooks = hooks::resolved(&self.prepared[service], &|text| addresses.fill(text));
        let spec = &self.specs[service];
        let steps = spec.steps().map(|step| self.program(step)).collect();
        let command = |name: &str, text: &String| self.program(&spec.main.command(name, text));
        let after = hooks.after.as_ref().map(|text| command("after", text));
        let (probe, probe_output) = match &hooks.ready.exec {
            Some(text) => probe(command("ready", text)).map(|(probe, output)| (Some(probe), Some(output)))?,
            None => (None, None),
        };
        let lease = self.lease.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let grace = self.prepared[service].grace;
        // Others wait for a guardian only once its supervisor is gone.
        let conclusion = if after.is_some() { patience(grace) } else { Duration::ZERO };
        let abandoned = grace.min(ABANDONED_GRACE) + conclusion;
        let lock = Box::new(SessionGuard { guard: lease.guard()?, grace: abandoned });
        let mark = Mark::of_service(lease.session().as_str(), &self.prepared[service].request.project);
        GuardedTree::start(GuardianSpec { steps, stdio, probe, after, mark, lock, grace }, probe_output)
    }

    fn program(&self, step: &Step) -> Program {
        let environment = environment(self.invocation, &step.environment);
        let Step { program, argv, cwd, .. } = step.clone();
        Program { program, argv, dir: cwd, environment }
    }

    pub(super) fn store(&mut self, service: usize, (key, value): &Note) {
        self.close_store();
        let project = &self.prepared[service].request.project;
        if let Err(error) = self.ports.note(project, key, value.as_deref()) {
            tracing::warn!("the next start has to find out again: {error}");
        }
    }

    /// Whether a process outside of the tree listens on the port as well.
    pub(super) fn is_shared(&mut self, port: u16, root: i32) -> bool {
        let all = self.listeners.on(port).unwrap_or_default();
        let ours = self.listeners.among(port, &descendants(root)).unwrap_or_default();
        all.iter().any(|listener| ours.iter().all(|held| held.listener.socket != listener.socket))
    }

    /// Whether its service reads what bowline itself would read.
    pub fn shares_input(&self) -> bool {
        // Some watches end with their input, and none reads it.
        let [one] = &self.prepared[..] else { return false };
        one.detected().kind != ServiceKind::Watch
            && matches!(self.invocation.started_by, StartedBy::Foreground | StartedBy::Caught)
    }
}

/// A probe, and the end of the pipe that it writes into.
fn probe(program: Program) -> io::Result<(ExecProbe, OwnedFd)> {
    let (output, theirs) = io::pipe()?;
    Ok((ExecProbe { program, output: theirs.into() }, output.into()))
}

/// The service as clients are told of it.
pub(super) fn describe(prepared: &Prepared<'_>, spec: &LaunchSpec) -> Description {
    Description {
        name: prepared.project().name.clone(),
        framework: prepared.request.framework.clone(),
        kind: prepared.detected().kind,
        command: spec.command.clone(),
        original: prepared.detected().reading.command.clone(),
        environment: prepared.variables(spec),
    }
}

pub(super) fn descendants(root: i32) -> Vec<i32> {
    tree::descendants(root).into_iter().map(|process| process.identity.pid).collect()
}

pub(super) fn is_taken(port: u16) -> bool {
    Listeners::default().on(port).is_ok_and(|listeners| !listeners.is_empty())
}

/// The lock on the session's guard file, which a guardian holds until its tree is empty.
#[derive(Debug)]
struct SessionGuard {
    guard: Guard,
    grace: Duration,
}

impl AsFd for SessionGuard {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.guard.as_file().as_fd()
    }
}

impl HeldLock for SessionGuard {
    fn begin(&mut self) {
        // Fails on a full disk. Then others, who lack the pid, do not wait for this guardian and take another
        // port.
        let _full = self.guard.begin(self.grace);
    }

    fn finish(self: Box<Self>) {
        self.guard.finish();
    }
}
