//! The scheme of URLs: that of the server, wherever one is shown.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Gate, Ports, Sandbox, Session, dev_server, http};

/// A project of these files, with a key and a certificate.
fn stage(script: &str, files: &[(&str, &str)]) -> (Sandbox, Ports) {
    let mut sandbox = Sandbox::with_script(script);
    for (path, text) in files {
        sandbox.file(path, text);
    }
    let tls = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/tls");
    for name in ["key.pem", "cert.pem"] {
        fs::copy(tls.join(name), sandbox.project().join(name)).unwrap();
    }
    sandbox.with_ports("node", 2)
}

/// A server in a file of its own, of which the script's own file says nothing.
fn hidden(server: &str) -> (Sandbox, Ports) {
    stage("node index.js", &[("index.js", "require('./server.js')"), ("server.js", server)])
}

fn answer(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    let finished = sandbox.run(arguments);
    serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {finished:?}"))
}

/// `OPTIONS` and `MODULE` stand for what differs.
const SECURE: &str = "
const { readFileSync } = require('fs');
const options = { key: readFileSync('key.pem'), cert: readFileSync('cert.pem'), OPTIONS };
const server = require('MODULE').CREATE(options, (_, answer) => answer.end());
server.on('tlsClientError', () => {});
server.listen(process.env.PORT, '127.0.0.1', () => console.log('told ' + process.env.BOWLINE_URL));
";

fn secure(module: &str, options: &str) -> String {
    let create = if module == "http2" { "createSecureServer" } else { "createServer" };
    SECURE.replace("MODULE", module).replace("OPTIONS", options).replace("CREATE", create)
}

#[test]
fn servers_that_speak_tls_are_asked_and_remembered() {
    for (module, options) in [
        ("https", ""),
        ("http2", ""),
        ("http2", "allowHTTP1: true"),
        ("https", "minVersion: 'TLSv1.3'"),
        ("https", "maxVersion: 'TLSv1.2'"),
        ("https", "requestCert: true, rejectUnauthorized: true"),
    ] {
        let (sandbox, ports) = hidden(&secure(module, options));
        let url = format!("https://localhost:{}", ports.first());
        let mut first = sandbox.start(["dev"]);
        // On a busy machine the answer may be late, and is told then.
        first.until(&url, |event| event["type"] == "port-detected" && event["url"] == url);
        assert_eq!(answer(&sandbox, &["status", "--json"])["url"], url, "{module} {options}");
        assert_eq!(answer(&sandbox, &["ls", "--json"])["services"][0]["url"], url);
        assert_eq!(answer(&sandbox, &["port", "--json"])["url"], url);
        assert!(sandbox.run(["wait"]).stdout.contains(&url));
        first.output("told http://");
        assert!(sandbox.run(["stop"]).stdout.contains(&url));
        first.wait();
        assert_eq!(answer(&sandbox, &["port", "--json"])["url"], url, "it does not run");
        let mut second = sandbox.start(["dev"]);
        assert_eq!(second.event("port-detected")["url"], url);
        second.output(&format!("told {url}\n"));
        second.stop();
    }
}

#[test]
fn what_is_remembered_and_no_longer_true_is_forgotten() {
    let (mut sandbox, ports) = hidden(&secure("https", ""));
    let [plain, tls] = ["http", "https"].map(|scheme| format!("{scheme}://localhost:{}", ports.first()));
    let mut session = sandbox.start(["dev"]);
    session.until(&tls, |event| event["url"] == tls);
    session.stop();
    sandbox.file("server.js", &secure("http", ""));
    let mut session = sandbox.start(["dev"]);
    session.until(&plain, |event| event["url"] == plain);
    session.stop();
    assert_eq!(answer(&sandbox, &["port", "--json"])["url"], plain);
}

/// Before it listens, too.
#[test]
fn what_the_files_say_is_right_from_the_first_start() {
    let code = secure("https", "");
    let python = "
import http.server, os, ssl
server = http.server.HTTPServer(('127.0.0.1', int(os.environ['PORT'])), http.server.SimpleHTTPRequestHandler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain('cert.pem', 'key.pem')
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
";
    let server = "require('./server.js')";
    for (script, files, variables) in [
        ("node server.js", vec![("server.js", &*code)], vec![]),
        ("node server.mjs --https", vec![("server.mjs", &*code)], vec![]),
        ("HTTPS=true node index.js", vec![("index.js", server), ("server.js", &*code)], vec![]),
        ("node index.js", vec![("index.js", server), ("server.js", &*code)], vec![("HTTPS", "true")]),
        (
            "node index.js",
            vec![("index.js", server), ("server.js", &*code), (".env", "HTTPS=true\n")],
            vec![],
        ),
        ("python3 server.py", vec![("server.py", python)], vec![]),
    ] {
        let (mut sandbox, ports) = stage(script, &files);
        if script.contains(".mjs") {
            let start =
                "import { createRequire } from 'module'; const require = createRequire(import.meta.url);";
            sandbox.file("server.mjs", &format!("{start}{code}"));
        }
        for (name, value) in &variables {
            sandbox.env(name, value);
        }
        let range = format!("{}-{}", ports.first(), ports.last());
        let ranges = ["node", "default"].map(|key| format!("[framework.{key}]\nrange = \"{range}\"\n"));
        sandbox.user_file("frameworks.toml", &ranges.concat());
        let url = format!("https://localhost:{}", ports.first());
        let plan = answer(&sandbox, &["dev", "--dry-run", "--json"]);
        assert_eq!(plan["env"]["BOWLINE_URL"], url, "{script}: {plan:#}");
        let mut session = sandbox.start(["dev"]);
        assert_eq!(session.event("port-detected")["url"], url, "{script}");
        session.stop();
    }
}

#[test]
fn signs_that_are_wrong_are_corrected() {
    let text = "// https.createServer\nconst https = process.env.PLAIN ? 'http' : 'https'; // createServer";
    let server = secure("http", "");
    let (sandbox, ports) = stage("node server.js --https", &[("server.js", &format!("{text}\n{server}"))]);
    let url = format!("http://localhost:{}", ports.first());
    for _ in 0..2 {
        let mut session = sandbox.start(["dev"]);
        session.until(&url, |event| event["url"] == url);
        session.stop();
        assert_eq!(answer(&sandbox, &["port", "--json"])["url"], url);
    }
}

/// As a program of one's own would print it.
#[test]
fn a_program_may_print_anything() {
    let program = secure("https", "")
        .replace("'told ' + process.env.BOWLINE_URL", "`http://localhost:${process.env.PORT}`");
    let (sandbox, ports) = hidden(&program);
    let url = format!("https://localhost:{}", ports.first());
    let mut session = sandbox.start(["dev"]);
    session.until(&url, |event| event["url"] == url);
    session.stop();
}

#[test]
fn plain_servers_are_left_in_peace() {
    let logging = "
const server = require('http').createServer((_, answer) => answer.end('page'));
for (const name of ['connection', 'clientError']) server.on(name, () => console.log('noticed ' + name));
server.listen(process.env.PORT, '127.0.0.1', () => console.log('listening'));
";
    let quiet = logging.replace("'connection', 'clientError'", "");
    let frightened = "
const server = require('net').createServer((socket) => { socket.write('hello\\n'); setTimeout(() => socket.end('bye'), 100); });
server.listen(process.env.PORT, '127.0.0.1', () => console.log('listening'));
";
    let echo = frightened.replace(
        "socket.write('hello\\n'); setTimeout(() => socket.end('bye'), 100);",
        "socket.pipe(socket);",
    );
    let start = "require('./server.js')";
    for (script, files, printed) in [
        ("node server.js", vec![("server.js", logging)], "listening\n"),
        ("node index.js", vec![("index.js", start), ("server.js", &*quiet)], "listening\n"),
        ("node index.js", vec![("index.js", start), ("server.js", frightened)], "listening\n"),
        ("node index.js", vec![("index.js", start), ("server.js", &*echo)], "listening\n"),
        ("python3 -u -m http.server $PORT --bind 127.0.0.1", vec![], "Serving HTTP on"),
    ] {
        let (mut sandbox, ports) = stage(script, &files);
        let range = format!("{}-{}", ports.first(), ports.last());
        let ranges = ["node", "default"].map(|key| format!("[framework.{key}]\nrange = \"{range}\"\n"));
        sandbox.user_file("frameworks.toml", &ranges.concat());
        let mut session = sandbox.start(["dev"]);
        let url = format!("http://localhost:{}", ports.first());
        assert_eq!(session.event("port-detected")["url"], url, "{script}");
        session.output(printed);
        let ended = session.stop();
        let chunks = ended.of("log-chunk");
        let text: String = chunks.iter().filter_map(|event| event["data"].as_str()).collect();
        assert!(text.starts_with(printed) && text.lines().count() == 1, "{script}: {text}");
        assert_eq!(ended.of("port-detected").len(), 1, "{script}");
    }
}

#[test]
fn a_server_that_is_started_again_with_another_scheme_is_shown_with_it() {
    let program = "
const { readFileSync } = require('fs');
const options = { key: readFileSync('key.pem'), cert: readFileSync('cert.pem') };
const answer = (_, response) => { response.end('changing'); server.close(() => listen('https')); server.closeAllConnections(); };
let server;
const listen = (module) => {
    server = require(module).createServer(options, answer);
    server.listen(process.env.PORT, '127.0.0.1', () => console.log('started'));
};
listen('http');
";
    let (sandbox, ports) = stage("node index.js", &[("index.js", program)]);
    let [plain, tls] = ["http", "https"].map(|scheme| format!("{scheme}://localhost:{}", ports.first()));
    let mut session = sandbox.start(["dev"]);
    session.until(&plain, |event| event["url"] == plain);
    assert!(http::get(ports.first()).body.contains("changing"));
    session.until(&tls, |event| event["type"] == "port-detected" && event["url"] == tls);
    assert_eq!(answer(&sandbox, &["status", "--json"])["url"], tls);
    session.stop();
}

/// A package that says with what address it was started, and then serves.
fn teller() -> String {
    format!("echo told $API; exec '{}' --lifetime 200", dev_server().display())
}

#[test]
fn who_was_told_another_scheme_is_started_again_and_told_why() {
    let (mut sandbox, _) = hidden("require('http').createServer().listen(process.env.PORT)");
    sandbox.file("package.json", r#"{ "name": "root", "workspaces": ["web", "beside"] }"#);
    for name in ["web", "beside"] {
        let manifest = json!({ "name": name, "scripts": { "dev": teller() } });
        sandbox.file(format!("{name}/package.json"), &manifest.to_string());
    }
    let config = "[project.api]\ncommand = \"node index.js\"\nport = true\nframework = \"default\"\n\
                  [project.web]\nneeds = [\"api\"]\nenv = { API = \"{{api.url}}\" }\n\
                  [project.beside]\nneeds = [\"api\"]\nenv = { API = \"{{api.port}}\" }\n";
    sandbox.file("bowline.toml", config);
    let (mut sandbox, _ports) = sandbox.with_ports("default", 3);
    let ready = |session: &mut Session, count: usize| {
        while session.seen().iter().filter(|event| event["type"] == "port-detected").count() < count {
            session.event("port-detected");
        }
    };
    let mut session = sandbox.start(["dev"]);
    let port = session.ready();
    session.output(&format!("told http://localhost:{port}\n"));
    ready(&mut session, 3);
    sandbox.file("server.js", &secure("https", ""));
    let restarted = sandbox.run(["restart", "api"]);
    assert!(restarted.status.success(), "{restarted:?}");
    session.output(&format!("told https://localhost:{port}\n"));
    ready(&mut session, 5);
    let printed = session.printed();
    assert_eq!(printed.matches(&format!("told {port}\n")).count(), 1, "the port is the same");
    session.stop();
}

#[test]
fn a_server_that_is_too_busy_to_answer_is_shown_again() {
    let busy = "() => { console.log('busy'); readFileSync('go'); }";
    let program = secure("https", "").replace("() => console.log('told ' + process.env.BOWLINE_URL)", busy);
    let (sandbox, ports) = hidden(&program);
    let gate = Gate::create(&sandbox.project().join("go"));
    let mut session = sandbox.start(["dev"]);
    let tls = format!("https://localhost:{}", ports.first());
    assert_eq!(session.event("port-detected")["url"], tls.replace("https", "http"));
    gate.open();
    assert_eq!(session.event("port-detected")["url"], tls);
    session.stop();
}

#[test]
fn people_and_browsers_are_given_the_scheme() {
    let (mut sandbox, ports) = stage("node server.js", &[("server.js", &secure("https", ""))]);
    let url = format!("https://localhost:{}", ports.first());
    let Gate(opened) = Gate::create(&sandbox.root().join("opened"));
    sandbox.program("xdg-open", &format!("echo \"$1\" > '{}'", opened.display()));
    let mut session = sandbox.start(["dev", "--open"]);
    session.ready();
    assert_eq!(fs::read_to_string(&opened).unwrap().trim(), url);
    assert!(sandbox.run(["open"]).stdout.contains(&url));
    assert_eq!(fs::read_to_string(&opened).unwrap().trim(), url);
    // A start of what runs already.
    assert!(sandbox.run(["start"]).stderr.contains(&url));
    session.stop();
    let finished = sandbox.run(["start"]);
    assert!(finished.stderr.contains(&format!("app is ready   {url}")), "{finished:?}");
    assert!(sandbox.run(["stop"]).stdout.contains(&url));
}

#[test]
fn a_bowline_in_the_script_leaves_the_scheme() {
    let bowline = env!("CARGO_BIN_EXE_bowline");
    let script = format!("'{bowline}' exec -- node server.js");
    let (sandbox, ports) = stage(&script, &[("server.js", &secure("https", ""))]);
    let url = format!("https://localhost:{}", ports.first());
    let mut session = sandbox.start(["dev"]);
    session.until(&url, |event| event["url"] == url);
    session.output(&format!("told {url}\n"));
    session.stop();
}
