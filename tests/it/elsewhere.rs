//! Programs that ask for a port of their own: started once more with their listener on the reserved port, or
//! followed.

use crate::support::{Ended, Ports, Sandbox, Session, http, is_free};
use serde_json::{Value, json};

/// A project of programs, the ports of its range, and one that it asks for itself.
struct Stage {
    sandbox: Sandbox,
    ports: Ports,
    own: Ports,
}

impl Stage {
    /// `OWN` in the files stands for the port that the project asks for, `OTHER` for another one.
    fn new(script: &str, files: &[(&str, &str)]) -> Self {
        let (ports, own) = (Ports::claim(2), Ports::claim(2));
        let text = |text: &str| {
            let text = text.replace("OWN", &own.first().to_string());
            text.replace("OTHER", &own.last().to_string())
        };
        let mut sandbox = Sandbox::with_script(&text(script));
        for (path, program) in files {
            sandbox.file(path, &text(program));
        }
        sandbox.range("node", &ports);
        Self { sandbox, ports, own }
    }

    fn port(&self) -> u16 {
        self.ports.first()
    }

    fn own(&self) -> u16 {
        self.own.first()
    }

    /// Starts it, and expects it on its reserved port, where it believes to be itself.
    fn serves(&self) -> Session {
        let mut session = self.sandbox.start(["dev"]);
        assert_eq!(session.ready(), self.port());
        let page = http::get(self.port());
        assert_eq!(page.body, format!("port {}", self.port()), "{page:?}");
        session
    }

    /// Twice: found out the first time, and known the second time.
    fn is_moved(&self) {
        let ended = self.serves().stop();
        assert!(starts(&ended, self.own()) > 0, "it did not ask for a port of its own: {ended:#?}");
        assert!(is_free(self.own()));
        let session = self.serves();
        assert!(is_free(self.own()), "a start that knows better");
        let ended = session.stop();
        assert_eq!(starts(&ended, self.own()), 0, "the second start is right at once: {ended:#?}");
    }

    /// The same while a stranger has the port that it asks for.
    fn is_moved_past_a_stranger(&self) {
        let stranger = self.own.stranger(self.own());
        for _ in 0..2 {
            self.serves().stop();
        }
        assert_eq!(stranger.local_addr().unwrap().port(), self.own());
    }
}

/// How often a program has said that it listens on this port.
fn starts(ended: &Ended, port: u16) -> usize {
    let chunks = ended.of("log-chunk");
    let text: String = chunks.iter().filter_map(|event| event["data"].as_str()).collect();
    text.matches(&format!("listening on {port}\n")).count()
}

/// A server that says where it listens, and answers with it.
const SERVER: &str = "
const server = require('http').createServer((_, answer) => answer.writeHead(200, { 'Content-Type': 'text/html' }).end(`port ${server.address().port}`));
server.listen(OWN, '127.0.0.1', () => console.log('listening on ' + server.address().port));
";

macro_rules! moved {
    ($($name:ident: $script:expr, $files:expr;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn is_moved() {
                Stage::new($script, &$files).is_moved();
            }

            #[test]
            fn is_moved_past_a_stranger() {
                Stage::new($script, &$files).is_moved_past_a_stranger();
            }
        }
    )*};
}

moved! {
    common_js: "node server.js", [("server.js", SERVER)];
    es_module: "node server.mjs", [("server.mjs", "
        import { createServer } from 'node:http';
        const server = createServer((_, answer) => answer.writeHead(200, { 'Content-Type': 'text/html' }).end(`port ${server.address().port}`));
        server.listen({ host: 'localhost', port: 'OWN' });
        server.on('listening', () => console.log('listening on ' + server.address().port));
    ")];
    child: "node parent.js", [
        ("parent.js", "require('child_process').fork('./server.js')"),
        ("server.js", SERVER),
    ];
    worker: "node parent.js", [
        ("parent.js", "new (require('worker_threads').Worker)('./server.js')"),
        ("server.js", SERVER),
    ];
    cluster: "node cluster.js", [
        ("cluster.js", "
            const cluster = require('cluster');
            if (cluster.isWorker) require('./server.js');
            else for (let count = 0; count < 2; count += 1) cluster.fork();
        "),
        ("server.js", SERVER),
    ];
    watched: "node --watch server.js", [("server.js", SERVER)];
    // As most do, it leaves something beside its sources.
    untidy: "node server.js", [("server.js", &format!("require('fs').mkdirSync('.cache', {{ recursive: true }});{SERVER}"))];
    among_others: "node server.js & node other.js & wait", [
        ("server.js", SERVER),
        ("other.js", "require('net').createServer().listen(OTHER)"),
    ];
    with_options: "NODE_OPTIONS='--max-old-space-size=200 --title=own' node server.js", [("server.js", SERVER)];
    in_a_shell: "sh -c 'echo building; exec node server.js'", [("server.js", SERVER)];
    complaining: "node server.js", [("server.js", "
        const server = require('http').createServer((_, answer) => answer.writeHead(200, { 'Content-Type': 'text/html' }).end(`port ${server.address().port}`));
        server.on('error', (error) => { console.error('port OWN is in use'); process.exit(3); });
        server.listen('OWN', '127.0.0.1', 10, () => console.log('listening on ' + server.address().port));
    ")];
    // As Express 5 does: the error goes to the callback, which believes to be told of success.
    mistaken: "node server.js", [("server.js", "
        const server = require('http').createServer((_, answer) => answer.writeHead(200, { 'Content-Type': 'text/html' }).end(`port ${server.address().port}`));
        const done = () => console.log('listening on ' + (server.address() || { port: OWN }).port);
        server.once('error', done);
        server.listen(OWN, '127.0.0.1', done);
    ")];
}

/// Asks itself over TLS, with a shared key in the place of a certificate.
const SECURE: &str = "
const tls = { ciphers: 'PSK', maxVersion: 'TLSv1.2' };
const key = Buffer.alloc(16);
const options = { ...tls, allowHTTP1: true, pskCallback: () => key };
const server = require('MODULE').CREATE(options, (_, answer) => answer.end());
server.listen(OWN, '127.0.0.1', () => {
    const { port } = server.address();
    const pskCallback = () => ({ psk: key, identity: 'test' });
    const wanted = { host: '127.0.0.1', port, ...tls, pskCallback, checkServerIdentity() {} };
    require('https').get(wanted, (answer) => console.log(`status ${answer.statusCode} on ${port}`));
});
";

#[test]
fn secure_servers_are_moved() {
    for (module, create) in [("https", "createServer"), ("http2", "createSecureServer")] {
        let program = SECURE.replace("MODULE", module).replace("CREATE", create);
        let stage = Stage::new("node server.js", &[("server.js", &program)]);
        for _ in 0..2 {
            let mut session = stage.sandbox.start(["dev"]);
            assert_eq!(session.ready(), stage.port(), "{module}");
            session.output(&format!("status 200 on {}", stage.port()));
            assert!(is_free(stage.own()));
            session.stop();
        }
    }
}

#[test]
fn only_the_http_server_is_moved() {
    let program = format!("require('net').createServer().listen(OTHER, '127.0.0.1');\n{SERVER}");
    let stage = Stage::new("node server.js", &[("server.js", &program)]);
    for _ in 0..2 {
        let session = stage.serves();
        assert!(!is_free(stage.own.last()), "the other port stays where it is");
        session.stop();
    }
}

#[test]
fn of_several_http_servers_the_conventional_one_is_moved() {
    let other =
        "require('http').createServer((_, answer) => answer.end('other')).listen(OTHER, '127.0.0.1');";
    let mut stage = Stage::new("node server.js", &[("server.js", &format!("{other}\n{SERVER}"))]);
    let (port, own) = (stage.port(), stage.own());
    let entry =
        format!("[framework.node]\nrange = \"{port}-{}\"\ndefault-port = {own}\n", stage.ports.last());
    stage.sandbox.user_file("frameworks.toml", &entry);
    let session = stage.serves();
    assert_eq!(http::get(stage.own.last()).body, "other");
    session.stop();
}

#[test]
fn a_server_on_any_port_is_moved() {
    let program = SERVER.replace("OWN", "0");
    let stage = Stage::new("node server.js", &[("server.js", &program)]);
    for _ in 0..2 {
        stage.serves().stop();
    }
}

#[test]
fn what_is_remembered_and_wrong_does_no_harm() {
    let mut stage = Stage::new("node server.js", &[("server.js", SERVER)]);
    stage.serves().stop();
    // Now it reads PORT, and opens its old port for something else.
    let program = SERVER.replace("OWN", "process.env.PORT");
    let other = format!("require('net').createServer().listen({}, '127.0.0.1');\n", stage.own());
    stage.sandbox.file("server.js", &format!("{program}\n{other}"));
    let session = stage.serves();
    assert!(!is_free(stage.own()));
    session.stop();
    stage.sandbox.file("server.js", &format!("{other}\n{program}"));
    for _ in 0..2 {
        let mut session = stage.sandbox.start(["dev"]);
        session.output(&format!("listening on {}\n", stage.port()));
        assert_eq!(http::get(stage.port()).body, format!("port {}", stage.port()));
        assert!(!is_free(stage.own()));
        let ended = session.stop();
        assert_eq!(starts(&ended, stage.port()), 1, "{ended:#?}");
    }
}

#[test]
fn a_new_port_in_the_source_is_found_out_again() {
    let mut stage = Stage::new("node server.js", &[("server.js", SERVER)]);
    stage.serves().stop();
    stage.sandbox.file("server.js", &SERVER.replace("OWN", &stage.own.last().to_string()));
    for _ in 0..2 {
        stage.serves().stop();
    }
}

#[test]
fn a_state_directory_with_a_difficult_name_is_no_obstacle() {
    let mut stage = Stage::new("node server.js", &[("server.js", SERVER)]);
    let difficult = stage.sandbox.root().join("a \"state\" \\ directory");
    stage.sandbox.env("BOWLINE_STATE_DIR", difficult).env("NODE_OPTIONS", "--no-warnings");
    stage.is_moved();
}

#[test]
fn a_program_that_obeys_is_started_once_and_without_a_preload() {
    let program = "console.log('options ' + process.env.NODE_OPTIONS);\n".to_owned() + SERVER;
    let program = program.replace("OWN", "process.env.PORT");
    let stage = Stage::new("node server.js", &[("server.js", &program)]);
    let ended = stage.serves().stop();
    assert_eq!(starts(&ended, stage.port()), 1, "{ended:#?}");
    assert!(ended.of("log-chunk").iter().any(|event| event["data"].as_str().unwrap().contains("undefined")));
}

#[test]
fn a_crash_for_another_reason_is_no_reason_to_start_again() {
    let program = "console.log('listening on OWN'); setTimeout(() => process.exit(7), 50)";
    let stage = Stage::new("node server.js", &[("server.js", program)]);
    let stranger = stage.own.stranger(stage.own());
    let ended = stage.sandbox.start(["dev"]).wait();
    assert_eq!((ended.status.code(), starts(&ended, stage.own())), (Some(7), 1), "{ended:#?}");
    drop(stranger);
}

#[test]
fn the_plan_shows_what_is_remembered() {
    let stage = Stage::new("node server.js", &[("server.js", SERVER)]);
    stage.serves().stop();
    let finished = stage.sandbox.run(["dev", "--dry-run", "--json"]);
    let plan: Value = serde_json::from_str(&finished.stdout).unwrap();
    let options = plan["env"]["NODE_OPTIONS"].as_str().unwrap_or_default();
    assert!(options.starts_with("--require=") && options.contains("preload"), "{plan:#}");
    assert_eq!(plan["warnings"], json!([]));
}

/// Python's own server, which no preload can reach.
fn python() -> Stage {
    let mut stage = Stage::new("python3 -m http.server OWN", &[]);
    stage.sandbox.range("default", &stage.ports);
    stage
}

#[test]
fn another_runtime_is_followed() {
    let stage = python();
    for is_known in [false, true] {
        let mut session = stage.sandbox.start(["dev"]);
        if !is_known {
            let told = session.event("port-reallocated");
            assert_eq!(
                (&told["originalPort"], &told["newPort"]),
                (&stage.port().into(), &stage.own().into())
            );
        }
        assert_eq!(session.ready(), stage.own());
        let listed = stage.sandbox.run(["port"]).stdout;
        assert_eq!(listed.trim(), stage.own().to_string(), "the reservation has moved");
        let ended = session.stop();
        assert_eq!(ended.of("port-reallocated").len(), usize::from(!is_known), "{ended:#?}");
        assert!(!ended.stderr.contains("warning"), "{ended:#?}");
        assert!(is_free(stage.own()));
        assert_eq!(
            stage.sandbox.run(["port"]).stdout.trim(),
            stage.own().to_string(),
            "as a start would get"
        );
    }
}

#[test]
fn another_runtime_is_not_followed_against_an_order() {
    let stage = python();
    let ended = stage.sandbox.start(["dev", "--port", &stage.port().to_string()]).wait();
    assert_eq!(ended.status.code(), Some(4), "{ended:#?}");
    assert!(ended.of("port-detected").is_empty() && ended.of("port-reallocated").is_empty());
    let own = format!("port {} (python3", stage.own());
    for text in [own.as_str(), "pid ", &format!("not on port {}", stage.port()), "hint:"] {
        assert!(ended.stderr.contains(text), "{text}: {}", ended.stderr);
    }
    assert!(is_free(stage.own()), "it was ended");
}

#[test]
fn a_stranger_on_another_runtimes_port_is_no_reason_to_start_again() {
    let stage = python();
    let stranger = stage.own.stranger(stage.own());
    let ended = stage.sandbox.start(["dev"]).wait();
    assert_eq!(ended.status.code(), Some(1), "{ended:#?}");
    assert!(ended.of("port-detected").is_empty() && ended.of("port-reallocated").is_empty());
    assert!(stranger.local_addr().is_ok());
}

/// As Browsersync does it: the port that the moved one had asked for is free, and so its next server asks for
/// it too.
#[test]
fn a_second_server_gets_the_port_that_the_first_one_left_free() {
    let stage = Stage::new(
        "node servers.js",
        &[(
            "servers.js",
            "
            const { createServer } = require('http');
            const free = (port) => new Promise((resolve) => {
                const probe = require('net').createServer();
                probe.on('error', () => resolve(free(port + 1)));
                probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(port)));
            });
            const serve = async (answer) => {
                const port = await free(OWN);
                const server = createServer((_, response) => {
                    response.writeHead(200, { 'Content-Type': 'text/html' }).end(answer(server.address().port));
                });
                return new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
            };
            serve((port) => `port ${port}`).then(() => serve(() => 'panel')).then(() => console.log('both serve'));
            ",
        )],
    );
    stage.serves().stop();
    let mut session = stage.serves();
    session.output("both serve");
    assert_eq!(http::get(stage.own()).body, "panel");
    session.stop();
}
