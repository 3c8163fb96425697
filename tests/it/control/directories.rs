//! Services whose directory is removed, replaced or moved while they run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use super::{Stage, code, running};
use crate::support::{dev_server, http, is_free, read_until};

/// Writes the project into a directory, with a server that prints a line of its own.
fn project(dir: &Path, line: &str) {
    fs::create_dir_all(dir).unwrap();
    let dev = format!("echo {line}; exec '{}' --lifetime 200", dev_server().display());
    let package = serde_json::json!({ "name": "shop", "scripts": { "dev": dev } });
    fs::write(dir.join("package.json"), package.to_string()).unwrap();
}

/// A project that runs in the background, and its directory.
fn stage() -> (Stage, PathBuf) {
    let stage = Stage::new("", 2);
    let dir = stage.sandbox.root().canonicalize().unwrap().join("wt");
    project(&dir, "old");
    assert_eq!(code(&stage.sandbox.run(["-C", dir.to_str().unwrap(), "start"])), Some(0));
    (stage, dir)
}

fn only(stage: &Stage) -> Value {
    let mut services = stage.services();
    assert_eq!(services.len(), 1, "{services:#?}");
    services.remove(0)
}

fn git(stage: &Stage, dir: &Path, arguments: &[&str]) {
    let identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
    let mut git = stage.sandbox.command("git");
    let output = git.arg("-C").arg(dir).args(identity).args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_worktree_that_is_made_again_is_another_project() {
    let stage = Stage::new("", 2);
    let repo = stage.sandbox.root().canonicalize().unwrap().join("repo");
    project(&repo, "old");
    git(&stage, &repo, &["init", "-q"]);
    git(&stage, &repo, &["add", "-A"]);
    git(&stage, &repo, &["commit", "-qm", "one"]);
    git(&stage, &repo, &["worktree", "add", "-q", "../wt", "-b", "feat"]);
    let dir = repo.parent().unwrap().join("wt");
    let wt = dir.to_str().unwrap();
    assert_eq!(code(&stage.sandbox.run(["-C", wt, "start"])), Some(0));
    let before = only(&stage);
    git(&stage, &repo, &["worktree", "remove", "--force", "../wt"]);
    git(&stage, &repo, &["worktree", "add", "-q", "../wt", "feat"]);
    project(&dir, "new");
    assert_eq!(only(&stage)["dirState"], "replaced");
    for arguments in [&["-C", wt, "wait"][..], &["wait", wt], &["open", wt]] {
        let refused = stage.sandbox.run(arguments);
        assert_eq!(code(&refused), Some(5), "{refused:?}");
        assert!(refused.stderr.contains("was replaced by another one"), "{refused:?}");
    }
    let started = stage.sandbox.run(["-C", wt, "start"]);
    assert_eq!(code(&started), Some(0), "{started:?}");
    assert!(started.stderr.contains("started in another directory"), "{started:?}");
    let after = only(&stage);
    assert_ne!(after["session"], before["session"]);
    assert_eq!((&after["port"], &after["dirState"]), (&before["port"], &"present".into()));
    let logs = stage.sandbox.run(["-C", wt, "logs"]).stdout;
    assert!(logs.find("old\n") < logs.find("new\n"), "{logs}");
    assert_eq!(code(&stage.sandbox.run(["-C", wt, "wait"])), Some(0));
}

#[test]
fn a_removed_directory_is_told_and_its_service_is_found_by_the_path() {
    let (stage, dir) = stage();
    let port = stage.ports.first();
    fs::remove_dir_all(&dir).unwrap();
    assert_eq!(only(&stage)["dirState"], "removed");
    let listed = stage.sandbox.run(["ls"]).stdout;
    assert!(listed.contains("running, directory removed"), "{listed}");
    let doctor = stage.sandbox.run(["doctor"]).stdout;
    assert!(doctor.contains("BAD  directories  the directory of `shop`"), "{doctor}");
    assert!(doctor.contains(&format!("bowline stop {}", dir.display())), "{doctor}");
    let gone = dir.to_str().unwrap();
    let relative = ["../wt", "../app/.././wt/", "../no/such/../../wt"];
    for word in relative.into_iter().chain([gone]) {
        let status = stage.sandbox.run(["status", word, "--json"]);
        let status: Value =
            serde_json::from_str(&status.stdout).unwrap_or_else(|_| panic!("{word}: {status:?}"));
        assert_eq!((&status["port"], &status["dirState"]), (&port.into(), &"removed".into()), "{word}");
        assert!(stage.sandbox.run(["logs", word]).stdout.starts_with("old\n"), "{word}");
        assert_eq!(code(&stage.sandbox.run(["wait", word])), Some(5), "{word}");
    }
    let refused = stage.sandbox.run(["-C", gone, "wait"]);
    assert!(refused.stderr.contains("was removed"), "{refused:?}");
    assert_eq!(code(&stage.sandbox.run(["-C", gone, "start"])), Some(5), "there is nothing to start");
    let stopped = stage.sandbox.run(["stop", "../wt/"]);
    assert_eq!(code(&stopped), Some(0), "{stopped:?}");
    assert!(is_free(port));
    assert!(stage.sandbox.run(["logs", "../wt"]).stdout.starts_with("old\n"), "after the end, too");
    let pruned = stage.sandbox.run(["ports", "prune"]).stdout;
    assert!(pruned.contains("its directory is gone"), "{pruned}");
}

#[test]
fn what_a_server_makes_anew_of_its_directory_is_no_project_and_its_service_is_found_there() {
    let (stage, dir) = stage();
    fs::remove_dir_all(&dir).unwrap();
    fs::create_dir_all(dir.join("node_modules/.cache")).unwrap();
    assert_eq!(only(&stage)["dirState"], "removed");
    let path = dir.to_str().unwrap();
    let waited = stage.sandbox.run(["-C", path, "wait"]);
    assert_eq!(code(&waited), Some(5), "{waited:?}");
    assert!(waited.stderr.contains("was removed"), "{waited:?}");
    assert_eq!(code(&stage.sandbox.run(["-C", path, "restart"])), Some(5));
    assert_eq!(running(&stage), 1);
    assert_eq!(code(&stage.sandbox.run(["-C", path, "stop"])), Some(0));
}

#[test]
fn a_service_is_stopped_from_within_its_removed_directory() {
    let (stage, dir) = stage();
    let script =
        format!("cd '{0}' && rm -r '{0}' && exec '{1}' stop", dir.display(), env!("CARGO_BIN_EXE_bowline"));
    let stopped = stage.sandbox.command("sh").args(["-c", &script]).output().unwrap();
    assert!(stopped.status.success(), "{stopped:?}");
    assert_eq!(running(&stage), 0);
}

#[test]
fn a_copy_in_its_place_is_another_project_and_the_original_is_the_same() {
    let (stage, dir) = stage();
    let (path, old) = (dir.to_str().unwrap(), dir.with_file_name("old"));
    fs::rename(&dir, &old).unwrap();
    project(&dir, "new");
    let joined = stage.sandbox.run(["-C", old.to_str().unwrap(), "start"]);
    assert_eq!(code(&joined), Some(0), "{joined:?}");
    assert!(joined.stderr.contains("already running"), "{joined:?}");
    let replaced = stage.sandbox.run(["-C", path, "start"]);
    assert_eq!(code(&replaced), Some(0), "{replaced:?}");
    assert!(replaced.stderr.contains("started in another directory"), "{replaced:?}");
    assert_eq!(only(&stage)["dirState"], "present");
    let second = stage.sandbox.run(["-C", old.to_str().unwrap(), "start"]);
    assert_eq!(code(&second), Some(0), "{second:?}");
    assert!(!second.stderr.contains("already running"), "{second:?}");
    assert_eq!(running(&stage), 2);
}

#[test]
fn a_directory_that_is_moved_takes_its_service_along() {
    let (stage, dir) = stage();
    let new = dir.with_file_name("new");
    let path = new.to_str().unwrap();
    fs::rename(&dir, &new).unwrap();
    // As Vite does, for its cache.
    fs::create_dir_all(dir.join("node_modules/.vite")).unwrap();
    let status = only(&stage);
    assert_eq!((&status["dirState"], &status["movedTo"]), (&"moved".into(), &path.into()), "{status}");
    let listed = stage.sandbox.run(["ls"]).stdout;
    assert!(listed.contains("directory moved") && listed.contains(path), "{listed}");
    for arguments in [&["start"][..], &["wait"], &["status"], &["port"]] {
        let answered = stage.sandbox.run(["-C", path].iter().chain(arguments));
        assert_eq!(code(&answered), Some(0), "{answered:?}");
    }
    let mut command = stage.sandbox.bowline(["-C", path]);
    let mut joined = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    read_until(joined.stderr.as_mut().unwrap(), "shop is already running");
    joined.kill().unwrap();
    joined.wait().unwrap();
    assert_eq!(only(&stage)["session"], status["session"]);
    let replaced = stage.sandbox.run(["-C", path, "start", "--restart-running"]);
    assert_eq!(code(&replaced), Some(0), "{replaced:?}");
    let after = only(&stage);
    assert_eq!((&after["dir"], &after["dirState"]), (&path.into(), &"present".into()), "{after}");
    assert_eq!(http::get(stage.ports.first()).status, 200);
}

#[test]
fn a_file_that_is_replaced_and_a_link_to_the_directory_change_nothing() {
    let (stage, dir) = stage();
    let package = dir.join("package.json");
    fs::copy(&package, dir.join("package.json.new")).unwrap();
    fs::rename(dir.join("package.json.new"), &package).unwrap();
    let link = dir.with_file_name("link");
    std::os::unix::fs::symlink(&dir, &link).unwrap();
    for path in [&dir, &link] {
        let joined = stage.sandbox.run(["-C", path.to_str().unwrap(), "start"]);
        assert_eq!(code(&joined), Some(0), "{joined:?}");
        assert!(joined.stderr.contains("already running"), "{joined:?}");
    }
    assert_eq!(only(&stage)["dirState"], "present");
}

#[test]
fn two_worktrees_are_told_apart_in_the_list() {
    let (mut stage, dir) = stage();
    stage.sandbox.env("HOME", dir.parent().unwrap());
    let other = dir.with_file_name("other");
    project(&other, "other");
    assert_eq!(code(&stage.sandbox.run(["-C", other.to_str().unwrap(), "start"])), Some(0));
    let listed = stage.sandbox.run(["ls"]).stdout;
    let directories: Vec<&str> = listed.lines().map(|line| line.rsplit("  ").next().unwrap()).collect();
    assert_eq!(directories, ["DIRECTORY", "~/wt", "~/other"], "{listed}");
}

#[test]
fn a_link_to_a_removed_directory_means_the_service_that_runs_in_it() {
    let (stage, dir) = stage();
    let link = |name: &str, to: &str| std::os::unix::fs::symlink(to, dir.with_file_name(name)).unwrap();
    link("link", "./wt");
    link("second", "link");
    link("circle", "circle");
    fs::remove_dir_all(&dir).unwrap();
    assert_ne!(code(&stage.sandbox.run(["stop", "../circle"])), Some(0));
    assert_eq!(code(&stage.sandbox.run(["status", "../link"])), Some(0));
    let stopped = stage.sandbox.run(["stop", "../second"]);
    assert_eq!(code(&stopped), Some(0), "{stopped:?}");
    assert_eq!(running(&stage), 0);
}

#[test]
fn a_service_whose_package_json_has_an_error_is_found_in_its_directory() {
    let (stage, dir) = stage();
    let path = dir.to_str().unwrap();
    fs::create_dir(dir.join("src")).unwrap();
    fs::write(dir.join("package.json"), "{").unwrap();
    let within = dir.join("src");
    for arguments in [&["-C", path, "status"][..], &["-C", within.to_str().unwrap(), "logs"]] {
        let answered = stage.sandbox.run(arguments);
        assert_eq!(code(&answered), Some(0), "{answered:?}");
    }
    let refused = stage.sandbox.run(["-C", path, "restart"]);
    assert_eq!(code(&refused), Some(2), "{refused:?}");
    assert!(refused.stderr.contains("package.json:1:1"), "{refused:?}");
    assert_eq!(code(&stage.sandbox.run(["-C", path, "stop"])), Some(0));
    let idle = stage.sandbox.run(["-C", path, "stop"]);
    assert!(idle.stderr.contains("package.json:1:1"), "{idle:?}");
}
