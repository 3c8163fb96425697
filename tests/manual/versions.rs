//! Two versions of bowline on one state directory.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{Finished, Sandbox, Session, run_to_end};

const OTHER: &str = "0.0.9";
/// What can be asked of a service that runs.
const WORDS: [&[&str]; 6] = [&["status"], &["wait"], &["restart"], &["start"], &["logs"], &["port"]];

/// This program with another version, built from a copy of what says the version and links to everything else.
fn other() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let place = root.join("target/other-version");
    let _ = fs::remove_dir_all(place.join("source"));
    fs::create_dir_all(place.join("source")).unwrap();
    for entry in fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name()) {
        if !["target", "Cargo.toml", "Cargo.lock"].iter().any(|name| entry == *name) {
            symlink(root.join(&entry), place.join("source").join(&entry)).unwrap();
        }
    }
    let version = concat!("name = \"bowline\"\nversion = \"", env!("CARGO_PKG_VERSION"), "\"");
    for file in ["Cargo.toml", "Cargo.lock"] {
        let text = fs::read_to_string(root.join(file)).unwrap();
        assert_eq!(text.matches(version).count(), 1, "{file}");
        let text = text.replace(version, &format!("name = \"bowline\"\nversion = \"{OTHER}\""));
        fs::write(place.join("source").join(file), text).unwrap();
    }
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--locked", "--bin", "bowline", "--target-dir"]).arg(place.join("build"));
    let built = run_to_end(cargo.current_dir(place.join("source")));
    assert!(built.status.success(), "{built:?}");
    place.join("build/debug/bowline")
}

/// Two projects, and programs to ask about them.
struct Stage {
    sandbox: Sandbox,
    beside: PathBuf,
}

impl Stage {
    fn new() -> Self {
        let sandbox = Sandbox::with_dev_server("");
        let beside = sandbox.sibling("beside");
        Self { sandbox, beside }
    }

    fn run(&self, program: &Path, dir: &Path, words: &[&str]) -> Finished {
        run_to_end(self.sandbox.command(program).args(words).current_dir(dir))
    }

    fn succeeds(&self, program: &Path, dir: &Path, words: &[&str]) -> String {
        let finished = self.run(program, dir, words);
        assert!(finished.status.success(), "{} {words:?}: {finished:?}", program.display());
        finished.stdout
    }

    /// `doctor` of a program tells of the one service that runs under the other version.
    fn is_told(&self, program: &Path, (theirs, ours): (&str, &str)) {
        let doctor = self.run(program, self.sandbox.project(), &["doctor"]).stdout;
        let lines: Vec<&str> = doctor.lines().filter(|line| line.contains(" runs under bowline ")).collect();
        let [line] = lines[..] else { panic!("{doctor}") };
        let told = line.contains(&format!(" under bowline {theirs} "));
        assert!(told && line.ends_with(&format!("this is bowline {ours}")), "{doctor}");
    }

    /// Directories with the versions that run there.
    fn services(&self, program: &Path) -> Vec<(PathBuf, String)> {
        let answer: Value =
            serde_json::from_str(&self.succeeds(program, self.sandbox.root(), &["ls", "--json"])).unwrap();
        let text = |one: &Value, field: &str| one[field].as_str().unwrap().to_owned();
        let services = answer["services"].as_array().unwrap();
        services.iter().map(|one| (text(one, "dir").into(), text(one, "bowline"))).collect()
    }
}

/// Each sees, waits for, restarts, shows and ends what the other has started.
#[test]
#[ignore = "builds the program again: `just release-rehearsal`"]
fn two_versions() {
    let (this, other) = (PathBuf::from(env!("CARGO_BIN_EXE_bowline")), other());
    let versions = [(&this, env!("CARGO_PKG_VERSION")), (&other, OTHER)];
    for [(a, a_version), (b, b_version)] in [versions, [versions[1], versions[0]]] {
        let stage = Stage::new();
        let (app, beside) = (stage.sandbox.project(), stage.beside.as_path());
        stage.succeeds(a, app, &["start"]);
        stage.succeeds(b, beside, &["start"]);
        for program in [a, b] {
            let mut services = stage.services(program);
            services.sort();
            let expected =
                [(app.to_owned(), a_version.to_owned()), (beside.to_owned(), b_version.to_owned())];
            assert_eq!(services, expected);
        }
        stage.is_told(b, (a_version, b_version));
        let mut attach = stage.sandbox.command(b);
        attach.args(["--json", "attach"]);
        let mut attached = Session::start(attach);
        attached.output("listening");
        for words in WORDS {
            stage.succeeds(b, app, words);
        }
        stage.succeeds(b, app, &["stop"]);
        attached.wait();
        stage.succeeds(a, beside, &["stop"]);
        assert_eq!(stage.services(a), []);
        assert_eq!(stage.services(b), []);
        // The other takes the place of one that runs, as an upgrade does.
        let program = stage.sandbox.root().join("bowline");
        fs::copy(a, &program).unwrap();
        stage.succeeds(&program, app, &["start"]);
        fs::copy(b, program.with_extension("new")).unwrap();
        fs::rename(program.with_extension("new"), &program).unwrap();
        stage.is_told(&program, (a_version, b_version));
        for words in WORDS {
            stage.succeeds(&program, app, words);
        }
        assert_eq!(stage.services(&program)[0].1, a_version);
        stage.succeeds(&program, app, &["stop"]);
        assert_eq!(stage.services(&program), []);
    }
}
