//! Programs that open other ports beside their server's: before it, for sockets, metrics and inspectors, and without
//! a page. Only the server is moved, followed, remembered and called ready.

use crate::support::{Ended, Ports, Sandbox, Session, http, is_free};

/// A project with the ports of its range, and two that it asks for itself.
struct Stage {
    sandbox: Sandbox,
    ports: Ports,
    own: Ports,
}

impl Stage {
    /// `OWN` in the files stands for a port of the server in the source, `OTHER` for one beside it.
    fn new(script: &str, files: &[(&str, &str)]) -> Self {
        let (ports, own) = (Ports::claim(2), Ports::claim(2));
        let mut stage = Self { sandbox: Sandbox::with_script(""), ports, own };
        stage.sandbox = Sandbox::with_script(&stage.text(script));
        stage.write(files);
        let framework = if script.starts_with("python3") { "default" } else { "node" };
        stage.sandbox.range(framework, &stage.ports);
        stage
    }

    fn text(&self, text: &str) -> String {
        let text = text.replace("OWN", &self.own.first().to_string());
        text.replace("OTHER", &self.own.last().to_string()).replace("HELPERS", HELPERS)
    }

    fn write(&mut self, files: &[(&str, &str)]) {
        for (path, program) in files {
            let text = self.text(program);
            self.sandbox.file(path, &text);
        }
    }

    fn port(&self) -> u16 {
        self.ports.first()
    }

    /// Starts it, and expects its server, and nothing else, on its reserved port.
    fn serves(&self) -> Session {
        let mut session = self.sandbox.start(["dev"]);
        assert_eq!(session.ready(), self.port());
        self.has_page();
        session
    }

    fn has_page(&self) {
        let page = http::get(self.port());
        assert_eq!(page.body, format!("port {}", self.port()), "{page:?}");
    }
}

/// How often the program was started.
fn starts(ended: &Ended) -> usize {
    let chunks = ended.of("log-chunk");
    let text: String = chunks.iter().filter_map(|event| event["data"].as_str()).collect();
    text.matches("started").count()
}

/// `serve(port, seconds)` is the server, which is slow to listen; `data(port)` answers without a page.
const HELPERS: &str = "
console.log('started, with options ' + process.env.NODE_OPTIONS);
const http = require('http');
const serve = (port, seconds, failed) => setTimeout(() => {
    const server = http.createServer((_, answer) => {
        answer.writeHead(200, { 'Content-Type': 'text/html' }).end('port ' + server.address().port);
    });
    if (failed) server.on('error', failed);
    server.listen(port, '127.0.0.1', () => console.log('listening on ' + server.address().port));
}, seconds * 1000);
const data = (port) => http.createServer((_, answer) => answer.end('some data')).listen(port, '127.0.0.1');
";

macro_rules! beside {
    ($($name:ident: $script:expr, $before:expr;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn a_server_that_obeys_late_is_waited_for() {
                let program = format!("{HELPERS}\n{}\nserve(process.env.PORT, 3);", $before);
                let ended = Stage::new($script, &[("server.js", &program)]).serves().stop();
                assert_eq!(starts(&ended), 1, "{ended:#?}");
            }

            #[test]
            fn a_slow_server_on_its_own_port_is_moved() {
                let program = format!("{HELPERS}\n{}\nserve(OWN, 2.5);", $before);
                let stage = Stage::new($script, &[("server.js", &program)]);
                for expected in [2, 1] {
                    let session = stage.serves();
                    assert!(!is_free(stage.own.last()), "the other port stays where it is");
                    assert_eq!(starts(&session.stop()), expected);
                }
            }
        }
    )*};
}

beside! {
    raw: "node server.js", "require('net').createServer(() => {}).listen(OTHER, '127.0.0.1');";
    closing: "node server.js", "require('net').createServer((socket) => socket.end()).listen(OTHER, '127.0.0.1');";
    echo: "node server.js", "require('net').createServer((socket) => socket.pipe(socket)).listen(OTHER, '127.0.0.1');";
    // As Vite's HMR socket and the package `ws` answer.
    upgrades: "node server.js", "
        http.createServer((_, answer) => answer.writeHead(426).end('Upgrade Required')).listen(OTHER, '127.0.0.1');
    ";
    // As gRPC speaks.
    http2: "node server.js", "
        const h2 = require('http2').createServer();
        h2.on('stream', (stream) => stream.end());
        h2.listen(OTHER, '127.0.0.1');
    ";
    metrics: "node server.js", "
        http.createServer((_, answer) => answer.end('# HELP up Whether it is up\\n# TYPE up gauge\\nup 1\\n')).listen(OTHER, '127.0.0.1');
    ";
    inspector: "node --inspect=OTHER server.js", "";
    inspector_by_variable: "NODE_OPTIONS=--inspect=OTHER node server.js", "";
    in_a_child: "node server.js", "
        require('child_process').spawn(process.execPath, ['-e', `require('net').createServer().listen(OTHER, '127.0.0.1')`]);
    ";
}

#[test]
fn a_server_whose_sources_read_the_variable_is_waited_for_longer() {
    let stage =
        Stage::new("node server.js", &[("server.js", "HELPERS data(OTHER); serve(process.env.PORT, 8);")]);
    assert_eq!(starts(&stage.serves().stop()), 1);
}

#[test]
fn what_answers_without_a_page_is_unlearned_within_the_start_when_a_page_comes() {
    let stage = Stage::new("node server.js", &[("server.js", "HELPERS data(OTHER); serve(OWN, 8);")]);
    let mut session = stage.sandbox.start(["dev"]);
    session.output("listening on ");
    session.output(&format!("listening on {}\n", stage.port()));
    // Its line and the news that it is ready come in either order.
    while session.seen().iter().filter(|event| event["type"] == "port-detected").count() < 2 {
        session.event("port-detected");
    }
    stage.has_page();
    assert!(!is_free(stage.own.last()));
    session.stop();
    let ended = stage.serves().stop();
    assert_eq!(starts(&ended), 1, "{ended:#?}");
}

/// A project in whose source `OWN` was found out, and that has changed: its first listener is on `OWN` now.
fn changed(files: &[(&str, &str)]) -> Stage {
    let mut stage = Stage::new("node server.js", &[("server.js", "HELPERS serve(OWN, 0);")]);
    stage.serves().stop();
    stage.write(files);
    stage
}

#[test]
fn a_moved_listener_gives_the_port_back_to_the_program_that_asks_for_it() {
    let stage = changed(&[(
        "server.js",
        "
        HELPERS
        const other = data(OWN);
        let count = 0;
        other.on('listening', () => { count += 1; });
        serve(process.env.PORT, 3);
        setTimeout(() => console.log('other on ' + other.address().port + ', told ' + count), 5000);
    ",
    )]);
    let mut session = stage.sandbox.start(["dev"]);
    session.output(&format!("listening on {}\n", stage.port()));
    session.output(&format!("other on {}, told 1\n", stage.own.first()));
    stage.has_page();
    assert_eq!(http::get(stage.own.first()).body, "some data");
    let ended = session.stop();
    assert_eq!(starts(&ended), 1, "{ended:#?}");
    let mut session = stage.sandbox.start(["dev"]);
    session.output(&format!("listening on {}\n", stage.port()));
    let ended = session.stop();
    assert!(
        ended
            .events
            .iter()
            .any(|event| event["data"].as_str().is_some_and(|text| text.contains("undefined")))
    );
}

#[test]
fn a_moved_listener_of_another_process_is_in_the_way_once() {
    for failed in ["process.exit(1)", "process.disconnect()"] {
        let child = format!(
            "HELPERS serve(process.env.PORT, 3, (error) => {{ console.log(error.code + ' ' + error.port); {failed}; }});"
        );
        let parent = "
            HELPERS
            data(OWN);
            require('child_process').fork('./child.js').on('exit', (code) => process.exit(code));
        ";
        let stage = changed(&[("server.js", parent), ("child.js", &child)]);
        let mut session = stage.sandbox.start(["dev"]);
        session.output(&format!("EADDRINUSE {}\n", stage.port()));
        session.event("port-detected");
        stage.has_page();
        session.stop();
        let mut session = stage.serves();
        assert!(!session.printed().contains("EADDRINUSE"));
        session.output("listening");
        session.stop();
    }
}

#[test]
fn two_programs_that_want_the_port_are_told_of() {
    let twin = "HELPERS serve(process.env.PORT, 0, () => { console.log('refused'); process.exit(3); });";
    let said = "two programs of it ask for port";
    // One is refused, and the other goes on.
    let parent = "
        require('child_process').fork('./twin.js');
        require('child_process').fork('./twin.js');
        setTimeout(() => console.log('looked at'), 5000);
    ";
    let twin = twin.replace("() => {", "(error) => { console.log(error.code + ' ' + error.port);");
    let stage = Stage::new("node server.js", &[("server.js", parent), ("twin.js", &twin)]);
    let mut session = stage.serves();
    session.output("looked at");
    let ended = session.stop();
    assert_eq!(ended.stderr.matches(said).count(), 1, "{}", ended.stderr);
    // The first one that ends ends all.
    let parent = "
        const twins = [1, 2].map(() => require('child_process').fork('./twin.js'));
        twins.forEach((twin) => twin.on('exit', (code) => {
            if (code === 3) twins.forEach((twin) => twin.kill('SIGKILL'));
            if (code === 3) setTimeout(() => process.exit(code), 200);
        }));
    ";
    let stage = Stage::new("node server.js", &[("server.js", parent), ("twin.js", &twin)]);
    let ended = stage.sandbox.start(["dev"]).wait();
    assert_eq!(ended.status.code(), Some(3), "{ended:#?}");
    assert!(ended.stderr.contains(&format!("hint: {said}")), "{}", ended.stderr);
}

#[test]
fn a_stranger_that_takes_the_port_meanwhile_is_no_second_program() {
    let mut stage = Stage::new(
        "node server.js",
        &[(
            "server.js",
            "HELPERS
            const wait = () => require('fs').existsSync('go') ? serve(process.env.PORT, 0) : setTimeout(wait, 20);
            console.log('waits');
            wait();",
        )],
    );
    let mut session = stage.sandbox.start(["dev", "--port", &stage.port().to_string()]);
    session.output("waits");
    let stranger = stage.ports.stranger(stage.port());
    stage.write(&[("go", "")]);
    let ended = session.wait();
    assert!(ended.stderr.contains("another process has taken port"), "{ended:#?}");
    assert!(!ended.stderr.contains("two programs"), "{ended:#?}");
    drop(stranger);
}

#[test]
fn what_is_not_its_server_is_named_when_the_time_is_up() {
    let program = "HELPERS require('net').createServer(() => {}).listen(OTHER, '127.0.0.1');";
    let mut stage = Stage::new("node server.js", &[("server.js", program)]);
    stage.sandbox.file("bowline.toml", "[project.app.ready]\ntimeout = \"6s\"\n");
    let ended = stage.sandbox.start(["dev"]).wait();
    assert_eq!(ended.status.code(), Some(4), "{ended:#?}");
    assert!(
        ended.stderr.contains(&format!("it listens on port {} (node", stage.own.last())),
        "{}",
        ended.stderr
    );
}

/// Servers of Python, which no preload can reach: `page(port)` and `data(port)`.
const PYTHON: &str = "
import http.server, os, threading, time
def listen(port, kind):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header('Content-Type', kind)
            self.end_headers()
            self.wfile.write(b'port %d' % port)
        def log_message(self, *_):
            pass
    server = http.server.HTTPServer(('127.0.0.1', port), Handler)
    threading.Thread(target=server.serve_forever).start()
    print('listening on %d' % port, flush=True)
def page(port):
    listen(port, 'text/html')
def data(port):
    listen(port, 'text/plain')
";

#[test]
fn another_runtime_that_obeys_late_is_waited_for() {
    let program = format!("{PYTHON}\ndata(OTHER)\ntime.sleep(8)\npage(int(os.environ['PORT']))\n");
    let ended = Stage::new("python3 server.py", &[("server.py", &program)]).serves().stop();
    assert!(ended.of("port-reallocated").is_empty(), "{ended:#?}");
}

#[test]
fn a_reservation_that_followed_another_runtime_comes_home() {
    // The name of the variable is put together, so that the source does not show that it is read.
    let program = format!("{PYTHON}\npage(OTHER)\ntime.sleep(6)\npage(int(os.environ['PO' + 'RT']))\n");
    let stage = Stage::new("python3 server.py", &[("server.py", &program)]);
    let mut session = stage.sandbox.start(["dev"]);
    let told = session.event("port-reallocated");
    assert_eq!((&told["originalPort"], &told["newPort"]), (&stage.port().into(), &stage.own.last().into()));
    assert_eq!(session.ready(), stage.own.last());
    let told = session.event("port-reallocated");
    assert_eq!((&told["originalPort"], &told["newPort"]), (&stage.own.last().into(), &stage.port().into()));
    assert_eq!(session.ready(), stage.port());
    stage.has_page();
    assert_eq!(stage.sandbox.run(["port"]).stdout.trim(), stage.port().to_string());
    session.stop();
}
