//! Supervisors that are killed in the middle of a command: each command ends, says what happened, and leaves
//! nothing.

use std::io::Write;
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::{Signal, kill_process};

use super::{Stage, pid_of, until_it_runs};
use crate::support::{PATIENCE, Tree, end_of, is_free, read_until, side_by_side};

/// A service in the background whose processes are all known.
struct Target {
    stage: Stage,
    tree: Tree,
    start: Option<Child>,
}

impl Target {
    /// Starts it; returns when it is ready, or else when it can be spoken to.
    fn new(arguments: &str, ready: bool) -> Self {
        Self::with_grace("300ms", arguments, ready)
    }

    fn with_grace(grace: &str, arguments: &str, ready: bool) -> Self {
        let mut stage = Stage::new(arguments, 3);
        stage.sandbox.program("xdg-open", "");
        let tree = Tree::new();
        let mut target = Self { stage, tree, start: None };
        let mut start = target.spawn(&["start", "--grace", grace]);
        if ready {
            assert!(start.wait().unwrap().success());
        } else {
            until_it_runs(&target.stage);
            target.start = Some(start);
        }
        target
    }

    fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = self.stage.sandbox.bowline(arguments);
        self.tree.mark(&mut command);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn kill_supervisor(&self) {
        kill_process(pid_of(&self.stage.services()[0]), Signal::KILL).unwrap();
    }

    /// Kills the supervisor that is running now, and waits for the command's end.
    fn end_of(&self, command: Child) -> (Option<i32>, String) {
        self.kill_supervisor();
        conclude(command)
    }

    /// Nothing is left, and the project can be started again.
    fn leaves_nothing(mut self) {
        let Stage { sandbox, ports } = &self.stage;
        self.tree.assert_gone(PATIENCE);
        assert!(ports.all().all(is_free));
        assert_eq!(sandbox.run(["ls", "--json"]).stdout, "{\"services\":[]}\n");
    }
}

/// The end of a command whose supervisor is dead: its exit code and its output.
fn conclude(command: Child) -> (Option<i32>, String) {
    finished_within(command, PATIENCE).unwrap_or_else(|_| panic!("it goes on"))
}

/// The end of a command, or the command if it goes on.
fn finished_within(command: Child, limit: Duration) -> Result<(Option<i32>, String), Child> {
    if end_of(&command).recv_timeout(limit).is_err() {
        return Err(command);
    }
    let output = command.wait_with_output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    Ok((output.status.code(), text))
}

#[test]
fn who_follows_is_told_that_the_supervisor_was_killed() {
    let cases = [
        (&["dev"][..], "line 2"),
        (&["--json", "dev"], "port-detected"),
        (&["attach"], "line 2"),
        (&["--json", "attach"], "port-detected"),
        (&["logs", "-f"], "line 2"),
    ];
    side_by_side(cases.len(), &cases, |&(arguments, sign)| {
        let target = Target::new("--lines 2", true);
        let mut command = target.spawn(arguments);
        let shown = read_until(command.stdout.as_mut().unwrap(), sign);
        let (code, said) = target.end_of(command);
        assert_eq!(code, Some(1), "{arguments:?}: {shown}{said}");
        assert!(said.contains("was killed"), "{arguments:?}: {shown}{said}");
        if arguments[0] == "--json" {
            let last = said.lines().find(|line| line.contains(r#""type":"error""#));
            assert!(last.is_some(), "{arguments:?}: {said}");
        }
        target.leaves_nothing();
    });
}

#[test]
fn a_stop_that_was_under_way_returns_when_the_service_has_ended() {
    let target = Target::with_grace("4s", "--ignore TERM", true);
    let mut watcher = target.stage.connect();
    watcher.attach();
    let command = target.spawn(&["stop"]);
    watcher.until_printed("SIGTERM");
    let (code, said) = target.end_of(command);
    assert_eq!(code, Some(0), "{said}");
    assert!(target.stage.ports.all().all(is_free), "its guardian has ended it by then");
    target.leaves_nothing();
}

#[test]
fn a_restart_that_was_under_way_starts_it_anew() {
    let target = Target::with_grace("4s", "--ignore TERM", true);
    let mut watcher = target.stage.connect();
    watcher.attach();
    let command = target.spawn(&["restart"]);
    watcher.until_printed("SIGTERM");
    let (code, said) = target.end_of(command);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("app is ready"), "{said}");
    assert!(target.stage.sandbox.run(["stop", "--force"]).status.success());
    target.leaves_nothing();
}

#[test]
fn a_start_whose_supervisor_is_killed_says_so() {
    let mut target = Target::new("--no-listen", false);
    let start = target.start.take().unwrap();
    let (code, said) = target.end_of(start);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("was killed before its service was ready"), "{said}");
    target.leaves_nothing();
}

/// The exit codes that a command may have whose supervisor is killed at any moment, unless the command starts a
/// service itself.
const AT_ANY_MOMENT: [(&[&str], &[i32]); 11] = [
    (&["stop"], &[0, 5]),
    (&["restart"], &[0, 4, 5]),
    (&["attach"], &[1, 5]),
    (&["logs", "-f"], &[0, 1]),
    (&["ls"], &[0]),
    (&["status"], &[0, 5, 6]),
    (&["wait"], &[4, 5]),
    (&["open"], &[4, 5]),
    (&["port"], &[0]),
    (&["ports"], &[0]),
    (&["start"], &[0, 4]),
];

#[test]
fn a_kill_at_any_moment_leaves_no_riddle() {
    let cases: Vec<_> = AT_ANY_MOMENT.iter().flat_map(|one| [(0, one), (1, one), (12, one)]).collect();
    side_by_side(4, &cases, |&(round, (arguments, codes))| {
        let mut target = Target::new("--no-listen", false);
        let first = target.start.take().unwrap();
        let pid = pid_of(&target.stage.services()[0]);
        let mut clock = target.stage.connect();
        let command = target.spawn(arguments);
        // A moment that is measured in answers: earlier or later in the command's life, never the same.
        for _ in 0..round {
            let _ended = clock.stream.write_all(b"{\"type\":\"status\"}\n");
            clock.next();
        }
        // It may have been stopped by the command already.
        let _ = kill_process(pid, Signal::KILL);
        // Where it is the command that begins a service, that never becomes ready: it is ended as well.
        let mut ended = finished_within(command, Duration::from_millis(500));
        while let Err(command) = ended {
            target.stage.sandbox.run(["stop", "--all", "--force"]);
            ended = finished_within(command, Duration::from_secs(2));
        }
        let (code, said) = ended.unwrap();
        let is_ours = matches!(arguments[0], "start" | "restart");
        assert!(code.is_some_and(|code| codes.contains(&code) || is_ours), "{arguments:?}: {code:?} {said}");
        assert!(code == Some(0) || said.contains("error: "), "{arguments:?}: {code:?} {said}");
        conclude(first);
        target.stage.sandbox.run(["stop", "--all", "--force"]);
        target.leaves_nothing();
    });
}

#[test]
fn a_list_shows_no_service_whose_supervisor_is_dead() {
    let target = Target::new("", true);
    target.kill_supervisor();
    let listed = target.stage.services();
    assert!(listed.iter().all(|one| one["connected"] == true), "{listed:?}");
    target.leaves_nothing();
}
