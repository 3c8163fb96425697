//! The root of a workspace: what its dev script means, and the services that this makes.

use serde_json::{Value, json};

use super::chosen::selected;
use super::prerequisites;
use super::run::Run;
use super::wanted::Wanted;
use crate::client::services::{self, runnable};
use crate::config::{Config, Orchestrator};
use crate::detect::catalog::Role;
use crate::exit_code::NO_PROJECT;
use crate::invocation::{Failure, Invocation};
use crate::launch::{self, OwnScripts};
use crate::project::Project;
use crate::script;
use crate::session::configured::{Additions, Chosen, ConfiguredProject, Runnable, mistaken_script};
use crate::session::prepared::Detected;
use crate::visible;
use crate::workspace::{FanOut, Filter, Meaning, Packages, meaning, nx_root};

/// The dev script of a workspace's root, as it was understood.
#[derive(Debug)]
pub struct RootScript {
    pub name: String,
    pub text: String,
    pub meaning: Meaning,
}

impl RootScript {
    pub fn runs_as_it_is(&self) -> bool {
        matches!(self.meaning, Meaning::Script { .. })
    }

    pub fn to_json(&self) -> Value {
        let (means, reason) = match &self.meaning {
            Meaning::Packages(_) => ("packages", None),
            Meaning::Root => ("root", None),
            Meaning::Script { reason } => ("script", Some(reason)),
        };
        json!({ "script": self.name, "command": self.text, "means": means, "reason": reason })
    }
}

impl std::fmt::Display for RootScript {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = visible::line(&self.text);
        match &self.meaning {
            Meaning::Packages(all) => {
                let scripts = all.iter().map(|one| &*one.script).filter(|script| !script.is_empty());
                let mut scripts: Vec<String> =
                    scripts.map(|script| format!("`{}`", visible::line(script))).collect();
                scripts.dedup();
                let scripts =
                    if scripts.is_empty() { "the dev scripts".to_owned() } else { scripts.join(", ") };
                write!(f, "the root's script `{text}` means {scripts} of packages, which bowline runs itself")
            }
            Meaning::Root => write!(f, "the root's script `{text}` is a server of its own, and runs alone"),
            Meaning::Script { reason } => {
                write!(f, "the root's script `{text}` runs as it is: {}", visible::line(reason))
            }
        }
    }
}

/// The services of a workspace by its root, and what its script means; without such a script, or where `bowline.toml`
/// says what to run, all packages that have one.
pub fn of_root(
    invocation: &Invocation,
    root: &Project,
    wanted: &Wanted<'_>,
) -> Result<(Vec<Chosen>, Option<RootScript>), Failure> {
    let config = invocation.config(root)?;
    // There may be hundreds, and a script that runs as it is or is the root's own server needs none of them.
    let packages = || Packages::with_nx(root);
    let script = wanted.script.or(config.settings.script.as_deref());
    if wanted.script.is_none() && !config.workspace.filter.is_empty() {
        return Ok((filtered(invocation, (root, packages()?), wanted, &config)?, None));
    }
    let (name, text) = match root.script(script) {
        Ok(script) => script,
        Err(error) if wanted.script.is_none() && script.is_some() => {
            return Err(mistaken_script(&config, &error));
        }
        Err(_) => return Ok((every(invocation, &packages()?, root, wanted)?, None)),
    };
    let text = script::append(text, wanted.arguments);
    let manager = launch::choose(root, &invocation.caller);
    let scripts = OwnScripts::new(root, &manager, &invocation.caller, config.catalog.wrappers());
    let own = |additions| {
        let runnable = Runnable::Script { name: Some(name.to_owned()), arguments: wanted.arguments.to_vec() };
        (root.clone(), runnable, additions)
    };
    let is_server = || runs_server(invocation, own(Additions::default()));
    let mut meaning = meaning(name, &text, &scripts, is_server);
    if let (Meaning::Packages(_), Some(Orchestrator::Script)) = (&meaning, config.workspace.orchestrator) {
        meaning = Meaning::Script { reason: "`orchestrator` in bowline.toml says so".to_owned() };
    }
    let mut chosen = Vec::new();
    if let Meaning::Packages(all) = &meaning {
        let packages = packages()?;
        all.iter().try_for_each(|found| found.check_files(&packages))?;
        match in_packages(root, &packages, all, wanted.no_order) {
            Ok(found) => chosen = found,
            Err(reason) => meaning = Meaning::Script { reason },
        }
    }
    match &meaning {
        Meaning::Packages(_) => {}
        Meaning::Root => chosen.push(own(Additions::default())),
        Meaning::Script { .. } if config.workspace.orchestrator == Some(Orchestrator::Bowline) => {
            return Ok((every(invocation, &packages()?, root, wanted)?, None));
        }
        Meaning::Script { .. } => {
            // The services of a Procfile stand for the script that runs it.
            let instead = services::of(invocation, root.clone())?;
            if wanted.script.is_none() && instead.iter().all(|one| one.defined_in.is_some()) {
                return Ok((instead.into_iter().map(|project| wanted.choose(project)).collect(), None));
            }
            chosen.push(own(Additions { orchestrates: true, ..Additions::default() }));
        }
    }
    let name = name.to_owned();
    Ok((chosen, Some(RootScript { name, text, meaning })))
}

/// The commands of the root's script with which turbo or nx does other work first.
pub(super) fn fan_outs(invocation: &Invocation, root: &Project) -> Result<Vec<FanOut>, Failure> {
    let config = invocation.config(root)?;
    let Ok((name, text)) = root.script(config.settings.script.as_deref()) else { return Ok(Vec::new()) };
    let manager = launch::choose(root, &invocation.caller);
    let scripts = OwnScripts::new(root, &manager, &invocation.caller, config.catalog.wrappers());
    let Meaning::Packages(mut all) = meaning(name, text, &scripts, || false) else { return Ok(Vec::new()) };
    all.retain(|found| found.runs_dependencies);
    Ok(all)
}

/// Whether the script runs a server that is known as one, not only a program that might be anything.
fn runs_server(invocation: &Invocation, (root, runnable, additions): Chosen) -> bool {
    let Ok(root) = ConfiguredProject::read(invocation, root, runnable, additions) else { return false };
    let Ok(detected) = Detected::new(invocation, &root, None, None) else { return false };
    detected.detection.tool.is_some_and(|tool| matches!(tool.framework.role, Role::Main | Role::Side))
}

pub fn is_nx_root(project: &Project) -> bool {
    nx_root(&project.dir) == Some(&*project.dir)
}

/// Every package that runs where none is named, and every other service.
fn every(
    invocation: &Invocation,
    packages: &Packages,
    root: &Project,
    wanted: &Wanted<'_>,
) -> Result<Vec<Chosen>, Failure> {
    let members = packages.projects().iter().filter(|project| project.dir != packages.root());
    let members = runnable(invocation, Some(root), members.cloned().collect(), wanted.script);
    let all = if wanted.script.is_some() || members.is_empty() {
        members
    } else {
        services::beside(invocation, root, members)?
    };
    Ok(all.into_iter().map(|project| wanted.choose(project)).collect())
}

/// What `filter` of `bowline.toml` selects, as `--filter` would at the root.
fn filtered(
    invocation: &Invocation,
    (root, packages): (&Project, Packages),
    wanted: &Wanted<'_>,
    config: &Config,
) -> Result<Vec<Chosen>, Failure> {
    let texts = &config.workspace.filter;
    let mistake = |index: usize, failure: Failure| {
        let hint = failure.hint.clone().unwrap_or_default();
        config.mistaken_filter(index, &failure.message, hint).map_or(failure, Failure::from)
    };
    let parse = |(index, text): (usize, &String)| {
        Filter::parse(text, &root.dir).map_err(|error| mistake(index, error.into()))
    };
    let filters = texts.iter().enumerate().map(parse).collect::<Result<Vec<_>, _>>()?;
    let services = services::all(invocation, root)?;
    let packages = packages.beside(services.iter().map(|service| service.name.clone()).collect());
    let found = selected(invocation, wanted, (&packages, &services), &filters).map_err(|failure| {
        // That nothing has changed since a revision is no mistake.
        let is_mistake = failure.code() == NO_PROJECT && !texts.iter().any(|text| text.contains('['));
        if is_mistake { mistake(0, failure) } else { failure }
    })?;
    Ok(found.into_iter().map(|project| wanted.choose(project)).collect())
}

/// The services that the commands of a root's script mean; else why that is not known.
fn in_packages(
    root: &Project,
    packages: &Packages,
    all: &[FanOut],
    no_order: bool,
) -> Result<Vec<Chosen>, String> {
    let mut runs: Vec<Run> = Vec::new();
    for found in all {
        for package in found.packages(packages)? {
            let own = || runs.iter().filter(|run| run.package == package);
            if own().any(|run| run.script == found.script) {
                continue;
            }
            let is_first = own().next().is_none();
            let (script, arguments) = (found.script.clone(), found.arguments.clone());
            let environment = found.environment.clone();
            runs.push(Run { package, script, is_first, arguments, environment, needs: Vec::new() });
        }
    }
    let tasks = if no_order { Vec::new() } else { prerequisites::add(packages, all, &mut runs) };
    let services = runs.into_iter().map(|run| run.choose(packages));
    // A `PORT` that was wished for is the first service's.
    Ok(services.chain(tasks.into_iter().map(|task| prerequisites::choose(root, task))).collect())
}
