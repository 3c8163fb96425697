//! Services spoken to from elsewhere: real supervisors, real sockets, real processes.

mod background;
mod ending;
mod hangs;
mod hostile;
mod kills;
mod logs;
mod machine;
mod nested;
mod running;
mod several;
mod socket;
mod versions;
mod workspace;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Instant;

use crate::support::{Finished, PATIENCE, Ports, Sandbox};
use rustix::process::Pid;
use serde_json::Value;

/// A project of the stand-in server with a range of its own. What a test leaves running is stopped.
struct Stage {
    sandbox: Sandbox,
    ports: Ports,
}

impl Stage {
    fn new(arguments: &str, count: u16) -> Self {
        let ports = Ports::claim(count);
        let mut sandbox = Sandbox::with_dev_server(&format!("--lifetime 200 {arguments}"));
        sandbox.range("default", &ports);
        Self { sandbox, ports }
    }

    /// The id of the project.
    fn id(&self) -> String {
        self.sandbox.project().canonicalize().unwrap().to_str().unwrap().to_owned()
    }

    /// The sockets of all supervisors.
    fn sockets(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.sandbox.state_dir().join("run")).into_iter().flatten();
        let paths = entries.flatten().map(|entry| entry.path());
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "sock")).collect()
    }

    /// Connects to the only supervisor.
    fn connect(&self) -> Client {
        let sockets = self.sockets();
        assert_eq!(sockets.len(), 1, "{sockets:?}");
        Client::connect(&sockets[0])
    }

    /// What `bowline ls` knows.
    fn services(&self) -> Vec<Value> {
        let finished = self.sandbox.run(["ls", "--json"]);
        assert!(finished.status.success(), "{finished:?}");
        let answer: Value = serde_json::from_str(&finished.stdout).unwrap();
        answer["services"].as_array().unwrap().clone()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.sandbox.run(["stop", "--all", "--force"]);
    }
}

/// The exit code of a command.
fn code(finished: &Finished) -> Option<i32> {
    finished.status.code()
}

/// The supervisor's process.
fn pid_of(service: &Value) -> Pid {
    let pid = service["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok());
    pid.and_then(Pid::from_raw).unwrap_or_else(|| panic!("no pid in {service}"))
}

/// How many services run.
fn running(stage: &Stage) -> usize {
    stage.services().len()
}

/// Waits until a supervisor can be spoken to, and speaks to it.
fn until_there_is_a_socket(stage: &Stage) {
    let socket = loop {
        if let Some(socket) = stage.sockets().pop() {
            break socket;
        }
        std::thread::yield_now();
    };
    let mut client = Client::connect(&socket);
    client.send(r#"{"type":"status"}"#);
    client.until("status");
}

/// A client written from the documentation alone.
struct Client {
    stream: UnixStream,
    reader: BufReader<UnixStream>,
}

impl Client {
    fn connect(socket: &std::path::Path) -> Self {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match UnixStream::connect(socket) {
                Ok(stream) => return Self::from_stream(stream),
                // There is a moment between the making of the file and the listening.
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            std::thread::yield_now();
        }
    }

    fn from_stream(stream: UnixStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let reader = BufReader::new(stream.try_clone().unwrap());
        let mut client = Self { stream, reader };
        let hello = client.next().unwrap();
        assert_eq!(hello["protocol"], 1, "{hello}");
        client
    }

    fn send(&mut self, line: &str) {
        self.stream.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// The next object; nothing at the end.
    fn next(&mut self) -> Option<Value> {
        let mut line = String::new();
        match self.reader.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => Some(serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"))),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// Reads up to the next object of this type.
    fn until(&mut self, kind: &str) -> Value {
        loop {
            let value = self.next().unwrap_or_else(|| panic!("the end, and no `{kind}`"));
            if value["type"] == kind {
                return value;
            }
        }
    }
}
