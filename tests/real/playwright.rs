//! Playwright starts a server, ends it by SIGKILL, and trusts its port. No browser is installed.

use std::os::unix::fs::symlink;

use crate::support::{PATIENCE, Ports, Sandbox, Tree, npm, run_to_end};

#[test]
fn playwright_runs_again_and_again() {
    let installed = npm::packages("fixtures/real/playwright");
    let mut sandbox = Sandbox::with_fixture("real/playwright");
    symlink(installed.dir.join("node_modules"), sandbox.project().join("node_modules")).unwrap();
    sandbox.program("bowline", &format!("exec '{}' \"$@\"", env!("CARGO_BIN_EXE_bowline")));
    let ports = Ports::claim(1);
    let mut tree = Tree::new();
    for reuse in ["", "", "1", "1"] {
        let mut command = sandbox.command("node");
        command.args(["node_modules/@playwright/test/cli.js", "test"]);
        command.env("APP_PORT", ports.first().to_string()).env("REUSE", reuse);
        tree.mark(&mut command);
        let finished = run_to_end(&mut command);
        assert!(finished.status.success(), "REUSE={reuse}: {finished:?}");
        assert!(finished.stdout.contains("1 passed"), "REUSE={reuse}: {finished:?}");
    }
    tree.assert_gone(PATIENCE);
}
