//! Commands that ask running supervisors: real supervisors, real sockets, real processes.

mod background;
mod directories;
mod ending;
mod hangs;
mod hostile;
mod inherited;
mod kills;
mod logs;
mod machine;
mod nested;
mod restarts;
mod running;
mod several;
mod socket;
mod stopped_by;
mod versions;
mod without_package;
mod workspace;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use rustix::process::Pid;
use serde_json::Value;

use crate::support::{Finished, PATIENCE, Ports, Sandbox, await_in, stage_in_shell};

/// A project of the stand-in server. What a test leaves running is stopped.
struct Stage {
    sandbox: Sandbox,
    ports: Ports,
}

impl Stage {
    fn new(arguments: &str, count: u16) -> Self {
        let (sandbox, ports) = stage_in_shell(arguments, count);
        Self { sandbox, ports }
    }

    /// The id of the project.
    fn id(&self) -> String {
        self.sandbox.project().canonicalize().unwrap().to_str().unwrap().to_owned()
    }

    /// The sockets of all supervisors.
    fn sockets(&self) -> Vec<PathBuf> {
        self.sandbox.session_files("sock")
    }

    /// Connects to the only supervisor.
    fn connect(&self) -> Client {
        let sockets = self.sockets();
        assert_eq!(sockets.len(), 1, "{sockets:?}");
        Client::connect(&sockets[0])
    }

    /// The answer of `bowline ls`.
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

fn pid_in(service: &Value, field: &str) -> Pid {
    let pid = service[field].as_i64().and_then(|pid| i32::try_from(pid).ok());
    pid.and_then(Pid::from_raw).unwrap_or_else(|| panic!("no {field} in {service}"))
}

/// The supervisor's process.
fn pid_of(service: &Value) -> Pid {
    pid_in(service, "pid")
}

fn guardian_of(service: &Value) -> Pid {
    pid_in(service, "guardian")
}

/// How many services run.
fn running(stage: &Stage) -> usize {
    stage.services().len()
}

/// Waits until the server runs, ready or not, and its supervisor answers.
fn until_it_runs(stage: &Stage) {
    let connect = || UnixStream::connect(stage.sockets().pop()?).ok();
    let mut client = Client::from_stream(await_in(&stage.sandbox.state_dir().join("run"), connect));
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
        Self::from_stream(UnixStream::connect(socket).unwrap())
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

    /// Has all events from now on sent here.
    fn attach(&mut self) {
        self.send(r#"{"type":"attach"}"#);
        self.until("status");
    }

    /// Reads until the service has printed this text.
    fn until_printed(&mut self, text: &str) {
        let mut printed = String::new();
        while !printed.contains(text) {
            printed.push_str(self.until("log-chunk")["data"].as_str().unwrap());
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
