//! The notes of frameworks that allow one server a directory.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::support::{Ports, Sandbox, dev_server, is_free, run_to_end};

/// Each framework that keeps one, with its file.
const FRAMEWORKS: [(&str, &str); 3] =
    [("next", ".next/dev/lock"), ("nuxt", ".nuxt/nuxt.lock"), ("astro", ".astro/dev.json")];

/// A project whose framework refuses to start while the process that its file names exists, as Nuxt and Astro do.
fn stage(framework: &str, file: &str) -> (Sandbox, Ports, PathBuf) {
    let (mut sandbox, ports) = Sandbox::new().with_ports(framework, 2);
    let package = serde_json::json!({
        "name": "app", "scripts": { "dev": format!("{framework} dev") }, "dependencies": { framework: "*" },
    });
    let program = format!(
        "#!/bin/sh\nshift\npid=$(sed -n 's/.*\"pid\":\\([0-9]*\\).*/\\1/p' {file} 2>/dev/null)\n\
         if [ -n \"$pid\" ] && kill -0 \"$pid\" 2>/dev/null; then echo refused >&2; exit 1; fi\n\
         exec '{}' --lifetime 100\n",
        dev_server().display()
    );
    sandbox.file("package.json", &package.to_string());
    let bin = format!("node_modules/.bin/{framework}");
    sandbox.file(&bin, &program);
    fs::set_permissions(sandbox.project().join(&bin), PermissionsExt::from_mode(0o755)).unwrap();
    let path = sandbox.project().join(file);
    (sandbox, ports, path)
}

fn note(sandbox: &mut Sandbox, file: &str, pid: u32, port: u16) {
    sandbox.file(file, &serde_json::json!({ "pid": pid, "port": port }).to_string());
}

#[test]
fn a_dead_servers_note_does_not_block_a_start() {
    for (framework, file) in FRAMEWORKS {
        let (mut sandbox, ports, _path) = stage(framework, file);
        let mut dead = sandbox.command("true").spawn().unwrap();
        dead.wait().unwrap();
        note(&mut sandbox, file, dead.id(), ports.last());
        let mut session = sandbox.start(["dev"]);
        assert_eq!(session.ready(), ports.first(), "{framework}");
        session.stop();
    }
}

#[test]
fn a_note_whose_pid_is_another_process_now_does_not_block_a_start() {
    for (framework, file) in FRAMEWORKS {
        let (mut sandbox, ports, path) = stage(framework, file);
        let elsewhere = Ports::claim(1);
        let other = sandbox.foreign_server(elsewhere.first());
        note(&mut sandbox, file, other.id(), ports.last());
        let yesterday = SystemTime::now() - Duration::from_secs(86_400);
        File::options().write(true).open(&path).unwrap().set_modified(yesterday).unwrap();
        let mut session = sandbox.start(["dev"]);
        assert_eq!(session.ready(), ports.first(), "{framework}");
        assert!(!path.exists(), "{framework}");
        session.stop();
        assert!(!is_free(elsewhere.first()), "{framework}: the other process was touched");
        other.stop();
    }
}

#[test]
fn a_living_server_is_named_with_its_pid_and_port() {
    for (framework, file) in FRAMEWORKS {
        let (mut sandbox, _ports, path) = stage(framework, file);
        let elsewhere = Ports::claim(1);
        let port = elsewhere.first();
        let other = sandbox.foreign_server(port);
        note(&mut sandbox, file, other.id(), port);
        let finished = run_to_end(&mut sandbox.bowline(["dev"]));
        assert_eq!(finished.status.code(), Some(1), "{framework}: {finished:?}");
        let hint = finished.stderr.lines().find(|line| line.starts_with("hint:")).unwrap_or_default();
        for part in [&format!("pid {}", other.id()), &format!("port {port}"), file] {
            assert!(hint.contains(part), "{framework}: no {part} in: {hint}");
        }
        assert!(path.exists() && !is_free(port), "{framework}");
        other.stop();
    }
}
