//! Any process may be killed at any moment, and afterwards nothing is left.
//!
//! `BOWLINE_CHAOS_ROUNDS` sets the number of rounds. `BOWLINE_CHAOS_SEED` repeats the choices of a run; the scheduler
//! has a say in their moments.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use serde_json::Value;

use crate::support::{Noise, Sandbox, Tree, dev_server, run_to_end, stage};

const ROUNDS: u64 = 40;
const SHAPES: [&str; 5] =
    ["", "--ignore TERM --setsid", "--daemonize", "--leader-leaves", "--exit-code 1 --exit-after 30"];
/// Every so many rounds all is brought to an end and looked through.
const EPOCH: u64 = 20;

struct Chaos {
    sandbox: Sandbox,
    projects: Vec<PathBuf>,
    tree: Tree,
    children: Vec<Child>,
    dice: Noise,
}

impl Chaos {
    fn bowline(&self, project: &Path, arguments: &[&str]) -> Command {
        let mut command = self.sandbox.bowline(arguments);
        command.current_dir(project).stdout(Stdio::null()).stderr(Stdio::null());
        self.tree.mark(&mut command);
        command
    }

    /// Starts a service and somebody else who looks at the ports, and kills one or two of all that run.
    fn round(&mut self) {
        let project = self.dice.one(&self.projects).clone();
        let start = ["--json", "dev", "--restart", "on-failure", "--grace", "100ms"];
        let others: [&[&str]; 3] = [&["port"], &["ports", "prune"], &start];
        let other = *self.dice.one(&others);
        let elsewhere = self.dice.one(&self.projects).clone();
        let service = self.bowline(&project, &start).spawn().unwrap();
        let other = self.bowline(&elsewhere, other).spawn().unwrap();
        let microseconds = i64::try_from(self.dice.below(25_000)).unwrap();
        until_it_ends(&other, microseconds);
        self.children.extend([service, other]);
        for _ in 0..=self.dice.below(2) {
            self.kill_one();
        }
        self.children.retain_mut(|child| !matches!(child.try_wait(), Ok(Some(_))));
    }

    /// A supervisor, a guardian, a leader, a server, or a command in the middle of something.
    fn kill_one(&mut self) {
        let processes = self.tree.processes();
        if processes.is_empty() {
            return;
        }
        let pid = self.dice.one(&processes).0;
        // It may have ended meanwhile; its pid is not given to another process as soon as this.
        let _ = Pid::from_raw(pid).map(|pid| kill_process(pid, Signal::KILL));
    }

    /// Kills every bowline there is, guardians included, all at once as far as that goes.
    fn end(&mut self) {
        let bowlines = |tree: &Tree| {
            let processes = tree.processes().into_iter();
            let bowlines = processes.filter(|(_, command)| command.contains(env!("CARGO_BIN_EXE_bowline")));
            bowlines.filter_map(|(pid, _)| Pid::from_raw(pid)).collect::<Vec<Pid>>()
        };
        loop {
            let pids = bowlines(&self.tree);
            if pids.is_empty() {
                break;
            }
            for signal in [Signal::STOP, Signal::KILL] {
                for &pid in &pids {
                    let _ = kill_process(pid, signal);
                }
            }
            for mut child in self.children.drain(..) {
                child.wait().unwrap();
            }
        }
    }

    /// The next bowline command tidies up: no process, no reservation, no file, and a store that opens.
    fn assert_tidy(&mut self, when: &str) {
        let pruned = run_to_end(&mut self.sandbox.bowline(["ports", "prune"]));
        assert!(pruned.status.success(), "{when}: {pruned:?}");
        assert_eq!(pruned.stderr, "", "{when}: the store is sound");
        let left = self.tree.left(Duration::ZERO);
        assert!(left.is_empty(), "{when}: processes are left: {left:#?}");
        let listed = run_to_end(&mut self.sandbox.bowline(["ports", "--json"]));
        let listing: Value = serde_json::from_str(&listed.stdout).unwrap();
        assert_eq!(listing["reservations"], Value::Array(Vec::new()), "{when}");
        let names = |dir: PathBuf| -> Vec<String> {
            let entries = std::fs::read_dir(dir).unwrap().flatten();
            let mut names: Vec<String> =
                entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
            names.sort();
            names
        };
        assert_eq!(names(self.sandbox.state_dir().join("run")), [""; 0], "{when}");
        for name in names(self.sandbox.state_dir()) {
            let is_usual = ["logs", "ports.lock", "ports.redb", "run"].contains(&name.as_str());
            let log = || std::fs::read_to_string(self.sandbox.state_dir().join("logs/bowline.log"));
            assert!(is_usual, "{when}: {name}\n{}", log().unwrap_or_default());
        }
    }
}

impl Drop for Chaos {
    fn drop(&mut self) {
        self.tree.kill();
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Waits for the end of a command, but no longer than this.
fn until_it_ends(child: &Child, microseconds: i64) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).unwrap();
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).unwrap();
    let timeout = Timespec { tv_sec: 0, tv_nsec: microseconds * 1000 };
    let _ = poll(&mut [PollFd::new(&pidfd.as_fd(), PollFlags::IN)], Some(&timeout));
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

#[test]
fn whatever_is_killed_nothing_is_left() {
    let rounds = number("BOWLINE_CHAOS_ROUNDS").unwrap_or(ROUNDS);
    let seed = number("BOWLINE_CHAOS_SEED").unwrap_or(20_240_607);
    let (sandbox, _ports) = stage("", 16);
    let projects = SHAPES.iter().enumerate().map(|(number, shape)| {
        let dir = sandbox.sibling(&format!("app-{number}"));
        let script = format!("'{}' --lifetime 100 {shape}", dev_server().display());
        let package = serde_json::json!({ "name": format!("app-{number}"), "scripts": { "dev": script } });
        std::fs::write(dir.join("package.json"), package.to_string()).unwrap();
        dir
    });
    let projects = projects.collect();
    let mut chaos =
        Chaos { sandbox, projects, tree: Tree::new(), children: Vec::new(), dice: Noise::new(seed) };
    for round in 1..=rounds {
        chaos.round();
        if round % EPOCH == 0 || round == rounds {
            chaos.end();
            chaos.assert_tidy(&format!("seed {seed}, round {round}"));
        }
    }
}
