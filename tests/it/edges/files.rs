//! Few files that may be open at once.

use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::support::{Sandbox, run_to_end};

fn limit(command: &mut Command, files: u64) {
    let limit = Rlimit { current: Some(files), maximum: getrlimit(Resource::Nofile).maximum };
    #[expect(unsafe_code, reason = "a limit is set between fork and exec")]
    // SAFETY: one system call, and nothing that is shared.
    unsafe {
        command.pre_exec(move || setrlimit(Resource::Nofile, limit).map_err(Into::into));
    }
}

#[test]
fn whatever_the_limit_it_works_or_is_said() {
    let (mut sandbox, ports) = Sandbox::new().with_ports("default", 1);
    sandbox.file("package.json", r#"{ "name": "app" }"#);
    // `doctor` asks programs for their versions; the real ones take their time.
    for program in ["node", "npm", "pnpm", "yarn", "bun", "deno"] {
        sandbox.program(program, "echo 22.0.0");
    }
    let hint = "\nhint: raise the limit of open files: `ulimit -n ";
    for files in 3..=48 {
        for arguments in [&["exec", "--", "sh", "-c", "exit 7"][..], &["ls"], &["doctor"]] {
            let mut command = sandbox.bowline(arguments);
            limit(&mut command, files);
            let ended = run_to_end(&mut command);
            let said = ended.stderr.contains("(os error 24)") && ended.stderr.contains(hint);
            // With three descriptors not even the loader can open a library.
            let unloaded = ended.stderr.contains("error while loading shared libraries");
            let works = match arguments[0] {
                "exec" => ended.status.code() == Some(7) && ended.stderr.contains(&ports.first().to_string()),
                "ls" => ended.stdout == "nothing is running\n",
                _ => ended.stdout.contains("can be written"),
            };
            assert!(works || said || unloaded, "{arguments:?} with {files}: {ended:?}");
            assert!(!ended.stderr.contains("panicked"), "{arguments:?} with {files}: {ended:?}");
        }
    }
}

#[test]
fn many_services_are_refused_before_any_is_started() {
    let (mut sandbox, _ports) = Sandbox::new().with_ports("default", 12);
    sandbox.file("package.json", r#"{ "workspaces": ["packages/*"] }"#);
    for name in 0..12 {
        let package = format!(r#"{{ "name": "p{name}", "scripts": {{ "dev": "touch started" }} }}"#);
        sandbox.file(format!("packages/p{name}/package.json"), &package);
    }
    let mut command = sandbox.bowline::<&str>([]);
    limit(&mut command, 64);
    let ended = run_to_end(&mut command);
    assert!(ended.stderr.starts_with("error: bowline needs "), "{ended:?}");
    assert!(ended.stderr.contains("raise the limit of open files"), "{ended:?}");
    let left = std::fs::read_dir(sandbox.state_dir().join("run")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "nothing was reserved");
    assert!((0..12).all(|name| !sandbox.project().join(format!("packages/p{name}/started")).exists()));
}
