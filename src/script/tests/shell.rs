//! The real shell, with stand-ins for all programs, which record how they were called.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use super::{edit, package};
use crate::script::{Script, append};

/// Writes each call at once, as calls may run concurrently.
const RECORDER: &str = r#"#!/bin/sh
line="${0##*/} PORT=$PORT"
for a in "$@"; do line="$line [$a]"; done
printf '%s\n' "$line" >> "$LOG"
"#;

/// Stand-ins that behave like the wrappers, as far as the rows need it.
const STAND_INS: &[(&str, &str)] = &[
    (
        "cross-env",
        r#"while case "$1" in *=*) true;; *) false;; esac; do export "$1"; shift; done; exec "$@""#,
    ),
    ("dotenv", r#"while [ "$1" != -- ]; do shift; done; shift; exec "$@""#),
    ("npx", r#"exec "$@""#),
    ("concurrently", r#"for command in "$@"; do case "$command" in -*) ;; *) sh -c "$command";; esac; done"#),
    (
        "npm",
        r#"shift; name=$1; shift; [ "$1" = -- ] && shift
text=$(cat "$SCRIPTS/$name"); for a in "$@"; do text="$text '$a'"; done; npm_lifecycle_event=$name exec sh -c "$text""#,
    ),
    ("pnpm", r#"name=$1; shift; text=$(cat "$SCRIPTS/$name"); exec sh -c "$text $*""#),
];

const ROWS: &[&str] = &[
    "vite",
    "vite dev --host 'a b'",
    "vite --port 4000",
    "vite --port=4000 --open",
    "vite --port \"$PORT\"",
    "vite -p ${NOTHING:-4000} --open",
    "vite -p4000",
    "PORT=4000 vite",
    "cross-env PORT=4000 A='x y' vite --port 4000",
    "env PORT=4000 vite",
    "export PORT=4000 && vite",
    "PORT=4000; vite",
    "tsc && vite",
    "vite && tsc --x",
    "vite; tsc",
    "tsc & vite; wait",
    "vite & tsc; wait",
    "vite | cat",
    "vite || tsc",
    "vite # note",
    "vite > out 2>&1",
    "vite>out",
    "vite --port $PORT>out",
    "vite -- --port 4000",
    "(vite)",
    "{ vite; }",
    "if true; then vite; else tsc; fi",
    "for i in 1; do vite; done",
    "case a in a) vite;; esac",
    "sh -c 'vite'",
    "sh -c \"vite --port $PORT\"",
    "sh -c \"echo 'x y'; vite --port '4000'\"",
    "sh -c vite\\ --host",
    "sh -c 'sh -c \"vite\"'",
    "dotenv -e .env -- vite",
    "dotenv -e .env vite",
    "npx vite",
    "concurrently -k \"vite\" 'tsc -w'",
    "concurrently \"sh -c 'vite'\" tsc",
    "cat <<E && vite\nvite\nE\n",
    "echo 'a && vite' && vite",
    "npm run web",
    "npm run ported",
    "npm run assigned && true",
    "npm run web -- --port 4000 'a b'",
    "npm run outer",
    "npm run piped",
    "npm run noted > out",
    "cross-env A=1 npm run ported",
    "sh -c 'npm run ported'",
    "concurrently 'npm run ported' tsc",
    "dotenv -e .env npm run ported",
    "pnpm web",
    "exec vite",
    "nice -n 1 vite",
    "vi\\\nte --port \\\n 4000",
];

fn executable(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Runs a text and returns the recorded calls, sorted, as some run concurrently.
fn run(dir: &Path, text: &str) -> BTreeSet<String> {
    let log = dir.join("log");
    fs::write(&log, "").unwrap();
    let path = std::env::join_paths([dir.join("bin").as_path(), Path::new("/usr/bin"), Path::new("/bin")]);
    let output = Command::new("/bin/sh")
        .args(["-c", text])
        .current_dir(dir)
        .env_clear()
        .env("PATH", path.unwrap())
        .env("LOG", &log)
        .env("SCRIPTS", dir.join("scripts"))
        .env("PORT", "3101")
        .output()
        .unwrap();
    assert!(output.status.success(), "`{text}`: {output:?}");
    fs::read_to_string(log).unwrap().lines().map(str::to_owned).collect()
}

fn set_up(dir: &Path) {
    for folder in ["bin", "scripts"] {
        fs::create_dir(dir.join(folder)).unwrap();
    }
    for program in ["vite", "next", "tsc"] {
        executable(&dir.join("bin").join(program), RECORDER);
    }
    for (name, body) in STAND_INS {
        executable(&dir.join("bin").join(name), &format!("#!/bin/sh\n{body}\n"));
    }
    for (name, text) in package().scripts {
        fs::write(dir.join("scripts").join(name), text).unwrap();
    }
}

#[test]
fn the_shell_puts_the_port_where_it_belongs_and_everything_else_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    set_up(dir.path());
    for text in ROWS {
        let leaves = Script::parse(text).unwrap().leaves(&package());
        let target = leaves.iter().find(|leaf| matches!(leaf.program.as_str(), "vite" | "next"));
        let rewrite = target.unwrap().rewrite(&edit()).unwrap_or_else(|reason| panic!("`{text}`: {reason}"));
        // dotenv without `--` is read differently by its stand-in, which is the point of adding it.
        let comparable = !text.starts_with("dotenv") || text.contains(" -- ");
        let after = run(dir.path(), &rewrite.text);
        let server: Vec<&String> = after.iter().filter(|line| !line.starts_with("tsc")).collect();
        assert_eq!(server.len(), 1, "`{text}` became `{}`: {after:?}", rewrite.text);
        let words = server[0].split(" [--] ").next().unwrap();
        assert!(words.contains("PORT=3101"), "`{text}` became `{}`: {words}", rewrite.text);
        let ports = ["[--port] [3101]", "[--port=3101]", "[-p] [3101]", "[-p3101]"];
        let given: usize = ports.iter().map(|port| words.matches(port).count()).sum();
        assert_eq!(given, 1, "`{text}` became `{}`: {words}", rewrite.text);
        if comparable {
            let others = |lines: &BTreeSet<String>| -> Vec<String> {
                lines.iter().filter(|line| line.starts_with("tsc")).cloned().collect()
            };
            assert_eq!(others(&after), others(&run(dir.path(), text)), "`{text}` became `{}`", rewrite.text);
        }
    }
}

#[test]
fn quoted_words_reach_a_program_as_they_were() {
    let words = [
        "", "a", "a b", "'", "''", "\\", "\\'", "'\\", "\\''", "'a", "a'", "a''b", "\"", "$HOME", "`x`", "~",
        "a;b", "a&b", "*", "#x", "x\ny", "\t", "(", "été", "\\'''\\", "-n", "!", "a\\", "'''", "'\\''",
    ]
    .map(str::to_owned);
    let text = append("printf '<%s>'", &words);
    let output = Command::new("/bin/sh").args(["-c", &text]).output().unwrap();
    let expected = format!("<{}>", words.join("><"));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected, "{text}");
}
