//! The `bin` of the npm package: a program for `sh`, and for node.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rustix::process::Signal;

use super::{executable, heed_interrupts, platform, root};
use crate::support::{Finished, Sandbox, Terminal, run_to_end};

/// Stands for the program: says which process it is, what it was given, and ends in a way of its own.
const PROGRAM: &str = r#"#!/bin/sh
echo "pid $$"
printf '<%s>' "$@"
cat
case $1 in
  die) kill -s "$2" $$ ;;
  size) stty size ;;
  wait) trap 'echo interrupted; exit 9' INT; echo waiting; read -r _ ;;
esac
exit 7
"#;

/// The shells that are there.
fn shells() -> Vec<Vec<&'static str>> {
    let all = [vec!["sh"], vec!["dash"], vec!["bash"], vec!["busybox", "sh"]];
    let is_there = |shell: &Vec<&str>| {
        Command::new(shell[0]).args(&shell[1..]).args(["-c", ":"]).stdin(Stdio::null()).status().is_ok()
    };
    all.into_iter().filter(is_there).collect()
}

fn script() -> String {
    let text = fs::read_to_string(root().join("packaging/bowline.bin")).expect("a file of the repository");
    text.replace("@VERSION@", "1.2.3")
}

/// A sandbox with these two files below its root. The second is the platform's program, where there is one.
fn installed(bin: &str, program: Option<&str>) -> (Sandbox, PathBuf) {
    let sandbox = Sandbox::new();
    let bin = sandbox.root().join(bin);
    executable(&bin, &script());
    if let Some(program) = program {
        executable(&sandbox.root().join(program.replace("PLATFORM", &platform())), PROGRAM);
    }
    (sandbox, bin)
}

/// As npm, Yarn 1 and bun install it.
fn flat() -> (Sandbox, PathBuf) {
    let (sandbox, bin) = installed(
        "app/node_modules/bowline/bin/bowline.bin",
        Some("app/node_modules/@bowline/PLATFORM/bin/bowline"),
    );
    let link = bin.parent().unwrap().join("../../.bin/bowline");
    fs::create_dir(link.parent().unwrap()).unwrap();
    symlink("../bowline/bin/bowline.bin", &link).unwrap();
    (sandbox, link)
}

/// The command that starts a file with these words in front of it.
fn command(sandbox: &Sandbox, before: &[&str], file: &Path) -> Command {
    let words: Vec<OsString> = before.iter().map(OsString::from).chain([file.into()]).collect();
    let mut command = sandbox.command(&words[0]);
    heed_interrupts(command.args(&words[1..]));
    command
}

/// The pid that the command was started with, and how it ended.
fn run(mut command: Command) -> (u32, Finished) {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a shell");
    let pid = child.id();
    let Output { status, stdout, stderr } = child.wait_with_output().expect("a child of our own");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (pid, Finished { status, stdout: text(stdout), stderr: text(stderr) })
}

#[test]
fn every_shell_becomes_the_program() {
    let (sandbox, bin) = flat();
    fs::write(sandbox.root().join("input"), "from stdin").unwrap();
    for shell in [vec![]].into_iter().chain(shells()) {
        let mut command = command(&sandbox, &shell, &bin);
        command.args(["", "a b", "*", "$HOME", "two\nlines", "-x"]);
        command.stdin(fs::File::open(sandbox.root().join("input")).unwrap());
        let (pid, finished) = run(command);
        let expected = format!("pid {pid}\n<><a b><*><$HOME><two\nlines><-x>from stdin");
        assert_eq!(
            (finished.stdout.as_str(), finished.stderr.as_str()),
            (expected.as_str(), ""),
            "{shell:?}"
        );
        assert_eq!(finished.status.code(), Some(7), "{shell:?}");
    }
}

#[test]
fn it_ends_by_the_signal_of_the_program() {
    let (sandbox, bin) = flat();
    for (name, signal) in [("TERM", Signal::TERM), ("KILL", Signal::KILL), ("INT", Signal::INT)] {
        for program in [&[][..], &["node"]] {
            let finished = run_to_end(command(&sandbox, program, &bin).args(["die", name]));
            assert_eq!(finished.status.signal(), Some(signal.as_raw()), "{program:?}: {finished:?}");
        }
    }
}

#[test]
fn the_terminal_is_the_programs() {
    let (sandbox, bin) = flat();
    for program in [&[][..], &["node"]] {
        let at_terminal = |terminal: &Terminal, word: &str| {
            let mut command = command(&sandbox, program, &bin);
            command.arg(word);
            terminal.seat(&mut command);
            command.spawn().expect("a shell")
        };
        let mut terminal = Terminal::new(33, 77);
        let mut child = at_terminal(&terminal, "size");
        terminal.until("<size>");
        terminal.keys("\u{4}");
        terminal.until("33 77");
        assert_eq!(child.wait().unwrap().code(), Some(7), "{program:?}");

        let mut child = at_terminal(&terminal, "wait");
        terminal.until("<wait>");
        terminal.keys("\u{4}");
        terminal.until("waiting");
        terminal.keys("\u{3}");
        terminal.until("interrupted");
        assert_eq!(child.wait().unwrap().code(), Some(9), "{program:?}");
    }
}

#[test]
fn the_program_is_found_wherever_a_package_manager_puts_it() {
    let store = "app/node_modules/.pnpm/bowline@1.2.3/node_modules";
    let places = [
        (
            "nested",
            "a/node_modules/bowline/bin/b",
            "a/node_modules/bowline/node_modules/@bowline/PLATFORM/bin/bowline",
        ),
        ("beside", "a/node_modules/bowline/bin/b", "a/node_modules/@bowline/PLATFORM/bin/bowline"),
        (
            "hoisted",
            "a/packages/web/node_modules/bowline/bin/b",
            "a/node_modules/@bowline/PLATFORM/bin/bowline",
        ),
        ("another name", "a/node_modules/knot/bin/b", "a/node_modules/@bowline/PLATFORM/bin/bowline"),
        (
            "spaces and marks",
            "it's \"a\" $HOME * \n b/node_modules/bowline/bin/b",
            "it's \"a\" $HOME * \n b/node_modules/@bowline/PLATFORM/bin/bowline",
        ),
        ("store", &format!("{store}/bowline/bin/b"), &format!("{store}/@bowline/PLATFORM/bin/bowline")),
        (
            "plug'n'play",
            ".yarn/unplugged/bowline-npm-1.2.3-0123456789/node_modules/bowline/bin/b",
            ".yarn/unplugged/@bowline-PLATFORM-npm-1.2.3-abcdef0123/node_modules/@bowline/PLATFORM/bin/bowline",
        ),
    ];
    for (name, bin, program) in places {
        let (sandbox, bin) = installed(bin, Some(program));
        // By its own path, by a chain of links, and by a link to the directory of its package.
        let links = sandbox.root().join("some links");
        fs::create_dir(&links).unwrap();
        symlink(&bin, links.join("one")).unwrap();
        symlink("one", links.join("two")).unwrap();
        symlink(bin.parent().unwrap(), links.join("dir")).unwrap();
        let name_of = |path: &Path| path.file_name().unwrap().to_owned();
        let by_dir = links.join("dir").join(name_of(&bin));
        for path in [bin.clone(), links.join("one"), links.join("two"), by_dir] {
            let (pid, finished) = run(sandbox.command(&path));
            assert_eq!(finished.stdout, format!("pid {pid}\n<>"), "{name}, {}: {finished:?}", path.display());
        }
        let mut command = sandbox.command("sh");
        command.current_dir(bin.parent().unwrap()).arg(name_of(&bin));
        let (pid, finished) = run(command);
        assert_eq!(finished.stdout, format!("pid {pid}\n<>"), "{name}, without a directory: {finished:?}");
    }
}

/// The nested one is of the package's own version.
#[test]
fn the_nearest_program_is_taken() {
    let (sandbox, bin) = flat();
    let nested = format!("app/node_modules/bowline/node_modules/@bowline/{}/bin/bowline", platform());
    executable(&sandbox.root().join(nested), "#!/bin/sh\necho nested\n");
    assert_eq!(run_to_end(&mut sandbox.command(bin)).stdout, "nested\n");
}

#[test]
fn node_does_the_same() {
    let (sandbox, bin) = flat();
    let ask = ["-p", "typeof process.execve"];
    let replaces = run_to_end(sandbox.command("node").args(ask)).stdout == "function\n";
    let mut command = command(&sandbox, &["node"], &bin);
    command.args(["a b", ""]);
    let (pid, finished) = run(command);
    assert!(finished.stdout.ends_with("<a b><>"), "{finished:?}");
    assert_eq!((finished.status.code(), finished.stderr.as_str()), (Some(7), ""));
    assert_eq!(finished.stdout.starts_with(&format!("pid {pid}\n")), replaces, "{finished:?}");
}

#[test]
fn a_program_of_the_users_own_is_taken() {
    let (mut sandbox, bin) = flat();
    executable(&sandbox.root().join("my own"), "#!/bin/sh\necho mine \"$@\"\n");
    sandbox.program("uname", "echo Linux riscv64");
    for program in [&[][..], &["node"]] {
        let mut command = command(&sandbox, program, &bin);
        command.arg("x").env("BOWLINE_BINARY", sandbox.root().join("my own"));
        assert_eq!(run_to_end(&mut command).stdout, "mine x\n");
    }
}

/// Every shell, and node, print the same message, and nothing else.
fn assert_refused(sandbox: &Sandbox, bin: &Path, message: &str, hint: &str) {
    // A busybox that has an `uname` itself would not execute the one of the test.
    let pretends = sandbox.root().join("bin/uname").exists();
    let asked = shells().into_iter().filter(|shell| !(pretends && shell[0] == "busybox"));
    for shell in asked.chain([vec!["node"]]) {
        let Finished { status, stdout, stderr } = run_to_end(&mut command(sandbox, &shell, bin));
        assert_eq!((status.code(), stdout.as_str()), (Some(1), ""), "{shell:?}: {stderr}");
        assert!(stderr.starts_with(&format!("error: {message}\n")), "{shell:?}: {stderr}");
        assert!(stderr.contains(&format!("\nhint: {hint}")), "{shell:?}: {stderr}");
        assert_eq!(stderr.lines().count(), 2, "{shell:?}: {stderr}");
    }
}

#[test]
fn a_missing_package_is_named() {
    let (sandbox, bin) = installed("app/node_modules/bowline/bin/bowline.bin", None);
    let message = format!(
        "the package `@bowline/{}`, which has the program for this system, is not installed",
        platform()
    );
    assert_refused(&sandbox, &bin, &message, "install again with optional dependencies");
}

#[test]
fn a_system_without_a_program_is_named() {
    let (mut sandbox, bin) = flat();
    for system in ["Linux riscv64", "Linux i686", "FreeBSD amd64", "SunOS i86pc"] {
        sandbox.program("uname", &format!("echo '{system}'"));
        let message = format!("there is no package of bowline for this system: {system}");
        assert_refused(
            &sandbox,
            &bin,
            &message,
            "build it with `cargo install bowline`, and set `BOWLINE_BINARY`",
        );
    }
}

#[test]
fn windows_is_told_of_wsl() {
    let (mut sandbox, bin) = flat();
    let (message, hint) =
        ("bowline does not run on Windows itself", "use it within WSL 2, where it is Linux\n");
    for system in ["MINGW64_NT-10.0-22631 x86_64", "MSYS_NT-10.0 x86_64", "CYGWIN_NT-10.0 x86_64"] {
        sandbox.program("uname", &format!("echo '{system}'"));
        assert_refused(&sandbox, &bin, message, hint);
    }
    let windows = sandbox.root().join("windows.js");
    fs::write(&windows, "Object.defineProperty(process, 'platform', { value: 'win32' });").unwrap();
    let mut command = sandbox.command("node");
    command.arg("-r").arg(windows).arg(&bin);
    let finished = run_to_end(&mut command);
    assert_eq!(finished.stderr, format!("error: {message}\nhint: {hint}"));
    assert_eq!(finished.status.code(), Some(1));
}

/// As one that needs a loader or a C library that is not there. The shell's own words come first.
#[test]
fn a_program_that_the_system_cannot_execute_is_named() {
    let (sandbox, bin) = flat();
    let program = format!("app/node_modules/@bowline/{}/bin/bowline", platform());
    executable(&sandbox.root().join(&program), "#!/lib/no-such-loader\n");
    for shell in shells() {
        let Finished { status, stdout, stderr } = run_to_end(&mut command(&sandbox, &shell, &bin));
        assert_eq!((status.code(), stdout.as_str()), (Some(1), ""), "{shell:?}: {stderr}");
        assert!(stderr.contains("\nerror: this system cannot execute `"), "{shell:?}: {stderr}");
        assert!(
            stderr.contains(&format!("@bowline/{}/bin/bowline`\nhint: ", platform())),
            "{shell:?}: {stderr}"
        );
    }
}
