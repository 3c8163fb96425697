//! What becomes of bowline and its service when the caller goes.

use std::fs::File;
use std::io::pipe;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{
    Fifo, Gate, PATIENCE, Ports, Sandbox, Terminal, Tree, agent, await_in, dev_server, is_free, side_by_side,
};

const DEAF: &str = "--ignore TERM --ignore INT --ignore HUP --ignore QUIT";
/// The grace period, which is far longer than any of this may take.
const GRACE: &str = "90s";
/// The promise is two seconds, on a machine that has time.
const SOON: Duration = Duration::from_secs(20);
/// How long it must go on where it goes on.
const A_WHILE: Duration = Duration::from_millis(1_500);

/// A project of the stand-in server.
struct Stage {
    sandbox: Sandbox,
    ports: Ports,
    alive: Fifo,
    tree: Tree,
}

impl Stage {
    fn new(shape: &str) -> Self {
        let mut sandbox = Sandbox::new();
        let alive = Fifo::create(&sandbox.root().join("alive"));
        let script = format!(
            "exec '{}' --lifetime 200 --tell '{}' {shape}",
            dev_server().display(),
            alive.path.display()
        );
        let package = serde_json::json!({ "name": "app", "scripts": { "dev": script } });
        sandbox.file("package.json", &package.to_string());
        let ports = Ports::claim(1);
        sandbox.range("default", &ports);
        sandbox.program("bowline", &format!("exec '{}' \"$@\"", env!("CARGO_BIN_EXE_bowline")));
        Self { sandbox, ports, alive, tree: Tree::new() }
    }

    fn spawn(&self, mut command: Command) -> Child {
        self.tree.mark(&mut command);
        command.spawn().unwrap()
    }

    /// A shell that runs this line. The output of its commands goes to files, unless the line says otherwise.
    fn shell(&self, line: &str) -> Child {
        let file = || File::create(self.sandbox.root().join("output")).unwrap();
        let mut command = self.sandbox.command("sh");
        command.args(["-c", line]).stdout(file()).stderr(file());
        self.spawn(command)
    }

    fn bowline(&self, stdout: impl Into<Stdio>, stderr: impl Into<Stdio>) -> Child {
        let mut command = self.sandbox.bowline(["dev", "--grace", GRACE]);
        command.stdout(stdout).stderr(stderr);
        self.spawn(command)
    }

    /// Waits until the server listens.
    fn is_up(&self) -> Pid {
        self.alive.pid(PATIENCE).expect("the server does not come up")
    }

    fn goes_on(&self, why: &str) {
        assert!(!self.alive.ends(Instant::now() + A_WHILE), "it has ended: {why}");
    }

    /// Nothing is left soon.
    fn assert_gone(mut self, why: &str) {
        assert!(self.alive.ends(Instant::now() + SOON), "it goes on: {why}");
        self.tree.assert_gone(SOON);
        assert!(is_free(self.ports.first()), "{why}");
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.tree.kill();
    }
}

fn stop(mut bowline: Child) {
    kill_process(Pid::from_raw(bowline.id().cast_signed()).unwrap(), Signal::TERM).unwrap();
    bowline.wait().unwrap();
}

#[test]
fn an_agent_that_is_killed_takes_everything_along() {
    let lines = [
        "exec bowline dev --grace 90s",
        "bowline --grace 90s; true",
        "cd . && bowline --json --grace 90s && echo done",
        "env -u X A=1 bowline --grace 90s -q",
        "bowline --grace 90s 2>/dev/null",
        "echo | bowline --grace 90s",
    ];
    let shapes = [DEAF, "--setsid", "--daemonize", "--leader-leaves --ignore HUP"];
    let cases: Vec<(&str, &str)> = lines
        .iter()
        .flat_map(|&line| [(line, DEAF)])
        .chain(shapes.iter().map(|&shape| (lines[1], shape)))
        .collect();
    side_by_side(4, &cases, |&(line, shape)| {
        let stage = Stage::new(shape);
        let mut command = agent(&stage.sandbox, line);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut agent = stage.spawn(command);
        stage.is_up();
        agent.kill().unwrap();
        agent.wait().unwrap();
        stage.assert_gone(line);
    });
}

#[test]
fn a_terminal_that_is_gone_has_no_reader() {
    let stage = Stage::new(DEAF);
    let mut terminal = Terminal::new(24, 80);
    // It is not bowline's controlling terminal, whose end the kernel would tell by a signal.
    let mut command = stage.sandbox.bowline(["dev", "--grace", GRACE]);
    terminal.streams(&mut command);
    let mut bowline = stage.spawn(command);
    stage.is_up();
    terminal.close();
    bowline.wait().unwrap();
    stage.assert_gone("the terminal is closed");
}

#[test]
fn a_socket_has_a_reader_until_its_other_side_closes_or_reads_no_more() {
    for shut in [false, true] {
        let stage = Stage::new("");
        let (ours, theirs) = UnixStream::pair().unwrap();
        let stream = || Stdio::from(OwnedFd::from(theirs.try_clone().unwrap()));
        let mut bowline = stage.bowline(stream(), stream());
        drop(theirs);
        stage.is_up();
        ours.shutdown(Shutdown::Write).unwrap();
        stage.goes_on("the other side still reads");
        if shut {
            ours.shutdown(Shutdown::Read).unwrap();
        } else {
            drop(ours);
        }
        let status = bowline.wait().unwrap();
        assert_eq!(status.signal(), Some(Signal::HUP.as_raw()), "as at SIGHUP");
        stage.assert_gone("the other side is gone");
    }
}

#[test]
fn one_reader_that_is_left_keeps_it_alive() {
    for lost_first in [true, false] {
        let stage = Stage::new("");
        let ((out, stdout), (err, stderr)) = (pipe().unwrap(), pipe().unwrap());
        let mut bowline = stage.bowline(stdout, stderr);
        stage.is_up();
        let (lost, left) = if lost_first { (out, err) } else { (err, out) };
        drop(lost);
        stage.goes_on("one is left");
        drop(left);
        bowline.wait().unwrap();
        stage.assert_gone("none is left");
    }
}

#[test]
fn a_file_keeps_what_it_is_given_and_nobody_waits_at_the_null_device() {
    let stage = Stage::new("");
    let ((out, stdout), file) = (pipe().unwrap(), tempfile::tempfile().unwrap());
    let bowline = stage.bowline(stdout, file);
    stage.is_up();
    drop(out);
    stage.goes_on("the file can be read later");
    stop(bowline);
    stage.assert_gone("SIGTERM");
    let stage = Stage::new("");
    let bowline = stage.bowline(Stdio::null(), Stdio::null());
    stage.is_up();
    stage.goes_on("nobody was there");
    stop(bowline);
}

#[test]
fn a_step_whose_shell_ends_leaves_its_server_to_the_next_one() {
    let stage = Stage::new("");
    let ((out, stdout), (err, stderr)) = (pipe().unwrap(), pipe().unwrap());
    let mut command = stage.sandbox.command("sh");
    command.args(["-c", "bowline dev & bowline wait >&2"]).stdout(stdout).stderr(stderr);
    let mut step = stage.spawn(command);
    stage.is_up();
    step.wait().unwrap();
    stage.goes_on("the output is still read");
    drop((out, err));
    stage.assert_gone("the output is read no more");
}

#[test]
fn with_parent_it_ends_with_the_process_that_started_it_whatever_its_output_is() {
    let lines = [
        "bowline dev --grace 90s --with-parent; true",
        "export BOWLINE_WITH_PARENT=1; bowline dev --grace 90s; true",
        "export BOWLINE_WITH_PARENT=1; bowline --json exec --grace 90s -- npm run dev; true",
        "bowline start --grace 90s --with-parent; read forever < gate",
        "export BOWLINE_WITH_PARENT=1; bowline start --grace 90s; read forever < gate",
    ];
    side_by_side(4, &lines, |&line| {
        let stage = Stage::new(DEAF);
        let _gate = Gate::create(&stage.sandbox.project().join("gate"));
        let mut shell = stage.shell(line);
        stage.is_up();
        if line.contains("start") {
            let waited = stage.sandbox.run(["wait"]);
            assert!(waited.status.success(), "{waited:?}");
        }
        stage.goes_on(line);
        shell.kill().unwrap();
        shell.wait().unwrap();
        stage.assert_gone(line);
    });
}

#[test]
fn without_it_a_parent_that_is_killed_changes_nothing() {
    for line in
        ["bowline dev; true", "export BOWLINE_WITH_PARENT=0; bowline dev; true", "bowline start; read x"]
    {
        let stage = Stage::new("");
        let mut shell = stage.shell(line);
        stage.is_up();
        shell.kill().unwrap();
        shell.wait().unwrap();
        stage.goes_on(line);
        assert!(stage.sandbox.run(["stop"]).status.success());
        stage.assert_gone(line);
    }
}

#[test]
fn a_parent_that_is_gone_before_bowline_looks_is_missed() {
    let stage = Stage::new("");
    let gate = Gate::create(&stage.sandbox.root().join("gate"));
    // In a session of its own: the process that adopts bowline is in another one.
    let line = format!("(read go < '{}'; exec bowline dev --with-parent) & exit 0", gate.0.display());
    let mut command = stage.sandbox.command("setsid");
    command.args(["sh", "-c", &line]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut starter = stage.spawn(command);
    starter.wait().unwrap();
    gate.open();
    let left = stage.tree.left(SOON);
    assert!(left.is_empty(), "{left:?}");
    assert!(stage.alive.pid(Duration::ZERO).is_none(), "the server was never started");
}

#[test]
fn a_value_that_means_nothing_is_an_error() {
    let mut stage = Stage::new("");
    stage.sandbox.env("BOWLINE_WITH_PARENT", "yes");
    let finished = stage.sandbox.run(["dev"]);
    assert_eq!(finished.status.code(), Some(2), "{finished:?}");
    let expected = "error: the variable BOWLINE_WITH_PARENT is neither `1` nor `0`: `yes`\n\
                    hint: set it to `1`, or unset it\n";
    assert_eq!(finished.stderr, expected);
    assert!(stage.sandbox.run(["ls"]).status.success(), "what starts nothing does not ask");
}

#[test]
fn the_service_does_not_get_the_variable() {
    let (mut sandbox, _ports) = Sandbox::with_script("env").with_ports("default", 1);
    sandbox.env("BOWLINE_WITH_PARENT", "1");
    let mut session = sandbox.start(["dev"]);
    session.event("process-exited");
    assert!(!session.printed().contains("BOWLINE_WITH_PARENT"), "{}", session.printed());
    session.wait();
}

#[test]
fn who_follows_or_waits_does_not_outlive_its_reader() {
    let commands: [&[&str]; 6] =
        [&["dev"], &["--json", "dev"], &["attach"], &["logs", "-f"], &["wait"], &["start"]];
    let stage = Stage::new("--delay 100000");
    let mut first = stage.bowline(Stdio::null(), Stdio::null());
    await_in(&stage.sandbox.state_dir().join("run"), || stage.sandbox.session_files("sock").pop());
    for arguments in commands {
        let ((out, stdout), (err, stderr)) = (pipe().unwrap(), pipe().unwrap());
        let mut command = stage.sandbox.bowline(arguments);
        command.stdout(stdout).stderr(stderr);
        let tree = Tree::new();
        tree.mark(&mut command);
        let mut follower = command.spawn().unwrap();
        drop(command);
        drop((out, err));
        follower.wait().unwrap();
        let left = tree.left(SOON);
        assert!(left.is_empty(), "{arguments:?}: {left:?}");
    }
    assert!(first.try_wait().unwrap().is_none(), "the service goes on");
    stop(first);
}

#[test]
fn a_log_that_is_read_no_more_ends_although_its_errors_are() {
    let stage = Stage::new("");
    let bowline = stage.bowline(Stdio::null(), Stdio::null());
    stage.is_up();
    for arguments in [&["logs", "-f"][..], &["--json", "attach"]] {
        let mut command = stage.sandbox.bowline(arguments);
        let mut follower = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(follower.stdout.take());
        follower.wait().unwrap();
    }
    stop(bowline);
}
