//! What shells offer, asked as a shell asks.

mod support;

use support::{Sandbox, run_to_end};

/// What bash offers for the last of these words.
fn offered(sandbox: &Sandbox, words: &[&str]) -> Vec<String> {
    let script = r#"
        PATH="$(dirname "$PROGRAM"):$PATH"
        source <(bowline completions bash)
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_TYPE=9
        _clap_complete_bowline bowline "${COMP_WORDS[COMP_CWORD]}" ""
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let mut command = sandbox.command("bash");
    command.env("PROGRAM", env!("CARGO_BIN_EXE_bowline")).args(["-c", script, "bash"]).args(words);
    let finished = run_to_end(&mut command);
    assert!(finished.status.success(), "{finished:?}");
    finished.stdout.lines().map(|line| line.trim().to_owned()).collect()
}

#[test]
fn commands_scripts_frameworks_and_projects_are_offered() {
    let mut sandbox = Sandbox::with_script("node server.js");
    sandbox.file(
        "package.json",
        r#"{"name":"root","workspaces":["packages/*"],"scripts":{"dev":"a","dev:api":"b"}}"#,
    );
    for name in ["web", "worker"] {
        sandbox.file(
            format!("packages/{name}/package.json"),
            &format!(r#"{{"name":"{name}","scripts":{{"dev":"x"}}}}"#),
        );
    }
    for (words, expected) in [
        (&["bowline", "st"][..], &["start", "stop", "status"][..]),
        (&["bowline", "dev", "--script", "dev"], &["dev", "dev:api"]),
        (&["bowline", "start", "--framework", "nex"], &["next"]),
        (&["bowline", "dev", "w"], &["web", "worker"]),
        (&["bowline", "logs", "wo"], &["worker"]),
    ] {
        assert_eq!(offered(&sandbox, words), expected, "{words:?}");
    }
}

#[test]
fn every_shell_has_its_script() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let finished = sandbox.run(["completions", shell]);
        assert!(finished.status.success() && finished.stdout.contains("bowline"), "{shell}: {finished:?}");
    }
}
