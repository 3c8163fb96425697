//! A bowline that runs: what it says, and how it ends.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};
use serde_json::Value;

use super::waiting::{end_of, pid_of, read_in_background};
use super::{PATIENCE, Tree};

/// A running command whose standard output is one JSON object a line. Dropping it ends all that is left.
#[derive(Debug)]
pub struct Session {
    child: Child,
    ended: Receiver<()>,
    lines: Receiver<String>,
    seen: Vec<Value>,
    stderr: Option<JoinHandle<String>>,
    tree: Tree,
}

/// How a session ended.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    /// Every event, from the first.
    pub events: Vec<Value>,
    pub stderr: String,
}

impl Session {
    /// Starts the command; standard input is what the command says, and a pipe where it says `Stdio::piped`.
    pub fn start(mut command: Command) -> Self {
        let tree = Tree::new();
        tree.mark(&mut command);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("starting {}: {error}", command.get_program().display()));
        let ended = end_of(&child);
        let stderr = Some(read_in_background(child.stderr.take()));
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let (tell, lines) = mpsc::channel();
        thread::spawn(move || {
            let _ = stdout.lines().map_while(Result::ok).try_for_each(|line| tell.send(line));
        });
        Self { child, ended, lines, seen: Vec::new(), stderr, tree }
    }

    /// The pid of bowline itself.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The pids and command lines of all that it has started and that lives; none but on Linux.
    pub fn processes(&self) -> Vec<(i32, String)> {
        self.tree.processes()
    }

    /// The events so far.
    pub fn seen(&self) -> &[Value] {
        &self.seen
    }

    /// Reads events up to the next of this type.
    pub fn event(&mut self, kind: &str) -> Value {
        self.until(kind, |event| event["type"] == kind)
    }

    /// Reads events until the server is ready, and returns its port.
    pub fn ready(&mut self) -> u16 {
        let event = self.event("port-detected");
        let port = event["port"].as_u64().and_then(|port| u16::try_from(port).ok());
        port.unwrap_or_else(|| panic!("no port in {event}"))
    }

    /// Reads events until the service has printed this text, and returns all its output so far.
    pub fn output(&mut self, text: &str) -> String {
        while !self.printed().contains(text) {
            self.event("log-chunk");
        }
        self.printed()
    }

    /// The output of the service in the events read so far.
    pub fn printed(&self) -> String {
        self.seen
            .iter()
            .filter(|event| event["type"] == "log-chunk")
            .filter_map(|event| event["data"].as_str())
            .collect()
    }

    /// Reads events until one matches; `what` names it in the failure's text.
    pub fn until(&mut self, what: &str, matches: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let event = match self.next(deadline) {
                Ok(event) => event,
                Err(RecvTimeoutError::Timeout) => self.fail(&format!("no `{what}` after {PATIENCE:?}")),
                Err(RecvTimeoutError::Disconnected) => self.fail(&format!("the end, and no `{what}`")),
            };
            if matches(&event) {
                return event;
            }
        }
    }

    fn next(&mut self, deadline: Instant) -> Result<Value, RecvTimeoutError> {
        let line = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now()))?;
        let event: Value = serde_json::from_str(&line)
            .unwrap_or_else(|error| self.fail(&format!("a line that is no JSON: {line:?}: {error}")));
        assert!(event.is_object(), "not an object: {line}");
        self.seen.push(event.clone());
        Ok(event)
    }

    /// Sends a signal to bowline alone.
    pub fn signal(&self, signal: Signal) {
        kill_process(pid_of(&self.child), signal).expect("a child that was not yet waited for");
    }

    /// Writes to bowline's standard input, which the command must have as a pipe.
    pub fn write(&mut self, text: &str) {
        self.write_bytes(text.as_bytes());
    }

    /// As [`Session::write`], but what is written need be no text.
    pub fn write_bytes(&mut self, bytes: &[u8]) {
        let stdin = self.child.stdin.as_mut().expect("standard input is a pipe");
        stdin.write_all(bytes).and_then(|()| stdin.flush()).expect("bowline reads its input");
    }

    /// Closes bowline's standard input.
    pub fn close_input(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Asks bowline to stop, and waits for its end.
    pub fn stop(self) -> Ended {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// Waits for the end. Fails where anything of the tree is left then.
    pub fn wait(self) -> Ended {
        self.wait_and_leave(Duration::from_secs(1))
    }

    /// Kills bowline. Fails where anything of the tree is left after this time.
    pub fn kill(self, grace: Duration) -> Ended {
        self.signal(Signal::KILL);
        self.wait_and_leave(grace)
    }

    fn wait_and_leave(mut self, grace: Duration) -> Ended {
        if self.ended.recv_timeout(PATIENCE).is_err() {
            self.fail(&format!("no end after {PATIENCE:?}"));
        }
        let status = self.child.wait().expect("a child of our own");
        self.tree.assert_gone(grace);
        let deadline = Instant::now() + PATIENCE;
        while self.next(deadline).is_ok() {}
        let stderr = self.stderr.take().map(|reader| reader.join().unwrap_or_default()).unwrap_or_default();
        Ended { status, events: std::mem::take(&mut self.seen), stderr }
    }

    /// Fails with everything that was seen.
    fn fail(&mut self, what: &str) -> ! {
        self.end_everything();
        let stderr = self.stderr.take().map(|reader| reader.join().unwrap_or_default()).unwrap_or_default();
        let mut text = format!("expected otherwise: {what}\nevents:\n");
        for event in &self.seen {
            let _ = writeln!(text, "  {event}");
        }
        panic!("{text}stderr:\n{stderr}");
    }

    fn end_everything(&mut self) {
        let _ = self.child.kill();
        self.tree.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.end_everything();
    }
}

impl Ended {
    /// The events of this type.
    pub fn of(&self, kind: &str) -> Vec<&Value> {
        self.events.iter().filter(|event| event["type"] == kind).collect()
    }
}

/// The last end among these events.
pub fn last_end(events: &[Value]) -> &Value {
    let end = events.iter().rev().find(|event| event["type"] == "process-exited");
    end.unwrap_or_else(|| panic!("no end in {events:#?}"))
}
