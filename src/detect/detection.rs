//! A detected framework, and the inputs of its server.

use std::collections::BTreeMap;

use semver::Version;

use super::catalog::{
    Catalog, CatalogError, CatalogText, CatalogTexts, Framework, HostInput, PortInput, Role,
};
use super::evidence::{Facts, Tool};
use super::kind::ServiceKind;
use super::snapshot::Snapshot;
use crate::fingerprint::Fingerprint;
use crate::range::Range;

/// A framework and why it is this one.
#[derive(Clone, Debug)]
pub struct Detection<'c> {
    pub framework: &'c Framework,
    /// The command that is given the port, if the script has a known one.
    pub tool: Option<Tool<'c>>,
    pub kind: ServiceKind,
    /// Regular expressions for the lines with which the script's watches say that a build is through, one for each
    /// watch that has one.
    pub first_builds: Vec<CatalogText>,
    /// Why it is this framework, as sentences for people.
    pub evidence: Vec<String>,
    /// The state of the evidence, to be remembered with the framework's key.
    pub fingerprint: Fingerprint,
}

/// How the server is given its port and address, for the installed versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerInputs {
    pub range: Range,
    /// How the tool is given its port; without flags if no command of the script takes them.
    pub port: PortInput,
    /// How the tool is given its address; without a flag if no command of the script takes one.
    pub host: HostInput,
    /// Variables that are set unless the user's environment has them.
    pub environment: BTreeMap<String, String>,
    /// See [`Framework::locks`].
    pub locks: CatalogTexts,
}

impl Catalog {
    pub fn detect<'c>(&'c self, snapshot: &Snapshot<'_>) -> Result<Detection<'c>, CatalogError> {
        let facts = Facts { catalog: self, snapshot };
        let last = || self.frameworks().iter().find(|framework| framework.role == Role::Last);
        let none = || CatalogError::Embedded { message: "no entry has the role `last`".to_owned() };
        let framework = facts.framework().or_else(last).ok_or_else(none)?;
        Ok(Detection {
            framework,
            tool: facts.tool(),
            kind: framework.kind,
            first_builds: facts.first_builds(),
            evidence: facts.sentences(framework),
            fingerprint: Fingerprint::new(facts.relevant(), facts.all()),
        })
    }
}

impl<'c> Detection<'c> {
    /// The detection with the framework that the user named. If the script is one unknown command, that is taken
    /// for the framework's own.
    #[must_use]
    pub fn with_framework(mut self, framework: &'c Framework, snapshot: &Snapshot<'_>) -> Self {
        self.framework = framework;
        self.kind = framework.kind;
        self.evidence = vec![format!("`{}` was asked for", framework.key)];
        if self.tool.is_none() && snapshot.commands.len() == 1 {
            self.tool = Some(Tool { framework, command: 0, takes_flags: true, why: "" });
        }
        self
    }

    /// The detection with the remembered framework if its `evidence` is unchanged, so that the project keeps its
    /// range when the catalog changes.
    #[must_use]
    pub fn with_remembered(mut self, key: &str, evidence: &Fingerprint, catalog: &'c Catalog) -> Self {
        // The evidence leaves flags out, and by these a command is a watch or not.
        let known = catalog.get(key).filter(|known| known.kind == self.kind);
        let known = known.filter(|_| evidence.agrees(&self.fingerprint));
        if let Some(framework) = known.filter(|known| known.key != self.framework.key) {
            self.evidence = vec![format!("`{}` was detected before, and nothing has changed", framework.key)];
            self.framework = framework;
        }
        self
    }

    /// The inputs for the installed versions of packages.
    pub fn inputs(&self, mut version_of: impl FnMut(&str) -> Option<Version>) -> ServerInputs {
        let own = self.framework.for_versions(&mut version_of);
        let mut inputs =
            self.tool.map_or_else(|| own.clone(), |tool| tool.framework.for_versions(version_of));
        if self.tool.is_none() {
            inputs.host.flag = None;
        }
        if !self.tool.is_some_and(|tool| tool.takes_flags) {
            (inputs.port.flags, inputs.port.strict) = (CatalogTexts::default(), None);
        }
        unite(&mut inputs.port.environment, own.port.environment);
        unite(&mut inputs.host.environment, own.host.environment);
        unite(&mut inputs.locks, own.locks);
        inputs.port.reads_port_variable |= own.port.reads_port_variable;
        // The framework's own values win.
        let environment = inputs.environment.iter().chain(own.environment.iter());
        let environment = environment.map(|(name, value)| (name.to_string(), value.to_string())).collect();
        ServerInputs {
            range: own.range,
            port: inputs.port,
            host: inputs.host,
            environment,
            locks: inputs.locks,
        }
    }
}

fn unite(list: &mut CatalogTexts, others: CatalogTexts) {
    if list.is_empty() {
        *list = others;
        return;
    }
    for other in others.iter() {
        if !list.contains(other) {
            list.to_mut().push(other.clone());
        }
    }
}
