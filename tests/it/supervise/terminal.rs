//! A service at a terminal, and the user's keys.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, waitid};

use crate::packaging::heed_interrupts;
use crate::support::{PATIENCE, Sandbox, Seat, Terminal, http, is_free, stage, stage_in_shell, stage_of};

/// Settings of a terminal that a program may have to put back.
fn settings(terminal: &Terminal) -> String {
    let now = terminal.settings();
    format!("{:?} {:?} {:?} {:?}", now.input_flags, now.output_flags, now.local_flags, now.control_chars)
}

/// A shell where `bowline` is the program under test.
fn shell_command(sandbox: &Sandbox, shell: &[&str]) -> Command {
    let mut command = sandbox.command(shell[0]);
    let bowline = std::path::Path::new(env!("CARGO_BIN_EXE_bowline")).parent().unwrap();
    let path = format!("{}:{}", bowline.display(), std::env::var("PATH").unwrap());
    heed_interrupts(command.args(&shell[1..]).env("PATH", path));
    command
}

/// An interactive shell whose prompt is `ready>`, where `bowline` is the program under test.
fn shell(sandbox: &Sandbox, shell: &[&str]) -> Seat {
    let mut command = shell_command(sandbox, shell);
    command.args(["-i"]).env("PS1", "ready>");
    let mut seat = Seat::take(command);
    seat.terminal.until("ready>");
    seat
}

/// The shells that there are.
fn shells() -> Vec<&'static [&'static str]> {
    let mut shells: Vec<&[&str]> = vec![&["sh"]];
    if which::which("bash").is_ok() {
        shells.push(&["bash", "--norc", "--noprofile"]);
    }
    shells
}

#[test]
fn the_end_of_a_service_is_not_delayed_by_the_care_for_the_terminal() {
    let (sandbox, _ports) = stage("", 1);
    let end = || {
        let mut seat = Seat::take(sandbox.bowline(["dev"]));
        seat.terminal.until("ready in");
        let asked = Instant::now();
        seat.terminal.keys("\x03");
        seat.child.wait().unwrap();
        let took = asked.elapsed();
        seat.wait();
        took
    };
    // A guardian waits for a second for the end of a bowline that was killed. A busy machine may delay one end.
    assert!((0..10).any(|_| end() < Duration::from_secs(1)));
}

#[test]
fn what_happens_after_a_service_is_ready_is_told_after_that() {
    // While there is output, the news that it is ready waits.
    let (sandbox, _ports) = stage_in_shell("& while :; do echo on; sleep 0.02; done", 1);
    let mut seat = Seat::take(sandbox.bowline(["dev"]));
    while !sandbox.run(["wait"]).status.success() {}
    sandbox.run(["stop"]);
    seat.terminal.until("ready in");
    seat.terminal.until("stopped by `bowline stop`");
    seat.wait();
}

#[test]
fn the_size_and_its_changes_are_passed_on() {
    let script = "stty size; trap 'stty size' WINCH; echo armed; while :; do sleep 100 & wait; done";
    let (sandbox, _ports) = stage_of(script, 1);
    // A background process of a shell ignores Ctrl-C.
    let mut seat = Seat::take(sandbox.bowline(["-q", "dev", "--grace", "2s"]));
    seat.terminal.until("24 80");
    seat.terminal.until("armed");
    seat.terminal.resize(31, 117);
    seat.terminal.until("31 117");
    seat.terminal.keys("\x03");
    assert_eq!(seat.wait().signal(), Some(Signal::INT.as_raw()));
}

#[test]
fn ctrl_c_asks_once_and_reaches_the_service_once() {
    let (sandbox, ports) = stage("--linger 50", 1);
    let mut seat = Seat::take(sandbox.bowline(["-q", "dev"]));
    seat.terminal.until("listening");
    let before = settings(&Terminal::new(24, 80));
    assert_ne!(settings(&seat.terminal), before, "keys are the service's business");
    seat.terminal.keys("\x03");
    seat.terminal.until("{\"got\":\"SIGINT\"}");
    let child = seat.child.wait().unwrap();
    assert_eq!(child.signal(), Some(Signal::INT.as_raw()), "as with npm, though the service exits with 0");
    assert_eq!(settings(&seat.terminal), before);
    assert_eq!(seat.terminal.screen().matches("SIGINT").count(), 1);
    assert!(is_free(ports.first()));
}

/// With the terminal in raw mode the shell sees no Ctrl-C of its own.
#[test]
fn ctrl_c_ends_the_shell_script_or_loop_around_bowline_too() {
    for shell in shells() {
        for (script, arguments) in [
            ("for i in 1 2; do bowline -q dev; done; echo GOES ON", "--linger 50"),
            ("for i in 1 2; do bowline -q dev; done; echo GOES ON", ""),
            ("set -e; bowline -q dev; echo GOES ON", "--linger 50"),
            ("for i in 1 2; do bowline -q dev | cat; done; echo GOES ON", "--linger 50"),
            ("sh -c 'bowline -q dev; exit $?'; echo GOES ON", "--linger 50"),
        ] {
            let (sandbox, _ports) = stage(arguments, 1);
            let mut command = shell_command(&sandbox, shell);
            command.args(["-c", script]);
            let mut seat = Seat::take(command);
            seat.terminal.until("listening");
            seat.terminal.keys("\x03");
            let status = seat.child.wait().unwrap();
            assert_eq!(status.signal(), Some(Signal::INT.as_raw()), "{shell:?} {script}");
            assert!(!seat.terminal.screen().contains("GOES ON"), "{shell:?} {script}");
        }
    }
}

#[test]
fn a_second_ctrl_c_kills_what_ignores_the_first() {
    let (sandbox, ports) = stage("--ignore INT --ignore TERM --children 2 --children-escape", 1);
    let mut seat = Seat::take(sandbox.bowline(["-q", "dev", "--grace", "100s"]));
    seat.terminal.until("listening");
    seat.terminal.keys("\x03");
    seat.terminal.until("{\"got\":\"SIGINT\"}");
    seat.terminal.keys("\x03");
    assert_eq!(seat.wait().signal(), Some(Signal::KILL.as_raw()));
    assert!(is_free(ports.first()));
}

#[test]
fn ctrl_c_ends_bowline_though_the_terminal_hangs() {
    let sandbox = Sandbox::with_script("echo begun; exec yes");
    let mut seat = Seat::take(sandbox.bowline(["-q", "dev", "--grace", "1s"]));
    seat.terminal.until("begun");
    seat.terminal.stall();
    let pid = Pid::from_child(&seat.child);
    let (tell, ended) = mpsc::channel();
    thread::spawn(move || {
        let wanted = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let _ = tell.send(waitid(WaitId::Pid(pid), wanted).is_ok());
    });
    // The service, what it leaves unread, and perhaps its kill.
    let mut presses = (0..100).map(|_| {
        seat.terminal.keys("\x03");
        ended.recv_timeout(Duration::from_millis(200)) == Ok(true)
    });
    assert!(presses.any(|has_ended| has_ended));
    assert_eq!(seat.wait().signal(), Some(Signal::INT.as_raw()));
}

#[test]
fn ctrl_backslash_quits() {
    let (sandbox, _ports) = stage("", 1);
    let mut seat = Seat::take(sandbox.bowline(["-q", "dev"]));
    seat.terminal.until("listening");
    seat.terminal.keys("\x1c");
    assert_eq!(seat.wait().signal(), Some(Signal::QUIT.as_raw()));
}

#[test]
fn ctrl_z_stops_and_fg_goes_on() {
    for shell_command in shells() {
        let (sandbox, ports) = stage("", 1);
        let mut seat = shell(&sandbox, shell_command);
        let before = settings(&seat.terminal);
        for _ in 0..2 {
            seat.terminal.keys("bowline dev\n");
            seat.terminal.until("ready in");
            let raw = settings(&seat.terminal);
            for _ in 0..2 {
                seat.terminal.keys("\x1a");
                seat.terminal.until("ready>");
                assert_eq!(settings(&seat.terminal), before, "{shell_command:?}");
                seat.terminal.keys("echo $((40 + 2))\n");
                seat.terminal.until("42");
                seat.terminal.until("ready>");
                seat.terminal.keys("fg\n");
                seat.terminal.until("bowline dev");
                assert_eq!(http::get(ports.first()).status, 200);
                // A stop that comes before the shell has continued bowline is lost.
                let continued = Instant::now();
                while settings(&seat.terminal) != raw {
                    assert!(continued.elapsed() < PATIENCE, "the terminal is not raw");
                    thread::yield_now();
                }
            }
            seat.terminal.keys("\x03");
            seat.terminal.until("ready>");
            seat.terminal.keys("echo code $?\n");
            seat.terminal.until("code 130");
            seat.terminal.until("ready>");
            assert_eq!(settings(&seat.terminal), before, "{shell_command:?}");
        }
        seat.terminal.keys("exit\n");
        seat.child.wait().unwrap();
    }
}

#[test]
fn a_job_in_the_background_comes_to_the_front() {
    for shell_command in shells() {
        let (sandbox, _ports) = stage("--echo", 1);
        let mut seat = shell(&sandbox, shell_command);
        seat.terminal.keys("bowline dev &\n");
        seat.terminal.until("ready in");
        seat.terminal.keys("echo $((40 + 2))\n");
        seat.terminal.until("42");
        seat.terminal.until("ready>");
        seat.terminal.keys("fg\n");
        seat.terminal.until("bowline dev");
        seat.terminal.keys("hello\n");
        // As typed, and as the server repeats it.
        seat.terminal.until("hello");
        seat.terminal.until("hello");
        seat.terminal.keys("\x03");
        seat.terminal.until("ready>");
        seat.terminal.keys("echo code $?\n");
        seat.terminal.until("code 130");
        seat.terminal.keys("exit\n");
        seat.child.wait().unwrap();
    }
}

#[test]
fn ctrl_d_is_the_end_of_the_input() {
    let (sandbox, _ports) = stage_of("cat; echo and the end; exit 3", 1);
    let mut seat = Seat::take(sandbox.bowline(["-q", "dev"]));
    seat.terminal.keys("hello\n");
    seat.terminal.until("hello");
    seat.terminal.until("hello");
    seat.terminal.keys("\x04");
    seat.terminal.until("and the end");
    assert_eq!(seat.wait().code(), Some(3));
}

const SINGLE_KEYS: &str = "
process.stdin.setRawMode(true);
process.stdin.on('data', (keys) => {
  for (const key of keys) {
    console.log(`key ${key}`);
    if (key === 113) process.exit(0);
  }
});
require('http').createServer((_, answer) => answer.end()).listen(process.env.PORT, () => console.log('listening'));
";

#[test]
fn a_prompt_of_single_keys_gets_every_key_as_it_is() {
    let (mut sandbox, _ports) = Sandbox::with_script("node keys.js").with_ports("node", 1);
    sandbox.file("keys.js", SINGLE_KEYS);
    let mut seat = Seat::take(sandbox.bowline(["dev"]));
    seat.terminal.until("ready in");
    for (key, code) in [("\x03", 3), ("h", 104), ("\r", 13), ("\x1a", 26), ("\x04", 4), ("q", 113)] {
        seat.terminal.keys(key);
        seat.terminal.until(&format!("key {code}"));
    }
    assert_eq!(seat.wait().code(), Some(0));
}

#[test]
fn settings_are_put_back_when_the_service_is_killed() {
    let (mut sandbox, _ports) = Sandbox::with_script("node keys.js").with_ports("node", 1);
    sandbox.file("keys.js", SINGLE_KEYS);
    sandbox.file(
        "suicide.js",
        "setTimeout(() => process.kill(process.pid, 'SIGKILL'), 100); require('./keys.js')",
    );
    let mut command = sandbox.bowline(["exec", "--", "node", "suicide.js"]);
    command.env("NODE_ENV", "development");
    let mut seat = Seat::take(command);
    let before = settings(&Terminal::new(24, 80));
    assert_eq!(
        seat.child.wait().unwrap().signal(),
        Some(Signal::KILL.as_raw()),
        "{}",
        seat.terminal.screen()
    );
    assert_eq!(settings(&seat.terminal), before);
}

#[test]
fn a_screen_without_a_keyboard_is_a_screen_all_the_same() {
    let (sandbox, ports) = stage("--report", 1);
    let mut through_a_shell = sandbox.command("sh");
    through_a_shell.args(["-c", "exec \"$0\" dev < /dev/null", env!("CARGO_BIN_EXE_bowline")]);
    let mut seat = Seat::take(through_a_shell);
    let report = seat.terminal.until("ready in");
    assert!(report.contains(r#""terminal":{"rows":24,"columns":80}"#), "{report}");
    seat.terminal.keys("\x03");
    assert_eq!(seat.wait().signal(), Some(Signal::INT.as_raw()));
    assert!(is_free(ports.first()));
}

#[test]
fn a_keyboard_without_a_screen_still_interrupts() {
    let (sandbox, ports) = stage("--report", 1);
    let mut through_a_shell = sandbox.command("sh");
    through_a_shell.args(["-c", "trap '' INT; \"$0\" dev | cat", env!("CARGO_BIN_EXE_bowline")]);
    let mut seat = Seat::take(through_a_shell);
    let report = seat.terminal.until("listening");
    assert!(report.contains(r#""terminal":null"#), "{report}");
    seat.terminal.keys("\x03");
    seat.wait();
    assert!(is_free(ports.first()));
}

#[test]
fn an_interrupt_that_ends_the_reader_of_the_output_too_leaves_the_server_its_grace() {
    let script = "trap 'touch hung-up' HUP; trap 'sleep 2; touch orderly; kill $!; exit 0' INT; \
                  sleep 100 & echo armed; wait; wait";
    let (sandbox, ports) = stage_of(script, 1);
    let shell = ["bash", "-c", "bowline dev 2>&1 | cat; touch went-on"];
    let mut seat = Seat::take(shell_command(&sandbox, &shell));
    seat.terminal.until("armed");
    seat.terminal.keys("\x03");
    assert_eq!(seat.wait().signal(), Some(Signal::INT.as_raw()));
    let files = ["orderly", "hung-up", "went-on"].map(|name| sandbox.project().join(name).exists());
    assert_eq!(files, [true, false, false]);
    assert!(is_free(ports.first()));
}

#[test]
fn a_cursor_that_a_killed_server_has_hidden_is_shown_again() {
    let hide = "printf '\\033[?1049h\\033[?25'; sleep 0.01; printf 'lhid'; echo den; kill -KILL $$";
    let show = "printf '\\033[?25lwork\\033[?25hdone'; echo it; kill -KILL $$";
    for (script, expected) in [(hide, true), (show, false)] {
        let (sandbox, _ports) = stage_of(script, 1);
        let mut seat = Seat::take(sandbox.bowline(["dev"]));
        let shown = seat.terminal.until("error:");
        let shown = shown.split(if expected { "hidden" } else { "doneit" }).last().unwrap_or_default();
        let is_restored = shown.contains("\x1b[?25h") || shown.contains("\x1b[?1049l");
        assert_eq!(is_restored, expected, "{shown:?}");
        seat.wait();
    }
}
