//! Filters on the command line: which packages a start runs, and which services other commands mean.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::{Ports, Sandbox, dev_server};

/// A workspace of `@acme/web` → `@acme/ui` → `db`, and `@acme/api` beside them; `config` has no script.
struct Stage {
    sandbox: Sandbox,
    _ports: Ports,
}

impl Stage {
    fn new() -> Self {
        let (mut sandbox, ports) = Sandbox::new().with_ports("default", 8);
        let root =
            json!({ "name": "root", "workspaces": ["apps/*", "packages/*"], "scripts": { "dev": "exit 7" } });
        sandbox.file("package.json", &root.to_string());
        sandbox.env("LC_ALL", "C.UTF-8");
        let mut stage = Self { sandbox, _ports: ports };
        stage.package("apps/web", "@acme/web", &json!({ "@acme/ui": "*" }));
        stage.package("apps/api", "@acme/api", &json!({}));
        stage.package("packages/ui", "@acme/ui", &json!({ "db": "^1.0.0" }));
        stage.package("packages/db", "db", &json!({}));
        stage.sandbox.file("packages/config/package.json", r#"{ "name": "config" }"#);
        stage
    }

    fn package(&mut self, dir: &str, name: &str, dependencies: &Value) {
        let dev = format!("echo 'this is {name}'; exec '{}' --lifetime 200", dev_server().display());
        let manifest = json!({
            "name": name, "version": "1.2.0", "scripts": { "dev": dev }, "dependencies": dependencies,
        });
        self.sandbox.file(format!("{dir}/package.json"), &manifest.to_string());
    }

    /// The names in the JSON of a command that succeeds, sorted.
    fn names(&self, arguments: &[&str]) -> Vec<String> {
        let finished = self.sandbox.run(["--json"].iter().chain(arguments));
        assert!(finished.status.success(), "{arguments:?}: {finished:?}");
        let answers = serde_json::Deserializer::from_str(&finished.stdout).into_iter::<Value>();
        let list = |answer: Value| answer.as_array().cloned().unwrap_or_else(|| vec![answer]);
        let services = answers.flat_map(|answer| {
            let answer = answer.expect("JSON");
            list(answer.get("services").cloned().unwrap_or(answer))
        });
        let name = |one: &Value| {
            one.get("name").or_else(|| one["project"].get("name")).unwrap().as_str().unwrap().to_owned()
        };
        let mut names: Vec<String> = services.map(|one| name(&one)).collect();
        names.sort();
        names
    }

    fn running(&self) -> Vec<String> {
        let rows = serde_json::from_str::<Value>(&self.sandbox.run(["ls", "--json"]).stdout).expect("JSON");
        let running = rows["services"].as_array().unwrap().iter().filter(|one| one["state"] == "running");
        let mut names: Vec<String> = running.map(|one| one["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    }

    fn succeeds(&self, arguments: &[&str]) -> String {
        let finished = self.sandbox.run(arguments);
        assert!(finished.status.success(), "{arguments:?}: {finished:?}");
        finished.stdout
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.sandbox.run(["stop", "--all", "--force"]);
    }
}

#[test]
fn a_start_runs_what_its_filters_select() {
    let stage = Stage::new();
    for (arguments, expected) in [
        (&["-F", "web"][..], &["@acme/web"][..]),
        (&["-F", "@acme/*"], &["@acme/api", "@acme/ui", "@acme/web"]),
        // The root, whose script mostly runs the packages, is not among them.
        (&["-F", "*"], &["@acme/api", "@acme/ui", "@acme/web", "db"]),
        (&["--filter", "./apps/*"], &["@acme/api", "@acme/web"]),
        (&["-F", "web..."], &["@acme/ui", "@acme/web", "db"]),
        (&["-F", "web^..."], &["@acme/ui", "db"]),
        (&["-F", "...db"], &["@acme/ui", "@acme/web", "db"]),
        (&["-F", "!web"], &["@acme/api", "@acme/ui", "db"]),
        (&["-F", "@acme/*", "-F", "!web"], &["@acme/api", "@acme/ui"]),
        (&["-F", "config", "-F", "db"], &["db"]),
        (&["-F", "."], &["root"]),
        // Words are filters, too.
        (&["...db"], &["@acme/ui", "@acme/web", "db"]),
        (&["api", "./packages/*"], &["@acme/api", "@acme/ui", "db"]),
        (&["api", "web...", "!db"], &["@acme/api", "@acme/ui", "@acme/web"]),
        (&["db", "-F", "api"], &["@acme/api", "db"]),
        (&["-F", "db", "--only"], &["db"]),
    ] {
        let arguments: Vec<&str> = ["dev", "--dry-run"].iter().chain(arguments).copied().collect();
        assert_eq!(stage.names(&arguments), expected, "{arguments:?}");
    }
}

#[test]
fn filters_that_select_nothing_fail_with_the_names_and_one_among_others_is_told() {
    let stage = Stage::new();
    let names = "hint: choose one of: root, @acme/api, @acme/web, config, db, @acme/ui";
    for (arguments, message, hint) in [
        (&["-F", "nope"][..], "no package matches `nope`", names),
        (&["nope*", "-F", "./nope/*"], "no package matches `nope*`, `./nope/*`", names),
        (&["-F", "web", "-F", "!web"], "no package matches `web`, `!web`", names),
        (&["-F", "config"], "no `dev`, `develop`, `start:dev`, `start` or `serve`", "add a `dev` script"),
    ] {
        let finished = stage.sandbox.run(["dev", "--dry-run"].iter().chain(arguments));
        assert_eq!(finished.status.code(), Some(5), "{finished:?}");
        assert!(finished.stderr.contains(message) || arguments.contains(&"config"), "{}", finished.stderr);
        assert!(finished.stderr.contains(hint), "{}", finished.stderr);
    }
    let near = names.replace("hint: ", "hint: did you mean `@acme/web`? If not, ");
    for arguments in [&["wbe"][..], &["-F", "wbe"], &["-F", "nope", "-F", "wbe"], &["stop", "wbe"]] {
        let finished = stage.sandbox.run(arguments);
        assert!(finished.status.code() == Some(5) && finished.stderr.contains(&near), "{}", finished.stderr);
    }
    let mut sandbox = Sandbox::new();
    sandbox.file("package.json", r#"{ "name": "root", "workspaces": ["packages/*"] }"#);
    sandbox.file("packages/plain/package.json", r#"{ "scripts": { "dev": "true" } }"#);
    let finished = sandbox.run(["dev", "--dry-run", "-F", "plain"]);
    assert!(
        finished.stderr.contains("or filter by its directory: `./packages/plain`"),
        "{}",
        finished.stderr
    );
    let finished = stage.sandbox.run(["dev", "--dry-run", "-F", "web", "-F", "nope"]);
    assert!(finished.status.success(), "{finished:?}");
    assert!(finished.stderr.contains("nothing matches the filter `nope`"), "{}", finished.stderr);
    let finished = stage.sandbox.run(["dev", "--dry-run", "-F", "..."]);
    assert_eq!(finished.status.code(), Some(2), "{finished:?}");
    assert!(finished.stderr.contains("the filter names nothing: `...`"), "{}", finished.stderr);
}

#[test]
fn the_same_filters_name_running_services() {
    let stage = Stage::new();
    stage.succeeds(&["start", "-F", "*"]);
    assert_eq!(stage.names(&["wait", "...db"]), ["@acme/ui", "@acme/web", "db"]);
    assert_eq!(stage.names(&["restart", "@acme/*", "!web"]), ["@acme/api", "@acme/ui"]);
    let logs = stage.succeeds(&["logs", "web", "d*"]);
    let lines: Vec<&str> = logs.lines().filter(|line| line.contains("this is")).collect();
    assert!(lines.contains(&"web │ this is @acme/web"), "{logs}");
    assert!(lines.contains(&"db  │ this is db"), "{logs}");
    assert!(!logs.contains("@acme/api"), "{logs}");
    // Without words, all that runs here.
    assert!(stage.succeeds(&["logs"]).contains("api │ this is @acme/api"));
    assert_eq!(stage.names(&["stop", "./apps/*"]), ["@acme/api", "@acme/web"]);
    assert_eq!(stage.running(), ["@acme/ui", "db"]);
    let finished = stage.sandbox.run(["stop", "./apps/*"]);
    assert_eq!(finished.status.code(), Some(5), "{finished:?}");
    let finished = stage.sandbox.run(["stop", "nope*"]);
    assert_eq!(finished.status.code(), Some(5), "{finished:?}");
    assert!(finished.stderr.contains("choose one of: root, @acme/api"), "{}", finished.stderr);
    assert_eq!(stage.names(&["stop", "!db"]), ["@acme/ui"]);
    assert_eq!(stage.names(&["stop", "*"]), ["db"]);
    // What has ended keeps its output.
    let logs = stage.succeeds(&["logs", "@acme/*"]);
    assert!(logs.contains("web │ this is @acme/web"), "{logs}");
}

/// A log is followed until all of the services have ended.
#[test]
fn the_logs_of_several_services_are_followed_together() {
    let stage = Stage::new();
    stage.succeeds(&["start", "-F", "./apps/*"]);
    let mut command = stage.sandbox.bowline(["logs", "--follow", "./apps/*"]);
    let mut follower = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    let mut seen = BTreeSet::new();
    while seen.len() < 2 {
        let line = lines.next().expect("more lines").unwrap();
        seen.extend(Some(line).filter(|line| line.contains("│ this is ")));
    }
    let expected = ["api │ this is @acme/api", "web │ this is @acme/web"];
    assert_eq!(seen.iter().collect::<Vec<_>>(), expected);
    stage.succeeds(&["stop", "*"]);
    assert!(lines.all(|line| line.unwrap().contains(" │ ")));
    assert!(follower.wait().unwrap().success());
}

#[test]
fn what_has_changed_since_a_revision_is_asked_of_git() {
    let mut stage = Stage::new();
    let git = |stage: &Stage, arguments: &[&str]| {
        let mut command = stage.sandbox.command("git");
        command.args([
            "-c",
            "user.name=n",
            "-c",
            "user.email=n@example.com",
            "-c",
            "init.defaultBranch=main",
        ]);
        let finished = crate::support::run_to_end(command.args(arguments));
        assert!(finished.status.success(), "{finished:?}");
    };
    git(&stage, &["init", "--quiet"]);
    git(&stage, &["add", "."]);
    git(&stage, &["commit", "--quiet", "-m", "one"]);
    stage.sandbox.file("packages/ui/src/new/index.ts", "1");
    git(&stage, &["add", "."]);
    assert_eq!(stage.names(&["dev", "--dry-run", "-F", "[HEAD]"]), ["@acme/ui"]);
    assert_eq!(stage.names(&["dev", "--dry-run", "-F", "...[HEAD]"]), ["@acme/ui", "@acme/web"]);
    for within in ["{./packages/*}[HEAD]", "{packages}[HEAD]", "{./packages/ui/**}[HEAD]", "ui{./*/*}[HEAD]"]
    {
        assert_eq!(stage.names(&["dev", "--dry-run", "-F", within]), ["@acme/ui"], "{within}");
    }
    for elsewhere in ["{./apps/*}[HEAD]", "{./packages/web}[HEAD]"] {
        let finished = stage.sandbox.run(["dev", "--dry-run", "-F", elsewhere]);
        assert_eq!(finished.status.code(), Some(5), "{elsewhere}: {finished:?}");
    }
    let finished = stage.sandbox.run(["dev", "--dry-run", "-F", "[nope]"]);
    assert_eq!(finished.status.code(), Some(1), "{finished:?}");
    assert!(
        finished.stderr.contains("git cannot tell what has changed since `nope`: bad revision"),
        "{finished:?}"
    );
}

#[test]
fn filters_choose_from_the_services_of_a_directory_without_a_package_json() {
    let (mut sandbox, ports) = Sandbox::new().with_ports("default", 2);
    let command = format!("exec '{}' --lifetime 200 --port $PORT", dev_server().display());
    sandbox.file("Procfile", &format!("web: {command}\nwork: sleep 200\n")).file("sub/x", "");
    let stage = Stage { sandbox, _ports: ports };
    assert_eq!(stage.names(&["dev", "--dry-run", "w*"]), ["web", "work"]);
    assert_eq!(stage.names(&["-C", "sub", "dev", "--dry-run", "-F", "!work"]), ["web"]);
    let finished = stage.sandbox.run(["dev", "--dry-run", "x*"]);
    assert!(finished.stderr.contains("choose one of: web, work\n"), "{}", finished.stderr);
    for arguments in [&["wrok"][..], &["logs", "wrok"]] {
        let finished = stage.sandbox.run(arguments);
        assert!(finished.stderr.contains("did you mean `work`? If not, choose one of: web, work\n"));
    }
    stage.succeeds(&["start"]);
    assert_eq!(stage.names(&["wait", "*"]), ["web", "work"]);
    let logs = stage.succeeds(&["logs", "web", "--tail", "0"]);
    assert_eq!(logs, "");
    assert_eq!(stage.names(&["-C", "sub", "stop", "!web"]), ["work"]);
    assert_eq!(stage.names(&["stop", "*"]), ["web"]);
}
