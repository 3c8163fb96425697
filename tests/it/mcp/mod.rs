//! `bowline mcp`: real clients' messages, real services.

mod conversation;
mod failures;
mod hostile;
mod lines;
mod places;
mod reasons;
mod story;
mod workspaces;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::support::{PATIENCE, Ports, Sandbox, end_of, stage_of};

/// A server that serves `page.txt`, and crashes when it is asked for `/crash`: a moment later, when whoever waits for its
/// end is there.
const SERVER: &str = "
const fs = require('node:fs');
const page = fs.readFileSync(`${__dirname}/page.txt`, 'utf8');
require('node:http').createServer((question, answer) => {
    answer.end(page);
    if (question.url === '/crash') setTimeout(() => { throw new Error('asked to crash'); }, 2000);
}).listen(process.env.PORT, '127.0.0.1', () => console.log('listening'));
";

/// A project whose dev script runs on node. What a test leaves running is stopped.
pub struct Stage {
    pub sandbox: Sandbox,
    pub ports: Ports,
}

impl Stage {
    pub fn new() -> Self {
        Self::of("node server.js", SERVER)
    }

    /// With this text in `server.js`.
    pub fn of(script: &str, server: &str) -> Self {
        let (mut sandbox, _default) = stage_of(script, 1);
        let ports = Ports::claim(3);
        sandbox.range("node", &ports);
        sandbox.file("server.js", server).file("page.txt", "first");
        Self { sandbox, ports }
    }

    pub fn agent(&self) -> Agent {
        Agent::start(self.sandbox.bowline(["mcp"]))
    }

    /// The project's directory, as answers name it.
    pub fn dir(&self) -> String {
        self.sandbox.project().canonicalize().unwrap().to_str().unwrap().to_owned()
    }

    /// How many services run.
    pub fn running(&self) -> usize {
        let finished = self.sandbox.run(["ls", "--json"]);
        let answer: Value = serde_json::from_str(&finished.stdout).unwrap();
        answer["services"].as_array().unwrap().len()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.sandbox.run(["stop", "--all", "--force"]);
    }
}

/// A client of the legacy era.
pub struct Agent {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<Value>,
    asked: u64,
    /// The tools of the calls, by their ids.
    tools: HashMap<u64, String>,
    /// Answers that came before others were read.
    early: HashMap<u64, Value>,
}

impl Agent {
    pub fn start(command: Command) -> Self {
        let mut agent = Self::connect(command);
        agent.send(&json!({
            "jsonrpc": "2.0", "id": "i", "method": "initialize",
            "params": { "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } },
        }));
        assert_eq!(agent.read()["id"], "i");
        agent
    }

    /// Without a word.
    pub fn connect(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (tell, lines) = mpsc::channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                assert!(line.len() < 17 * 1024, "{} bytes", line.len());
                let line = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            input: child.stdin.take(),
            child,
            lines,
            asked: 0,
            tools: HashMap::new(),
            early: HashMap::new(),
        }
    }

    #[cfg(target_os = "linux")]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn send(&mut self, message: &Value) {
        self.send_line(message.to_string().as_bytes());
    }

    pub fn send_line(&mut self, line: &[u8]) {
        let input = self.input.as_mut().unwrap();
        input.write_all(line).and_then(|()| input.write_all(b"\n")).unwrap();
    }

    pub fn read(&mut self) -> Value {
        self.lines.recv_timeout(PATIENCE).expect("an answer")
    }

    /// Sends a call, and returns its id.
    pub fn ask(&mut self, tool: &str, arguments: &Value) -> u64 {
        self.asked += 1;
        self.tools.insert(self.asked, format!("bowline_{tool}"));
        self.send(&json!({
            "jsonrpc": "2.0", "id": self.asked, "method": "tools/call",
            "params": { "name": format!("bowline_{tool}"), "arguments": arguments },
        }));
        self.asked
    }

    /// The result of a call.
    pub fn answer(&mut self, id: u64) -> Value {
        while !self.early.contains_key(&id) {
            let answer = self.read();
            let its_id = answer["id"].as_u64().unwrap_or_else(|| panic!("no answer to a call: {answer}"));
            self.early.insert(its_id, answer);
        }
        let mut answer = self.early.remove(&id).unwrap();
        assert!(answer["result"].is_object(), "{answer}");
        let structured = &answer["result"]["structuredContent"];
        if structured.is_object() {
            assert_follows(&self.tools[&id], structured);
        }
        answer["result"].take()
    }

    pub fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        let id = self.ask(tool, arguments);
        self.answer(id)
    }

    /// The structured content of a call that succeeds.
    pub fn told(&mut self, tool: &str, arguments: &Value) -> Value {
        let mut result = self.call(tool, arguments);
        assert_eq!(result["isError"], false, "{tool} {arguments}: {result:#}");
        result["structuredContent"].take()
    }

    /// The structured content of a call that fails.
    pub fn refused(&mut self, tool: &str, arguments: &Value) -> Value {
        let mut result = self.call(tool, arguments);
        assert_eq!(result["isError"], true, "{tool} {arguments}: {result:#}");
        result["structuredContent"].take()
    }

    /// Closes standard input. Returns how the process ended, and the answers that were still to come.
    pub fn end(mut self) -> (ExitStatus, Vec<Value>) {
        drop(self.input.take());
        end_of(&self.child).recv_timeout(PATIENCE).expect("the end");
        let status = self.child.wait().unwrap();
        (status, self.lines.iter().collect())
    }
}

/// Every answer follows the schema that the tool has.
fn assert_follows(tool: &str, answer: &Value) {
    static SCHEMAS: OnceLock<HashMap<String, Validator>> = OnceLock::new();
    let schemas = SCHEMAS.get_or_init(|| {
        let sandbox = Sandbox::new();
        let mut agent = Agent::start(sandbox.bowline(["mcp"]));
        agent.send(&json!({ "jsonrpc": "2.0", "id": "t", "method": "tools/list" }));
        let mut answer = agent.read();
        let tools = answer["result"]["tools"].as_array_mut().unwrap();
        let schema = |tool: &Value| {
            let name = tool["name"].as_str().unwrap().to_owned();
            (name, jsonschema::validator_for(&tool["outputSchema"]).unwrap())
        };
        tools.iter().map(schema).collect()
    });
    let errors: Vec<String> = schemas[tool]
        .iter_errors(answer)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{tool}: {errors:?}: {answer:#}");
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Waits for a supervisor's socket.
#[cfg(target_os = "linux")]
fn until_it_starts(stage: &Stage) {
    let run = stage.sandbox.state_dir().join("run");
    crate::support::await_in(&run, || stage.sandbox.session_files("sock").pop());
}

fn page_of(url: &Value, path: &str) -> String {
    let port = url.as_str().and_then(|url| url.rsplit_once(':')?.1.parse().ok()).unwrap();
    crate::support::http::get_path(port, path).body
}

fn write(dir: &Path, name: &str, text: &str) {
    std::fs::create_dir_all(dir).unwrap();
    std::fs::write(dir.join(name), text).unwrap();
}
