//! A service to be: what was read and decided before its port was reserved.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use crate::detect::{Detection, Inputs};
use crate::invocation::Surroundings;
use crate::launch::{self, Changes, Host, LaunchSpec, Preload, Reading, Sibling};
use crate::logs;
use crate::paths::StateDir;
use crate::port::{Grant, Request};
use crate::session::port_override::Redirect;
use crate::session::subject::Subject;

/// One of those that are started together.
pub struct Candidate<'a> {
    pub subject: &'a Subject,
    pub reading: &'a Reading<'a>,
    pub detection: &'a Detection<'a>,
    pub inputs: &'a Inputs,
    pub request: Request,
    pub grace: Duration,
}

impl Candidate<'_> {
    /// What earlier starts of the project have taught.
    pub fn redirect(&self, grant: &Grant, state: &StateDir) -> Redirect {
        let Request { project, name, .. } = &self.request;
        let path: PathBuf = logs::file(&state.root().join("preload"), project, name).with_extension("cjs");
        Redirect::new(self, grant.previous.as_ref(), path)
    }

    /// What is run on `port`.
    pub fn spec(
        &self,
        port: u16,
        session: &str,
        host: Option<&Host>,
        siblings: &[Sibling],
        preload: Option<&Preload>,
    ) -> LaunchSpec {
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
            preload,
        })
    }
}

/// The caller's environment with these changes.
pub fn environment(around: &Surroundings, changes: &Changes) -> Vec<(OsString, OsString)> {
    let mut variables = around.caller.variables.clone();
    for name in changes.removals() {
        variables.remove(OsStr::new(name));
    }
    for (name, value) in changes.additions() {
        variables.insert(name.into(), value.to_owned());
    }
    variables.into_iter().collect()
}
