//! SIGKILL at random moments to the supervisor, its guardian, its caller, or any two of them: no process is left, no
//! port is held, and no reservation stays.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Pid;
use serde_json::Value;

use crate::support::{
    Noise, Ports, Sandbox, Tree, agent, dev_server, is_free, kill_at_once, run_to_end, side_by_side,
};

/// The stand-in server's options.
const SHAPES: [&str; 6] = [
    "",
    "--ignore TERM --ignore INT --ignore HUP --ignore QUIT",
    "--setsid",
    "--daemonize",
    "--leader-leaves",
    "--children 3 --children-escape --ignore TERM --ignore HUP",
];
/// The line that the caller gives to a shell. The grace period matters where the guardian alone is killed: its
/// supervisor lives.
const LINES: [&str; 4] = [
    "exec bowline --grace 3s",
    "bowline --grace 3s; true",
    "bowline --grace 3s && true",
    "env X=1 bowline --json --grace 3s",
];
/// How long after the kill anything may be there. The promise is two seconds on a machine with nothing else to do.
const LIMIT: Duration = Duration::from_secs(10);
/// The longest time from the start to the kill, in milliseconds: long enough for most servers to be ready.
const LATEST: usize = 700;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    Supervisor,
    Guardian,
    Caller,
}

/// A caller with its bowline.
struct Trial {
    sandbox: Sandbox,
    ports: Ports,
    tree: Tree,
    caller: Child,
}

impl Trial {
    fn start(dice: &mut Noise) -> Self {
        let shape = *dice.one(&SHAPES);
        let script = format!("'{}' --lifetime 100 {shape}", dev_server().display());
        let (mut sandbox, ports) = Sandbox::with_script(&script).with_ports("default", 1);
        sandbox.program("bowline", &format!("exec '{}' \"$@\"", env!("CARGO_BIN_EXE_bowline")));
        let tree = Tree::new();
        let mut command = agent(&sandbox, LINES[dice.below(LINES.len())]);
        tree.mark(&mut command);
        let caller = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("node");
        Self { sandbox, ports, tree, caller }
    }

    /// The processes that a victim stands for at this moment.
    fn find(&self, victim: Victim) -> Option<Pid> {
        let name = |pid: i32| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        let wanted = match victim {
            Victim::Supervisor => "bowline\n",
            Victim::Guardian => "bowline-guard\n",
            Victim::Caller => return Pid::from_raw(self.caller.id().cast_signed()),
        };
        let pids = self.tree.processes().into_iter().map(|(pid, _)| pid);
        pids.filter(|&pid| name(pid) == wanted).find_map(Pid::from_raw)
    }

    /// Kills one or two, and returns whom.
    fn kill(&self, dice: &mut Noise) -> Vec<Victim> {
        const SETS: [&[Victim]; 6] = [
            &[Victim::Supervisor],
            &[Victim::Guardian],
            &[Victim::Caller],
            &[Victim::Supervisor, Victim::Guardian],
            &[Victim::Supervisor, Victim::Caller],
            &[Victim::Guardian, Victim::Caller],
        ];
        let wanted = *dice.one(&SETS);
        let found = wanted.iter().filter_map(|&victim| Some((victim, self.find(victim)?)));
        let mut found: Vec<(Victim, Pid)> = found.collect();
        if found.is_empty() {
            // It is too early for the others.
            found.extend(self.find(Victim::Caller).map(|pid| (Victim::Caller, pid)));
        }
        kill_at_once(&found.iter().map(|(_, pid)| *pid).collect::<Vec<_>>());
        found.into_iter().map(|(victim, _)| victim).collect()
    }

    /// How long it takes until nothing is left, unless the supervisor gives the whole grace period. What is left of supervisor and guardian, killed at once, is ended
    /// by the next bowline.
    fn end(mut self, killed: &[Victim]) -> Result<Duration, String> {
        let begun = Instant::now();
        if killed.contains(&Victim::Supervisor) && killed.contains(&Victim::Guardian) {
            let _ = run_to_end(&mut self.sandbox.bowline(["ports", "prune"]));
        }
        let _ = self.caller.try_wait();
        let left = self.tree.left(LIMIT);
        if !left.is_empty() {
            return Err(format!("left after {LIMIT:?}: {left:#?}"));
        }
        // A process that is ending has no environment to be found by, but may have its socket still.
        while !is_free(self.ports.first()) {
            if begun.elapsed() > LIMIT {
                return Err("the port is not free".to_owned());
            }
            std::thread::yield_now();
        }
        let took = begun.elapsed();
        // A command that only reads tells the truth before any that cleans up.
        for command in [&["ports", "--json"][..], &["ports", "prune"], &["ports", "--json"]] {
            let answer = run_to_end(&mut self.sandbox.bowline(command));
            let listing: Option<Value> = serde_json::from_str(&answer.stdout).ok();
            let reserved = listing.is_some_and(|listing| listing["reservations"] != Value::Array(Vec::new()));
            if reserved || !answer.status.success() {
                return Err(format!("{command:?}: {answer:?}"));
            }
        }
        let files = ["lock", "guard", "sock"].map(|extension| self.sandbox.session_files(extension)).concat();
        if !files.is_empty() {
            return Err(format!("files are left: {files:?}"));
        }
        Ok(if killed == [Victim::Guardian] { Duration::ZERO } else { took })
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        self.tree.kill();
        let _ = self.caller.kill();
        let _ = self.caller.wait();
    }
}

/// Kills so often, and returns the longest time until nothing was left. Fails with all that went wrong.
pub fn run(kills: usize, seed: u64, at_once: usize) -> Duration {
    let rounds: Vec<u64> = (0..u64::try_from(kills).unwrap()).collect();
    let outcomes = side_by_side(at_once, &rounds, |&round| {
        let mut dice = Noise::new(seed.wrapping_add(round << 32));
        let trial = Trial::start(&mut dice);
        std::thread::sleep(Duration::from_millis(u64::try_from(dice.below(LATEST)).unwrap()));
        let killed = trial.kill(&mut dice);
        trial.end(&killed).map_err(|what| format!("seed {seed}, kill {round}, of {killed:?}: {what}"))
    });
    let failures: Vec<&String> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert!(failures.is_empty(), "{} of {kills}: {failures:#?}", failures.len());
    outcomes.into_iter().flatten().max().unwrap_or_default()
}
