//! Processes that are not bowline's are never touched.

use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bowline::process::signal::send;
use bowline::process::{Identity, Signal as Kind};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Sandbox, Session, dev_server, kill_at_once, run_to_end, stage};

/// Processes of the same user that end with code 0 when the test lets them, and in another way if anybody
/// signals them.
struct Strangers {
    children: Vec<Child>,
    release: Option<std::io::PipeWriter>,
    stdin: OwnedFd,
}

impl Strangers {
    fn new() -> Self {
        let (reader, writer) = std::io::pipe().unwrap();
        Self { children: Vec::new(), release: Some(writer), stdin: reader.into() }
    }

    fn add(&mut self, configure: impl FnOnce(&mut Command)) {
        let mut command = Command::new(dev_server());
        command.args(["--lifetime", "100", "--no-listen", "--until-stdin-closes"]);
        configure(&mut command);
        command.stdin(self.stdin.try_clone().unwrap()).stdout(Stdio::null());
        self.children.push(command.spawn().unwrap());
    }

    /// Ends them all; fails if one has been touched.
    fn release(mut self, what: &str) {
        drop(self.release.take());
        for (number, child) in self.children.iter_mut().enumerate() {
            let status = child.wait().unwrap();
            assert_eq!(status.code(), Some(0), "{what}: stranger {number} was touched: {status}");
        }
    }
}

impl Drop for Strangers {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The session that runs.
fn session_id(sandbox: &Sandbox) -> String {
    let lock = sandbox.session_files("lock").pop().expect("a session's lock");
    lock.file_stem().unwrap().to_string_lossy().into_owned()
}

/// A hundred processes that might be taken for the session's own.
fn around(session: &str, sandbox: &Sandbox) -> Strangers {
    let mut strangers = Strangers::new();
    for number in 0..100 {
        strangers.add(|command| {
            command.env_remove("BOWLINE_SESSION");
            match number % 5 {
                // Marks that are not quite the session's.
                0 => drop(command.env("BOWLINE_SESSION", format!("{session}0"))),
                1 => drop(command.env("BOWLINE_SESSION", &session[1..])),
                2 => drop(command.env("NOT_BOWLINE_SESSION", session)),
                // The mark as an argument, as in a search for it.
                3 => drop(command.args(["--", &format!("BOWLINE_SESSION={session}")])),
                // In the project's own directory.
                _ => drop(command.current_dir(sandbox.project()).env("BOWLINE", "1")),
            }
        });
    }
    strangers
}

fn ends(way: &str, end: impl FnOnce(&Sandbox, Session)) {
    let (sandbox, ports) = stage("--ignore TERM --children 2 --children-escape", 2);
    let mut session = sandbox.start(["dev", "--grace", "200ms"]);
    assert_eq!(session.ready(), ports.first());
    let strangers = around(&session_id(&sandbox), &sandbox);
    end(&sandbox, session);
    strangers.release(way);
}

#[test]
fn no_end_of_bowline_touches_a_stranger() {
    ends("stop", |_, session| drop(session.stop()));
    ends("kill of bowline", |_, session| drop(session.kill(Duration::from_secs(10))));
    ends("kill of the guardian", |sandbox, session| {
        kill_process(sandbox.guardian(), Signal::KILL).unwrap();
        session.wait();
    });
    ends("kill of both", |sandbox, session| {
        let supervisor = i32::try_from(session.id()).ok().and_then(Pid::from_raw).unwrap();
        kill_at_once(&[sandbox.guardian(), supervisor]);
        let pruned = run_to_end(&mut sandbox.bowline(["ports", "prune"]));
        assert!(pruned.status.success(), "{pruned:?}");
        session.kill(Duration::ZERO);
    });
}

#[test]
fn the_holder_of_a_wanted_port_is_not_touched() {
    let (sandbox, ports) = stage("", 2);
    let mut holder = sandbox.command(dev_server());
    holder.args(["--lifetime", "100", "--port", &ports.first().to_string()]);
    let mut holder = Session::start(holder);
    holder.until("listening", |line| line["listening"].is_u64());
    let ordered = run_to_end(&mut sandbox.bowline(["dev", "--port", &ports.first().to_string()]));
    assert_eq!(ordered.status.code(), Some(3), "{ordered:?}");
    assert!(ordered.stderr.contains(&holder.id().to_string()), "the holder's pid is said: {ordered:?}");
    let mut session = sandbox.start(["dev"]);
    assert_eq!(session.ready(), ports.last());
    session.stop();
    holder.close_input();
    let ended = holder.stop();
    assert_eq!(ended.of("got").len(), 0);
}

#[test]
fn a_signal_for_a_process_that_has_ended_reaches_nobody() {
    let mut strangers = Strangers::new();
    strangers.add(|_| {});
    let pid = i32::try_from(strangers.children[0].id()).unwrap();
    let now = Identity::of(pid).unwrap();
    for started in [now.started - 1, now.started + 1, 0] {
        let before = Identity { started, ..now };
        assert!(!before.exists());
        assert!(!send(before, Kind::SIGKILL).unwrap());
    }
    strangers.release("a pid with another start time");
    assert!(!send(now, Kind::SIGKILL).unwrap());
}

/// The kernel gives a pid to the next process if it is told to, which only a privileged test may do.
#[test]
fn a_pid_that_was_given_to_another_process_is_not_taken_for_the_old_one() {
    let gone = {
        let mut strangers = Strangers::new();
        strangers.add(|_| {});
        let pid = i32::try_from(strangers.children[0].id()).unwrap();
        let gone = Identity::of(pid).unwrap();
        strangers.release("a first process");
        gone
    };
    for _ in 0..1000 {
        if std::fs::write("/proc/sys/kernel/ns_last_pid", (gone.pid - 1).to_string()).is_err() {
            return;
        }
        let mut strangers = Strangers::new();
        strangers.add(|_| {});
        let pid = i32::try_from(strangers.children[0].id()).unwrap();
        let now = Identity::of(pid).unwrap();
        if now.pid == gone.pid && now.started != gone.started {
            assert!(!send(gone, Kind::SIGKILL).unwrap());
            strangers.release("a process with a pid that was used before");
            return;
        }
        strangers.release("a process on the way");
    }
}
