//! A bowline that joins a running server and listens on the port that its caller expects.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::thread;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{PATIENCE, Ports, Sandbox, Session, dev_server, http, is_free, read_until, run_to_end};

pub const LOCAL: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// A server that does what the first bytes of a connection ask for.
const SERVER: &str = r"
const net = require('net');
const head = (code, more) => `HTTP/1.1 ${code}\r\n${more}\r\n`;
const page = text => head('200 OK', `Content-Length: ${text.length}\r\nConnection: close\r\n`) + text;
net.createServer({ allowHalfOpen: true }, socket => {
  socket.on('error', () => {});
  socket.once('data', first => {
    const path = first.toString('latin1').split(' ')[1];
    let count = 0;
    if (path === '/socket') {
      socket.write(head('101 Switching Protocols', 'Upgrade: websocket\r\nConnection: Upgrade\r\n'));
      socket.on('data', bytes => socket.write(bytes)).on('end', () => socket.end());
    } else if (path === '/events') {
      socket.write(head('200 OK', 'Content-Type: text/event-stream\r\n') + 'data: first\n\n');
      socket.on('data', () => socket.write('data: next\n\n')).on('end', () => socket.end());
    } else if (path === '/count') {
      count = first.length;
      socket.on('data', bytes => count += bytes.length).on('end', () => socket.end(`got ${count}`));
    } else if (path === '/bye') {
      socket.end('bye');
      socket.on('data', bytes => count += bytes.length).on('end', () => console.log(`after bye ${count}`));
    } else if (path === '/big') {
      const block = Buffer.alloc(1 << 20, 'x');
      const write = () => {
        while (count < 100) { count++; if (!socket.write(block)) return socket.once('drain', write); }
        socket.end();
      };
      write();
      socket.resume();
    } else {
      socket.end(page(`port ${socket.localPort}`));
    }
  });
}).listen(process.env.PORT, () => console.log('up'));
";

/// A project with that server, and ports that editors could ask for.
pub struct Stage {
    pub sandbox: Sandbox,
    ports: Ports,
    pub wishes: Ports,
}

impl Stage {
    pub fn new() -> Self {
        let (mut sandbox, ports) = Sandbox::with_script("node server.js").with_ports("node", 2);
        sandbox.file("server.js", SERVER);
        Self { sandbox, ports, wishes: Ports::claim(20) }
    }

    /// A joiner with this `PORT`, which it forwards once this returns.
    pub fn join(&self, wish: u16) -> Session {
        let mut command = self.sandbox.bowline(["--json", "dev"]);
        command.env("PORT", wish.to_string());
        let mut session = Session::start(command);
        let event = session.event("port-forwarded");
        assert_eq!(event["from"], wish);
        session
    }
}

/// A connection on one family, with this request sent.
fn ask(address: IpAddr, port: u16, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect((address, port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // One write: the server reads the path from the first bytes that come.
    stream.write_all(format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes()).unwrap();
    stream
}

/// Polls a port until something listens on it, as an editor does.
pub fn await_listener(port: u16) {
    while TcpStream::connect((LOCAL[0], port)).is_err() {
        thread::yield_now();
    }
}

fn line(reader: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn everything_that_a_browser_does_goes_through() {
    let stage = Stage::new();
    let mut server = stage.sandbox.start(["dev"]);
    let port = server.ready();
    let wish = stage.wishes.first();
    let _joiner = stage.join(wish);
    for address in LOCAL {
        assert!(rest(ask(address, wish, "/")).ends_with(&format!("port {port}")));
        let mut socket = BufReader::new(ask(address, wish, "/socket"));
        assert_eq!(line(&mut socket), "HTTP/1.1 101 Switching Protocols");
        while !line(&mut socket).is_empty() {}
        for text in ["one\n", "two\n"] {
            socket.get_mut().write_all(text.as_bytes()).unwrap();
            assert_eq!(line(&mut socket), text.trim_end());
        }
        let mut events = BufReader::new(ask(address, wish, "/events"));
        while line(&mut events) != "data: first" {}
        // The stream goes on only now: what came was not held back.
        events.get_mut().write_all(b"x").unwrap();
        while line(&mut events) != "data: next" {}
    }
    server.stop();
}

#[test]
fn each_direction_ends_by_itself() {
    let stage = Stage::new();
    let mut server = stage.sandbox.start(["dev"]);
    server.ready();
    let wish = stage.wishes.first();
    let _joiner = stage.join(wish);
    for address in LOCAL {
        let mut counted = ask(address, wish, "/count");
        counted.write_all(&vec![b'x'; 100_000]).unwrap();
        counted.shutdown(Shutdown::Write).unwrap();
        assert_eq!(rest(counted), format!("got {}", 100_000 + "GET /count HTTP/1.1\r\n\r\n".len()));
        let mut bye = ask(address, wish, "/bye");
        let mut text = String::new();
        bye.read_to_string(&mut text).unwrap();
        assert_eq!(text, "bye", "the server has ended its direction");
        bye.write_all(&[b'y'; 1000]).unwrap();
        bye.shutdown(Shutdown::Write).unwrap();
        server.output("after bye 1000");
    }
    server.stop();
}

#[test]
fn a_large_answer_needs_no_memory_and_waits_for_its_reader() {
    let stage = Stage::new();
    let mut server = stage.sandbox.start(["dev"]);
    server.ready();
    let wish = stage.wishes.first();
    let joiner = stage.join(wish);
    let before = resident(&joiner);
    let idle: Vec<TcpStream> = (0..5).map(|_| ask(LOCAL[0], wish, "/big")).collect();
    let mut stream = ask(LOCAL[0], wish, "/big");
    let (mut bytes, mut count) = (vec![0; 1 << 20], 0);
    loop {
        match stream.read(&mut bytes).unwrap() {
            0 => break,
            read => count += read,
        }
    }
    assert_eq!(count, 100 << 20);
    let grown = resident(&joiner) - before;
    assert!(grown < 8 << 10, "{grown} KiB more, with {} readers that do not read", idle.len());
    server.stop();
}

/// The most memory that it has ever had, in KiB.
#[cfg(target_os = "linux")]
fn resident(session: &Session) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", session.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[cfg(not(target_os = "linux"))]
fn resident(_session: &Session) -> u64 {
    0
}

#[test]
fn a_server_that_is_started_again_is_waited_for() {
    let stage = Stage::new();
    let mut server = stage.sandbox.start(["dev"]);
    let port = server.ready();
    let wish = stage.wishes.first();
    let _joiner = stage.join(wish);
    thread::scope(|scope| {
        let restart = scope.spawn(|| stage.sandbox.run(["restart"]));
        while !restart.is_finished() {
            let mut stream = TcpStream::connect((LOCAL[0], wish)).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let mut text = String::new();
            // A connection that the old server had may be lost with it, by a reset as well.
            let asked = stream.write_all(b"GET / HTTP/1.1\r\n\r\n");
            if let Err(error) = asked.and_then(|()| stream.read_to_string(&mut text)) {
                assert!(
                    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset),
                    "{error}"
                );
            }
            assert!(text.is_empty() || text.ends_with(&format!("port {port}")), "{text}");
        }
        assert!(restart.join().unwrap().status.success());
    });
    assert!(rest(ask(LOCAL[1], wish, "/")).ends_with(&format!("port {port}")));
    server.stop();
}

#[test]
fn a_server_that_moves_is_followed() {
    let mut stage = Stage::new();
    let moved = stage.wishes.last();
    // No node program, so the reservation follows it.
    let server = format!("exec '{}' --lifetime 200 $(cat arguments)\n", dev_server().display());
    stage.sandbox.file("server.sh", &server).file("arguments", "");
    stage.sandbox.file("package.json", r#"{ "name": "app", "scripts": { "dev": "sh server.sh" } }"#);
    stage.sandbox.range("default", &stage.ports);
    let mut session = stage.sandbox.start(["dev"]);
    let port = session.ready();
    let wish = stage.wishes.first();
    let mut joiner = stage.join(wish);
    stage.sandbox.file("arguments", &format!("--port {moved}"));
    let restarted = stage.sandbox.run(["restart"]);
    assert!(restarted.status.success(), "{restarted:?}");
    let event = joiner.event("port-forwarded");
    assert_eq!((&event["from"], &event["to"]), (&wish.into(), &moved.into()), "it was on {port}");
    assert!(http::get(wish).body.contains(&format!("port {moved}")));
    session.stop();
}

#[test]
fn twenty_editors_have_a_port_each_and_one_server() {
    let stage = Stage::new();
    let mut sessions: Vec<Session> = thread::scope(|scope| {
        let start = |wish: u16| {
            let mut command = stage.sandbox.bowline(["--json", "dev"]);
            command.env("PORT", wish.to_string());
            Session::start(command)
        };
        let starts: Vec<_> = stage.wishes.all().map(|wish| scope.spawn(move || start(wish))).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    let ports: Vec<u16> = sessions.iter_mut().map(Session::ready).collect();
    let port = ports[0];
    assert!(ports.iter().all(|one| *one == port), "{ports:?}");
    for (session, wish) in sessions.iter_mut().zip(stage.wishes.all()) {
        if wish != port {
            session.event("port-forwarded");
        }
        assert_eq!(http::get(wish).body, format!("port {port}"));
    }
    assert_eq!(stage.sandbox.session_files("sock").len(), 1);
    assert!(stage.sandbox.run(["stop"]).status.success());
    for session in sessions {
        session.wait();
    }
}

#[test]
fn an_editor_polls_its_port_and_kills_what_it_started() {
    let stage = Stage::new();
    let mut server = stage.sandbox.start(["dev"]);
    let port = server.ready();
    let wish = stage.wishes.first();
    let mut command = stage.sandbox.bowline(["dev"]);
    let mut editor =
        command.env("PORT", wish.to_string()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    await_listener(wish);
    assert_eq!(http::get(wish).body, format!("port {port}"));
    let said = read_until(editor.stderr.as_mut().unwrap(), &format!("http://localhost:{wish}\n"));
    assert!(said.contains(&format!("port {wish} leads to app on port {port}")), "{said}");
    editor.kill().unwrap();
    editor.wait().unwrap();
    assert!(is_free(wish));
    assert_eq!(http::get(port).body, format!("port {port}"));
    assert!(server.stop().of("process-exited").len() == 1);
}

#[test]
fn a_port_that_is_taken_is_a_warning() {
    let stage = Stage::new();
    let mut server = stage.sandbox.start(["dev"]);
    let port = server.ready();
    let stranger = TcpListener::bind((LOCAL[1], stage.wishes.first())).unwrap();
    for options in [&["dev"][..], &["--json", "dev"]] {
        let mut command = stage.sandbox.bowline(options);
        command.env("PORT", stage.wishes.first().to_string());
        let mut joiner = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let warning = format!("warning: port {} is not forwarded: it is taken", stage.wishes.first());
        read_until(joiner.stderr.as_mut().unwrap(), &warning);
        joiner.kill().unwrap();
        joiner.wait().unwrap();
    }
    drop(stranger);
    // The server's own port is what is wanted, and one that is ordered has the answer that it always had.
    let mut command = stage.sandbox.bowline(["--json", "dev"]);
    command.env("PORT", port.to_string());
    let mut joiner = Session::start(command);
    assert_eq!(joiner.ready(), port);
    joiner.signal(Signal::INT);
    assert_eq!(joiner.wait().of("port-forwarded"), Vec::<&Value>::new());
    let mut command = stage.sandbox.bowline(["dev", "--port", &stage.wishes.last().to_string()]);
    let refused = run_to_end(command.env("PORT", stage.wishes.first().to_string()));
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    // A start in the background does not stay, so it does not forward.
    let mut command = stage.sandbox.bowline(["start"]);
    let started = run_to_end(command.env("PORT", stage.wishes.first().to_string()));
    assert!(started.status.success() && !started.stderr.contains("forward"), "{started:?}");
    assert!(is_free(stage.wishes.first()));
    server.stop();
}

#[test]
fn tls_is_the_servers_own() {
    let mut stage = Stage::new();
    let tls = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/tls");
    let file = |name: &str| json!(fs::read_to_string(tls.join(name)).unwrap());
    let server = format!(
        "require('https').createServer({{ key: {}, cert: {} }}, (_, response) => response.end('over TLS'))
        .listen(process.env.PORT);",
        file("key.pem"),
        file("cert.pem")
    );
    stage.sandbox.file("server.js", &server);
    let mut session = stage.sandbox.start(["dev"]);
    session.ready();
    let wish = stage.wishes.first();
    let mut command = stage.sandbox.bowline(["dev"]);
    command.env("PORT", wish.to_string()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut joiner = command.spawn().unwrap();
    read_until(joiner.stderr.as_mut().unwrap(), &format!("https://localhost:{wish}\n"));
    let get = "require('https').get({ port: process.argv[1], host: '127.0.0.1', rejectUnauthorized: false },
        response => response.pipe(process.stdout))";
    let fetched = run_to_end(stage.sandbox.command("node").args(["-e", get, &wish.to_string()]));
    assert_eq!(fetched.stdout, "over TLS", "{fetched:?}");
    joiner.kill().unwrap();
    joiner.wait().unwrap();
    session.stop();
}

#[test]
fn the_ports_of_conductor_are_a_wish() {
    let mut stage = Stage::new();
    let first = stage.wishes.first();
    stage.sandbox.env("CONDUCTOR_PORT", first.to_string());
    stage.sandbox.file("package.json", r#"{ "name": "root", "workspaces": ["a", "b"] }"#);
    for dir in ["a", "b"] {
        stage.sandbox.file(format!("{dir}/package.json"), r#"{ "scripts": { "dev": "node ../server.js" } }"#);
    }
    let port = |arguments: &[&str]| stage.sandbox.run(arguments).stdout;
    assert_eq!(port(&["port"]), format!("a  {first}\nb  {}\n", first + 1));
    assert_eq!(port(&["port", "b"]), format!("{first}\n"));
    let mut both = stage.sandbox.start(["dev"]);
    let mut ports = [both.ready(), both.ready()];
    ports.sort_unstable();
    assert_eq!(ports, [first, first + 1]);
    both.stop();
    let mut command = stage.sandbox.bowline(["-C", "a", "port"]);
    let own = stage.ports.first().to_string();
    let asked = run_to_end(command.env("PORT", &own));
    assert_eq!(asked.stdout.trim(), own, "PORT comes first");
}
