//! Supervision under real conditions: signals, restarts, failures, pipes, terminals, strangers and chaos.

#[cfg(target_os = "linux")]
mod chaos;
mod failures;
mod locks;
mod pipes;
#[cfg(target_os = "linux")]
mod resources;
mod restarts;
mod several;
mod signals;
#[cfg(target_os = "linux")]
mod strangers;
mod terminal;
mod trees;

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use crate::support::{Ports, Sandbox, Session, dev_server};
use serde_json::Value;

/// A project of the stand-in server, with a range of its own.
fn stage(arguments: &str, count: u16) -> (Sandbox, Ports) {
    stage_of(&format!("exec '{}' --lifetime 100 {arguments}", dev_server().display()), count)
}

/// A project with this dev script, with a range of its own.
fn stage_of(script: &str, count: u16) -> (Sandbox, Ports) {
    let ports = Ports::claim(count);
    let mut sandbox = Sandbox::with_script(script);
    sandbox.range("default", &ports);
    (sandbox, ports)
}

/// The last end that was told of.
fn last_end(events: &[Value]) -> &Value {
    let mut latest = events.iter().rev();
    let end = latest.find(|event| event["type"] == "process-exited");
    end.unwrap_or_else(|| panic!("no end in {events:#?}"))
}

/// A named pipe that holds a script up until the test opens it: `read go < PATH`.
struct Gate(PathBuf);

impl Gate {
    fn new(sandbox: &Sandbox) -> Self {
        let path = sandbox.root().join("gate");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
        Self(path)
    }

    /// Waits for the script to come to the gate, and lets it pass.
    fn open(&self) {
        writeln!(File::options().write(true).open(&self.0).unwrap(), "go").unwrap();
    }
}

/// Until the service has come to an end of any kind.
fn next_end(session: &mut Session) -> Value {
    session.event("process-exited")
}
