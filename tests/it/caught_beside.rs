//! Two scripts of one package beneath a root script that runs as it is: its server, and a program beside it that the
//! configuration of the server names by a port.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support::{Ports, Sandbox, dev_server, read_until};

const SERVER: &str = "const http = require('http');
setTimeout(() => process.exit(), 200000);
http.createServer((_, answer) => answer.end('api')).listen(process.env.PORT || OWN, '127.0.0.1');";

struct Stage {
    sandbox: Sandbox,
    /// Of vite, of node, and of the program in its file.
    pages: Ports,
    programs: Ports,
    own: Ports,
}

impl Stage {
    fn new() -> Self {
        let (pages, programs, own) = (Ports::claim(2), Ports::claim(2), Ports::claim(1));
        let mut sandbox = Sandbox::new();
        let range = |key: &str, ports: &Ports| {
            format!("[framework.{key}]\nrange = \"{}-{}\"\n", ports.first(), ports.last())
        };
        sandbox.user_file("frameworks.toml", &(range("vite", &pages) + &range("node", &programs)));
        let server = dev_server().display();
        sandbox.program("vite", &format!("exec '{server}' --lifetime 200"));
        let root =
            json!({ "name": "root", "workspaces": ["apps/*"], "scripts": { "dev": "npm run dev -w full" } });
        sandbox.file("package.json", &root.to_string());
        sandbox.file("bowline.toml", "[workspace]\norchestrator = \"script\"\n");
        let scripts = json!({
            "dev": "npm run dev:server & npm run dev:client & wait",
            "dev:client": "vite", "dev:server": "node server.js",
        });
        let package = json!({ "name": "full", "scripts": scripts, "devDependencies": { "vite": "*" } });
        sandbox.file("apps/full/package.json", &package.to_string());
        let port = own.first();
        sandbox.file("apps/full/server.js", &SERVER.replace("OWN", &port.to_string()));
        let proxy =
            format!("export default {{ server: {{ proxy: {{ '/api': 'http://localhost:{port}' }} }} }}");
        sandbox.file("apps/full/vite.config.js", &proxy);
        Self { sandbox, pages, programs, own }
    }
}

#[test]
fn the_program_has_its_frameworks_ports_and_the_one_by_which_the_server_names_it() {
    let stage = Stage::new();
    let mut session = stage.sandbox.start(["dev", "--json"]);
    let mut ready = |id: &str| {
        let is_it = |event: &Value| {
            event["type"] == "port-detected"
                && event["projectId"].as_str().is_some_and(|one| one.ends_with(id))
        };
        let seen = session.seen().iter().find(|event| is_it(event)).cloned();
        seen.unwrap_or_else(|| session.until(id, is_it))
    };
    let (server, program) = (ready("apps/full"), ready("apps/full#dev:server"));
    assert_eq!(server["port"], json!(stage.pages.first()));
    assert_eq!((&program["port"], &program["framework"]), (&json!(stage.own.first()), &json!("node")));
    session.signal(Signal::INT);
    session.wait();
}

#[test]
fn it_is_told_that_the_server_names_a_port_where_the_program_is_not() {
    let stage = Stage::new();
    let _stranger = stage.sandbox.foreign_server(stage.own.first());
    let mut command = stage.sandbox.bowline(["dev"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let (own, other) = (stage.own.first(), stage.programs.first());
    let told = format!(
        "full: `vite.config.js` names port {own} for `full#dev:server`, which is on port {other}: free port {own}\n"
    );
    read_until(&mut stderr, &told);
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    std::io::copy(&mut stderr, &mut std::io::sink()).unwrap();
    child.wait().unwrap();
}

/// A workspace whose root waits for its server before it starts a program: `web` listens on `port` unless it is told
/// another one.
fn waiting_root(port: u16) -> Sandbox {
    let mut sandbox = Sandbox::new();
    let root = json!({ "name": "root", "workspaces": ["apps/*"], "scripts": {
        "dev": "npm run dev -w web & npm run later & wait", "later": format!("wait-on tcp:{port} && npm run dev -w api"),
    } });
    sandbox.file("package.json", &root.to_string());
    for (name, port) in [("web", port), ("api", 0)] {
        let package = json!({ "name": name, "scripts": { "dev": "node server.js" } });
        sandbox.file(format!("apps/{name}/package.json"), &package.to_string());
        sandbox.file(format!("apps/{name}/server.js"), &SERVER.replace("OWN", &port.to_string()));
    }
    let waits = "const port = Number(process.argv[1].replace('tcp:', ''));
setTimeout(() => process.exit(1), 200000);
const look = () => require('net').connect(port, '127.0.0.1')
    .on('connect', () => process.exit()).on('error', () => setTimeout(look, 50));
look();";
    sandbox.file("wait-on.js", waits);
    let waits =
        format!("exec node -e \"$(cat '{}')\" \"$1\"", sandbox.project().join("wait-on.js").display());
    sandbox.program("wait-on", &waits);
    sandbox
}

#[test]
fn a_package_has_the_port_that_the_script_of_the_root_waits_for() {
    let own = Ports::claim(1);
    let (sandbox, _ports) = waiting_root(own.first()).with_ports("node", 4);
    let mut session = sandbox.start(["dev", "--json"]);
    let is_ready = |event: &Value, name: &str| {
        event["type"] == "port-detected" && event["projectId"].as_str().is_some_and(|one| one.ends_with(name))
    };
    let web = session.until("web", |event| is_ready(event, "apps/web"));
    assert_eq!(web["port"], json!(own.first()));
    session.until("api", |event| is_ready(event, "apps/api"));
    session.signal(Signal::INT);
    session.wait();
}
