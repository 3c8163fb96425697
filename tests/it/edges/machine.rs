//! Machines on which bowline is alone with threads or without a process table.
#![cfg(target_os = "linux")]

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use rustix::process::Signal;

use crate::support::{Session, run_to_end, stage_of};

const THREAD: &str = "
    #include <pthread.h>
    #include <unistd.h>
    static void *wait_for_ever(void *unused) { for (;;) pause(); return unused; }
    __attribute__((constructor)) static void begin(void) {
        pthread_t thread;
        pthread_create(&thread, 0, wait_for_ever, 0);
    }
";

#[test]
fn a_thread_that_a_library_has_started_is_an_error_and_no_panic() {
    let (mut sandbox, _ports) = stage_of("touch started", 1);
    sandbox.file("agent.c", THREAD);
    let agent = sandbox.project().join("agent.so");
    let mut compiler = Command::new("cc");
    compiler
        .args(["-shared", "-fPIC", "-o"])
        .arg(&agent)
        .arg(sandbox.project().join("agent.c"))
        .arg("-lpthread");
    assert!(run_to_end(&mut compiler).status.success(), "the compiler that has linked this program");
    let ended = run_to_end(sandbox.bowline(["dev"]).env("LD_PRELOAD", &agent));
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stderr.contains("has a thread that is not its own"), "{ended:?}");
    assert!(!ended.stderr.contains("panicked"), "{ended:?}");
    assert!(!sandbox.project().join("started").exists());
}

/// Some containers hide the process table. Without it bowline knows no descendants, but the process group of
/// its leader.
#[test]
fn what_ignores_its_signals_is_killed_without_a_process_table() {
    let (sandbox, _ports) = stage_of("trap '' TERM; echo deaf; while :; do sleep 100; done", 1);
    let hidden = "mount -t tmpfs none /proc && exec \"$0\" --json dev --grace 100ms";
    let unshared = |script| {
        let mut command = sandbox.command("unshare");
        command.args(["--mount", "sh", "-c", script, env!("CARGO_BIN_EXE_bowline")]);
        command
    };
    if !run_to_end(&mut unshared("mount -t tmpfs none /proc")).status.success() {
        return;
    }
    let mut session = Session::start(unshared(hidden));
    session.output("deaf");
    session.signal(Signal::TERM);
    assert_eq!(session.wait().status.signal(), Some(Signal::KILL.as_raw()));
}
