//! Programs of Bun and Deno that ask for a port of their own, by stand-ins: node under the name of each, which is how
//! they are told apart. And programs that get no port at all.

use std::fs;
use std::path::Path;

use crate::support::{Ended, Ports, Sandbox, Seat, Session, http, is_free};

/// Serves as Bun does, at once or not at all, and loads the file that `BUN_OPTIONS` names.
const BUN: &str = "
const { TCP, constants } = process.binding('tcp_wrap');
globalThis.Bun = { serve({ port, fetch }) {
    const handle = new TCP(constants.SERVER);
    handle.bind('127.0.0.1', port);
    if (handle.listen(9) !== 0) {
        throw Object.assign(new Error(`Failed to start server. Is port ${port} in use?`), { code: 'EADDRINUSE' });
    }
    const server = require('http').createServer((_, answer) => answer.setHeader('content-type', 'text/html').end(fetch(port)));
    server.listen(handle);
    return { port };
} };
const file = /--preload=(\\S+)/.exec(process.env.BUN_OPTIONS);
if (file) {
    delete require.cache[file[1]];
    require(file[1]);
}
console.log('listening on ' + Bun.serve({ port: OWN, fetch: (port) => `port ${port}` }).port);
";

/// Serves as Deno does: the first server of a program is where `DENO_SERVE_ADDRESS` says.
const DENO: &str = "
const address = /^tcp:127\\.0\\.0\\.1:(\\d+)$/.exec(process.env.DENO_SERVE_ADDRESS);
const port = address ? Number(address[1]) : OWN;
const server = require('http').createServer((_, answer) => answer.setHeader('content-type', 'text/html').end(`port ${port}`));
server.on('error', () => {
    console.error('error: Uncaught (in promise) AddrInUse: Address already in use (os error 98)');
    process.exit(1);
});
server.listen(port, '127.0.0.1', () => console.log('listening on ' + port));
";

/// A program that no variable of bowline's reaches.
const ALONE: &str = "env -u NODE_OPTIONS -u BUN_OPTIONS -u DENO_SERVE_ADDRESS";

struct Stage {
    sandbox: Sandbox,
    ports: Ports,
    own: Ports,
}

impl Stage {
    /// A project that this program runs, which asks for a port of its own: `OWN`.
    fn new(runtime: &str, server: &str) -> Self {
        let (ports, own) = (Ports::claim(2), Ports::claim(1));
        let mut sandbox = Sandbox::with_script(&format!("{runtime} server.js"));
        sandbox.file("server.js", &server.replace("OWN", &own.first().to_string()));
        sandbox.range("node", &ports);
        Self { sandbox, ports, own }
    }

    /// The same, where the program is node under another name.
    fn under_another_name(runtime: &str, server: &str) -> Self {
        let stage = Self::new(runtime, server);
        let bin = stage.sandbox.project().join("node_modules/.bin");
        fs::create_dir_all(&bin).unwrap();
        let node = which::which("node").expect("node").canonicalize().unwrap();
        link(&node, &bin.join(runtime));
        stage
    }

    fn serves(&self) -> Session {
        let mut session = self.sandbox.start(["dev"]);
        assert_eq!(session.ready(), self.ports.first());
        assert_eq!(http::get(self.ports.first()).body, format!("port {}", self.ports.first()));
        session
    }

    /// Whether it has tried its own port in vain or not, and is known the next time.
    fn is_moved(&self, has_listened: bool) {
        let own = format!("listening on {}\n", self.own.first());
        assert_eq!(says(&self.serves().stop(), &own), has_listened);
        let ended = self.serves().stop();
        assert!(!says(&ended, &own), "the second start is right at once: {ended:#?}");
        assert!(!ended.stderr.contains("starting it once more"), "{ended:#?}");
    }
}

/// A link, or a copy on another file system.
fn link(from: &Path, to: &Path) {
    fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(drop)).expect("node under another name");
}

/// Whether the program has printed this.
fn says(ended: &Ended, text: &str) -> bool {
    let chunks = ended.of("log-chunk");
    chunks.iter().filter_map(|event| event["data"].as_str()).collect::<String>().contains(text)
}

fn hint(ended: &Ended) -> &str {
    ended.stderr.lines().find(|line| line.starts_with("hint: ")).unwrap_or_else(|| panic!("{ended:#?}"))
}

#[test]
fn bun_and_deno_are_moved() {
    for (runtime, server) in [("bun", BUN), ("deno", DENO)] {
        let stage = Stage::under_another_name(runtime, server);
        stage.is_moved(true);
        assert!(is_free(stage.own.first()));
    }
}

#[test]
fn bun_and_deno_are_moved_past_a_stranger() {
    for (runtime, server) in [("bun", BUN), ("deno", DENO)] {
        let stage = Stage::under_another_name(runtime, server);
        let stranger = stage.own.stranger(stage.own.first());
        stage.is_moved(false);
        drop(stranger);
    }
}

#[test]
fn who_holds_the_port_of_a_program_that_cannot_be_moved_is_told() {
    let server = "require('http').createServer((_, answer) => answer.end('<p>')).listen(OWN, '127.0.0.1')";
    let stage = Stage::new(&format!("{ALONE} node"), server);
    let other = stage.sandbox.sibling("other");
    let mut session = stage.sandbox.start(["dev"]);
    assert_eq!(session.ready(), stage.own.first(), "it is followed");
    let other = other.display().to_string();
    let ended = stage.sandbox.start(["dev", "-C", &other]).wait();
    assert_eq!(ended.status.code(), Some(1), "{ended:#?}");
    let (own, dir) = (stage.own.first(), stage.sandbox.project().display());
    let expected =
        format!("port {own}, which it asks for, is held by `app` in `{dir}`: let the server read `PORT`");
    assert!(hint(&ended).contains(&expected), "{expected}: {ended:#?}");
    session.stop();
}

#[test]
fn who_holds_the_port_is_told_while_a_watcher_waits() {
    let server = "require('http').createServer().listen(OWN, '127.0.0.1')";
    let stage = Stage::new(&format!("{ALONE} node --watch"), server);
    let stranger = stage.own.stranger(stage.own.first());
    let mut seat = Seat::sized(stage.sandbox.bowline(["dev"]), 24, 200);
    seat.terminal.until("starting it once more");
    seat.terminal.until(&format!("port {}, which it asks for, is held by ", stage.own.first()));
    seat.terminal.keys("\x03");
    seat.wait();
    drop(stranger);
}

#[test]
fn a_program_without_a_server_is_told_so_once() {
    let stage = Stage::new("node --watch", "setInterval(() => console.log('worked'), 500)");
    let mut seat = Seat::sized(stage.sandbox.bowline(["dev"]), 24, 200);
    seat.terminal.until(
        "nothing in its sources opens a server. If it is none, `port = false` in bowline.toml says so",
    );
    seat.terminal.until("worked");
    seat.terminal.keys("\x03");
    seat.wait();
}
