//! A program that starts others as coding agents and editors do.

use std::process::{Command, Stdio};

use super::Sandbox;

/// Reads what the shell and its children write, as long as it lives.
const PROGRAM: &str = "
const shell = require('node:child_process').spawn('bash', ['-c', process.argv[1]], { stdio: 'pipe' });
for (const stream of ['stdout', 'stderr']) shell[stream].on('data', (data) => process[stream].write(data));
";

/// A Node program that runs this line in a shell, with pipes between them.
pub fn agent(sandbox: &Sandbox, line: &str) -> Command {
    let mut command = sandbox.command("node");
    command.args(["-e", PROGRAM, line]).stdin(Stdio::null());
    command
}
