//! Other users of the machine, and pages in a browser.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;

use serde_json::json;

#[cfg(target_os = "linux")]
use crate::support::http;
use crate::support::{Sandbox, dev_server, run_to_end, stage_in_shell};

/// Connects to a socket as node would, and says what came of it.
const CONNECT: &str = "
const socket = require('node:net').connect(process.argv[1]);
socket.on('error', (error) => { console.log(error.code); process.exit(); });
socket.on('data', (data) => { console.log(String(data)); process.exit(); });
";

/// Nobody, on every system.
const NOBODY: u32 = 65534;

#[test]
fn another_user_cannot_reach_the_control_socket() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let (sandbox, _ports) = stage_in_shell("", 1);
    let mut session = sandbox.start(["dev"]);
    session.ready();
    let socket = sandbox.session_files("sock").remove(0);
    let connect = |uid: u32| {
        let mut command = sandbox.command("node");
        command.args(["-e", CONNECT]).arg(&socket).current_dir("/").uid(uid).gid(uid);
        run_to_end(&mut command).stdout
    };
    assert!(connect(0).contains("protocol"), "the user's own programs can");
    assert_eq!(connect(NOBODY).trim(), "EACCES");
    // Neither can who finds it by a way that leads past the directories.
    for dir in [sandbox.state_dir().join("run"), sandbox.state_dir()] {
        fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let parent = sandbox.state_dir();
    fs::set_permissions(parent.parent().unwrap(), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(connect(NOBODY).trim(), "EACCES", "by the mode of the socket itself");
    session.stop();
}

#[test]
fn a_state_directory_of_another_user_is_not_used() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let (sandbox, _ports) = stage_in_shell("", 1);
    let theirs = sandbox.state_dir();
    fs::create_dir(&theirs).unwrap();
    fs::set_permissions(&theirs, fs::Permissions::from_mode(0o700)).unwrap();
    std::os::unix::fs::chown(&theirs, Some(NOBODY), Some(NOBODY)).unwrap();
    let mut session = sandbox.start(["dev"]);
    session.ready();
    session.stop();
    assert_eq!(fs::read_dir(&theirs).unwrap().count(), 0);
}

#[test]
fn a_link_in_place_of_a_file_of_the_state_is_not_followed() {
    let (sandbox, _ports) = stage_in_shell("--lines 3", 1);
    let victim = sandbox.root().join("victim");
    fs::write(&victim, "precious").unwrap();
    let state = sandbox.state_dir();
    fs::create_dir(&state).unwrap();
    fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).unwrap();
    for name in ["ports.redb", "ports.lock"] {
        symlink(&victim, state.join(name)).unwrap();
    }
    let _whatever = sandbox.run(["start"]);
    let _whatever = sandbox.run(["stop"]);
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
}

/// All files and directories of the state.
fn state_of(sandbox: &Sandbox) -> Vec<PathBuf> {
    let (mut found, mut at) = (vec![sandbox.state_dir()], 0);
    while at < found.len() {
        let entries = fs::read_dir(&found[at]).into_iter().flatten().flatten();
        found.extend(entries.map(|entry| entry.path()).collect::<Vec<_>>());
        at += 1;
    }
    found
}

#[test]
fn the_programs_in_the_place_of_package_managers_are_for_the_user_alone() {
    let (mut sandbox, _ports) = Sandbox::new().with_ports("default", 3);
    let root = json!({
        "name": "root", "workspaces": ["web"], "scripts": { "dev": "(cd web && npm run dev) & wait" },
    });
    sandbox.file("package.json", &root.to_string());
    sandbox.file("bowline.toml", "[workspace]\norchestrator = \"script\"\n");
    let script = format!("exec '{}' --lifetime 200", dev_server().display());
    sandbox.file("web/package.json", &json!({ "name": "web", "scripts": { "dev": script } }).to_string());
    let mut session = sandbox.start(["dev"]);
    session.ready();
    let state = state_of(&sandbox);
    assert!(state.iter().any(|path| path.ends_with("npm")), "{state:?}");
    // A link has no mode of its own.
    for path in state.into_iter().filter(|path| !path.is_symlink()) {
        let mode = fs::symlink_metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}: {mode:o}", path.display());
    }
    session.stop();
}

/// The ports on which a process of this tree listens.
#[cfg(target_os = "linux")]
fn listening(pids: &[u32]) -> Vec<String> {
    let inodes: Vec<String> = pids
        .iter()
        .flat_map(|pid| fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten())
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let tables =
        ["tcp", "tcp6", "udp", "udp6"].map(|table| fs::read_to_string(format!("/proc/self/net/{table}")));
    let rows = tables.iter().flatten().flat_map(|table| table.lines().skip(1));
    let ours =
        |row: &&str| row.split_whitespace().nth(9).is_some_and(|inode| inodes.iter().any(|one| one == inode));
    rows.filter(ours).map(str::to_owned).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn bowline_listens_on_no_port_that_a_page_could_post_to() {
    let (sandbox, ports) = stage_in_shell("", 1);
    let mut session = sandbox.start(["dev"]);
    session.ready();
    let mut command = sandbox.bowline(["mcp"]);
    command.stdin(std::process::Stdio::piped());
    let agent = crate::support::Session::start(command);
    let guardian = u32::try_from(sandbox.guardian().as_raw_nonzero().get()).unwrap();
    assert_eq!(listening(&[session.id(), guardian, agent.id()]), Vec::<String>::new());
    // Of the whole run, the dev server alone is there for pages.
    assert_eq!(http::get(ports.first()).status, 200);
    agent.stop();
    session.stop();
}

#[test]
fn a_server_is_not_exposed_to_the_network() {
    let sandbox = Sandbox::with_script("vite");
    let plan = sandbox.run(["dev", "--dry-run", "--json", "--framework", "vite"]);
    assert!(!plan.stdout.contains("--host") && !plan.stdout.contains("0.0.0.0"), "{plan:?}");
}
