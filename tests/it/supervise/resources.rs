//! The memory and the processor time of supervisors and guardians, as Linux accounts for them.

use std::fs;
use std::io::Read;
use std::process::Stdio;

use crate::support::{Session, dev_server, run_to_end, stage};

const MUCH: u64 = 96 << 20;

/// A number that the kernel tells of a process.
fn told_of(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let told = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    told.split_whitespace().next().unwrap().parse().unwrap()
}

/// The most memory that a process has had, in KiB.
fn peak(pid: u32) -> u64 {
    told_of(pid, "VmHWM")
}

#[test]
fn a_reader_that_stalls_stalls_the_service_and_costs_no_memory() {
    let (sandbox, _ports) = stage(&format!("--produce {MUCH}"), 1);
    let mut bowline =
        sandbox.bowline(["-q", "dev"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut stdout = bowline.stdout.take().unwrap();
    let mut first = [0];
    stdout.read_exact(&mut first).unwrap();
    // As long as the same output takes elsewhere, nobody reads.
    let produce = format!("'{}' --produce {MUCH} | cat > /dev/null", dev_server().display());
    run_to_end(sandbox.command("sh").args(["-c", &produce]));
    let peak = peak(bowline.id());
    assert!(peak < 24 << 10, "{peak} KiB while nobody reads");
    let rest = std::io::copy(&mut stdout, &mut std::io::sink()).unwrap();
    assert_eq!(rest + 1, MUCH);
    assert_eq!(bowline.wait().unwrap().code(), Some(4));
}

#[test]
fn what_only_the_start_needed_is_given_back() {
    let (sandbox, _ports) = stage("", 1);
    let mut session = sandbox.start(["dev"]);
    session.ready();
    let (now, peak) = (told_of(session.id(), "VmRSS"), peak(session.id()));
    assert!(now + (1 << 10) < peak, "{now} KiB of {peak}");
    session.stop();
}

/// How often a process has gone to sleep of itself: each time but the first it had been woken.
fn sleeps(pid: u32) -> u64 {
    told_of(pid, "voluntary_ctxt_switches")
}

#[test]
fn an_idle_supervisor_and_its_guardian_never_wake() {
    let (sandbox, _ports) = stage("", 1);
    let mut session = sandbox.start(["dev"]);
    session.ready();
    let guardian = sandbox.guardian().as_raw_nonzero().get().cast_unsigned();
    let count = || (sleeps(session.id()), sleeps(guardian));
    // It looks at the listener again after pauses that double, and sleeps between.
    let mut before = count();
    let sleeps_through = (0..8).any(|_| {
        silence(&session, 1500);
        std::mem::replace(&mut before, count()) == before
    });
    assert!(sleeps_through, "it woke in each of eight pauses");
    session.stop();
}

/// Waits in vain for the end of the session.
fn silence(session: &Session, milliseconds: i64) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let pid = rustix::process::Pid::from_raw(i32::try_from(session.id()).unwrap()).unwrap();
    let pidfd = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).unwrap();
    let timeout = Timespec { tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000 };
    assert_eq!(poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&timeout)), Ok(0), "bowline has ended");
}
