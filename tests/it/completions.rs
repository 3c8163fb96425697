//! Completions, asked as a shell asks, and the manual pages.

use crate::support::{Sandbox, Terminal, run_to_end};

/// The completions of bash for the last of these words.
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
    for (dir, name) in [("web", "web"), ("worker", "worker"), ("a", "@acme/a"), ("b", "@acme/b")] {
        sandbox.file(
            format!("packages/{dir}/package.json"),
            &format!(r#"{{"name":"{name}","scripts":{{"dev":"x"}}}}"#),
        );
    }
    sandbox.file("bowline.toml", "[project.db]\ncommand = \"db\"\n");
    for (words, expected) in [
        (&["bowline", "st"][..], &["start", "stop", "status"][..]),
        (&["bowline", "dev", "--script", "dev"], &["dev", "dev:api"]),
        (&["bowline", "start", "--framework", "nex"], &["next"]),
        (&["bowline", "dev", "w"], &["web", "worker"]),
        (&["bowline", "logs", "wo"], &["worker"]),
        // Without a command it is `dev`.
        (&["bowline", "w"], &["wait", "web", "worker"]),
        (&["bowline", "web", "wo"], &["worker"]),
        (&["bowline", "--framework", "nex"], &["next"]),
        (&["bowline", "web", "--scr"], &["--script"]),
        // The marks of a filter stay.
        (&["bowline", "-F", "!we"], &["!web"]),
        (&["bowline", "start", "--filter", "...^wo"], &["...^worker"]),
        (&["bowline", "dev", "d"], &["db"]),
        // A name without its scope.
        (&["bowline", "stop", "b"], &["b"]),
        (&["bowline", "-F", "...b"], &["...b"]),
        (&["bowline", "stop", "@a"], &["@acme/*", "@acme/a", "@acme/b"]),
    ] {
        assert_eq!(offered(&sandbox, words), expected, "{words:?}");
    }
}

/// It is bash itself that splits the line, so it is typed at its prompt.
#[test]
fn names_with_a_scope_or_a_colon_are_one_word_in_bash() {
    let mut sandbox = Sandbox::with_script("node server.js");
    sandbox.file(
        "package.json",
        r#"{"name":"root","workspaces":["packages/*"],"scripts":{"dev":"a","dev:api":"b","dev:web":"c"}}"#,
    );
    sandbox.file("packages/web/package.json", r#"{"name":"@acme/web","scripts":{"dev":"x"}}"#);
    let begin = r#"
        PATH="$(dirname "$PROGRAM"):$PATH"
        source <(bowline completions bash)
        PS1='at the prompt '
    "#;
    sandbox.file("begin", begin);
    let mut terminal = Terminal::new(24, 80);
    let mut command = sandbox.command("bash");
    command.env("PROGRAM", env!("CARGO_BIN_EXE_bowline")).args(["--rcfile", "begin", "-i"]);
    terminal.seat(&mut command);
    let mut bash = command.spawn().expect("bash");
    for (begun, whole) in [("dev @acme/w", "@acme/web"), ("dev --script dev:w", "dev:web")] {
        terminal.until("at the prompt ");
        terminal.keys(&format!("bowline {begun}\t"));
        terminal.until(whole);
        // The line is emptied.
        terminal.keys("\u{15}\n");
    }
    terminal.until("at the prompt ");
    terminal.keys("exit\n");
    assert!(bash.wait().expect("a child of our own").code().is_some());
}

#[test]
fn every_shell_has_its_script() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let finished = sandbox.run(["completions", shell]);
        assert!(finished.status.success() && finished.stdout.contains("bowline"), "{shell}: {finished:?}");
    }
}

#[test]
fn every_command_has_a_page_with_all_of_its_options() {
    let sandbox = Sandbox::new();
    let main = sandbox.run(["man"]).stdout;
    let listed = |page: &str, of: &str| -> Vec<String> {
        let names = page.lines().filter_map(|line| line.strip_suffix("(1)")?.strip_prefix(of));
        names.map(|name| name.replace("\\-", "-")).filter(|name| name != "help").collect()
    };
    let commands = listed(&main, "bowline\\-");
    assert!(commands.len() > 15 && commands.contains(&"doctor".to_owned()), "{main}");
    for command in commands {
        let page = sandbox.run(["man", &command]).stdout;
        let help = sandbox.run([&command, "--help"]).stdout;
        let options = help.split_whitespace().filter(|word| word.starts_with("--") && word.len() > 2);
        for option in options.map(|word| word.trim_end_matches([',', '.', ']', '`', '\'', '=', '['])) {
            assert!(page.contains(&option.replace('-', "\\-")), "{command}: {option}\n{page}");
        }
        for action in listed(&page, &format!("bowline\\-{command}\\-")) {
            assert!(sandbox.run(["man", &command, &action]).status.success(), "{command} {action}");
        }
    }
    let unknown = sandbox.run(["man", "dance"]);
    assert_eq!(unknown.status.code(), Some(2), "{unknown:?}");
}
