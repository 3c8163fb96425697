//! Several services at one terminal: their lines, and the user's keys.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use rustix::process::Signal;

use crate::support::{Ports, Sandbox, Seat, dev_server};

/// A workspace with these packages and their scripts.
fn workspace(packages: &[(&str, &str)]) -> (Sandbox, Ports) {
    let count = u16::try_from(packages.len()).unwrap();
    let (mut sandbox, ports) = Sandbox::new().with_ports("default", count);
    sandbox.file("package.json", r#"{ "name": "root", "workspaces": ["apps/*"] }"#);
    for (name, script) in packages {
        let manifest =
            serde_json::json!({ "name": format!("@acme/{name}"), "scripts": { "dev": script } }).to_string();
        sandbox.file(format!("apps/{name}/package.json"), &manifest);
    }
    sandbox.env("LC_ALL", "C.UTF-8").env("TERM", "xterm");
    (sandbox, ports)
}

/// A server that says what it reads.
fn reader() -> String {
    format!("'{}' --lifetime 200 & echo begun; while read line; do echo \"got <$line>\"; done", server())
}

fn server() -> String {
    dev_server().display().to_string()
}

fn dev(sandbox: &Sandbox, options: &[&str]) -> Command {
    sandbox.bowline(["dev", "--color", "never"].iter().chain(options))
}

#[test]
fn lines_stand_behind_short_names_and_keep_to_themselves() {
    let api = "printf 'one\\n\\033[31mred\\n'; printf 'two'; sleep 0.3; printf ' parts\\n'; printf 'rest'";
    let web =
        "printf '\\033[2J\\033[H\\033]0;title\\007clean\\r\\n10%%\\r20%%\\r100%%\\n'; printf '\\377\\n'";
    let (sandbox, _ports) = workspace(&[("api", api), ("backoffice", web)]);
    let output = dev(&sandbox, &["-q"]).output().unwrap();
    let lines: Vec<&[u8]> = output.stdout.split(|&byte| byte == b'\n').collect();
    for expected in [
        "api        │ one".as_bytes(),
        "api        │ \x1b[31mred\x1b[0m".as_bytes(),
        "api        │ \x1b[31mtwo parts\x1b[0m".as_bytes(),
        "api        │ \x1b[31mrest\x1b[0m".as_bytes(),
        "backoffice │ clean".as_bytes(),
        "backoffice │ 100%".as_bytes(),
        &["backoffice │ ".as_bytes(), b"\xff"].concat(),
    ] {
        let shown = String::from_utf8_lossy(&output.stdout);
        assert!(lines.contains(&expected), "{:?}: {shown}", String::from_utf8_lossy(expected));
    }
    assert_eq!(lines.len(), 8, "and nothing else");
}

#[test]
fn the_prefix_can_be_left_out_or_have_the_time() {
    let (sandbox, _ports) = workspace(&[("api", "echo one"), ("web", "echo two")]);
    let lines = |options: &[&str], locale: &str| {
        let output = dev(&sandbox, options).env("LC_ALL", locale).output().unwrap();
        let mut lines: Vec<String> =
            String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(lines(&["--prefix", "none"], "C"), ["one", "two"]);
    assert_eq!(lines(&["--prefix", "name"], "C"), ["api | one", "web | two"]);
    let timed = lines(&["--prefix", "time"], "C.UTF-8");
    assert!(timed.iter().any(|line| &line[8..] == " api │ one"), "{timed:?}");
    let refused = sandbox.run(["start", "--prefix", "time"]);
    assert_eq!(refused.status.code(), Some(2), "it shows no output: {refused:?}");
}

#[test]
fn a_service_sits_at_a_terminal_as_wide_as_what_is_left_beside_its_name() {
    let size = "stty size; test -t 1 && test -t 0 && echo at a terminal; trap 'stty size' WINCH; echo armed; \
                while :; do sleep 100 & wait; done";
    let (sandbox, _ports) = workspace(&[("api", size), ("backoffice", "exec sleep 100")]);
    let mut seat = Seat::take(dev(&sandbox, &["--grace", "1s"]));
    seat.terminal.until("api        │ 24 67");
    seat.terminal.until("api        │ at a terminal");
    seat.terminal.until("armed");
    seat.terminal.resize(10, 40);
    seat.terminal.until("10 27");
    seat.terminal.keys("\x03");
    assert_eq!(seat.wait().signal(), Some(Signal::INT.as_raw()));
}

#[test]
fn a_question_is_shown_though_its_line_has_no_end() {
    let (sandbox, _ports) =
        workspace(&[("api", "printf 'Go on? '; read yes; echo $yes"), ("web", &reader())]);
    let mut seat = Seat::take(dev(&sandbox, &[]));
    seat.terminal.until("api │ Go on? ");
    seat.terminal.keys("i1");
    seat.terminal.until("api has the keyboard");
    seat.terminal.until("Go on? ");
    seat.terminal.keys("yes\n");
    seat.terminal.until("the keyboard is yours again");
    seat.terminal.keys("q");
    seat.wait();
}

#[test]
fn keys_act_on_one_or_ask_which() {
    let (sandbox, _ports) = workspace(&[("api", &reader()), ("web", &reader())]);
    let mut seat = Seat::take(dev(&sandbox, &[]));
    let terminal = &mut seat.terminal;
    terminal.until("press ? for the keys");
    for _ in 0..2 {
        terminal.until("ready in");
    }
    terminal.keys("?");
    for words in ["1 api   http://localhost:", "2 web   http://localhost:", "end all"] {
        terminal.until(words);
    }
    terminal.keys("h");
    terminal.until("`h` does nothing; press ? for the keys");
    terminal.resize(10, 100);
    terminal.keys("?");
    terminal.until("c clear · q end all");
    terminal.keys("r");
    terminal.until("restart which? 1 api, 2 web");
    terminal.keys("\x1b");
    terminal.until("nothing is done");
    terminal.keys("r/we\n");
    terminal.until("web │ restarted by the key `r`");
    terminal.until("ready in");
    terminal.keys("1");
    terminal.until("api alone; 0 shows all");
    terminal.until("begun");
    terminal.keys("s");
    terminal.until("api │ is being stopped");
    terminal.until("api │ has ended");
    terminal.keys("?");
    terminal.until("1 api   has ended");
    terminal.keys("s");
    terminal.until("api │ started again by the key `s`");
    terminal.until("api │ ready in");
    terminal.keys("0");
    terminal.until("all services");
    terminal.keys("i/api\n");
    terminal.until("has the keyboard");
    terminal.keys("hello\n");
    terminal.until("got <hello>");
    terminal.keys("\x1d");
    terminal.until("the keyboard is yours again");
    // What it wrote meanwhile was seen, and is no line of the others.
    terminal.keys("1");
    terminal.until("api alone");
    terminal.keys("i");
    terminal.until("has the keyboard");
    terminal.keys("again\n");
    terminal.until("got <again>");
    terminal.keys("\x1d");
    terminal.until("the keyboard is yours again");
    terminal.keys("0");
    terminal.until("all services\r");
    terminal.keys("q");
    assert_eq!(seat.wait().code(), Some(0), "the end was asked for");
}

#[test]
fn what_was_seen_of_the_one_with_the_keyboard_is_not_shown_again_at_its_end() {
    let (sandbox, _ports) = workspace(&[("api", &reader()), ("web", &reader())]);
    let mut seat = Seat::take(dev(&sandbox, &[]));
    let terminal = &mut seat.terminal;
    for _ in 0..2 {
        terminal.until("ready in");
    }
    terminal.keys("i1");
    terminal.until("has the keyboard");
    terminal.keys("half");
    terminal.until("half");
    terminal.keys("\x1d");
    terminal.until("the keyboard is yours again");
    terminal.keys("s1");
    let seen = terminal.until("api │ has ended");
    assert!(!seen.contains("half"), "{seen}");
    terminal.keys("q");
    seat.wait();
}

#[test]
fn a_browser_is_the_one_that_the_user_names() {
    let (mut sandbox, _ports) = workspace(&[("api", &reader()), ("web", &reader())]);
    let opened = sandbox.root().join("opened");
    sandbox.program("xdg-open", "exit 1").program("mine", &format!("echo \"$@\" > '{}'", opened.display()));
    for (browser, words) in
        [("no-such-program:mine --new %s", "opened http"), ("none", "no browser could be")]
    {
        let mut command = dev(&sandbox, &[]);
        command.env("BROWSER", browser);
        let mut seat = Seat::take(command);
        seat.terminal.until("ready in");
        seat.terminal.until("ready in");
        seat.terminal.keys("o");
        seat.terminal.until("open which? 1 api, 2 web");
        seat.terminal.keys("2");
        seat.terminal.until(words);
        seat.terminal.keys("q");
        seat.wait();
    }
    let opened = std::fs::read_to_string(opened).unwrap();
    assert!(opened.starts_with("--new http://localhost:"), "{opened}");
}

#[test]
fn the_terminal_is_as_it_was_though_bowline_is_killed() {
    let (several, _ports) = workspace(&[("api", &reader()), ("web", &reader())]);
    let one = Sandbox::with_script(&reader());
    let cases =
        [(&several, "", ""), (&several, "i1", "has the keyboard"), (&several, "i1", ""), (&one, "", "")];
    for (sandbox, keys, shown) in cases {
        let mut seat = Seat::take(dev(sandbox, &[]));
        seat.terminal.until("ready in");
        seat.terminal.keys(keys);
        if !shown.is_empty() {
            seat.terminal.until(shown);
        }
        seat.child.kill().unwrap();
        assert_eq!(seat.wait().signal(), Some(Signal::KILL.as_raw()));
    }
}

#[test]
fn a_screen_is_left_though_bowline_is_killed() {
    let sandbox = Sandbox::with_script("printf '\\033[?1049h\\033[?25ldrawn'; exec sleep 100");
    let mut seat = Seat::take(dev(&sandbox, &[]));
    seat.terminal.until("drawn");
    seat.child.kill().unwrap();
    seat.terminal.until("\x1b[?25h\x1b[?1049l");
    seat.wait();
}

#[test]
fn lines_wait_while_the_service_at_the_keyboard_draws_on_the_alternate_screen() {
    let draw =
        "read line; printf '\\033[?1049hdrawn'; read line; printf '\\033[?1049lthrough'; exec sleep 100";
    let (sandbox, _ports) = workspace(&[("api", draw), ("web", &reader())]);
    let mut seat = Seat::take(dev(&sandbox, &["--grace", "1s"]));
    let terminal = &mut seat.terminal;
    terminal.until("ready in");
    terminal.keys("i1");
    terminal.until("has the keyboard");
    terminal.keys("\n");
    terminal.until("drawn");
    assert!(sandbox.run(["stop", "web"]).status.success());
    terminal.keys("\n");
    let meanwhile = terminal.until("through");
    assert!(!meanwhile.contains("has ended"), "{meanwhile}");
    terminal.until("web │ has ended");
    terminal.keys("\x1d");
    terminal.until("yours again");
    terminal.keys("q");
    seat.wait();
}

#[test]
fn names_in_a_file_have_no_colour_though_stderr_is_a_terminal() {
    let (sandbox, _ports) = workspace(&[("api", "echo one"), ("web", "echo two")]);
    let mut shell = sandbox.command("sh");
    let script =
        format!("'{}' dev -q > '{}'", env!("CARGO_BIN_EXE_bowline"), sandbox.root().join("out").display());
    shell.args(["-c", &script]);
    Seat::take(shell).wait();
    let out = std::fs::read_to_string(sandbox.root().join("out")).unwrap();
    let mut lines: Vec<&str> = out.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["api │ one", "web │ two"]);
}

#[test]
fn ctrl_z_and_fg_work_as_for_one() {
    let (sandbox, _ports) = workspace(&[("api", &reader()), ("web", &reader())]);
    let mut shell = sandbox.command("sh");
    let bowline = std::path::Path::new(env!("CARGO_BIN_EXE_bowline")).parent().unwrap();
    let path = format!("{}:{}", bowline.display(), std::env::var("PATH").unwrap());
    shell.arg("-i").env("PATH", path).env("PS1", "ready>");
    let mut seat = Seat::take(shell);
    let terminal = &mut seat.terminal;
    terminal.until("ready>");
    terminal.keys("bowline dev --color never\n");
    terminal.until("ready in");
    terminal.until("ready in");
    terminal.keys("\x1a");
    terminal.until("ready>");
    terminal.keys("echo $((40 + 2))\n");
    terminal.until("42");
    terminal.until("ready>");
    terminal.keys("fg\n");
    terminal.until("bowline dev");
    terminal.keys("?");
    terminal.until("end all");
    terminal.keys("q");
    terminal.until("ready>");
    terminal.keys("exit\n");
    seat.wait();
}

/// How many lines each service of the flood writes.
const FLOOD: usize = 4_000;

#[test]
fn no_line_of_a_flood_is_torn_or_lost_and_keys_are_answered() {
    let flood = |name: &str| {
        let print = format!("printf \"\\033[3%dm<{name} %d %s>\\033[0m\\n\", i % 8, i, x");
        let line = format!("BEGIN {{ x = \"{}\"; for (i = 1; i <= {FLOOD}; i++) {print} }}", "x".repeat(60));
        format!("awk '{line}'; echo '{name} is through'; exec sleep 100")
    };
    let (sandbox, _ports) = workspace(&[("a", &flood("a")), ("b", &flood("b")), ("c", &flood("c"))]);
    let mut seat = Seat::take(dev(&sandbox, &["--grace", "1s"]));
    let terminal = &mut seat.terminal;
    let mut shown = terminal.until("<c 100 ");
    terminal.keys("r");
    shown += &terminal.until("restart which?");
    terminal.keys("\x1b");
    let mut left = vec!["a is through", "b is through", "c is through"];
    left.retain(|words| !shown.contains(words));
    while !left.is_empty() {
        shown += &terminal.until("is through");
        left.retain(|words| !shown.contains(words));
    }
    let mut next = [1, 1, 1];
    for line in shown.lines().filter(|line| line.contains('<')) {
        let place = usize::from(line.as_bytes()[0] - b'a');
        let number = next[place];
        let name = ["a", "b", "c"][place];
        let color = number % 8;
        let expected = format!("{name} │ \x1b[3{color}m<{name} {number} {}>\x1b[0m", "x".repeat(60));
        assert_eq!(line.trim_end(), expected);
        next[place] += 1;
    }
    assert_eq!(next, [FLOOD + 1; 3]);
    terminal.keys("\x03");
    seat.wait();
}

#[test]
fn a_keyboard_is_given_from_elsewhere() {
    let (sandbox, _ports) = workspace(&[("api", &reader()), ("web", &reader())]);
    let mut seat = Seat::take(dev(&sandbox, &[]));
    seat.terminal.until("ready in");
    seat.terminal.until("ready in");
    let mut other = Seat::take(sandbox.bowline(["attach", "-i", "web"]));
    other.terminal.until("it has the keyboard; Ctrl-] leaves it");
    other.terminal.keys("from elsewhere\n");
    other.terminal.until("got <from elsewhere>");
    seat.terminal.until("web │ got <from elsewhere>");
    let mut third = Seat::take(sandbox.bowline(["attach", "-i", "web"]));
    third.terminal.until("its keyboard is taken by `bowline attach -i` (pid ");
    third.terminal.until("see its output with `bowline attach`");
    assert_eq!(third.wait().code(), Some(1));
    seat.terminal.keys("i2");
    seat.terminal.until("web │ its keyboard is taken by `bowline attach -i` (pid ");
    other.terminal.keys("\x1d");
    other.terminal.until("bowline stop @acme/web");
    assert_eq!(other.wait().code(), Some(0));
    seat.terminal.keys("q");
    seat.wait();
}

#[test]
fn a_service_in_the_background_is_given_lines() {
    let sandbox = Sandbox::with_script(&reader());
    let started = sandbox.run(["start"]);
    assert!(started.status.success(), "{started:?}");
    let mut seat = Seat::take(sandbox.bowline(["attach", "-i"]));
    seat.terminal.until("it reads the lines that you type; Ctrl-] leaves it");
    seat.terminal.keys("a line\n");
    seat.terminal.until("got <a line>");
    seat.terminal.keys("\x1d");
    assert_eq!(seat.wait().code(), Some(0));
    let without = sandbox.run(["attach", "-i"]);
    assert_eq!(without.status.code(), Some(2), "{without:?}");
    assert!(sandbox.run(["stop"]).status.success());
}
