//! A service before its port is reserved: project, script, framework, and the request to the allocator.

use std::ffi::{OsStr, OsString};
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::configured::ConfiguredProject;
use super::options::Options;
use crate::detect::{Detection, ServerInputs};
use crate::invocation::Invocation;
use crate::invocation::failure::Failure;
use crate::launch::{self, Changes, Host, LaunchSpec, Preload, Reading, Sibling};
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
    pub inputs: ServerInputs,
}

/// A service that can be started once it has a port.
pub struct Prepared<'a> {
    pub detected: Detected<'a>,
    pub request: PortRequest,
    pub grace: Duration,
}

/// The port and the things of the session that a launch depends on.
pub struct Placement<'a> {
    pub port: u16,
    pub session: &'a str,
    pub host: Option<&'a Host>,
    pub siblings: &'a [Sibling],
    pub preload: Option<&'a Preload>,
}

impl<'a> Detected<'a> {
    /// Parses the script and detects the framework.
    ///
    /// # Errors
    /// The script cannot be run, the files cannot be read, or there is no such framework.
    pub fn new(
        invocation: &'a Invocation,
        configured: &'a ConfiguredProject,
        framework: Option<&str>,
        remembered: Option<&Remembered>,
    ) -> Result<Self, Failure> {
        let reading = configured.parse(invocation)?;
        let detection = configured.detect(&reading, framework, remembered)?;
        let inputs = configured.inputs(&detection);
        Ok(Self { configured, reading, detection, inputs })
    }

    /// The request to the allocator.
    pub fn request(&self, invocation: &Invocation, options: &Options) -> PortRequest {
        let settings = &self.configured.config.settings;
        let ordered = options
            .port
            .map(NonZeroU16::get)
            .or_else(|| self.reading.ordered_port(&self.inputs.port.flags))
            .or(settings.port.map(NonZeroU16::get));
        let project = &self.configured.project;
        PortRequest {
            project: project.id.clone(),
            name: project.name.clone(),
            dir: project.dir.clone(),
            framework: self.detection.framework.key.to_string(),
            evidence: self.detection.fingerprint,
            range: self.inputs.range,
            choice: ordered.map_or_else(|| invocation.preferred_port(), PortChoice::Exact),
            exclude: Vec::new(),
        }
    }

    /// The answer of `detect --json`.
    pub fn to_json(&self) -> Value {
        let Self { configured, reading, detection, inputs } = self;
        let project = &configured.project;
        json!({
            "project": { "id": project.id, "name": project.name, "dir": project.dir.to_string_lossy() },
            "workspace": project.workspace.as_ref().map(|workspace| workspace.root.to_string_lossy()),
            "framework": detection.framework.key,
            "evidence": detection.evidence,
            "range": { "start": inputs.range.start, "end": inputs.range.end, "default": inputs.range.start },
            "packageManager": configured.manager.manager.name(),
            "script": reading.script(),
            "command": reading.command,
        })
    }
}

impl<'a> Prepared<'a> {
    /// Adds the request to the allocator.
    pub fn new(invocation: &Invocation, options: &Options, detected: Detected<'a>) -> Self {
        let grace = options.grace.or(detected.configured.config.settings.grace).unwrap_or(GRACE);
        let prepared = Self { request: detected.request(invocation, options), detected, grace };
        prepared.log();
        prepared
    }

    /// Prefers the remembered framework, unless the user names one or the evidence has changed.
    pub fn recall(&mut self, invocation: &Invocation, options: &Options, remembered: Option<&Remembered>) {
        let Detected { configured, detection, .. } = &self.detected;
        if configured.framework(options.framework.as_deref()).is_some() {
            return;
        }
        let recalled = configured.recall(detection.clone(), remembered);
        if recalled.framework.key != detection.framework.key {
            self.detected.inputs = configured.inputs(&recalled);
            self.detected.detection = recalled;
            self.request = self.detected.request(invocation, options);
            self.log();
        }
    }
    /// The project.
    pub fn project(&self) -> &'a Project {
        &self.detected.configured.project
    }

    /// The file of the preload that moves this service's listener.
    pub fn preload_path(&self, state: &StateDir) -> PathBuf {
        let PortRequest { project, name, .. } = &self.request;
        logs::file(&state.root().join("preload"), project, name).with_extension("cjs")
    }

    /// The launch in this place.
    pub fn spec(&self, place: &Placement<'_>) -> LaunchSpec {
        launch::plan(&launch::LaunchRequest {
            reading: &self.detected.reading,
            detection: &self.detected.detection,
            inputs: &self.detected.inputs,
            catalog: &self.detected.configured.config.catalog,
            port: place.port,
            host: place.host,
            session: place.session,
            siblings: place.siblings,
            environment: &self.detected.configured.config.settings.env,
            preload: place.preload,
        })
    }

    fn log(&self) {
        let Self { detected: Detected { configured, reading, detection, inputs }, request, .. } = self;
        let project = &configured.project;
        tracing::debug!("project {} in {}", project.name, project.dir.visible());
        let what = reading.script().map_or_else(|| "command".to_owned(), |name| format!("script {name}"));
        tracing::debug!("{what}: {}", reading.command);
        tracing::debug!("package manager {}", configured.manager.manager.name());
        let evidence = detection.evidence.join(", ");
        tracing::debug!("framework {} ({evidence}), ports {}", request.framework, inputs.range);
    }
}

/// The names and ports of all services but `service`.
pub fn siblings(prepared: &[Prepared<'_>], service: usize, port: impl Fn(usize) -> u16) -> Vec<Sibling> {
    let others = prepared.iter().enumerate().filter(|&(other, _)| other != service);
    others.map(|(other, one)| Sibling { name: one.project().name.clone(), port: port(other) }).collect()
}

/// The caller's environment with these changes.
pub fn environment(invocation: &Invocation, changes: &Changes) -> Vec<(OsString, OsString)> {
    let mut variables = invocation.caller.variables.clone();
    for name in changes.removals() {
        variables.remove(OsStr::new(name));
    }
    for (name, value) in changes.additions() {
        variables.insert(name.into(), value.to_owned());
    }
    variables.into_iter().collect()
}
