//! Who waits for whom: by `needs` in bowline.toml and of what is built before, and by the packages that depend on each
//! other.

use serde_json::Value;

use super::options::Options;
use super::prepared::Prepared;
use crate::config::FilePlace;
use crate::detect::ServiceKind;
use crate::exit_code::USAGE;
use crate::graph::{Cycle, Graph};
use crate::invocation::Failure;
use crate::project::{Project, called};
use crate::supervise::StartOrder;
use crate::workspace::Packages;

/// The order in which these services start and end.
///
/// # Errors
/// See [`asked_for`]; the packages of the workspace cannot be read.
pub fn of(prepared: &[Prepared<'_>], options: &Options) -> Result<StartOrder, Failure> {
    let workspaces = prepared.iter().map(|one| one.detected().configured.config.workspace.fail_fast);
    let fail_fast = options.order.fail_fast || workspaces.into_iter().any(|fail_fast| fail_fast);
    let mut graph = asked_for(prepared)?;
    if !options.order.no_order && prepared.len() > 1 {
        graph = graph.with_implied(&implied(prepared)?);
    }
    Ok(StartOrder { graph, fail_fast })
}

/// The order that bowline.toml asks for.
///
/// # Errors
/// Services need each other.
pub fn asked_for(prepared: &[Prepared<'_>]) -> Result<Graph, Failure> {
    let mut edges = Vec::new();
    for (service, one) in prepared.iter().enumerate() {
        for name in &one.detected().configured.config.settings.needs {
            edges.extend(named(name, prepared).map(|need| (service, need)));
        }
    }
    Graph::new(prepared.len(), &edges).map_err(|Cycle(services)| {
        let names: Vec<&str> = services.iter().map(|&service| &*prepared[service].project().name).collect();
        let circle = [&names[..], &names[..1]].concat().join(" → ");
        let hint =
            "take one of these out of `needs` in bowline.toml; `with` starts a service and waits for nothing";
        let message = format!("services need each other: {circle}");
        let first = services.first().and_then(|&service| prepared.get(service));
        let second = services.get(1).or(services.first()).copied();
        first.map_or_else(
            || Failure::new(USAGE, &message, Some(hint.to_owned())),
            |one| {
                let configured = one.detected().configured;
                let needs = &configured.config.settings.needs;
                let index = needs.iter().position(|name| named(name, prepared) == second);
                configured.mistake(&FilePlace { keys: &["needs"], index, part: None }, &message, hint)
            },
        )
    })
}

/// The service that goes by this name, if it is one of those that start now.
fn named(name: &str, prepared: &[Prepared<'_>]) -> Option<usize> {
    let projects = prepared.iter().map(Prepared::project).enumerate().collect();
    let found = called(name, projects, |(_, project): &(usize, &Project)| (&project.name, &project.dir));
    if let [(service, _)] = found[..] { Some(service) } else { None }
}

/// Each service and the watches among the packages that it depends on: it waits for their first builds, though nobody
/// has asked for that.
fn implied(prepared: &[Prepared<'_>]) -> Result<Vec<(usize, usize)>, Failure> {
    let is_watch = |one: &&Prepared<'_>| kind(one) == ServiceKind::Watch;
    let Some(watch) = prepared.iter().find(is_watch) else { return Ok(Vec::new()) };
    let packages = Packages::around(watch.project())?;
    let index_of = |one: &Prepared<'_>| packages.index_of(&one.project().dir);
    let mut edges = Vec::new();
    for (service, one) in prepared.iter().enumerate() {
        let Some(package) = index_of(one) else { continue };
        let behind = packages.dependencies_of(package);
        let is_behind =
            |other: &&Prepared<'_>| index_of(other).is_some_and(|package| behind.contains(&package));
        let watches = prepared.iter().enumerate().filter(|(_, other)| is_watch(other) && is_behind(other));
        edges.extend(watches.map(|(watch, _)| (service, watch)).filter(|(service, watch)| service != watch));
    }
    Ok(edges)
}

fn kind(prepared: &Prepared<'_>) -> ServiceKind {
    prepared.detected().kind
}

/// The lines about the order, level by level: `web after ui, api`.
pub fn described(graph: &Graph, prepared: &[Prepared<'_>]) -> Vec<String> {
    let name = |service: usize| &*prepared[service].project().name;
    let line = |service: usize| {
        let needs: Vec<&str> = graph.needs_of(service).map(name).collect();
        (!needs.is_empty()).then(|| format!("{} after {}", name(service), needs.join(", ")))
    };
    graph.levels().concat().into_iter().filter_map(line).collect()
}

/// The names of the services that need this one.
pub fn wanted_by(graph: &Graph, prepared: &[Prepared<'_>], service: usize) -> Vec<String> {
    graph.dependents_of(service).map(|one| prepared[one].project().name.clone()).collect()
}

/// The names of the services that each one waits for, as a program reads it.
pub fn needs_json(graph: &Graph, prepared: &[Prepared<'_>], service: usize) -> Value {
    graph.needs_of(service).map(|need| Value::from(&*prepared[need].project().name)).collect()
}
