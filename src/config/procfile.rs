//! Procfiles: services that foreman, overmind and others would run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::error::ConfigError;
use super::file::text_of;
use super::process_runner::ProcessRunner;
use super::settings::ProjectSettings;
use crate::project::{FileError, Project, Workspace, env_file_variables, read_text_if_any};

/// The files that are looked for where there is no dev script, the first one wins.
const FILES: [&str; 2] = ["Procfile.dev", "Procfile"];
/// The process that a platform runs before a deployment.
const RELEASE: &str = "release";

/// A Procfile that is run.
#[derive(Debug)]
pub struct Procfile {
    pub path: PathBuf,
    text: String,
    /// Where its processes run.
    dir: PathBuf,
    processes: Vec<Process>,
    environment: BTreeMap<String, String>,
    /// The directory of the package in whose place it is run.
    package: PathBuf,
}

/// A line of a Procfile.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Process {
    name: String,
    command: String,
}

impl Procfile {
    /// The Procfiles that are run in a workspace: in place of each dev script that runs one, and that of the root
    /// where no package has a dev script.
    pub(super) fn all(root: &Path, packages: &[Project]) -> Result<Vec<Self>, ConfigError> {
        let mut found = Vec::new();
        for package in packages {
            let Some((_, runner)) = called_by(package) else { continue };
            let path = package.dir.join(&runner.root).join(&runner.file);
            found.extend(Self::read(&path, &package.dir, &runner)?);
        }
        if packages.iter().all(|package| package.script(None).is_err()) {
            for name in FILES {
                if let Some(file) = Self::read(&root.join(name), root, &ProcessRunner::default())? {
                    found.push(file);
                    break;
                }
            }
        }
        Ok(found)
    }

    fn read(path: &Path, package: &Path, runner: &ProcessRunner) -> Result<Option<Self>, ConfigError> {
        let Ok(path) = path.canonicalize() else { return Ok(None) };
        let Some(text) = text_of(&path)? else { return Ok(None) };
        let mut processes = processes(&path, &text)?;
        processes.retain(|process| runner.runs(&process.name));
        let base = path.parent().unwrap_or(package);
        let dir =
            if runner.root.as_os_str().is_empty() { base.to_path_buf() } else { package.join(&runner.root) };
        let mut environment = BTreeMap::new();
        for file in &runner.environment {
            let text = read_text_if_any(&dir.join(file)).unwrap_or_default();
            environment.extend(env_file_variables(&text));
        }
        // Each of its services has a port of its own.
        environment.remove("PORT");
        Ok(Some(Self { text, dir, processes, environment, package: package.to_path_buf(), path }))
    }

    /// The mistake of a file that has nothing to run.
    pub(super) fn emptiness(&self) -> Option<ConfigError> {
        self.processes.is_empty().then(|| ConfigError::Invalid {
            error: FileError::at_offset(&self.path, &self.text, 0, "no process to run"),
            hint: "add a line like `web: COMMAND`".to_owned(),
        })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.processes.iter().any(|process| process.name == name)
    }

    /// Whether it is run in place of the script in this directory.
    pub(super) fn replaces(&self, dir: &Path) -> bool {
        self.package == dir
    }

    pub(super) fn services(&self, workspace: Option<&Workspace>) -> Vec<Project> {
        let service =
            |process: &Process| Project::service(&process.name, &self.path, &self.dir, workspace.cloned());
        self.processes.iter().map(service).collect()
    }

    /// What it says of one service.
    pub(super) fn settings(&self, name: &str) -> ProjectSettings {
        let process = self.processes.iter().find(|process| process.name == name);
        ProjectSettings {
            command: process.map(|process| process.command.clone()),
            env: self.environment.clone(),
            ..ProjectSettings::default()
        }
    }
}

/// The processes to run, in their order.
fn processes(path: &Path, text: &str) -> Result<Vec<Process>, ConfigError> {
    let mut found: Vec<Process> = Vec::new();
    let (mut start, mut offset) = (0, 0);
    let mut line = String::new();
    for whole in text.split_inclusive('\n') {
        offset += whole.len();
        let own = whole.trim();
        line.push_str(own);
        // A line may go on in the next one, as in a shell.
        if own.ends_with('\\') && !line.starts_with('#') && offset < text.len() {
            line.truncate(line.len() - 1);
            continue;
        }
        let (line, start) = (std::mem::take(&mut line), std::mem::replace(&mut start, offset));
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mistake = |message: String, hint: &str| {
            let error = FileError::at_offset(path, text, start, &message);
            Err(ConfigError::Invalid { error, hint: hint.to_owned() })
        };
        let Some((name, command)) = line.split_once(':').map(|(name, rest)| (name.trim(), rest.trim()))
        else {
            return mistake("not a line like `web: COMMAND`".to_owned(), "begin a comment with `#`");
        };
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || !name.chars().all(is_allowed) || name.starts_with('-') {
            return mistake(
                format!("not a name for a process: `{name}`"),
                "use letters, digits, `-` and `_`",
            );
        }
        if command.is_empty() {
            return mistake(format!("`{name}` has no command"), "give it one, or remove the line");
        }
        if found.iter().any(|process| process.name == name) {
            return mistake(format!("a second process `{name}`"), "give it another name");
        }
        if name != RELEASE {
            found.push(Process { name: name.to_owned(), command: command.to_owned() });
        }
    }
    Ok(found)
}

/// The script of the package that runs a Procfile.
fn called_by(package: &Project) -> Option<(&str, ProcessRunner)> {
    let (name, text) = package.script(None).ok()?;
    Some((name, ProcessRunner::of_script(text)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String)>, String> {
        let found = processes(Path::new("Procfile"), text).map_err(|error| error.to_string())?;
        Ok(found.into_iter().map(|process| (process.name, process.command)).collect())
    }

    #[test]
    fn each_line_is_a_process_but_comments_and_releases() {
        let text =
            "# dev\nweb: bin/rails server -p $PORT\r\n\n  worker:sidekiq -c 1:2\nrelease: rake db:migrate\n";
        let own = |name: &str, command: &str| (name.to_owned(), command.to_owned());
        assert_eq!(
            read("web: serve \\\r\n  --port 1\nx: y\\").unwrap(),
            [own("web", "serve --port 1"), own("x", "y\\")]
        );
        assert_eq!(
            read(text).unwrap(),
            [own("web", "bin/rails server -p $PORT"), own("worker", "sidekiq -c 1:2")]
        );
    }

    #[test]
    fn a_line_that_is_none_is_shown_with_its_place() {
        for (text, message) in [
            ("web: x\nworker", "Procfile:2:1: not a line like `web: COMMAND`\n2 | worker\n"),
            ("w b: x", "Procfile:1:1: not a name for a process: `w b`\n"),
            ("\nweb:  \n", "Procfile:2:1: `web` has no command\n"),
            ("a: x\na: y\n", "Procfile:2:1: a second process `a`\n"),
            ("a: x \\\n  y\nb\n", "Procfile:3:1: not a line like `web: COMMAND`\n"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.starts_with(message), "{text}: {error}");
        }
    }
}
