//! What the services of a workspace are told of each other, in one run and in several.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Gate, Ports, Sandbox, Session, dev_server, http};

/// A workspace of `api`, which listens on a port of its own or obeys, and `web`, which prints what it was told of it.
struct Stage {
    sandbox: Sandbox,
    ports: Ports,
    own: Ports,
}

impl Stage {
    fn new(hard_coded: bool) -> Self {
        let (mut sandbox, ports) = Sandbox::new().with_ports("default", 6);
        let own = Ports::claim(2);
        sandbox.file("package.json", &json!({ "name": "root", "workspaces": ["packages/*"] }).to_string());
        let mut stage = Self { sandbox, ports, own };
        let argument = if hard_coded { format!("--hard-coded {}", stage.own.first()) } else { String::new() };
        stage.package("api", "", &argument);
        stage.package("web", "echo \"web knows $BOWLINE_API_PORT at $BOWLINE_API_URL.\";", "");
        stage
    }

    fn package(&mut self, name: &str, before: &str, arguments: &str) {
        let dev = format!("{before} exec '{}' --lifetime 200 {arguments}", dev_server().display());
        let manifest = json!({ "name": name, "scripts": { "dev": dev } });
        self.sandbox.file(format!("packages/{name}/package.json"), &manifest.to_string());
    }

    /// Runs a command that answers, in the background, and returns what it told people.
    fn run(&self, arguments: &[&str]) -> String {
        let finished = self.sandbox.run(arguments);
        assert!(finished.status.success(), "{arguments:?}: {finished:?}");
        finished.stderr
    }

    /// Waits until `web` has said for the last time what it knows, once it was started `times` in all.
    fn told(&self, times: usize) -> String {
        let output = self.sandbox.run(["logs", "web"]).stdout;
        let lines: Vec<&str> = output.lines().filter(|line| line.starts_with("web knows")).collect();
        assert_eq!(lines.len(), times, "{output}");
        lines[times - 1].to_owned()
    }

    fn dry(&self, name: &str) -> String {
        self.sandbox.run(["dev", name, "--dry-run"]).stdout
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.sandbox.run(["stop", "--all", "--force"]);
    }
}

fn knows(port: u16) -> String {
    format!("web knows {port} at http://localhost:{port}.")
}

fn is_of(event: &Value, name: &str) -> bool {
    event["projectId"].as_str().is_some_and(|id| id.ends_with(name))
}

/// The port of a service, once it is ready.
fn ready(session: &mut Session, name: &str) -> u16 {
    let event = session.until(name, |event| event["type"] == "port-detected" && is_of(event, name));
    event["port"].as_u64().and_then(|port| u16::try_from(port).ok()).unwrap()
}

#[test]
fn more_services_than_their_range_has_ports_are_told_so() {
    let (mut sandbox, ports) = Sandbox::new().with_ports("node", 2);
    sandbox.file("package.json", r#"{ "name": "root", "workspaces": ["apps/*"] }"#);
    for name in ["a", "b", "c"] {
        let manifest = json!({ "name": name, "scripts": { "dev": "node x.js" } });
        sandbox.file(format!("apps/{name}/package.json"), &manifest.to_string());
    }
    for arguments in [&["dev"][..], &["dev", "--dry-run"]] {
        let finished = sandbox.run(arguments);
        assert_eq!(finished.status.code(), Some(3), "{finished:?}");
        let hint = format!(
            "hint: there are 2 ports for 3 services: name those to start, or write \
             `range = \"{}-{}\"` under `[framework.node]` in bowline.toml",
            ports.first(),
            ports.first() + 6
        );
        assert!(finished.stderr.contains(&hint), "{finished:?}");
    }
}

#[test]
fn a_followed_port_is_known_at_the_next_start_from_the_beginning() {
    let stage = Stage::new(true);
    let (reserved, own) = (stage.ports.first(), stage.own.first());
    let told = stage.run(&["start"]);
    for part in [
        format!("not on its reserved port {reserved}; port {own} is reserved for it instead"),
        format!("`web` was told http://localhost:{reserved} for `api`, which is on port {own} now"),
        format!("set `[project.api] port = {own}` in bowline.toml, or run `bowline restart web`"),
    ] {
        assert!(told.contains(&part), "{part}: {told}");
    }
    assert_eq!(told.matches("was told").count(), 1, "{told}");
    assert_eq!(stage.told(1), knows(reserved));
    stage.run(&["restart", "web"]);
    assert_eq!(stage.told(2), knows(own));
    stage.run(&["stop"]);
    let plan = stage.sandbox.run(["dev", "--dry-run"]).stdout;
    assert!(plan.contains(&format!("BOWLINE_API_URL=http://localhost:{own}")), "{plan}");
    let told = stage.run(&["start"]);
    assert!(!told.contains("reserved port") && !told.contains("was told"), "{told}");
    assert_eq!(stage.told(3), knows(own));
    assert_eq!(http::get(own).status, 200);
    stage.run(&["stop"]);
    // In the foreground as well, with one short note.
    let mut session = stage.sandbox.start(["dev"]);
    assert_eq!(ready(&mut session, "api"), own);
    session.output(&knows(own));
    let ended = session.stop();
    assert!(ended.of("port-reallocated").is_empty(), "{ended:#?}");
}

#[test]
fn a_program_that_obeys_by_now_listens_on_the_port_that_it_had() {
    let mut stage = Stage::new(true);
    let server = dev_server().display();
    let own = stage.own.first();
    let run = |stage: &mut Stage, arguments: &str| {
        stage.sandbox.program("serve", &format!("exec '{server}' --lifetime 200 {arguments}"));
        let manifest = json!({ "name": "api", "scripts": { "dev": "serve" } });
        stage.sandbox.file("packages/api/package.json", &manifest.to_string());
        let mut session = stage.sandbox.start(["dev", "api"]);
        let port = session.ready();
        (port, session.stop().of("port-reallocated").len())
    };
    assert_eq!(run(&mut stage, &format!("--hard-coded {own}")), (own, 1));
    assert_eq!(run(&mut stage, ""), (own, 0));
    // What listens elsewhere by now is followed anew.
    let other = stage.own.last();
    assert_eq!(run(&mut stage, &format!("--hard-coded {other}")), (other, 1));
    assert_eq!(run(&mut stage, &format!("--hard-coded {other}")), (other, 0));
    // Another script is another program.
    stage.package("api", "", "");
    let mut session = stage.sandbox.start(["dev", "api"]);
    assert_eq!(session.ready(), stage.ports.first());
    session.stop();
}

#[test]
fn an_order_and_a_wish_come_before_a_followed_port() {
    let mut stage = Stage::new(true);
    let own = stage.own.first();
    stage.run(&["start", "api"]);
    stage.run(&["stop", "api"]);
    let other = stage.ports.last();
    let plan = |stage: &Stage, port: u16| {
        let plan = stage.dry("api");
        assert!(plan.contains(&format!("  port       {port}\n")), "{port}: {plan}");
    };
    plan(&stage, own);
    stage.sandbox.file("bowline.toml", &format!("[project.api]\nport = {other}\n"));
    plan(&stage, other);
    stage.sandbox.file("bowline.toml", "");
    stage.sandbox.env("PORT", other.to_string());
    plan(&stage, other);
}

#[test]
fn who_holds_a_followed_port_is_named() {
    let stage = Stage::new(true);
    let (reserved, own) = (stage.ports.first(), stage.own.first());
    stage.run(&["start", "api"]);
    stage.run(&["stop", "api"]);
    let stranger = stage.sandbox.foreign_server(own);
    let failed = stage.sandbox.run(["start", "api"]);
    let pid = stranger.id();
    let said = format!(
        "it listened on port {own} by itself before, but port {own} is in use by dev-server (pid {pid}); \
         using port {reserved} instead"
    );
    assert!(failed.stderr.contains(&said), "{failed:?}");
    stranger.stop();
    stage.run(&["start", "api"]);
    assert_eq!(http::get(own).status, 200);
}

#[test]
fn a_service_of_another_command_is_a_sibling_while_it_runs() {
    for hard_coded in [false, true] {
        let stage = Stage::new(hard_coded);
        let api = if hard_coded { stage.own.first() } else { stage.ports.first() };
        stage.run(&["start", "api"]);
        stage.run(&["start", "web"]);
        assert_eq!(stage.told(1), knows(api));
        assert!(stage.dry("web").contains(&format!("BOWLINE_API_PORT={api}\n")));
        // Also from the root, where what runs is left alone.
        stage.run(&["stop", "web"]);
        stage.run(&["start"]);
        assert_eq!(stage.told(2), knows(api));
        // In the foreground too.
        stage.run(&["stop", "web"]);
        let mut session = stage.sandbox.start(["dev", "web"]);
        session.output(&knows(api));
        ready(&mut session, "web");
        session.stop();
        // What was stopped is no sibling.
        stage.run(&["stop", "api"]);
        assert!(!stage.dry("web").contains("env        BOWLINE_API"));
        stage.run(&["start", "web"]);
        assert_eq!(stage.told(4), "web knows  at .");
        // It was told nothing, so there is nothing to say.
        let told = stage.run(&["start", "api"]);
        assert!(!told.contains("was told"), "{told}");
        stage.run(&["restart", "web"]);
        assert_eq!(stage.told(5), knows(api), "a restart looks again");
    }
}

#[test]
fn a_service_that_comes_back_on_another_port_warns_of_those_that_were_told_the_old_one() {
    let stage = Stage::new(false);
    stage.run(&["start", "api"]);
    stage.run(&["start", "web"]);
    let first = stage.ports.first();
    assert_eq!(stage.told(1), knows(first));
    stage.run(&["stop", "api"]);
    assert!(!stage.run(&["start", "api"]).contains("was told"), "the same port");
    stage.run(&["stop", "api"]);
    let other = stage.ports.last();
    let told = stage.run(&["start", "api", "--port", &other.to_string()]);
    let said = format!(
        "`web` was told http://localhost:{first} for `api`, which is on port {other} now: run `bowline restart web`"
    );
    assert!(told.contains(&said), "{told}");
    stage.run(&["restart", "web"]);
    assert_eq!(stage.told(2), knows(other));
    stage.run(&["stop", "api"]);
    let told = stage.run(&["start", "api", "--port", &other.to_string()]);
    assert!(!told.contains("was told"), "{told}");
}

#[test]
fn one_that_was_stopped_in_the_same_run_is_no_sibling() {
    let stage = Stage::new(false);
    stage.run(&["start"]);
    assert_eq!(stage.told(1), knows(stage.ports.first()));
    stage.run(&["stop", "api"]);
    stage.run(&["restart", "web"]);
    assert_eq!(stage.told(2), "web knows  at .");
}

#[test]
fn only_the_same_workspace_and_one_of_a_name_count() {
    let mut stage = Stage::new(false);
    // A worktree, a package outside of the workspace, and a second run of one package under another id.
    let copy = stage.sandbox.sibling("copy");
    stage.package("../elsewhere", "", "");
    stage
        .sandbox
        .file("elsewhere/package.json", &json!({ "name": "api", "scripts": { "dev": "exit" } }).to_string());
    let other = stage.sandbox.run(["-C", copy.to_str().unwrap(), "start", "api"]);
    assert!(other.status.success(), "{other:?}");
    assert!(!stage.dry("web").contains("env        BOWLINE_API"), "another workspace");
    stage.run(&["start", "web", "--project-id", "second"]);
    assert_eq!(stage.told_of_second(), "web knows  at .");
    assert!(!stage.dry("web").contains("env        BOWLINE_WEB"), "itself under another id");
    let third = stage.sandbox.run(["start", "api", "--project-id", "third"]);
    assert!(third.status.success(), "{third:?}");
    let port = |id: &str| stage.sandbox.run(["port", id]).stdout.trim().to_owned();
    assert!(stage.dry("web").contains(&format!("BOWLINE_API_PORT={}\n", port("third"))));
    let usual = stage.sandbox.run(["start", "api"]);
    assert!(usual.status.success(), "{usual:?}");
    let services: Value = serde_json::from_str(&stage.sandbox.run(["ls", "--json"]).stdout).unwrap();
    let usual = services["services"].as_array().unwrap().iter().find(|one| {
        let id = one["projectId"].as_str().unwrap();
        id.ends_with("app/packages/api")
    });
    let usual = usual.unwrap()["port"].as_u64().unwrap();
    let plan = stage.dry("web");
    assert!(
        plan.contains(&format!("BOWLINE_API_PORT={usual}\n")),
        "the one with the usual id: {services} {plan}"
    );
}

impl Stage {
    /// What `web` said that runs as `second`.
    fn told_of_second(&self) -> String {
        let output = self.sandbox.run(["logs", "second"]).stdout;
        output.lines().find(|line| line.starts_with("web knows")).unwrap().to_owned()
    }
}

#[test]
fn a_lost_race_is_told_to_those_who_were_told_the_port() {
    let mut stage = Stage::new(false);
    let first = stage.ports.first();
    // A stranger takes the port while `api` is about to listen, the first time.
    let gate = Gate::create(&stage.sandbox.root().join("go"));
    let wait = format!("[ -e began ] || {{ : > began; read go < '{}'; }};", gate.0.display());
    stage.package("api", &wait, "--taken fail");
    let mut session = stage.sandbox.start(["dev"]);
    session.output(&knows(first));
    ready(&mut session, "web");
    let stranger = stage.ports.stranger(first);
    gate.open();
    let told = session.until("another port", |event| event["type"] == "port-reallocated");
    let message = told["message"].as_str().unwrap();
    let said = format!("`web` was told http://localhost:{first} for `api`, which is on port ");
    assert!(message.contains(&said) && message.ends_with("run `bowline restart web`"), "{message}");
    assert!(!message.contains("bowline.toml"), "{message}");
    ready(&mut session, "api");
    session.signal(Signal::TERM);
    session.wait();
    drop(stranger);
}
