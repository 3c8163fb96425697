//! Projects in temporary directories, planned and run.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use bowline::detect::catalog::Catalog;
use bowline::detect::{CommandWords, ServiceKind, Snapshot};
use bowline::launch::{
    Caller, ChosenManager, Host, LaunchError, LaunchRequest, LaunchSpec, NamedPort, Reading, Sibling, Step,
    Target, choose, explain, plan,
};
use bowline::port::Scheme;
use bowline::project::Project;

use super::own_descriptors;

/// A directory tree that is gone with the value.
pub struct Tree {
    _temp: tempfile::TempDir,
    pub dir: PathBuf,
}

impl Tree {
    pub fn new(files: &[(&str, &str)]) -> Self {
        // A program that another test's child has open for writing cannot be executed.
        own_descriptors();
        let temp = tempfile::tempdir().expect("a temporary directory");
        let dir = temp.path().canonicalize().expect("a canonical directory");
        let tree = Self { _temp: temp, dir };
        tree.write_all(files);
        tree
    }

    pub fn write_all(&self, files: &[(&str, &str)]) {
        for (path, text) in files {
            self.write(path, text);
        }
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.dir.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        fs::write(path, text).expect("a file");
    }

    /// A shell script at `path` that anybody may execute.
    pub fn program(&self, path: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        self.write(path, text);
        fs::set_permissions(self.dir.join(path), fs::Permissions::from_mode(0o755)).expect("executable");
    }

    pub fn project(&self, dir: &str) -> Project {
        Project::at(&self.dir.join(dir)).expect("a project")
    }
}

/// A caller in the tree's directory with a `PATH` and these variables.
pub fn caller(directory: &Path, variables: &[(&str, &str)]) -> Caller {
    let mut all = BTreeMap::from([(OsString::from("PATH"), OsString::from("/usr/local/bin:/usr/bin:/bin"))]);
    all.extend(variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))));
    Caller { directory: directory.to_path_buf(), variables: all, terminal: false }
}

/// The launch of a test, beside the project and its caller.
#[derive(Default)]
pub struct Wish<'a> {
    pub script: Option<&'a str>,
    pub arguments: &'a [&'a str],
    pub command: &'a [&'a str],
    pub port: Option<u16>,
    pub host: Option<Host>,
    pub siblings: &'a [Sibling],
    pub environment: &'a [(&'a str, &'a str)],
    pub framework: Option<&'a str>,
}

/// The flow from project to plan, and the explanation of `status` if one is given.
pub fn launch(
    project: &Project,
    caller: &Caller,
    wish: &Wish<'_>,
    status: Option<u8>,
) -> Result<(LaunchSpec, ChosenManager, Option<LaunchError>), LaunchError> {
    let choice = choose(project, caller);
    let catalog = Catalog::load(&[]).expect("the catalog");
    let arguments: Vec<String> = wish.arguments.iter().map(|&word| word.to_owned()).collect();
    let argv: Vec<OsString> = wish.command.iter().map(OsString::from).collect();
    let target = if argv.is_empty() {
        let (name, text) = project.script(wish.script).expect("a script");
        Target::Script { name, text, arguments: &arguments }
    } else {
        Target::Command(&argv)
    };
    let mut reading = Reading::of(project, &choice, target, caller, catalog.wrappers())?;
    let files = project.files().expect("files");
    let commands = reading.commands();
    let snapshot = snapshot(project, &files, reading.script(), &commands);
    let mut detection = catalog.detect(&snapshot).expect("a detection");
    if let Some(key) = wish.framework {
        detection = detection.with_framework(catalog.find(key).expect("a key"), &snapshot);
    }
    let inputs = detection.inputs(|package| project.version_of(package));
    let named = NamedPort::of(&reading, &detection, &inputs, &catalog, &files);
    let ordered = reading.take_port(&detection, &inputs.port);
    let environment = wish.environment.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect();
    let spec = plan(&LaunchRequest {
        sibling_ports: &[],
        reading: &reading,
        detection: &detection,
        inputs: &inputs,
        catalog: &catalog,
        port: wish.port.or(ordered).unwrap_or(3111),
        kind: ServiceKind::Server,
        scheme: Scheme::Http,
        host: wish.host.as_ref(),
        session: "session-mark",
        siblings: wish.siblings,
        environment: &environment,
        preload: None,
        named: named.as_ref(),
        script_shell: Some(Path::new("/state/app.sh")),
        is_followed: false,
    });
    let error = status.and_then(|status| explain(status, &spec.main, &reading, &catalog));
    Ok((spec, choice, error))
}

fn snapshot<'a>(
    project: &'a Project,
    files: &'a [String],
    script: Option<&'a str>,
    commands: &'a [CommandWords<'a>],
) -> Snapshot<'a> {
    Snapshot { dependencies: &project.manifest.dependencies, files, script, commands, hides_more: false }
}

/// The port by which other commands of the dev script name its server.
pub fn named(project: &Project, caller: &Caller) -> Option<NamedPort> {
    let choice = choose(project, caller);
    let catalog = Catalog::load(&[]).expect("the catalog");
    let (name, text) = project.script(None).expect("a script");
    let target = Target::Script { name, text, arguments: &[] };
    let reading = Reading::of(project, &choice, target, caller, catalog.wrappers()).expect("a script");
    let files = project.files().expect("files");
    let commands = reading.commands();
    let snapshot = snapshot(project, &files, reading.script(), &commands);
    let detection = catalog.detect(&snapshot).expect("a detection");
    let inputs = detection.inputs(|package| project.version_of(package));
    NamedPort::of(&reading, &detection, &inputs, &catalog, &files)
}

/// Whether nothing of the dev script is hidden, and every path in it is such.
pub fn are_all_paths(project: &Project, caller: &Caller, such: impl Fn(&Path) -> bool) -> bool {
    let choice = choose(project, caller);
    let catalog = Catalog::load(&[]).expect("the catalog");
    let (name, text) = project.script(None).expect("a script");
    let target = Target::Script { name, text, arguments: &[] };
    let reading = Reading::of(project, &choice, target, caller, catalog.wrappers()).expect("a script");
    reading.are_all_paths(such)
}

/// The plan alone.
pub fn planned(project: &Project, caller: &Caller, wish: &Wish<'_>) -> LaunchSpec {
    launch(project, caller, wish, None).expect("a plan").0
}

/// Runs a step to its end with the caller's environment, changed as the step says.
pub fn run(step: &Step, caller: &Caller) -> Output {
    let mut command = Command::new(&step.program);
    command.args(&step.argv[1..]).current_dir(&step.cwd).env_clear().envs(&caller.variables);
    for name in step.environment.removals() {
        command.env_remove(name);
    }
    command.envs(step.environment.additions()).stdin(Stdio::null());
    command.output().expect("a program that starts")
}

/// A variable that the step sets, as text.
pub fn set<'s>(step: &'s Step, name: &str) -> Option<&'s str> {
    step.environment.get(name).map(|value| value.to_str().expect("text"))
}

/// A package.json with one `dev` script and these dependencies.
pub fn manifest(script: &str, dependencies: &[&str]) -> String {
    let dependencies: serde_json::Map<_, _> =
        dependencies.iter().map(|&name| (name.to_owned(), serde_json::Value::from("*"))).collect();
    serde_json::json!({ "name": "app", "version": "1.2.3", "scripts": { "dev": script }, "dependencies": dependencies })
        .to_string()
}
