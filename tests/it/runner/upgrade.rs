//! A runner that outlives the file of its program.

use std::process::{Command, Stdio};

use super::Stage;
use crate::support::{Session, stage_of};

#[test]
fn a_runner_whose_program_was_replaced_starts_servers_and_stops_them() {
    let (sandbox, ports) = stage_of("true", 1);
    let program = sandbox.root().join("bowline");
    // Another process writes it, so that no fork of another test holds it open for writing.
    let copied =
        Command::new("cp").args([env!("CARGO_BIN_EXE_bowline").as_ref(), program.as_path()]).status();
    assert!(copied.is_ok_and(|status| status.success()));
    let mut command = sandbox.command(&program);
    command.arg("runner").stdin(Stdio::piped());
    let mut runner = Session::start(command);
    runner.event("runner-status");
    std::fs::remove_file(&program).unwrap();
    std::fs::write(&program, "#!/bin/sh\nexit 99\n").unwrap();

    let mut stage = Stage { sandbox, ports, runner };
    stage.start("1", "app", "", None);
    let port = stage.runner.event("port-detected");
    assert!(stage.ports.contains(u16::try_from(port["port"].as_u64().unwrap()).unwrap()), "{port}");
    stage.stop("2", "app");
    stage.runner.event("process-exited");
    stage.end();
}
