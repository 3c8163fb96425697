//! Clients that are slow, mad or hostile: they delay neither the service nor another client.

use std::io::Write;
use std::os::unix::net::UnixStream;

use super::{Client, Stage};
use crate::support::{Noise, http};

const VERBS: [&str; 5] = ["status", "stop", "restart", "wait", "attach"];
/// The longest line that a supervisor reads, with its end.
const LONGEST: usize = 64 * 1024 + 1;
/// More than a supervisor takes in at once.
const MANY: usize = 1100;

/// A hundred requests are answered while the others do what they do.
fn is_served(client: &mut Client) {
    for _ in 0..100 {
        client.send(r#"{"type":"status","id":"quick"}"#);
        client.until("status");
    }
}

#[test]
fn every_bad_line_is_answered_by_an_error() {
    let stage = Stage::new("", 1);
    let mut session = stage.sandbox.start(["dev"]);
    let port = session.ready();
    let mut other = stage.connect();
    for seed in 0..20 {
        let mut noise = Noise::new(seed);
        let mut client = stage.connect();
        for number in 0..100 {
            let mut line = noise.line(&VERBS);
            line.push(b'\n');
            // It hangs up before the end of a line that is too long.
            let written = client.stream.write_all(&line);
            assert!(written.is_ok() || line.len() > LONGEST);
            let answer = client.next().unwrap_or_else(|| panic!("hung up: seed {seed}, line {number}"));
            let shown = String::from_utf8_lossy(&line[..line.len().min(200)]).into_owned();
            assert_eq!(answer["type"], "error", "seed {seed}, line {number}: {shown}");
            if line.len() > LONGEST {
                assert_eq!(client.next(), None, "that is no client to be kept");
                client = stage.connect();
            }
        }
        client.send(r#"{"type":"status"}"#);
        client.until("status");
    }
    is_served(&mut other);
    assert_eq!(http::get(port).status, 200);
    let ended = session.stop();
    assert_eq!(ended.of("process-exited").len(), 1, "only at the end");
}

#[test]
fn giant_lines_take_no_memory_and_end_the_connection() {
    let stage = Stage::new("", 1);
    let mut session = stage.sandbox.start(["dev"]);
    session.ready();
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..50 {
        let mut client = stage.connect();
        // It hangs up while this is being written.
        let _ = client.stream.write_all(&piece);
    }
    let resident = bowline::process::memory::resident(session.id().cast_signed()).unwrap();
    assert!(resident < 32 << 20, "{resident} bytes");
    session.stop();
}

#[test]
fn clients_that_do_nothing_or_half_of_something_delay_nobody() {
    let stage = Stage::new("", 1);
    let mut session = stage.sandbox.start(["dev"]);
    let port = session.ready();
    let socket = stage.sockets().remove(0);
    let mut other = stage.connect();
    let mut idle = Vec::new();
    for number in 0..200 {
        let mut client = UnixStream::connect(&socket).unwrap();
        match number % 4 {
            0 => client.write_all(b"{\"type\":\"st").unwrap(),
            1 => client.write_all(&vec![b' '; 60_000]).unwrap(),
            2 => client.shutdown(std::net::Shutdown::Write).unwrap(),
            _ => {}
        }
        idle.push(client);
    }
    is_served(&mut other);
    assert_eq!(http::get(port).status, 200);
    // A line that is begun by one and ended later is answered then.
    idle[0].write_all(b"atus\"}\n").unwrap();
    let mut late = Client::from_stream(idle.swap_remove(0));
    late.until("status");
    session.stop();
}

#[test]
fn more_clients_than_there_is_room_for_keep_no_newcomer_out() {
    let stage = Stage::new("", 1);
    let mut session = stage.sandbox.start(["dev"]);
    session.ready();
    let socket = stage.sockets().remove(0);
    let mut follower = stage.connect();
    follower.send(r#"{"type":"attach"}"#);
    follower.until("port-detected");
    let crowd: Vec<UnixStream> = (0..MANY).map_while(|_| UnixStream::connect(&socket).ok()).collect();
    let mut newcomer = Client::connect(&socket);
    newcomer.send(r#"{"type":"stop"}"#);
    newcomer.until("process-exited");
    assert_eq!(
        follower.until("process-exited")["state"],
        "stopped",
        "who waits for something is not put out"
    );
    drop(crowd);
    session.wait();
}

#[test]
fn a_hundred_clients_that_ask_for_everything_at_once_get_it() {
    let stage = Stage::new("--lines 50", 1);
    let mut session = stage.sandbox.start(["dev"]);
    session.ready();
    let socket = stage.sockets().remove(0);
    std::thread::scope(|scope| {
        for number in 0..100 {
            let socket = &socket;
            scope.spawn(move || {
                let mut client = Client::connect(socket);
                for turn in 0..20 {
                    let id = format!("{number}-{turn}");
                    client.send(&format!(r#"{{"type":"status","id":"{id}"}}"#));
                    assert_eq!(client.until("status")["commandId"], id);
                    client.send(&format!(r#"{{"type":"wait","id":"{id}"}}"#));
                    assert_eq!(client.until("port-detected")["commandId"], id);
                }
            });
        }
    });
    session.stop();
}
