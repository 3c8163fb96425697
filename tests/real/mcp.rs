//! The official TypeScript clients of the Model Context Protocol: the first one, the last one of the legacy era, and the
//! present one in both eras. Each checks every schema and every answer.

use crate::support::{Ports, Sandbox, npm, run_to_end};

const SERVER: &str = "require('node:http').createServer((_, answer) => answer.end('here'))
    .listen(process.env.PORT, '127.0.0.1', () => console.log('listening'));";

#[test]
fn the_official_clients_list_and_call() {
    let installed = npm::packages("fixtures/real/mcp");
    for (which, era) in
        [("sdk-2024", "legacy"), ("sdk-2026", "legacy"), ("client-legacy", "legacy"), ("client", "modern")]
    {
        let mut sandbox = Sandbox::with_script("node server.js");
        let ports = Ports::claim(2);
        sandbox.range("node", &ports).file("server.js", SERVER);
        let mut command = sandbox.command("node");
        command.arg(installed.dir.join("client.mjs")).args([which, env!("CARGO_BIN_EXE_bowline")]);
        let finished = run_to_end(command.arg(sandbox.project()));
        sandbox.run(["stop", "--all", "--force"]);
        assert!(finished.status.success(), "{which}: {finished:?}");
        assert_eq!(finished.stdout.trim(), era, "{which}: {finished:?}");
    }
}
