//! Lines of bowline's own beside output that ends within a line.

use std::io::{Read, pipe};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Finished, PATIENCE, Sandbox, Terminal, end_of, run_to_end, stage_of};

/// The output of a pipe that is standard output and error. Once it contains `ending`, bowline is asked to
/// end.
fn together(sandbox: &Sandbox, ending: &str) -> String {
    let (mut reader, writer) = pipe().unwrap();
    let mut command = sandbox.bowline(["dev"]);
    command.stdout(writer.try_clone().unwrap()).stderr(writer);
    let mut child = command.spawn().unwrap();
    drop(command);
    let ended = end_of(&child);
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    let mut asked = false;
    loop {
        let count = reader.read(&mut buffer).unwrap();
        if count == 0 {
            break;
        }
        text.extend_from_slice(&buffer[..count]);
        if !asked && String::from_utf8_lossy(&text).contains(ending) {
            asked = true;
            // It may have ended by itself.
            let _ = kill_process(Pid::from_child(&child), Signal::TERM);
        }
    }
    ended.recv_timeout(PATIENCE).unwrap();
    child.wait().unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn an_error_begins_a_line_where_both_go_to_one_pipe() {
    let (sandbox, _ports) = stage_of("printf abc; exit 3", 1);
    let text = together(&sandbox, "error: ");
    assert!(text.contains("abc\nerror: `printf abc; exit 3` ended"), "{text}");
    let (sandbox, _ports) = stage_of("printf 'abc\\n\\033[0m'; exit 3", 1);
    let text = together(&sandbox, "error: ");
    assert!(text.contains("abc\n\u{1b}[0merror: "), "no empty line: {text}");
}

#[test]
fn a_line_while_it_runs_begins_a_line_too() {
    let program = r#"process.stdout.write("abc"); require("http").createServer().listen(process.env.PORT)"#;
    let (mut sandbox, _ports) = Sandbox::new().with_ports("node", 1);
    sandbox.file("server.js", program);
    sandbox.file("package.json", r#"{ "scripts": { "dev": "exec node server.js" } }"#);
    let text = together(&sandbox, "ready in ");
    assert!(text.contains("abc\nbowline  ready in "), "{text}");
}

#[test]
fn nothing_is_added_where_they_are_apart() {
    let (sandbox, _ports) = stage_of("printf abc; exit 3", 1);
    let Finished { stdout, stderr, .. } = run_to_end(&mut sandbox.bowline(["dev"]));
    assert_eq!(stdout, "abc");
    assert!(stderr.contains("\nerror: ") && !stderr.contains("\n\n"), "{stderr}");
    let (sandbox, _ports) = stage_of("printf abc >&2; exit 3", 1);
    let stderr = run_to_end(&mut sandbox.bowline(["dev"])).stderr;
    assert!(stderr.contains("abc\nerror: "), "{stderr}");
}

#[test]
fn an_error_begins_a_line_on_a_terminal() {
    let (sandbox, _ports) = stage_of("printf abc; exit 3", 1);
    let mut terminal = Terminal::new(24, 80);
    let mut command = sandbox.bowline(["--color", "never", "dev"]);
    terminal.seat(&mut command);
    let mut child = command.spawn().unwrap();
    let shown = terminal.until("error: ");
    assert!(shown.contains("abc\r\n") && !shown.contains("\r\n\r\n"), "{shown:?}");
    end_of(&child).recv_timeout(PATIENCE).unwrap();
    child.wait().unwrap();
}
