//! The usual ports of services, by which others name them: in scripts, where they are replaced, and in files, of which
//! the user is warned.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::addresses::Addresses;
use super::configured::ConfiguredProject;
use super::known_sibling::KnownSibling;
use super::named_by_port::NamedByPort;
use super::neighbours;
use super::options::Options;
use super::prepared::{Detected, Prepared};
use super::script_beside;
use crate::detect::ServiceKind;
use crate::invocation::Invocation;
use crate::launch::{
    FileMention, NamedPort, Sibling, SiblingPort, TextPort, UsualPort, ports_in_value, present_value,
    url_variable, with_template,
};
use crate::port::{PortChoice, Reservation};
use crate::project::{Project, SERVICE_MARK};

impl Prepared<'_> {
    /// Whether a text of bowline.toml or the script names the service of this project, so that it has to be started again
    /// if that moves.
    pub fn names(&self, project: &str) -> bool {
        let by_template = self.detected().configured.named.iter().any(|(_, named)| named.id == project);
        by_template || self.by_port.iter().any(|named| named.in_script() == Some(project))
    }
}

/// Finds out which services name which others by their usual ports: those of the start, and of what runs already
/// (`live`). A port that is another's is no wish. For a script that is caught, the others are the packages of its
/// workspace, whether they run yet or not.
pub fn find<'a>(
    invocation: &'a Invocation,
    options: &Options,
    prepared: &mut Vec<Prepared<'a>>,
    live: &[Reservation],
) {
    let own = prepared.len();
    if let Some(outer) = &options.outer {
        for one in prepared.iter_mut() {
            if let Some(named) = named_by_root(invocation, &outer.dir, one) {
                one.wish_for(named);
            }
        }
        prepared.extend(packages_beside(invocation, prepared));
    } else if !live.is_empty() && prepared.iter().any(|one| !mentions(one).is_empty()) {
        let configured = neighbours::configured(invocation, prepared, live).into_iter();
        prepared.extend(configured.filter_map(|one| prepare(invocation, one)));
    }
    let usual = UsualPorts { prepared, known: RefCell::default() };
    let asks = if prepared.len() < 2 { 0 } else { own };
    let found: Vec<Vec<NamedByPort>> = (0..asks).map(|service| usual.named_by(service)).collect();
    prepared.truncate(own);
    for (one, named) in prepared.iter_mut().zip(found) {
        if let Some(wish) = one.detected().named.as_ref().map(|wish| wish.port)
            && named.iter().any(|named| named.port == wish && named.file.is_none())
        {
            one.drop_wish();
        }
        one.by_port = named;
    }
}

/// The usual port of a script that is caught, if the script of the root names it, as in `wait-on tcp:3000`: that has been
/// started, and can be told no other one.
fn named_by_root(invocation: &Invocation, root: &Path, one: &Prepared<'_>) -> Option<NamedPort> {
    let root = Project::at(root).ok().filter(|root| root.dir != one.project().dir)?;
    // Nearly always none, and then the root's script is not read.
    let words =
        root.manifest.scripts.iter().flat_map(|(_, text)| text.split(|c: char| !c.is_ascii_alphanumeric()));
    let is_usual = |port: &u16| usual_port(one, *port) == Some(UsualPort::Sure);
    let numbers: BTreeSet<u16> = words.filter_map(|word| word.parse().ok()).collect();
    let usual: Vec<u16> = numbers.into_iter().filter(is_usual).collect();
    usual.first()?;
    let root = ConfiguredProject::asked(invocation, root, None).ok()?;
    let Detected { reading, .. } = &Detected::new(invocation, &root, None, None).ok()?;
    let by = reading.script()?.to_owned();
    let ports = reading.ports_of_siblings(&root.config.catalog);
    let mut ports = ports.iter().filter(|port| port.may_mean(&one.project().name)).map(|port| port.port);
    let port = ports.find(|port| usual.contains(port))?;
    Some(NamedPort { port, by })
}

/// Whether this is the usual port of a service.
fn usual_port(one: &Prepared<'_>, port: u16) -> Option<UsualPort> {
    if one.request.choice == PortChoice::None || one.orchestrates() {
        return None;
    }
    if one.request.choice == PortChoice::Exact(port) {
        return Some(UsualPort::Sure);
    }
    let detected = one.detected();
    let files = detected.configured.project.files().unwrap_or_default();
    UsualPort::of(&detected.reading, (&detected.detection, &detected.inputs), &files, port)
}

/// The other packages of the workspace with a dev script that the ports which the service names can mean.
fn packages_beside<'a>(invocation: &'a Invocation, prepared: &[Prepared<'a>]) -> Vec<Prepared<'a>> {
    let [one] = prepared else { return Vec::new() };
    let mentions = mentions(one);
    let Some(workspace) = one.project().workspace.as_ref().filter(|_| !mentions.is_empty()) else {
        return Vec::new();
    };
    let here = &one.project().dir;
    let is_other = |other: &Project| {
        ![here, &workspace.root].contains(&&other.dir)
            && mentions.iter().any(|(port, _)| port.may_mean(&other.name))
            && other.script(None).is_ok()
    };
    let packages = workspace.packages().into_iter().filter(is_other);
    let packages = packages.filter_map(|other| one.detected().configured.beside(invocation, other).ok());
    packages
        .chain(scripts_beside(invocation, one.project()))
        .filter_map(|other| prepare(invocation, other))
        .collect()
}

/// The other scripts that the package's usual script starts beside one that is caught.
fn scripts_beside(invocation: &Invocation, one: &Project) -> Vec<ConfiguredProject> {
    let asked = |project: Project, script: Option<&str>| {
        ConfiguredProject::asked(invocation, project, script.map(str::to_owned)).ok()
    };
    let Some(usual) = Project::at(&one.dir).ok().and_then(|package| asked(package, None)) else {
        return Vec::new();
    };
    let Ok(detected) = Detected::new(invocation, &usual, None, None) else { return Vec::new() };
    let reading = &detected.reading;
    let server = detected.detection.tool.and_then(|tool| reading.script_of(tool.command));
    let mut scripts: Vec<&str> =
        (0..reading.commands().len()).filter_map(|command| reading.script_of(command)).collect();
    scripts.dedup();
    let service = |script: &str| {
        let project = usual.project.clone();
        if server == Some(script) { project } else { script_beside::name_after(project, script) }
    };
    let named = scripts.into_iter().map(|script| (service(script), script));
    let named = named.filter(|(project, _)| project.id != one.id);
    named.filter_map(|(project, script)| asked(project, Some(script))).collect()
}

fn prepare(invocation: &Invocation, configured: ConfiguredProject) -> Option<Prepared<'_>> {
    Prepared::new(invocation, &Options::default(), 0, configured, None).ok()
}

/// The ports of this machine in the script, the variables and the files of a service.
fn mentions(one: &Prepared<'_>) -> Vec<(TextPort, Option<FileMention>)> {
    let ConfiguredProject { project, config, additions, .. } = one.detected().configured;
    let reading = &one.detected().reading;
    let in_script = reading.ports_of_siblings(&config.catalog).into_iter();
    let by_root = additions.environment.iter().flat_map(|(name, value)| ports_in_value(name, value));
    let in_script = in_script.chain(by_root).map(|port| (port, None));
    let files = project.files().unwrap_or_default();
    let is_set = |name: &str| config.settings.env.contains_key(name);
    // Work that comes first is done while nothing serves.
    let is_first_work = additions.kind == Some(ServiceKind::Task);
    let in_files = if is_first_work { Vec::new() } else { FileMention::all(reading, &files, is_set) };
    in_script.chain(in_files.into_iter().map(|mention| (mention.port.clone(), Some(mention)))).collect()
}

struct UsualPorts<'p, 'a> {
    prepared: &'p [Prepared<'a>],
    known: RefCell<BTreeMap<(usize, u16), Option<UsualPort>>>,
}

impl UsualPorts<'_, '_> {
    fn named_by(&self, service: usize) -> Vec<NamedByPort> {
        let one = &self.prepared[service];
        if one.orchestrates() {
            return Vec::new();
        }
        let named = mentions(one).into_iter().filter_map(|(port, file)| {
            let projects = self.meant(service, &port, file.as_ref());
            (!projects.is_empty()).then_some(NamedByPort { port: port.port, projects, file })
        });
        named.collect()
    }

    /// The projects of the services that a port can mean. The service's own is meant in its variables alone, as in
    /// `AUTH_URL`: it does not listen there.
    fn meant(&self, service: usize, port: &TextPort, file: Option<&FileMention>) -> Vec<String> {
        let one = self.prepared[service].detected();
        let own = self.of(service, port.port);
        if own == Some(UsualPort::Sure) && file.is_some_and(FileMention::is_in_variables) {
            return vec![self.prepared[service].request.project.clone()];
        }
        let catalog = &one.configured.config.catalog;
        if own == Some(UsualPort::Sure) || one.reading.has_own_port(&one.detection, catalog, port.port) {
            return Vec::new();
        }
        let others = (0..self.prepared.len()).filter(|&other| other != service);
        let others = others.filter(|&other| port.may_mean(&self.prepared[other].project().name));
        let sure: Vec<_> = others.filter_map(|other| Some((self.of(other, port.port)?, other))).collect();
        let Some(best) = sure.iter().map(|(sure, _)| *sure).max().filter(|best| own < Some(*best)) else {
            return Vec::new();
        };
        let meant = sure.into_iter().filter(|(sure, _)| *sure == best);
        meant.map(|(_, other)| self.prepared[other].request.project.clone()).collect()
    }

    /// Whether this is the usual port of a service.
    fn of(&self, service: usize, port: u16) -> Option<UsualPort> {
        let known = self.known.borrow().get(&(service, port)).copied();
        known.unwrap_or_else(|| {
            let found = usual_port(&self.prepared[service], port);
            self.known.borrow_mut().insert((service, port), found);
            found
        })
    }
}

/// The ports in the script that mean other services, with where these are now.
pub fn in_script(one: &Prepared<'_>, siblings: &[KnownSibling]) -> Vec<SiblingPort> {
    let found = one.by_port.iter().filter_map(|named| {
        let Sibling { name, port, .. } = find_sibling(siblings, named.in_script()?)?;
        Some(SiblingPort { usual: named.port, port: *port, name: name.clone() })
    });
    found.collect()
}

/// The variables that bowline.toml and the root's script set for the service, with the present ports in the latter.
pub fn environment(
    addresses: &Addresses<'_>,
    one: &Prepared<'_>,
    ports: &[SiblingPort],
) -> BTreeMap<String, String> {
    let mut variables = addresses.environment(one);
    for (name, value) in &one.detected().configured.additions.environment {
        if let Some(present) = variables.get_mut(name).filter(|present| *present == value) {
            *present = present_value(name, value, ports);
        }
    }
    variables
}

/// What the files, or a script that is not clear, say of services that are on other ports now; each with what to do.
pub fn warnings(one: &Prepared<'_>, siblings: &[KnownSibling]) -> Vec<String> {
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut warnings = Vec::new();
    for named in &one.by_port {
        let others: Vec<&Sibling> =
            named.projects.iter().filter_map(|project| find_sibling(siblings, project)).collect();
        let Some(first) = others.first().filter(|_| others.iter().all(|one| one.port != named.port)) else {
            continue;
        };
        let file = match &named.file {
            Some(file) => file,
            None if others.len() < 2 => continue,
            None => {
                warnings.push(format!(
                    "the script names {}: {}",
                    described(named.port, &others),
                    command(one, named.port, first)
                ));
                continue;
            }
        };
        let subject = format!("`{}` names {}", file.file, described(named.port, &others));
        let Some(variable) = &file.variable else {
            let advice = if first.name.contains(SERVICE_MARK) {
                format!("free port {}", named.port)
            } else if file.is_in_manifest() {
                format!("set `[project.{}] port = {}` in bowline.toml", key(&first.name), named.port)
            } else if others.len() > 1 {
                let names: Vec<String> = others.iter().map(|one| url_variable(&one.name)).collect();
                format!("let it read `{}`", names.join("` or `"))
            } else {
                let key = key(&first.name);
                format!(
                    "let it read `{}`, or set `[project.{key}] port = {}` in bowline.toml",
                    url_variable(&first.name),
                    named.port
                )
            };
            warnings.push(format!("{subject}: {advice}"));
            continue;
        };
        let value = with_template(&file.value, named.port, &first.name, first.scheme);
        let entry = told.entry(subject).or_default();
        let pair = format!("{variable} = {value:?}");
        if !entry.contains(&pair) {
            entry.push(pair);
        }
    }
    let key = key(&one.project().name);
    warnings.extend(told.into_iter().map(|(subject, pairs)| {
        format!("{subject}: set `[project.{key}] env = {{ {} }}` in bowline.toml", pairs.join(", "))
    }));
    warnings
}

fn described(port: u16, others: &[&Sibling]) -> String {
    match others {
        [one] => format!("port {port} for `{}`, which is on port {}", one.name, one.port),
        _ => {
            let names: Vec<&str> = others.iter().map(|one| one.name.as_str()).collect();
            format!("port {port}, the usual one of `{}`, none of which is there", names.join("` and `"))
        }
    }
}

/// The line of bowline.toml with the command of the script, which names the first of the services.
fn command(one: &Prepared<'_>, port: u16, first: &Sibling) -> String {
    let text = with_template(&one.detected().reading.command, port, &first.name, first.scheme);
    format!("set `[project.{}] command = {text:?}`, say, in bowline.toml", key(&one.project().name))
}

/// A name as a key of TOML.
pub fn key(name: &str) -> String {
    let is_bare = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    if is_bare { name.to_owned() } else { format!("{name:?}") }
}

fn find_sibling<'s>(siblings: &'s [KnownSibling], project: &str) -> Option<&'s Sibling> {
    siblings.iter().find(|one| one.project == project).map(|one| &one.sibling)
}
