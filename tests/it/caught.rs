//! Package scripts beneath a root script that runs as it is: started through the real npm, by stand-ins for task
//! runners.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support::{Gate, PATIENCE, Ports, Sandbox, Session, dev_server};

/// A workspace with the packages `web` and `api`, whose root script is run as it is.
struct Stage {
    sandbox: Sandbox,
    ports: Ports,
}

impl Stage {
    fn new(root: &str) -> Self {
        let (mut sandbox, ports) = Sandbox::new().with_ports("default", 6);
        let scripts = json!({ "dev": root });
        let manifest = json!({ "name": "root", "workspaces": ["packages/*"], "scripts": scripts });
        sandbox.file("package.json", &manifest.to_string());
        sandbox.file("bowline.toml", "[workspace]\norchestrator = \"script\"\n");
        let mut stage = Self { sandbox, ports };
        for name in ["web", "api"] {
            let dev = format!("exec '{}' --lifetime 200", dev_server().display());
            stage.package(name, &json!({ "dev": dev, "build": "echo built $npm_lifecycle_event" }));
        }
        stage
    }

    fn package(&mut self, name: &str, scripts: &Value) {
        let manifest = json!({ "name": name, "version": "1.0.0", "scripts": scripts });
        self.sandbox.file(format!("packages/{name}/package.json"), &manifest.to_string());
    }

    /// How many directories of shims there are.
    fn shims(&self) -> usize {
        let entries = fs::read_dir(self.sandbox.state_dir().join("preload")).unwrap();
        entries.filter(|entry| entry.as_ref().unwrap().path().extension() == Some("shims".as_ref())).count()
    }

    fn services(&self) -> Vec<Value> {
        let answer: Value = serde_json::from_str(&self.sandbox.run(["ls", "--json"]).stdout).unwrap();
        answer["services"].as_array().unwrap().clone()
    }
}

/// The port of a service that is told to be ready.
fn ready(session: &mut Session, id: &str) -> u64 {
    let is_it = |event: &Value| event["projectId"].as_str().is_some_and(|project| project.ends_with(id));
    let is_ready = |event: &Value| event["type"] == "port-detected" && is_it(event);
    let seen = session.seen().iter().find(|event| is_ready(event)).cloned();
    let event = seen.unwrap_or_else(|| session.until(id, is_ready));
    event["port"].as_u64().unwrap()
}

#[test]
fn each_package_script_has_a_port_of_its_own_and_ends_with_the_run() {
    for root in [
        // Without npm: the shim in `PATH` runs the script.
        "(cd packages/web && npm run dev) & (cd packages/api && npm run dev) & wait",
        // With npm, which gives it to the shell of scripts.
        "npm run dev -w web & npm --prefix packages/api run dev & wait",
        // As turbo in its strict mode.
        "env -i PATH=\"$PATH\" XDG_CONFIG_HOME=\"$XDG_CONFIG_HOME\" sh -c '(cd packages/web && npm run dev) & npm run dev -w api & wait'",
    ] {
        let stage = Stage::new(root);
        let mut session = stage.sandbox.start(["dev", "--json"]);
        let (web, api) = (ready(&mut session, "packages/web"), ready(&mut session, "packages/api"));
        assert_ne!(web, api, "{root}");
        let range = stage.ports.first()..stage.ports.first() + 6;
        assert!([web, api].iter().all(|port| range.contains(&u16::try_from(*port).unwrap())), "{web} {api}");
        let services = stage.services();
        let root_session =
            services.iter().find(|one| one["name"] == "root").map(|one| one["session"].clone());
        for name in ["web", "api"] {
            let one = services.iter().find(|one| one["name"] == name).unwrap();
            assert_eq!((&one["state"], &one["startedBy"]), (&json!("running"), &json!("caught")), "{root}");
            assert_eq!(Some(&one["partOf"]), root_session.as_ref(), "{root}");
        }
        session.signal(Signal::INT);
        session.wait();
        assert_eq!(stage.services(), Vec::<Value>::new(), "{root}");
        assert_eq!(stage.shims(), 0, "{root}");
    }
}

/// A first line cannot name a path with a space.
#[test]
fn no_shell_is_started_for_a_package_manager_where_the_kernel_can_start_bowline() {
    for place in ["state", "state with spaces"] {
        let stage = Stage::new("head -n 1 \"$(command -v npm)\" && npm run dev -w web");
        let place = stage.sandbox.root().join(place);
        let mut session = stage.sandbox.start(["--state-dir".as_ref(), place.as_os_str(), "dev".as_ref()]);
        ready(&mut session, "packages/web");
        let through_sh = session.printed().lines().any(|line| line == "#!/bin/sh");
        assert_eq!(through_sh, cfg!(not(target_os = "linux")) || place.ends_with("state with spaces"));
        if cfg!(target_os = "linux") {
            let name = |pid| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            let names: Vec<String> = session.processes().into_iter().map(|(pid, _)| name(pid)).collect();
            let count = |name: &str| names.iter().filter(|one| one.trim() == name).count();
            // The supervisor of the run, that of the package, and a guardian for each.
            assert_eq!((count("bowline"), count("bowline-guard")), (2, 2), "{names:?}");
        }
        session.signal(Signal::INT);
        session.wait();
    }
}

#[test]
fn the_shims_of_a_killed_run_are_pruned_and_those_of_a_live_one_stay() {
    let stage = Stage::new("npm run dev -w web & npm run dev -w api & wait");
    let mut session = stage.sandbox.start(["dev", "--json"]);
    ready(&mut session, "packages/web");
    assert!(stage.sandbox.run(["ports", "prune"]).status.success());
    assert_eq!(stage.shims(), 1);
    session.kill(PATIENCE);
    assert_eq!(stage.shims(), 1);
    assert!(stage.sandbox.run(["ports", "prune"]).status.success());
    assert_eq!(stage.shims(), 0);
}

#[test]
fn one_script_is_stopped_and_restarted_alone_and_its_output_is_recorded() {
    let stage = Stage::new("npm run dev -w web & npm run dev -w api & wait");
    let mut session = stage.sandbox.start(["dev", "--json"]);
    let (web, api) = (ready(&mut session, "packages/web"), ready(&mut session, "packages/api"));
    assert!(stage.sandbox.run(["restart", "web"]).status.success());
    assert!(!stage.sandbox.run(["logs", "web"]).stdout.is_empty());
    assert!(stage.sandbox.run(["stop", "web"]).status.success());
    let services = stage.services();
    let port = |name: &str| services.iter().find(|one| one["name"] == name).map(|one| one["port"].clone());
    assert_eq!((port("web"), port("api")), (None, Some(json!(api))), "{web}");
    session.signal(Signal::TERM);
    session.wait();
    assert_eq!(stage.services(), Vec::<Value>::new());
}

#[test]
fn scripts_that_are_no_services_run_as_the_package_manager_runs_them() {
    let stage = Stage::new("npm run build -w web; npm run dev -w api");
    let mut session = stage.sandbox.start(["dev", "--json"]);
    session.output("built build");
    ready(&mut session, "packages/api");
    assert!(stage.services().iter().all(|one| one["name"] != "web"));
    session.signal(Signal::INT);
    session.wait();
}

#[test]
fn two_scripts_of_a_package_beneath_one_that_only_starts_them_are_two_services() {
    let mut stage = Stage::new("npm run dev -w web");
    let server = format!("exec '{}' --lifetime 200", dev_server().display());
    let dev = "npm run dev:one & npm run dev:two & wait";
    stage.package("web", &json!({ "dev": dev, "dev:one": server.clone(), "dev:two": server }));
    let mut session = stage.sandbox.start(["dev", "--json"]);
    let one = ready(&mut session, "packages/web#dev:one");
    let two = ready(&mut session, "packages/web#dev:two");
    assert_ne!(one, two);
    session.signal(Signal::INT);
    session.wait();
}

#[test]
fn what_the_root_runs_itself_takes_no_server_from_a_package() {
    for (root, has_server) in [
        ("true-ish && concurrently \"npm run dev -w web\" \"npm run dev -w api\"", false),
        ("own & npm run dev -w web & npm run dev -w api & wait", true),
    ] {
        let mut stage = Stage::new(root);
        let server = format!("exec '{}' --lifetime 200", dev_server().display());
        stage.sandbox.program("true-ish", "");
        stage.sandbox.program("concurrently", "for one; do sh -c \"$one\" & done; wait");
        stage.sandbox.program("vite", &server);
        stage.sandbox.program("own", &server);
        let pages = Ports::claim(4);
        let range = |key, ports: &Ports| {
            format!("[framework.{key}]\nrange = \"{}-{}\"\n", ports.first(), ports.last())
        };
        let ranges = range("default", &stage.ports) + &range("vite", &pages);
        stage.sandbox.user_file("frameworks.toml", &ranges);
        stage.package("web", &json!({ "dev": "vite" }));
        let mut session = stage.sandbox.start(["dev", "--json"]);
        assert_eq!(ready(&mut session, "packages/web"), u64::from(pages.first()), "{root}");
        ready(&mut session, "packages/api");
        if has_server {
            ready(&mut session, "/app");
        }
        let services = stage.services();
        let of_root = services.iter().find(|one| one["name"] == "root").unwrap();
        assert_eq!(of_root["port"].is_number(), has_server, "{root}: {of_root}");
        assert!(services.iter().any(|one| one["name"] == "web" && one["startedBy"] == "caught"), "{root}");
        session.signal(Signal::INT);
        session.wait();
    }
}

#[test]
fn a_program_of_the_root_in_a_script_that_is_called_a_server_is_caught_unless_it_is_the_roots_only_one() {
    for (dev, is_caught) in [("npm run watch & npm run api & wait", true), ("npm run api", false)] {
        let mut stage = Stage::new(dev);
        let scripts = json!({ "dev": dev, "watch": "tsc -w", "api": "tsx api.ts" });
        let root = json!({ "name": "root", "workspaces": ["packages/*"], "scripts": scripts });
        stage.sandbox.file("package.json", &root.to_string());
        stage.sandbox.file("bowline.toml", "");
        stage.sandbox.program("tsc", "echo 'Found 0 errors. Watching for file changes.'; exec sleep 200");
        stage.sandbox.program("tsx", &format!("exec '{}' --lifetime 200", dev_server().display()));
        let (first, last) = (stage.ports.first(), stage.ports.last());
        let range = format!("[framework.node]\nrange = \"{first}-{last}\"\n");
        stage.sandbox.user_file("frameworks.toml", &range);
        let mut session = stage.sandbox.start(["dev", "--json"]);
        ready(&mut session, if is_caught { "#api" } else { "/app" });
        let services = stage.services();
        let found = services.iter().any(|one| one["name"] == "root#api");
        assert_eq!(found, is_caught, "{services:#?}");
        session.signal(Signal::INT);
        session.wait();
    }
}

/// Under Plug'n'Play, only Yarn can run a script, and it puts its own programs in front of `PATH`.
#[test]
fn scripts_beneath_one_that_only_yarn_can_run_are_caught() {
    let mut stage = Stage::new("sh run.sh");
    let manifest = json!({ "name": "root", "packageManager": "yarn@4.18.1", "workspaces": ["packages/*"],
        "scripts": { "dev": "sh run.sh" } });
    stage.sandbox.file("package.json", &manifest.to_string());
    stage.sandbox.file("yarn.lock", "__metadata:\n").file(".pnp.cjs", "");
    stage.sandbox.file("run.sh", "cd packages/web && yarn run dev\n");
    let yarn = r#"PATH="${0%/*}:$PATH"
    [ "$1" = exec ] && shift && exec sh -c "$*"
    exec sh -c "$(sed -n "s/.*\"$2\":\"\([^\"]*\)\".*/\1/p" package.json)""#;
    stage.sandbox.program("yarn", yarn);
    let mut session = stage.sandbox.start(["dev", "--json"]);
    ready(&mut session, "packages/web");
    let services = stage.services();
    assert!(services.iter().any(|one| one["name"] == "web" && one["startedBy"] == "caught"), "{services:?}");
    session.signal(Signal::INT);
    session.wait();
}

#[test]
fn the_exit_code_of_a_script_is_passed_on() {
    let mut stage =
        Stage::new("npm run -s dev -w web; echo code $?; (cd packages/web && npm run dev); exit 3");
    stage.package("web", &json!({ "dev": "exit 7" }));
    let session = stage.sandbox.start(["dev", "--json"]);
    let mut session = session;
    session.output("code 7");
    let ended = session.wait();
    assert_eq!(ended.status.code(), Some(3), "{ended:?}");
}

#[test]
fn nothing_is_left_of_a_run_that_was_killed() {
    let stage = Stage::new("npm run dev -w web & npm run dev -w api & wait");
    let mut session = stage.sandbox.start(["dev", "--json"]);
    ready(&mut session, "packages/web");
    ready(&mut session, "packages/api");
    session.kill(PATIENCE);
}

/// A package manager puts the new version in its place, or removes it.
#[cfg(target_os = "linux")]
#[test]
fn package_scripts_start_after_bowline_was_replaced_or_removed() {
    for new in [Some("#!/bin/sh\necho another >&2\nexit 99\n"), None] {
        let stage = Stage::new("npm run dev -w web");
        let program = stage.sandbox.root().join("bowline");
        // Another process writes it: a fork of another test could hold a file of this one open, and none executes that.
        let copied =
            std::process::Command::new("cp").arg(env!("CARGO_BIN_EXE_bowline")).arg(&program).status();
        assert!(copied.unwrap().success());
        let mut command = stage.sandbox.command(&program);
        command.args(["--json", "dev"]);
        let mut session = Session::start(command);
        let port = ready(&mut session, "packages/web");
        fs::remove_file(&program).unwrap();
        if let Some(text) = new {
            fs::write(&program, text).unwrap();
        }
        let restarted = stage.sandbox.run(["restart"]);
        assert!(restarted.status.success(), "{restarted:?}");
        let again = session.until("the port of `web`", |event| {
            event["type"] == "port-detected"
                && event["projectId"].as_str().is_some_and(|id| id.ends_with("packages/web"))
        });
        assert_eq!(again["port"], port);
        session.signal(Signal::INT);
        session.wait();
    }
}

/// A workspace whose `api` listens by itself on a port that `web` names, each started when the test wants it.
fn stage_with_usual_port(first: &str, second: &str) -> (Stage, Gate) {
    let mut stage =
        Stage::new(&format!("npm run dev -w {first} & read go < go; npm run dev -w {second} & wait"));
    let server = format!("exec '{}' --lifetime 200", dev_server().display());
    stage.package("api", &json!({ "dev": format!("{server} server.js") }));
    stage.sandbox.file("packages/api/server.js", "http.createServer().listen(45678);\n");
    stage.package("web", &json!({ "dev": format!("UP=http://localhost:45678/up {server} --report") }));
    let gate = Gate::create(&stage.sandbox.project().join("go"));
    (stage, gate)
}

#[test]
fn the_usual_port_of_a_service_that_runs_already_is_replaced() {
    let (stage, gate) = stage_with_usual_port("api", "web");
    let mut session = stage.sandbox.start(["dev", "--json"]);
    let api = ready(&mut session, "packages/api");
    gate.open();
    session.output(&format!("http://localhost:{api}/up"));
    ready(&mut session, "packages/web");
    session.signal(Signal::INT);
    session.wait();
}

#[test]
fn a_script_is_started_again_once_a_service_is_ready_whose_usual_port_it_names() {
    let (stage, gate) = stage_with_usual_port("web", "api");
    let mut session = stage.sandbox.start(["dev", "--json"]);
    session.output("http://localhost:45678/up");
    ready(&mut session, "packages/web");
    gate.open();
    let api = ready(&mut session, "packages/api");
    session.output(&format!("http://localhost:{api}/up"));
    assert!(stage.sandbox.run(["wait", "web"]).status.success());
    session.signal(Signal::INT);
    session.wait();
}

#[test]
fn the_options_of_the_run_hold_for_each_script() {
    let mut stage = Stage::new("echo began; npm run dev -w web & wait");
    let server = format!("exec '{}' --lifetime 200", dev_server().display());
    let dev = format!("[ -e crashed ] || {{ : > crashed; exit 3; }}; {server}");
    stage.package("web", &json!({ "dev": dev }));
    let mut session = stage.sandbox.start(["dev", "--json", "--restart", "on-failure"]);
    ready(&mut session, "packages/web");
    assert_eq!(session.printed().matches("began").count(), 1, "{:#?}", session.seen());
    session.signal(Signal::INT);
    session.wait();
}

#[test]
fn a_run_of_nothing_but_watches_is_ready_with_the_first_of_them() {
    let mut stage = Stage::new("npm run dev -w web & wait");
    stage.sandbox.program("tsc", "echo 'Found 0 errors. Watching for file changes.'; exec sleep 200");
    stage.package("web", &json!({ "dev": "tsc -w" }));
    let started = stage.sandbox.run(["start"]);
    assert!(started.status.success(), "{started:?}");
    let stopped = stage.sandbox.run(["stop", "--all"]);
    assert!(stopped.status.success(), "{stopped:?}");

    let mut command = stage.sandbox.bowline(["dev"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let told = lines.find(|line| line.contains("web is ready"));
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    lines.for_each(drop);
    child.wait().unwrap();
    assert!(told.is_some_and(|line| line.ends_with("web is ready (first build)")));
}

#[test]
fn a_server_that_no_script_has_started_is_told_although_the_run_is_ready() {
    let own = Ports::claim(1);
    let server = format!("exec '{}' --hard-coded {} --lifetime 200", dev_server().display(), own.first());
    let stage = Stage::new(&format!("npm run dev -w web & read go < go; {server}"));
    let gate = Gate::create(&stage.sandbox.project().join("go"));
    let mut session = stage.sandbox.start(["dev", "--json"]);
    ready(&mut session, "packages/web");
    assert!(stage.sandbox.run(["wait", "root"]).status.success());
    gate.open();
    let moved = session.until("told", |event| event["newPort"] == json!(own.first()));
    assert!(moved["message"].as_str().unwrap().contains("it listens on port"), "{moved}");
    session.signal(Signal::INT);
    session.wait();
}

#[test]
fn a_browser_is_opened_for_the_first_script_that_serves() {
    let mut stage = Stage::new("npm run dev -w web & wait");
    stage.sandbox.program("xdg-open", "echo \"$1\" > \"$HOME/opened\"");
    let opened = stage.sandbox.root().join("home/opened");
    let mut session = stage.sandbox.start(["dev", "--json", "--open"]);
    let web = ready(&mut session, "packages/web");
    assert!(stage.sandbox.run(["wait", "root"]).status.success());
    session.signal(Signal::INT);
    session.wait();
    assert_eq!(fs::read_to_string(opened).unwrap(), format!("http://localhost:{web}\n"));
}
