//! The state directory: what is made, what is left alone, what is said.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::support::{Finished, Ports, Sandbox, Test, run_to_end, stage_in_shell};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).permissions().mode()
        & 0o7777
}

/// A project with ports of its own, whose runtime directory holds what cannot be in the state directory.
fn stage() -> (Sandbox, Ports, PathBuf) {
    let (mut sandbox, ports) = stage_in_shell("", 2);
    let runtime = sandbox.root().join("runtime");
    fs::create_dir(&runtime).unwrap();
    sandbox.env("XDG_RUNTIME_DIR", &runtime);
    (sandbox, ports, runtime)
}

#[test]
fn a_directory_that_others_write_to_keeps_its_mode_and_is_not_used() {
    let (sandbox, ports, runtime) = stage();
    let state = sandbox.state_dir();
    fs::create_dir(&state).unwrap();
    fs::set_permissions(&state, fs::Permissions::from_mode(0o1777)).unwrap();
    let mut session = sandbox.start(["dev"]);
    assert_eq!(session.ready(), ports.first());
    let listed = sandbox.run(["ls"]);
    assert!(listed.stdout.contains(&ports.first().to_string()), "{listed:?}");
    let ended = session.stop();
    assert_eq!(mode(&state), 0o1777);
    assert_eq!(fs::read_dir(&state).unwrap().count(), 0);
    let spare = runtime.join("bowline");
    for (path, expected) in [("", 0o700), ("run", 0o700), ("logs", 0o700), ("ports.redb", 0o600)] {
        assert_eq!(mode(&spare.join(path)), expected, "{path}");
    }
    let said = format!("is open to others: mode 1777; `{}` is used instead", spare.display());
    assert!(ended.stderr.contains(&said), "{}", ended.stderr);
    assert!(ended.stderr.contains("choose one of your own with `--state-dir`"), "{}", ended.stderr);
}

#[test]
fn all_that_is_made_is_for_the_user_alone() {
    let (sandbox, _ports, _) = stage();
    let mut session = sandbox.start(["dev"]);
    session.ready();
    let state = sandbox.state_dir();
    let mut pending = vec![state.clone()];
    let mut files = 0;
    while let Some(dir) = pending.pop() {
        assert_eq!(mode(&dir), 0o700, "{}", dir.display());
        for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                pending.push(path);
            } else {
                assert_eq!(mode(&path), 0o600, "{}", path.display());
                files += 1;
            }
        }
    }
    assert!(files >= 5, "the store, two locks, a socket, logs: {files}");
    session.stop();
}

#[test]
fn the_doctor_names_a_lock_that_somebody_holds() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.state_dir()).unwrap();
    fs::set_permissions(sandbox.state_dir(), fs::Permissions::from_mode(0o700)).unwrap();
    let lock = sandbox.state_dir().join("ports.lock");
    let held = fs::File::create(&lock).unwrap();
    held.lock().unwrap();
    let ended = sandbox.run(["doctor"]);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stdout.contains(&format!("fuser -v {}", lock.display())), "{ended:?}");
    drop(held);
    let ended = sandbox.run(["doctor"]);
    assert!(!ended.stdout.contains("fuser"), "{ended:?}");
}

#[test]
fn a_dry_run_leaves_no_line_in_the_log_and_says_it_with_v() {
    let (sandbox, _ports, _) = stage();
    let logs = sandbox.state_dir().join("logs");
    fs::create_dir_all(&logs).unwrap();
    fs::set_permissions(sandbox.state_dir(), fs::Permissions::from_mode(0o700)).unwrap();
    let sandbox =
        Test::within(sandbox).args(["--dry-run", "-v"]).stderr_contains("[port-allocator] 🎯").run();
    assert_eq!(fs::read_dir(&logs).unwrap().count(), 0);
    assert_eq!(fs::read_dir(sandbox.state_dir()).unwrap().count(), 1);
}

#[test]
fn without_a_home_it_is_said_what_is_used_and_that_remembers() {
    let (sandbox, ports, runtime) = stage();
    let wish = ports.last().to_string();
    let exec = |port: Option<&str>| {
        let mut command = sandbox.bowline(["exec", "--", "true"]);
        command.env_remove("HOME").env_remove("BOWLINE_STATE_DIR");
        command.envs(port.map(|port| ("PORT", port)));
        run_to_end(&mut command).stderr
    };
    let said = exec(Some(&wish));
    let instead = format!("`{}` is used instead", runtime.join("bowline").display());
    assert!(said.contains(&instead) && !said.contains("nothing is remembered"), "{said}");
    assert!(exec(None).contains(&format!("port {wish}")), "the port is remembered there");
}

/// `bowline` in a directory that is removed before it starts.
fn nowhere(sandbox: &Sandbox, arguments: &[&str]) -> Finished {
    let gone = sandbox.root().join("gone");
    fs::create_dir(&gone).unwrap();
    let mut command = sandbox.command("sh");
    let program = env!("CARGO_BIN_EXE_bowline");
    command.current_dir(&gone).args(["-c", r#"rmdir "$PWD" && exec "$@""#, "sh", program]).args(arguments);
    run_to_end(&mut command)
}

#[test]
fn what_needs_no_directory_works_where_it_is_gone() {
    let (sandbox, ports, _) = stage();
    let app = sandbox.project().to_str().unwrap();
    let mut session = sandbox.start(["dev"]);
    let port = session.ready().to_string();
    for arguments in [&["ls"][..], &["ports"], &["-C", "/", "ls"], &["-C", app, "port"], &["port", app]] {
        let ended = nowhere(&sandbox, arguments);
        assert!(ended.status.success() && ended.stdout.contains(&port), "{arguments:?}: {ended:?}");
    }
    for arguments in [&[][..], &["dev", "app"], &["port"], &["detect"], &["stop"], &["exec", "--", "true"]] {
        let ended = nowhere(&sandbox, arguments);
        let said = "error: the current directory is gone\nhint: change to a directory that exists\n";
        assert_eq!((ended.status.code(), &*ended.stderr), (Some(5), said), "{arguments:?}");
    }
    let ended = nowhere(&sandbox, &["stop", "--all"]);
    assert!(ended.status.success() && ended.stdout.starts_with("stopped "), "{ended:?}");
    session.wait();
    drop(ports);
}
