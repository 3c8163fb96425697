//! A framework that was detected, and what starting it takes.

use std::collections::BTreeMap;

use semver::Version;

use super::catalog::{Catalog, CatalogError, Framework, HostInput, PortInput, Role, Words};
use super::evidence::{Facts, Tool};
use super::snapshot::Snapshot;
use crate::fingerprint::Fingerprint;
use crate::range::Range;

/// A framework and why it is this one.
#[derive(Clone, Debug)]
pub struct Detection<'c> {
    /// The framework of the project.
    pub framework: &'c Framework,
    /// The command that is told the port, if the script has one that is known.
    pub tool: Option<Tool<'c>>,
    /// What speaks for it, as sentences for people.
    pub evidence: Vec<String>,
    /// The state of the evidence, to be remembered with the framework's key.
    pub fingerprint: Fingerprint,
}

/// What was detected when the project was last started, so that its range does not drift.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// The key of the framework.
    pub key: String,
    /// The state of the evidence then.
    pub fingerprint: Fingerprint,
}

/// All that starting a detected framework takes, for the versions in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inputs {
    /// Where the port comes from.
    pub range: Range,
    /// How the tool is told its port; without flags where no command takes them.
    pub port: PortInput,
    /// How the tool is told its address; without a flag where no command takes one.
    pub host: HostInput,
    /// Variables to set unless the user's environment has them.
    pub environment: BTreeMap<String, String>,
    /// Files in which a server notes that it runs in this directory, relative to the project; the first
    /// directory may be `*`, for any.
    pub locks: Words,
}

impl Catalog {
    /// The framework of a project.
    pub fn detect<'c>(&'c self, snapshot: &Snapshot<'_>) -> Result<Detection<'c>, CatalogError> {
        let facts = Facts { catalog: self, snapshot };
        let framework = facts.framework().or_else(|| self.last());
        let framework = framework
            .ok_or_else(|| CatalogError::Embedded { message: "no entry has the role `last`".to_owned() })?;
        Ok(Detection {
            framework,
            tool: facts.tool(),
            evidence: facts.sentences(framework),
            fingerprint: Fingerprint::new(facts.relevant(), facts.all()),
        })
    }

    fn last(&self) -> Option<&Framework> {
        self.frameworks().iter().find(|framework| framework.role == Role::Last)
    }
}

impl<'c> Detection<'c> {
    /// The same with the framework that the user named. Where nothing is known of the script and it is one
    /// command, the user's word holds for that command as well.
    #[must_use]
    pub fn named(mut self, framework: &'c Framework, snapshot: &Snapshot<'_>) -> Self {
        self.framework = framework;
        self.evidence = vec![format!("`{}` was asked for", framework.key)];
        if self.tool.is_none() && snapshot.commands.len() == 1 {
            self.tool = Some(Tool { framework, command: 0, takes_flags: true });
        }
        self
    }

    /// The same with the framework that was remembered, if the evidence is still what it was.
    #[must_use]
    pub fn settled(mut self, remembered: Option<&Remembered>, catalog: &'c Catalog) -> Self {
        let agrees = |known: &&Remembered| known.fingerprint.agrees(&self.fingerprint);
        let known = remembered.filter(agrees).and_then(|remembered| catalog.get(&remembered.key));
        if let Some(framework) = known.filter(|known| known.key != self.framework.key) {
            self.evidence = vec![format!("`{}` was detected before, and nothing has changed", framework.key)];
            self.framework = framework;
        }
        self
    }

    /// How the server is told its port and address, given the versions of packages.
    pub fn inputs(&self, mut version_of: impl FnMut(&str) -> Option<Version>) -> Inputs {
        let framework = self.framework.for_versions(&mut version_of);
        let mut inputs = Inputs {
            range: framework.range,
            port: framework.port,
            host: framework.host,
            environment: framework
                .environment
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .collect(),
            locks: framework.locks,
        };
        let Some(tool) = self.tool else {
            (inputs.port.flags, inputs.port.strict, inputs.host.flag) = (Words::default(), None, None);
            return inputs;
        };
        let mut told = tool.framework.for_versions(&mut version_of);
        if !tool.takes_flags {
            (told.port.flags, told.port.strict) = (Words::default(), None);
        }
        unite(&mut told.port.environment, inputs.port.environment);
        unite(&mut told.host.environment, inputs.host.environment);
        unite(&mut told.locks, inputs.locks);
        told.port.reads_port_variable |= inputs.port.reads_port_variable;
        for (name, value) in told.environment.iter() {
            inputs.environment.entry(name.to_string()).or_insert_with(|| value.to_string());
        }
        Inputs { port: told.port, host: told.host, locks: told.locks, ..inputs }
    }
}

fn unite(list: &mut Words, others: Words) {
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
