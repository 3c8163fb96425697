//! A service before its port is reserved: project, script, framework, and the request to the allocator.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;

use self_cell::self_cell;
use serde_json::{Value, json};

use super::configured::{ConfiguredProject, Runnable};
use super::kind::{NO_FRAMEWORK, delegates, ensure_no_port, is_orchestrator, kind};
use super::known_sibling::KnownSibling;
use super::named_by_port::NamedByPort;
use super::options::Options;
use super::script_beside;
use super::server_scheme::ServerScheme;
use crate::detect::catalog::Role;
use crate::detect::{Detection, ServerInputs, ServiceKind, Snapshot};
use crate::invocation::{Failure, Invocation, WITH_PARENT};
use crate::launch::{Changes, LaunchRequest, LaunchSpec, NamedPort, Reading, SchemeSigns, Target};
use crate::logs;
use crate::paths::StateDir;
use crate::port::{PortChoice, PortRequest, Remembered};
use crate::project::Project;
use crate::visible::Visible;

/// Default time between the stop signal and SIGKILL.
const GRACE: Duration = Duration::from_secs(10);

/// A project whose framework is known.
pub struct Detected<'a> {
    pub configured: &'a ConfiguredProject,
    pub reading: Reading<'a>,
    pub detection: Detection<'a>,
    /// The catalog's entry for the installed version of the framework.
    pub inputs: ServerInputs,
    /// What its files say about its scheme.
    pub signs: SchemeSigns,
    /// The port by which another command of the script names the server.
    pub named: Option<NamedPort>,
    /// The port among the user's own arguments.
    ordered: Option<u16>,
    /// Whether the user has named the framework, by flag or in bowline.toml.
    is_named: bool,
    /// See [`Prepared::orchestrates`] and [`Prepared::delegates`].
    orchestrates: bool,
    delegates: bool,
    pub kind: ServiceKind,
}

/// The owner of what a [`Detected`] borrows.
struct Source<'a> {
    configured: ConfiguredProject,
    invocation: &'a Invocation,
}

self_cell! {
    /// A configured project together with what was detected, so that both can be replaced when a restart reads the
    /// files anew.
    struct OwnDetected<'a> {
        owner: Source<'a>,
        #[covariant]
        dependent: Detected,
    }
}

/// A service that can be started once it has a port.
pub struct Prepared<'a> {
    /// Its place among the services with a port that start together.
    pub place: usize,
    own: OwnDetected<'a>,
    pub request: PortRequest,
    pub grace: Duration,
    /// The addresses that services it names would have, if those do not run.
    pub absent: Vec<KnownSibling>,
    /// The other services of the start that it names by their usual ports.
    pub by_port: Vec<NamedByPort>,
}

impl<'a> Detected<'a> {
    /// Parses the script, and detects the framework: the one by flag (`framework`), else the configured one, else
    /// the remembered one while its evidence holds, else the detected one.
    ///
    /// # Errors
    /// The script cannot be run, the files cannot be read, or there is no such framework.
    pub fn new(
        invocation: &'a Invocation,
        configured: &'a ConfiguredProject,
        framework: Option<&str>,
        remembered: Option<&Remembered>,
    ) -> Result<Self, Failure> {
        let ConfiguredProject { project, config, manager, runnable, .. } = configured;
        let target = match runnable {
            Runnable::Script { name, arguments } => {
                let (name, text) = project.script(name.as_deref())?;
                Target::Script { name, text, arguments }
            }
            Runnable::Command(command) => Target::Command(command),
            Runnable::Text { text, arguments } => Target::Text { text, arguments },
        };
        let mut reading =
            Reading::of(project, manager, target, &invocation.caller, config.catalog.wrappers())?;
        let orchestrates = is_orchestrator(configured, &reading);
        let delegates = delegates(configured, &reading);
        if orchestrates && !reading.has_one_program() {
            reading.leave_out_scripts();
        }
        let (files, commands) = (project.files()?, reading.commands());
        let snapshot = Snapshot {
            dependencies: &project.manifest.dependencies,
            files: &files,
            script: reading.script(),
            commands: &commands,
            hides_more: reading.hides_more(),
        };
        let mut detection = config.catalog.detect(&snapshot)?;
        // The root has no server in the packages' scripts, nor in the work that a task runner does first.
        let is_first_work = configured.additions.kind == Some(ServiceKind::Task) && detection.tool.is_none();
        let of_none = (delegates || is_first_work).then_some(NO_FRAMEWORK);
        let of_runtime = script_beside::runtime(project, &detection).map(str::to_owned);
        let named = framework.or(config.settings.framework.as_deref()).or(of_none).or(of_runtime.as_deref());
        if let Some(key) = named {
            detection = detection.with_framework(config.catalog.find(key)?, &snapshot);
        }
        let inputs = detection.inputs(|package| project.version_of(package));
        let signs = SchemeSigns::of(&reading, &detection, &config.catalog, &files, &config.settings.env);
        let is_named = named.is_some();
        let named = NamedPort::of(&reading, &detection, &inputs, &config.catalog, &files)
            .or_else(|| script_beside::wish(&reading, &detection, &inputs, &files));
        let kind = kind(configured, &detection);
        let is_server = kind == ServiceKind::Server && !delegates;
        let named = named.filter(|_| is_server);
        let ordered = if is_server { reading.take_port(&detection, &inputs.port) } else { None };
        let mut detected = Self {
            configured,
            reading,
            detection,
            inputs,
            signs,
            named,
            ordered,
            is_named,
            orchestrates,
            delegates,
            kind,
        };
        detected.recall(remembered);
        Ok(detected)
    }

    /// Prefers the remembered framework, unless the user names one or the evidence has changed. True if the
    /// framework is another one now.
    fn recall(&mut self, remembered: Option<&Remembered>) -> bool {
        let current = &self.detection.framework.key;
        let is_other = |row: &&Remembered| !self.is_named && row.framework != **current;
        let Some(row) = remembered.filter(is_other) else { return false };
        let Ok(evidence) = row.evidence.parse() else { return false };
        let ConfiguredProject { project, config, .. } = self.configured;
        let recalled = self.detection.clone().with_remembered(&row.framework, &evidence, &config.catalog);
        let has_changed = recalled.framework.key != *current;
        if has_changed {
            self.inputs = recalled.inputs(|package| project.version_of(package));
            self.detection = recalled;
        }
        has_changed
    }

    /// The request to the allocator. `place` counts the services that start together.
    pub fn request(&self, invocation: &Invocation, options: &Options, place: usize) -> PortRequest {
        let ConfiguredProject { project, config, .. } = self.configured;
        let ordered = options.port.map(NonZeroU16::get).or(self.ordered).or(config.settings.exact_port());
        let wished = || match (invocation.preferred_port(place), &self.named) {
            (PortChoice::Any, Some(named)) => PortChoice::Preferred(named.port),
            (choice, _) => choice,
        };
        let choice = match self.kind {
            ServiceKind::Server if self.delegates => PortChoice::None,
            ServiceKind::Server => ordered.map_or_else(wished, PortChoice::Exact),
            ServiceKind::Watch | ServiceKind::Task => PortChoice::None,
        };
        let catalog = &config.catalog;
        let mut exclude = self.reading.ports_of_others(&self.detection, catalog);
        exclude.retain(
            |port| !matches!(choice, PortChoice::Exact(own) | PortChoice::Preferred(own) if own == *port),
        );
        PortRequest {
            project: project.id.clone(),
            name: project.name.clone(),
            dir: project.dir.clone(),
            framework: self.detection.framework.key.to_string(),
            evidence: self.detection.fingerprint,
            range: self.inputs.range,
            choice,
            exclude,
            beside: catalog
                .ports_beside()
                .filter(|port| *port != self.detection.framework.default_port)
                .collect(),
            part_of: options.outer.as_ref().map(|outer| outer.session.clone()),
        }
    }

    /// Whether it is given a port.
    pub fn has_port(&self) -> bool {
        self.kind == ServiceKind::Server && !self.delegates
    }

    /// What is known of its server's scheme, with what `previous` has of earlier sessions.
    pub fn scheme(&self, request: &PortRequest, previous: Option<&Remembered>) -> ServerScheme {
        let role = self.detection.tool.map(|tool| tool.framework.role);
        let is_known = matches!(role, Some(Role::Main | Role::Side));
        ServerScheme::new(self.signs, is_known, request, previous)
    }

    /// The answer of `detect --json`.
    pub fn to_json(&self) -> Value {
        let Self { configured, reading, detection, inputs, .. } = self;
        let project = &configured.project;
        json!({
            "project": { "id": project.id, "name": project.name, "dir": project.dir.to_string_lossy() },
            "workspace": project.workspace.as_ref().map(|workspace| workspace.root.to_string_lossy()),
            "framework": detection.framework.key,
            "kind": self.kind,
            "evidence": detection.evidence,
            "range": { "start": inputs.range.start, "end": inputs.range.end, "default": inputs.range.start },
            "packageManager": configured.manager.manager.name(),
            "script": reading.script(),
            "command": Some(&reading.command).filter(|command| !command.is_empty()),
        })
    }
}

impl<'a> Prepared<'a> {
    /// Detects the framework, see [`Detected::new`], and makes the request to the allocator.
    pub fn new(
        invocation: &'a Invocation,
        options: &Options,
        place: usize,
        configured: ConfiguredProject,
        remembered: Option<&Remembered>,
    ) -> Result<Self, Failure> {
        let options = &for_service(options, &configured);
        let framework = options.framework.as_deref();
        let own = OwnDetected::try_new(Source { configured, invocation }, |source| {
            Detected::new(source.invocation, &source.configured, framework, remembered)
        })?;
        let detected = own.borrow_dependent();
        ensure_no_port(detected.configured, (detected.kind, detected.delegates), options)?;
        let grace = options.grace.or(detected.configured.config.settings.grace).unwrap_or(GRACE);
        let request = detected.request(invocation, options, place);
        let prepared = Self { place, own, request, grace, absent: Vec::new(), by_port: Vec::new() };
        prepared.log();
        Ok(prepared)
    }

    /// The same service by what its files say now. The framework is remembered as in another session.
    pub fn reload(&self, invocation: &'a Invocation, options: &Options) -> Result<Self, Failure> {
        let configured = self.detected().configured.reload(invocation)?;
        let remembered = Remembered {
            framework: self.request.framework.clone(),
            evidence: self.request.evidence.to_string(),
            ..Remembered::default()
        };
        Self::new(invocation, options, self.place, configured, Some(&remembered))
    }

    pub fn detected(&self) -> &Detected<'_> {
        self.own.borrow_dependent()
    }

    /// See [`Detected::recall`].
    pub fn recall(&mut self, invocation: &Invocation, options: &Options, remembered: Option<&Remembered>) {
        if self.own.with_dependent_mut(|_, detected| detected.recall(remembered)) {
            let options = for_service(options, self.detected().configured);
            self.request = self.detected().request(invocation, &options, self.place);
            self.log();
        }
    }

    /// Forgets that another command of the script names its port: the port is another service's.
    pub fn drop_wish(&mut self) {
        let wish = self.own.with_dependent_mut(|_, detected| detected.named.take());
        if wish.is_some_and(|wish| self.request.choice == PortChoice::Preferred(wish.port)) {
            self.request.choice = PortChoice::Any;
        }
    }

    /// Prefers a port by which others name it, unless another one is asked for.
    pub fn wish_for(&mut self, named: NamedPort) {
        if self.request.choice == PortChoice::Any {
            self.request.choice = PortChoice::Preferred(named.port);
            self.own.with_dependent_mut(|_, detected| detected.named = Some(named));
        }
    }

    pub fn project(&self) -> &Project {
        &self.detected().configured.project
    }

    /// The request to plan the launch, without siblings and preload, and without variables of bowline.toml. The scheme is the one that the files say.
    pub fn launch<'b>(&'b self, port: u16, session: &'b str, options: &'b Options) -> LaunchRequest<'b> {
        const NONE: &BTreeMap<String, String> = &BTreeMap::new();
        let Detected { configured, reading, detection, inputs, signs, .. } = self.detected();
        LaunchRequest {
            reading,
            detection,
            inputs,
            catalog: &configured.config.catalog,
            port,
            kind: self.detected().kind,
            scheme: signs.scheme(),
            host: options.host.as_ref().filter(|_| !configured.is_added),
            session,
            siblings: &[],
            sibling_ports: &[],
            environment: NONE,
            preload: None,
            named: self.detected().named.as_ref(),
            script_shell: None,
            is_followed: false,
        }
    }

    /// The variables that bowline.toml sets, with their values in this launch.
    pub fn variables(&self, spec: &LaunchSpec) -> BTreeMap<String, String> {
        let names = self.detected().configured.config.settings.env.keys();
        let value =
            |name: &String| spec.main.environment.get(name).map(|value| value.to_string_lossy().into_owned());
        names.filter_map(|name| Some((name.clone(), value(name)?))).collect()
    }

    /// Whether it starts the scripts of other packages, and is run as it is.
    pub fn orchestrates(&self) -> bool {
        self.detected().orchestrates
    }

    /// Whether it does nothing but that, and has no server of its own.
    pub fn delegates(&self) -> bool {
        self.detected().delegates
    }

    /// The file for a shell of the script's nested scripts.
    pub fn script_shell(&self, state: &StateDir) -> PathBuf {
        let file = logs::file(&state.preload(), &self.request.project, &self.request.name);
        file.with_extension("sh")
    }

    /// The port by which another command of the script names the server, if that was wished for.
    pub fn wish(&self) -> Option<&NamedPort> {
        let is_choice = |named: &&NamedPort| self.request.choice == PortChoice::Preferred(named.port);
        self.detected().named.as_ref().filter(is_choice)
    }

    fn log(&self) {
        let Detected { configured, reading, detection, inputs, .. } = self.detected();
        let project = &configured.project;
        tracing::debug!("project {} in {}", project.name, project.dir.visible());
        let what = reading.script().map_or_else(|| "command".to_owned(), |name| format!("script {name}"));
        tracing::debug!("{what}: {}", reading.command);
        tracing::debug!("package manager {}", configured.manager.manager.name());
        let evidence = detection.evidence.join(", ");
        tracing::debug!("framework {} ({evidence}), ports {}", self.request.framework, inputs.range);
    }
}

/// The options without those that are for the services that the user named.
fn for_service<'o>(options: &'o Options, configured: &ConfiguredProject) -> Cow<'o, Options> {
    if configured.is_added {
        Cow::Owned(Options { port: None, framework: None, ..options.clone() })
    } else {
        Cow::Borrowed(options)
    }
}

pub fn environment(invocation: &Invocation, changes: &Changes) -> Vec<(OsString, OsString)> {
    let mut variables = invocation.caller.variables.clone();
    variables.remove(OsStr::new(WITH_PARENT));
    for name in changes.removals() {
        variables.remove(OsStr::new(name));
    }
    for (name, value) in changes.additions() {
        variables.insert(name.into(), value.to_owned());
    }
    variables.into_iter().collect()
}
