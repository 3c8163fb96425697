//! The targets by which nx serves an app: those that are written down, and those that its plugins infer.
//!
//! nx itself takes a second to say what it infers, so this is read from the same files: the plugins in `nx.json`, and
//! the configuration file that each looks for.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::json::{check, read};
use super::nx_config::NxConfig;
use crate::project::{Project, ProjectError};

/// Targets that start a server, the usual one first.
const NAMES: [&str; 4] = ["serve", "dev", "start", "develop"];

/// A target, and what it runs in the project's directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NxTarget {
    pub project: String,
    pub name: String,
    pub command: String,
}

/// How a plugin infers a target: the start of its configuration file, its option with the target's name, the name
/// without that option, the command.
const PLUGINS: [(&str, &str, &str, &str, &str); 11] = [
    ("@nx/vite", "vite.config.", "serveTargetName", "serve", "vite"),
    ("@nx/vite", "vite.config.", "devTargetName", "dev", "vite"),
    ("@nx/next", "next.config.", "devTargetName", "dev", "next dev"),
    ("@nx/webpack", "webpack.config.", "serveTargetName", "serve", "webpack-cli serve"),
    ("@nx/rspack", "rspack.config.", "serveTargetName", "serve", "rspack serve"),
    ("@nx/rsbuild", "rsbuild.config.", "devTargetName", "dev", "rsbuild dev"),
    ("@nx/remix", "remix.config.", "devTargetName", "dev", "remix dev"),
    ("@nx/react", "react-router.config.", "devTargetName", "dev", "react-router dev"),
    ("@nx/nuxt", "nuxt.config.", "serveTargetName", "serve", "nuxi dev"),
    ("@nx/expo", "app.json", "startTargetName", "start", "expo start"),
    ("@nx/expo", "app.config.", "startTargetName", "start", "expo start"),
];

/// Executors, by their ends, and the program that each runs.
const EXECUTORS: [(&str, &str); 12] = [
    ("@nx/vite:dev-server", "vite"),
    ("@nx/next:server", "next dev"),
    ("@nx/next:dev", "next dev"),
    ("@nx/webpack:dev-server", "webpack-cli serve"),
    ("@nx/web:dev-server", "webpack-cli serve"),
    ("@nx/rspack:dev-server", "rspack serve"),
    ("@nx/react:module-federation-dev-server", "webpack-cli serve"),
    ("@nx/angular:dev-server", "ng serve"),
    ("@nx/angular:module-federation-dev-server", "ng serve"),
    ("@angular-devkit/build-angular:dev-server", "ng serve"),
    ("@angular/build:dev-server", "ng serve"),
    ("@nx/js:node", "node main.js"),
];

/// The root of the nx workspace around a directory.
pub fn nx_root(dir: &Path) -> Option<&Path> {
    dir.ancestors().find(|dir| dir.join("nx.json").is_file())
}

/// The target of a project that starts its server: `wanted`, else a usual one.
pub fn nx_target(project: &Project, wanted: Option<&str>) -> Option<NxTarget> {
    let root = nx_root(&project.dir)?;
    let config = NxConfig::of(project);
    let candidates = wanted.map_or_else(|| NAMES.to_vec(), |name| vec![name]);
    let (name, command) = candidates.into_iter().find_map(|name| {
        let command = written(&config, name).or_else(|| inferred(project, root, name))?;
        Some((name.to_owned(), command))
    })?;
    Some(NxTarget { project: config.name, name, command })
}

/// The command of a target in `project.json` or `package.json`.
fn written(config: &NxConfig, name: &str) -> Option<String> {
    let target = Value::from(config.target(name));
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let executor = target["executor"].as_str();
    if matches!(executor, None | Some("nx:run-commands")) {
        return text(&target["command"]).or_else(|| text(&target["options"]["command"]));
    }
    let known = EXECUTORS.iter().find(|(known, _)| Some(*known) == executor);
    known.map(|(_, command)| (*command).to_owned())
}

/// The command of a target that a plugin in `nx.json` infers.
fn inferred(project: &Project, root: &Path, name: &str) -> Option<String> {
    if project.dir == root {
        return None;
    }
    let plugins = read(&root.join("nx.json"))["plugins"].take();
    let files = project.files().ok()?;
    let is_wanted = |(plugin, file, option, default, _): &&(&str, &str, &str, &str, &str)| {
        let configured = plugins.as_array()?.iter().find(|entry| {
            let text = entry.as_str().or_else(|| entry["plugin"].as_str());
            text.is_some_and(|text| text.strip_prefix(plugin).is_some_and(|rest| rest.starts_with('/')))
        })?;
        let target = configured["options"][option].as_str().unwrap_or(default);
        let has_file = files.iter().any(|own| own.starts_with(file));
        // A library of vite's is built, not served.
        let is_app = *plugin != "@nx/vite" || files.iter().any(|own| own == "index.html");
        (target == name && has_file && is_app).then_some(())
    };
    PLUGINS.iter().find(|one| is_wanted(one).is_some()).map(|(.., command)| (*command).to_owned())
}

/// The projects of an nx workspace that have a `project.json`, and no `package.json`.
pub fn nx_projects(root: &Path) -> Result<Vec<Project>, ProjectError> {
    let (mut found, mut open) = (Vec::new(), vec![root.to_path_buf()]);
    while let Some(dir) = open.pop() {
        let entries = fs::read_dir(&dir).into_iter().flatten().flatten();
        let below = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let is_hidden = |name: &str| name.starts_with('.') || matches!(name, "node_modules" | "dist" | "tmp");
        open.extend(
            below.filter(|entry| !is_hidden(&entry.file_name().to_string_lossy())).map(|entry| entry.path()),
        );
        found.extend(nx_project(&dir)?);
    }
    found.sort_by(|one, other| one.dir.cmp(&other.dir));
    Ok(found)
}

/// The project in a directory with a `project.json`, and no `package.json`.
fn nx_project(dir: &Path) -> Result<Option<Project>, ProjectError> {
    let path = dir.join("project.json");
    if !path.is_file() || dir.join("package.json").exists() {
        return Ok(None);
    }
    check(&path)?;
    Project::without_manifest(dir, read(&path)["name"].as_str()).map(Some)
}

/// The project of nx without a `package.json` that a directory lies in, below `above`.
pub fn nx_project_around(dir: &Path, above: &Path) -> Result<Option<Project>, ProjectError> {
    let Some(dir) = dir.canonicalize().ok().filter(|dir| nx_root(dir).is_some()) else { return Ok(None) };
    dir.ancestors().take_while(|dir| *dir != above).find_map(|dir| nx_project(dir).transpose()).transpose()
}
