//! Why a start failed, in the words of the answer: the reason, the last lines, and what to do next.

use serde_json::{Value, json};

use super::{SERVER, Stage};

/// What a start tells that fails, with a hint in any case.
fn failure(stage: &Stage) -> Value {
    let told = stage.agent().refused("start", &json!({}));
    assert!(told["hint"].as_str().is_some_and(|hint| hint.len() > 10), "no next step: {told:#}");
    told
}

#[test]
fn a_missing_package_is_named_with_the_command_that_installs() {
    let mut stage = Stage::of("vite", "");
    stage.sandbox.file(
        "package.json",
        r#"{ "name": "app", "scripts": { "dev": "vite" }, "devDependencies": { "vite": "8" } }"#,
    );
    let told = failure(&stage);
    assert_eq!(told["failureReason"], "command_not_found");
    assert!(told["hint"].as_str().unwrap().contains("npm install"), "{told:#}");
    let told = failure(&Stage::of("nosuchprogram", ""));
    assert!(told["hint"].as_str().unwrap().contains("nosuchprogram"), "{told:#}");
}

#[test]
fn an_ordered_port_is_told_with_its_holder() {
    let mut stage = Stage::new();
    let port = stage.ports.first();
    stage.sandbox.file("bowline.toml", &format!("[project.app]\nport = {port}\n"));
    let stranger = stage.sandbox.foreign_server(port);
    let told = failure(&stage);
    assert_eq!((&told["failureReason"], &told["exitCode"]), (&"port_in_use".into(), &3.into()), "{told:#}");
    // The holder is not the client's to stop.
    assert!(told["hint"].as_str().unwrap().starts_with("ask bowline_port"), "{told:#}");
    assert!(told["error"].as_str().unwrap().contains(&stranger.id().to_string()), "{told:#}");
    let held = stage.agent().told("port", &json!({ "port": port }));
    assert_eq!((&held["free"], &held["ours"]), (&false.into(), &false.into()));
    assert_eq!(held["pid"], stranger.id());
    stranger.stop();
    let other = stage.sandbox.sibling("other");
    assert!(stage.sandbox.run(["-C", other.to_str().unwrap(), "start"]).status.success());
    let told = failure(&stage);
    assert_eq!(told["failureReason"], "port_in_use", "{told:#}");
    let held = stage.agent().told("port", &json!({ "port": port }));
    assert_eq!((&held["ours"], &held["free"]), (&true.into(), &false.into()));
}

/// Milliseconds between the moment that a server has written to `when` and now.
fn since(stage: &Stage, when: &str) -> u128 {
    let text = std::fs::read_to_string(stage.sandbox.project().join(when)).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    now.as_millis() - text.parse::<u128>().unwrap()
}

/// The promise is 300 ms. The machine may be busy with other tests, so the best of ten counts.
fn assert_prompt(mut attempt: impl FnMut() -> u128) {
    let mut times = Vec::new();
    while times.len() < 10 && times.iter().all(|time| *time >= 300) {
        times.push(attempt());
    }
    assert!(times.iter().any(|time| *time < 300), "{times:?} ms");
}

/// As under `nodemon`, whose program begins to serve once a file is there.
const CRASHED: &str = "
    console.log('Error: boom\\n[nodemon] app crashed - waiting for file changes before starting...');
    const { existsSync } = require('node:fs');
    const server = require('node:http').createServer((_, answer) => answer.end('mended'));
    const looks = setInterval(() => {
        if (!existsSync('mended')) return;
        clearInterval(looks);
        server.listen(process.env.PORT, '127.0.0.1');
    }, 20);";

#[test]
fn a_crash_after_which_a_program_waits_for_a_change_is_told_at_once() {
    let mut stage = Stage::of("node server.js", CRASHED);
    let mut agent = stage.agent();
    // Longer than the tests are patient.
    let told = agent.told("start", &json!({ "waitSeconds": 600 }));
    assert_eq!(told["state"], "starting", "{told:#}");
    assert!(told["warning"].as_str().unwrap().starts_with("its program does not run"), "{told:#}");
    assert!(told["logTail"].as_str().unwrap().contains("boom"), "{told:#}");
    stage.sandbox.file("mended", "");
    assert_eq!(agent.told("wait", &json!({}))["state"], "running");
}

#[test]
fn a_server_that_crashed_later_is_told_to_whoever_asks() {
    let stage = Stage::new();
    let mut agent = stage.agent();
    let started = agent.told("start", &json!({}));
    let waiting = agent.ask("wait", &json!({ "for": "exit" }));
    super::page_of(&started["url"], "/crash");
    let told = agent.answer(waiting);
    let end = &told["structuredContent"];
    assert_eq!(end["state"], "failed");
    assert_eq!(end["hint"], "mend what the last lines name, then call bowline_start again");
    assert!(told["content"][0]["text"].as_str().unwrap().contains("asked to crash"), "{told:#}");
}

#[test]
fn what_is_wrong_in_the_files_is_told_with_its_place() {
    let mut stage = Stage::new();
    stage.sandbox.file("bowline.toml", "nonsense = 1\n");
    let told = failure(&stage);
    assert_eq!((&told["exitCode"], &told["failureReason"]), (&2.into(), &"invalid_configuration".into()));
    assert!(told["error"].as_str().unwrap().contains("bowline.toml"), "{told:#}");
    stage.sandbox.file("bowline.toml", "").file("package.json", "{ \"name\": }");
    let told = failure(&stage);
    assert!(told["error"].as_str().unwrap().contains("package.json:1:11"), "{told:#}");
    stage.sandbox.file("package.json", r#"{ "name": "app", "scripts": { "build": "true" } }"#);
    let told = failure(&stage);
    assert!(told["hint"].as_str().unwrap().contains("build"), "the scripts that there are: {told:#}");
}

const NOTE: &str =
    "const note = () => require('node:fs').writeFileSync(`${__dirname}/when`, String(Date.now()));";

#[test]
fn a_failure_is_told_within_300_milliseconds() {
    let stage = Stage::of("node server.js", &format!("{NOTE} note(); process.exit(3)"));
    let mut agent = stage.agent();
    assert_prompt(|| {
        assert_eq!(agent.refused("start", &json!({}))["exitCode"], 3);
        since(&stage, "when")
    });
    let crash = format!(
        "{NOTE} require('node:http').createServer((_, answer) => {{
            answer.end();
            setTimeout(() => {{ note(); process.exit(4); }}, 500);
        }}).listen(process.env.PORT, '127.0.0.1');"
    );
    let stage = Stage::of("node server.js", &crash);
    let mut agent = stage.agent();
    assert_prompt(|| {
        let url = agent.told("start", &json!({}))["url"].take();
        let waiting = agent.ask("wait", &json!({ "for": "exit" }));
        super::page_of(&url, "/");
        assert_eq!(agent.answer(waiting)["structuredContent"]["exitCode"], 4);
        since(&stage, "when")
    });
}

#[test]
fn a_need_that_fails_is_told_within_300_milliseconds() {
    let mut stage = Stage::of("node server.js", SERVER);
    let server = format!("{NOTE} note(); process.exit(3)");
    stage.sandbox.file("api/server.js", &server.replace("__dirname", "__dirname}/..${''"));
    let config =
        "[project.app]\nneeds = ['api']\n[project.api]\ncommand = 'node api/server.js'\nport = true\n";
    stage.sandbox.file("bowline.toml", config);
    let mut agent = stage.agent();
    assert_prompt(|| {
        let told = agent.refused("start", &json!({ "name": "app" }));
        let all = told["services"].as_array().unwrap();
        let app = all.iter().find(|one| one["name"] == "app").unwrap();
        assert_eq!(
            (&app["failureReason"], &app["blockedBy"]),
            (&"need_failed".into(), &json!(["api"])),
            "{told:#}"
        );
        since(&stage, "when")
    });
}

/// A mount namespace of its own, with a file system of 64 KiB that is full.
#[cfg(target_os = "linux")]
const FULL: &str = "mount -t tmpfs -o size=64k,mode=700 none \"$1\" && { dd if=/dev/zero of=\"$1\"/full bs=1k count=64 2>&- || :; } \
                    && shift && exec \"$@\"";

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_named() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let stage = Stage::of("node server.js", SERVER);
    let full = stage.sandbox.root().join("full");
    std::fs::create_dir(&full).unwrap();
    let mut command = stage.sandbox.command("unshare");
    command
        .args(["-m", "sh", "-c", FULL, "sh"])
        .args([full.as_os_str(), env!("CARGO_BIN_EXE_bowline").as_ref()]);
    command.arg("mcp").env("BOWLINE_STATE_DIR", &full).env("XDG_RUNTIME_DIR", &full);
    let told = super::Agent::start(command).refused("start", &json!({}));
    assert!(told["error"].as_str().unwrap().contains("No space left"), "{told:#}");
    assert!(told["hint"].as_str().unwrap().contains("free some space"), "{told:#}");
    assert_eq!(told["failureReason"], "disk_full", "{told:#}");
}

#[test]
fn a_service_whose_need_has_failed_is_told_with_who_blocks_it() {
    let (mut sandbox, _ports) = crate::support::Sandbox::new().with_ports("default", 2);
    sandbox.file("package.json", r#"{ "name": "root", "workspaces": ["packages/*"] }"#);
    sandbox.file("bowline.toml", "[project.web]\nneeds = [\"api\"]\n");
    for (name, script) in [("api", "echo out of luck; exit 7"), ("web", "sleep 100")] {
        let manifest = json!({ "name": name, "scripts": { "dev": script } });
        sandbox.file(format!("packages/{name}/package.json"), &manifest.to_string());
    }
    let told = super::Agent::start(sandbox.bowline(["mcp"])).refused("start", &json!({}));
    let of =
        |name: &str| told["services"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap();
    let (api, web) = (of("api"), of("web"));
    assert_eq!((&api["failureReason"], &api["exitCode"]), (&json!("immediate_crash"), &json!(7)), "{told:#}");
    assert!(api["logTail"].as_str().unwrap().contains("out of luck"), "{told:#}");
    assert_eq!(
        (&web["failureReason"], &web["blockedBy"]),
        (&json!("need_failed"), &json!(["api"])),
        "{told:#}"
    );
    assert!(
        web["hint"].as_str().unwrap().starts_with("mend the service that it needs (blockedBy)"),
        "{told:#}"
    );
}
