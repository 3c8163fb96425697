//! `bowline agents`.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::{Value, json};

use super::answer::answer;
use crate::agents::{self, AgentFile, BLOCK, DevServer, Planned, Stale};
use crate::cli::args::Agents;
use crate::client::services;
use crate::exit_code::NO_PROJECT;
use crate::invocation::{Failure, Invocation};
use crate::port::{Lookup, PortChoice, PortRequest};
use crate::process::Exit;
use crate::project::Project;
use crate::range::Range;
use crate::session::{ConfiguredProject, Detected, Options, Runnable};
use crate::ui;

pub fn agents(invocation: &Invocation, wanted: &Agents) -> Result<Exit, Failure> {
    let (dir, servers) = here(invocation)?;
    if wanted.write {
        let named = wanted.readers();
        let readers = if named.is_empty() { agents::readers(&dir) } else { named };
        return report(invocation, &agents::write(&dir, &readers, &servers)?);
    }
    let files: Vec<(AgentFile, Value)> =
        AgentFile::ALL.into_iter().filter_map(|file| Some((file, file.json(&servers)?))).collect();
    let json = || {
        let row = |(file, value): &(AgentFile, Value)| json!({ "path": file.path(), "content": value });
        json!({ "block": BLOCK, "files": files.iter().map(row).collect::<Vec<_>>() })
    };
    let text = || {
        let row = |(file, value): &(AgentFile, Value)| [file.path().to_owned(), value.to_string()];
        let rows = ui::align(&files.iter().map(row).collect::<Vec<_>>());
        format!("{BLOCK}\n{rows}\n`bowline agents --write` writes these into the files that are there.\n")
    };
    answer(invocation, json, text)
}

fn report(invocation: &Invocation, planned: &[Planned]) -> Result<Exit, Failure> {
    let json = || {
        let file = |one: &Planned| json!({ "path": one.file.path(), "result": one.outcome().word() });
        json!({ "files": planned.iter().map(file).collect::<Vec<_>>() })
    };
    let line = |one: &Planned| format!("{} {}\n", one.outcome().word(), one.file.path());
    answer(invocation, json, || planned.iter().map(line).collect())
}

/// The directory with the files of agents, which is the root of the workspace if there is one, and the dev servers
/// that can be started there.
fn here(invocation: &Invocation) -> Result<(PathBuf, Vec<DevServer>), Failure> {
    let (root, projects) = services::around(invocation, &services::here(invocation)?)?;
    let mut configured = Vec::new();
    for project in projects {
        match ConfiguredProject::asked(invocation, project, None) {
            Ok(one) if matches!(one.runnable, Runnable::Command(_)) => {}
            Err(failure) if failure.code() == NO_PROJECT => {}
            one => {
                let one = one?;
                // An editor waits for a port, so a service without one gets no entry.
                if Detected::new(invocation, &one, None, None)?.has_port() {
                    configured.push(one);
                }
            }
        }
    }
    let ports = own_ports(invocation, &configured)?.into_iter();
    let server = |(one, (port, range)): (&ConfiguredProject, (u16, Option<Range>))| {
        let ConfiguredProject { project, .. } = one;
        let is_root = project.dir == root && project.defined_in.is_none();
        let word = (!is_root).then(|| word_for(project, &root));
        DevServer { name: project.name.clone(), word, port, range }
    };
    let servers = configured.iter().zip(ports).map(server).collect();
    Ok((root, servers))
}

/// The word that means the project at the root of its workspace: its name, unless that means another one there.
fn word_for(project: &Project, root: &Path) -> String {
    // A service that is no package has no directory of its own.
    if project.defined_in.is_some() {
        return project.name.clone();
    }
    let is_meant = |word: &str| Project::named(word, root).is_ok_and(|named| named.dir == project.dir);
    if is_meant(&project.name) {
        return project.name.clone();
    }
    let path = project.dir.strip_prefix(root).unwrap_or(&project.dir);
    format!("./{}", path.to_string_lossy())
}

/// The port of each project's own: the one of bowline.toml, or the remembered one even while it runs on another one,
/// as an editor may have asked for that; else the one that it would get now, and the range that this is from. `PORT`
/// of the environment does not count.
fn own_ports(
    invocation: &Invocation,
    projects: &[ConfiguredProject],
) -> Result<Vec<(u16, Option<Range>)>, Failure> {
    let ports = invocation.ports_to_read();
    let (mut own, mut requests) = (Vec::new(), Vec::new());
    for one in projects {
        let remembered = ports.remembered(&one.project.id);
        let detected = Detected::new(invocation, one, None, remembered.as_ref())?;
        let mut request = detected.request(invocation, &Options::default(), 0);
        let known = remembered.filter(|row| row.framework == request.framework).and_then(|row| row.port);
        own.push(if let PortChoice::Exact(port) = request.choice { Some(port) } else { known });
        if invocation.wished_port(0).is_some() {
            request.choice = PortChoice::Any;
        }
        requests.push(request);
    }
    let taken: Vec<u16> = own.iter().flatten().copied().collect();
    let mut open: Vec<PortRequest> = requests
        .into_iter()
        .zip(&own)
        .filter_map(|(request, own)| own.is_none().then_some(request))
        .collect();
    for request in &mut open {
        request.exclude.extend(&taken);
    }
    let now = SystemTime::now();
    // Of more servers than ports, not all can run at once: each has the port that it would get alone.
    let alone = || {
        let look_up = |one: &PortRequest| {
            let alone = PortRequest { exclude: Vec::new(), ..one.clone() };
            ports.lookup(&[alone], now)
        };
        open.iter()
            .map(look_up)
            .collect::<Result<Vec<_>, _>>()
            .map(|found| found.into_iter().flatten().collect())
    };
    let found = ports.lookup(&open, now).or_else(|_| alone())?;
    let mut found = found.into_iter().map(|found| match found {
        Lookup::Live(reservation) => (reservation.port, None),
        Lookup::Would(grant) => (grant.port, Some(grant.request.range)),
    });
    let sure = |own: Option<u16>| own.map(|port| (port, None));
    Ok(own.into_iter().filter_map(|own| sure(own).or_else(|| found.next())).collect())
}

/// The findings of `doctor` about the files of agents here: good news, or a fault and its remedy.
pub fn findings(invocation: &Invocation) -> Vec<Result<String, (String, String)>> {
    let Ok((dir, servers)) = here(invocation) else { return Vec::new() };
    let examined = agents::examine(&dir, &servers);
    let mut findings = Vec::new();
    for (file, stale) in &examined {
        let path = file.path();
        findings.extend(stale.iter().map(|stale| Err(finding(path, stale))));
    }
    let has_commands = examined.iter().any(|(file, _)| *file != AgentFile::AgentsMd);
    if has_commands && which::which_in("bowline", invocation.variable("PATH"), &dir).is_err() {
        let message = "editors and agents are told to run `bowline`, which is not in the PATH";
        findings.push(Err((message.to_owned(), "install bowline for all programs of this user".to_owned())));
    }
    if findings.is_empty() && !examined.is_empty() {
        let paths: Vec<&str> = examined.iter().map(|(file, _)| file.path()).collect();
        findings.push(Ok(format!("up to date: {}", paths.join(", "))));
    }
    findings
}

fn finding(path: &str, stale: &Stale) -> (String, String) {
    match stale {
        Stale::Outdated => (
            format!("what bowline has written in `{path}` is out of date"),
            "bowline agents --write".to_owned(),
        ),
        Stale::Obsolete(name) => (
            format!("the entry `{name}` of `{path}` starts no server of this project"),
            format!("remove it from {path}"),
        ),
        Stale::Damaged(message) => (message.clone(), format!("correct {path} at that place")),
    }
}
