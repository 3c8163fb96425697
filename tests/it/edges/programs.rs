//! Where a program is looked for, and what may lie there instead.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::{Sandbox, run_to_end};

fn script(path: &Path, text: &str, mode: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// How `exec -- program` ends with this `PATH`, and how the same ends in a shell.
fn ends(sandbox: &Sandbox, program: &str, path: &str) -> (Option<i32>, Option<i32>) {
    let path = format!("{path}:{}", std::env::var("PATH").unwrap());
    let bowline = run_to_end(sandbox.bowline(["-q", "exec", "--", program]).env("PATH", &path));
    let shell = run_to_end(sandbox.command("/bin/sh").args(["-c", program]).env("PATH", &path));
    (bowline.status.code(), shell.status.code())
}

#[test]
fn a_program_is_found_where_a_shell_finds_it() {
    let sandbox = Sandbox::with_script("x");
    let dir = |name: &str| sandbox.root().join("bin").join(name);
    script(&dir("good").join("tool"), "#!/bin/sh\nexit 41\n", 0o755);
    script(&dir("plain").join("tool"), "exit 42\n", 0o755);
    script(&dir("closed").join("tool"), "#!/bin/sh\nexit 43\n", 0o644);
    fs::create_dir_all(dir("directory").join("tool")).unwrap();
    script(&dir("file"), "", 0o644);
    std::os::unix::fs::symlink(dir("loop"), dir("loop")).unwrap();
    script(&sandbox.project().join("tool"), "#!/bin/sh\nexit 44\n", 0o755);
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let good = text(&dir("good"));
    let long = format!("/{}", "y".repeat(5000));
    for before in
        ["directory", "file", "closed", "loop", "absent"].map(|name| text(&dir(name))).iter().chain([&long])
    {
        assert_eq!(ends(&sandbox, "tool", &format!("{before}:{good}")).0, Some(41), "behind {before}");
    }
    // Without a first line it is the shell's.
    assert_eq!(ends(&sandbox, "tool", &text(&dir("plain"))), (Some(42), Some(42)));
    // An empty place is where one is.
    assert_eq!(ends(&sandbox, "tool", ""), (Some(44), Some(44)));
    assert_eq!(ends(&sandbox, "./tool", &good), (Some(44), Some(44)));
    for (program, code) in [("./absent", 127), ("absent-tool", 127)] {
        assert_eq!(ends(&sandbox, program, &good), (Some(code), Some(code)), "{program}");
    }
    let closed = text(&dir("closed").join("tool"));
    assert_eq!(ends(&sandbox, &closed, ""), (Some(126), Some(126)));
}
