//! Programs that end with their standard input, where nobody has a keyboard for them.

use std::os::unix::fs::symlink;
use std::process::Stdio;

use serde_json::json;

use crate::support::{Ports, Sandbox, Session, http, npm};

const ESBUILD_SERVES: &str = "esbuild app.js --bundle --outdir=public --servedir=public --serve=PORT";
const ESBUILD_WATCHES: &str = "esbuild app.js --bundle --outdir=built --watch";
const TAILWIND_WATCHES: &str = "tailwindcss -i in.css -o built/out.css --watch";

struct Stage {
    sandbox: Sandbox,
    /// The port in the script.
    own: Ports,
    _ports: Ports,
    _installed: npm::Installed,
}

impl Stage {
    /// A project whose dev script is this one, with `PORT` replaced by a free port.
    fn new(script: &str) -> Self {
        let installed = npm::packages("fixtures/real/watchers");
        let own = Ports::claim(1);
        let script = script.replace("PORT", &own.first().to_string());
        let (mut sandbox, ports) = Sandbox::with_script(&script).with_ports("default", 3);
        symlink(installed.dir.join("node_modules"), sandbox.project().join("node_modules")).unwrap();
        write_sources(&mut sandbox, "", "first");
        Self { sandbox, own, _ports: ports, _installed: installed }
    }

    fn serves_what_is_built(&self) {
        let page = http::get_path(self.own.first(), "/app.js");
        assert!(page.body.contains("console.log(\"first\")"), "{page:?}");
    }
}

fn write_sources(sandbox: &mut Sandbox, dir: &str, text: &str) {
    sandbox.file(format!("{dir}app.js"), &format!("console.log('{text}')"));
    sandbox.file(format!("{dir}in.css"), &format!("@import \"tailwindcss\"; .{text} {{ color: red }}"));
    sandbox.file(format!("{dir}public/index.html"), "<h1 class=\"p-4\">A page</h1>");
}

#[test]
fn a_server_of_esbuild_lives_on_in_the_background() {
    for script in
        [ESBUILD_SERVES, "esbuild app.js --bundle --outdir=public --watch --servedir=public --serve=PORT"]
    {
        let stage = Stage::new(script);
        let started = stage.sandbox.run(["start"]);
        assert!(started.status.success(), "{script}: {started:?}");
        stage.serves_what_is_built();
        let stopped = stage.sandbox.run(["stop"]);
        assert!(stopped.status.success(), "{script}: {stopped:?}");
    }
}

#[test]
fn a_server_of_esbuild_lives_on_under_the_runner() {
    let stage = Stage::new(ESBUILD_SERVES);
    let mut command = stage.sandbox.bowline(["runner"]);
    command.stdin(Stdio::piped());
    let mut runner = Session::start(command);
    let script = ESBUILD_SERVES.replace("PORT", &stage.own.first().to_string());
    let payload =
        json!({ "runCommand": format!("npx {script}"), "workingDirectory": stage.sandbox.project() });
    let start = json!({ "id": "1", "type": "start-dev-server", "projectId": "p", "payload": payload });
    runner.write(&format!("{start}\n"));
    assert_eq!(runner.ready(), stage.own.first());
    stage.serves_what_is_built();
    runner.close_input();
    runner.wait();
}

#[test]
fn watchers_beside_others_build_what_changes() {
    let mut stage = Stage::new("true");
    stage.sandbox.file("package.json", r#"{ "name": "root", "workspaces": ["packages/*"] }"#);
    for (name, script) in [("scripts", ESBUILD_WATCHES), ("styles", TAILWIND_WATCHES)] {
        let manifest = json!({ "name": name, "scripts": { "dev": script } });
        stage.sandbox.file(format!("packages/{name}/package.json"), &manifest.to_string());
        write_sources(&mut stage.sandbox, &format!("packages/{name}/"), "first");
    }
    let mut session = stage.sandbox.start(["dev"]);
    session.output("[watch] build finished");
    session.output("Done in");
    for name in ["scripts", "styles"] {
        write_sources(&mut stage.sandbox, &format!("packages/{name}/"), "second");
    }
    while ["[watch] build finished", "Done in"].iter().any(|line| session.printed().matches(line).count() < 2)
    {
        session.event("log-chunk");
    }
    session.stop();
}

#[test]
fn a_program_that_asks_waits_for_an_answer() {
    let (mut sandbox, ports) = Sandbox::with_script("node server.js").with_ports("node", 1);
    sandbox.file(
        "server.js",
        "const asked = require('node:readline').createInterface({ input: process.stdin, output: process.stdout });
         asked.question('Which one? ', () => process.exit(8));
         asked.on('close', () => process.exit(9));
         require('node:http').createServer((_, answer) => answer.end('asked')).listen(process.env.PORT, '127.0.0.1');",
    );
    let started = sandbox.run(["start"]);
    assert!(started.status.success(), "{started:?}");
    assert_eq!(http::get(ports.first()).body, "asked");
    assert!(sandbox.run(["stop"]).status.success());
}
