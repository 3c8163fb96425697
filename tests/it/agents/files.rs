//! `bowline agents`.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};

use serde_json::{Value, json};

use super::text;
use crate::support::{Finished, Ports, Sandbox, Test};

/// A user that no file of the tests belongs to.
const NOBODY: u32 = 65534;
const PACKAGE: &str = r#"{ "name": "app", "scripts": { "dev": "node server.js" } }"#;

/// A project whose port would be the first of these.
fn project() -> (Sandbox, Ports) {
    let (mut sandbox, ports) = Sandbox::new().with_ports("node", 2);
    sandbox.file("package.json", PACKAGE);
    sandbox.program("bowline", "exit 0");
    (sandbox, ports)
}

fn write(sandbox: &Sandbox, options: &[&str]) -> Finished {
    sandbox.run(["agents", "--write"].iter().chain(options))
}

fn wrote(sandbox: &Sandbox, options: &[&str]) -> String {
    let finished = write(sandbox, options);
    assert!(finished.status.success(), "{finished:?}");
    finished.stdout
}

fn json_of(sandbox: &Sandbox, path: &str) -> Value {
    serde_json::from_str(&text(sandbox, path)).unwrap()
}

/// What `doctor` says of the files of agents: whether it is good, and the words.
fn doctor(sandbox: &Sandbox) -> Vec<(bool, String)> {
    let answer: Value = serde_json::from_str(&sandbox.run(["doctor", "--json"]).stdout).unwrap();
    let findings = answer["findings"].as_array().unwrap().iter().filter(|one| one["check"] == "agents");
    findings.map(|one| (one["ok"] == true, format!("{} {}", one["message"], one["mend"]))).collect()
}

fn names(sandbox: &Sandbox) -> Vec<String> {
    let entries = fs::read_dir(sandbox.project()).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn it_prints_everything_and_writes_nothing() {
    let (sandbox, ports) = project();
    let printed = sandbox.run(["agents"]);
    assert!(printed.status.success(), "{printed:?}");
    assert!(printed.stdout.lines().count() < 25, "{}", printed.stdout);
    for part in
        ["bowline start", "bowline wait", "bowline logs", "bowline status --brief", "never kill by port"]
    {
        assert!(printed.stdout.contains(part), "{part}");
    }
    let answer: Value = serde_json::from_str(&sandbox.run(["agents", "--json"]).stdout).unwrap();
    assert!(printed.stdout.starts_with(answer["block"].as_str().unwrap()));
    let entry = json!({
        "name": "app", "runtimeExecutable": "bowline", "runtimeArgs": ["dev"], "port": ports.first(),
        "autoPort": true,
    });
    let server = json!({ "command": "bowline", "args": ["mcp"] });
    let servers = json!({ "mcpServers": { "bowline": server } });
    let expected = json!([
        { "path": ".claude/launch.json", "content": { "version": "0.0.1", "configurations": [entry] } },
        { "path": ".mcp.json", "content": servers },
        { "path": ".cursor/mcp.json", "content": servers },
        { "path": ".vscode/mcp.json", "content": { "servers": { "bowline": server } } },
    ]);
    assert_eq!(answer["files"], expected);
    assert_eq!(names(&sandbox), ["package.json"]);
    assert_eq!(doctor(&sandbox), [], "nothing was written");
}

#[test]
fn files_are_made_and_the_second_time_nothing_changes() {
    let (sandbox, ports) = project();
    let all = ["--claude", "--cursor", "--vscode", "--agents-md"];
    let paths = ["AGENTS.md", ".claude/launch.json", ".mcp.json", ".cursor/mcp.json", ".vscode/mcp.json"];
    let lines = |word: &str| paths.map(|path| format!("{word} {path}\n")).concat();
    assert_eq!(wrote(&sandbox, &all), lines("created"));
    let answer: Value = serde_json::from_str(&sandbox.run(["agents", "--json"]).stdout).unwrap();
    for file in answer["files"].as_array().unwrap() {
        assert_eq!(json_of(&sandbox, file["path"].as_str().unwrap()), file["content"]);
    }
    assert_eq!(text(&sandbox, "AGENTS.md"), answer["block"]);
    let stamps = || paths.map(|path| fs::metadata(sandbox.project().join(path)).unwrap().modified().unwrap());
    let (texts, before) = (paths.map(|path| text(&sandbox, path)), stamps());
    // Somebody else may have the port by then.
    for stranger in [None, Some(ports.stranger(ports.first()))] {
        for options in [&all[..], &[]] {
            assert_eq!(wrote(&sandbox, options), lines("unchanged"), "{stranger:?}");
        }
    }
    assert_eq!((paths.map(|path| text(&sandbox, path)), stamps()), (texts, before));
    assert_eq!(doctor(&sandbox).iter().map(|one| one.0).collect::<Vec<_>>(), [true]);
    assert_eq!(names(&sandbox), [".claude", ".cursor", ".mcp.json", ".vscode", "AGENTS.md", "package.json"]);
}

#[test]
fn without_a_name_what_is_there_is_written() {
    for (there, written) in [
        (&[][..], &["AGENTS.md"][..]),
        (&["AGENTS.md"], &["AGENTS.md"]),
        (&[".cursor/rules"], &[".cursor/mcp.json"]),
        (&[".vscode/settings.json", "AGENTS.md"], &["AGENTS.md", ".vscode/mcp.json"]),
        (&[".claude/settings.json"], &[".claude/launch.json", ".mcp.json"]),
        (&["CLAUDE.md"], &[".claude/launch.json", ".mcp.json"]),
    ] {
        let (mut sandbox, _ports) = project();
        for path in there {
            sandbox.file(path, "{}");
        }
        let paths: Vec<String> =
            wrote(&sandbox, &[]).lines().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect();
        assert_eq!(paths, written, "{there:?}");
    }
    Test::new().args(["agents", "--claude"]).status(2).stderr_contains("--write").run();
    Test::new().args(["agents", "--write"]).status(5).stderr_contains("no package.json").run();
}

#[test]
fn what_others_have_written_stays_byte_for_byte() {
    let (mut sandbox, ports) = project();
    let launch = "{\r\n\t// ours\r\n\t\"configurations\": [\r\n\t\t{ \"name\": \"app\", \"runtimeExecutable\": \"npm\", },\r\n\t],\r\n\t\"autoVerify\": false,\r\n}";
    sandbox.file(".claude/launch.json", launch);
    let mcp = "{\"mcpServers\":{\"other\":{\"command\":\"x\"}},\"z\":[1,2 ]}\n";
    sandbox.file(".mcp.json", mcp);
    sandbox.file("AGENTS.md", "# Rules\r\n\r\nBe kind.");
    wrote(&sandbox, &[]);
    let entry = format!(
        "\r\n\t\t{{\r\n\t\t\t\"name\": \"bowline app\",\r\n\t\t\t\"runtimeExecutable\": \"bowline\",\r\n\t\t\t\"runtimeArgs\": [\"dev\"],\r\n\t\t\t\"port\": {},\r\n\t\t\t\"autoPort\": true\r\n\t\t}},",
        ports.first()
    );
    assert_eq!(
        text(&sandbox, ".claude/launch.json"),
        launch.replace("\r\n\t],", &format!("{entry}\r\n\t],"))
    );
    let own = ",\"bowline\":{\"command\":\"bowline\",\"args\":[\"mcp\"]}}";
    assert_eq!(text(&sandbox, ".mcp.json"), mcp.replace("\"x\"}}", &format!("\"x\"}}{own}")));
    let agents = text(&sandbox, "AGENTS.md");
    assert!(agents.starts_with("# Rules\r\n\r\nBe kind.\r\n\r\n<!-- BEGIN:bowline -->\r\n"), "{agents:?}");
    assert!(agents.ends_with("\r\n<!-- END:bowline -->"), "{agents:?}");
    assert!(agents.matches('\n').count() == agents.matches("\r\n").count(), "{agents:?}");
}

#[test]
fn what_is_out_of_date_is_told_and_corrected() {
    let (mut sandbox, ports) = project();
    wrote(&sandbox, &["--claude", "--agents-md"]);
    let whole = [".claude/launch.json", ".mcp.json", "AGENTS.md"].map(|path| text(&sandbox, path));
    for (path, from, to) in [
        ("AGENTS.md", "## Dev servers", "## Servers of development"),
        (".mcp.json", "\"command\": \"bowline\"", "\"command\": \"/nowhere/bowline\""),
        (".mcp.json", "[\"mcp\"]", "[\"serve-mcp\"]"),
        (".claude/launch.json", "[\"dev\"]", "[\"start\"]"),
        (".claude/launch.json", &ports.first().to_string(), "1"),
    ] {
        let right = text(&sandbox, path);
        assert!(right.contains(from), "{path}: {right}");
        sandbox.file(path, &right.replace(from, to));
        let [(false, message)] = &doctor(&sandbox)[..] else { panic!("{path} {to}: {:?}", doctor(&sandbox)) };
        assert!(message.contains(path) && message.contains("bowline agents --write"), "{message}");
        assert!(wrote(&sandbox, &[]).contains(&format!("changed {path}\n")));
        assert_eq!(text(&sandbox, path), right);
    }
    let npx = r#"{ "mcpServers": { "bowline": { "command": "npx", "args": ["-y", "bowline@1", "mcp"] } } }"#;
    sandbox.file(".mcp.json", npx);
    assert!(wrote(&sandbox, &[]).contains("unchanged .mcp.json\n"));
    sandbox.file(".mcp.json", &npx.replace("bowline@1", "other"));
    wrote(&sandbox, &[]);
    assert_eq!(
        json_of(&sandbox, ".mcp.json")["mcpServers"]["bowline"],
        json!({ "command": "bowline", "args": ["mcp"] })
    );
    sandbox.file(
        ".mcp.json",
        r#"{ "mcpServers": { "bowline": { "command": "bash", "args": ["-lc", "bowline mcp"] } } }"#,
    );
    assert!(wrote(&sandbox, &[]).contains("unchanged .mcp.json\n"));
    for (program, words) in [
        ("npx", r#"["-y", "bowline@1", "dev", "--open"]"#),
        ("pnpm", r#"["exec", "bowline", "dev"]"#),
        ("bash", r#"["-lc", "exec /opt/bin/bowline dev"]"#),
    ] {
        let launch = whole[0].replace("\"bowline\"", &json!(program).to_string()).replace("[\"dev\"]", words);
        sandbox.file(".claude/launch.json", &launch);
        assert!(wrote(&sandbox, &[]).contains("unchanged .claude/launch.json\n"), "{launch}");
        sandbox.file(".claude/launch.json", &launch.replace("bowline", "shipshape"));
        assert!(wrote(&sandbox, &[]).contains("changed .claude/launch.json\n"), "another program: {launch}");
    }
    // What a user may add to an entry is no mistake.
    let own = sandbox.project().join("bowline").to_str().unwrap().to_owned();
    sandbox.file("bowline", "");
    sandbox.file(".mcp.json", &whole[1].replace("[\"mcp\"]", "[\"mcp\", \"--dir\", \"x\"]"));
    let launch = whole[0].replace("\"bowline\"", &json!(own).to_string()).replace("true", "false");
    sandbox.file(
        ".claude/launch.json",
        &launch.replace("\"app\"", "\"mine\"").replace("[\"dev\"]", "[\"dev\", \"--open\"]"),
    );
    assert!(wrote(&sandbox, &[]).lines().all(|line| line.starts_with("unchanged")));
    assert!(doctor(&sandbox)[0].0, "{:?}", doctor(&sandbox));
}

#[test]
fn commands_that_cannot_work_are_told() {
    let (mut sandbox, _ports) = project();
    wrote(&sandbox, &["--cursor"]);
    sandbox.env("PATH", "/nowhere");
    let findings = doctor(&sandbox);
    assert!(
        findings.len() == 1 && !findings[0].0 && findings[0].1.contains("not in the PATH"),
        "{findings:?}"
    );
}

#[test]
fn a_damaged_file_is_named_and_no_file_is_written() {
    for (path, damaged, place) in [
        (".mcp.json", "{\n  \"mcpServers\": {]\n}\n", ".mcp.json:2:18: unexpected token in object"),
        (".mcp.json", "{ \"mcpServers\": [] }", ".mcp.json:1:17: an object is expected"),
        (".claude/launch.json", "{\n\"configurations\": {} }", "launch.json:2:19: a list is expected"),
        ("AGENTS.md", "x\n<!-- BEGIN:bowline -->\n", "AGENTS.md:2:1: the beginning of a block"),
    ] {
        let (mut sandbox, _ports) = project();
        sandbox.file(".vscode/mcp.json", "{}").file(path, damaged);
        let failed = write(&sandbox, &["--vscode", "--claude", "--agents-md"]);
        assert_eq!(failed.status.code(), Some(2), "{failed:?}");
        assert!(failed.stderr.contains(place), "{failed:?}");
        assert_eq!(
            (text(&sandbox, path), text(&sandbox, ".vscode/mcp.json")),
            (damaged.to_owned(), "{}".to_owned())
        );
        let made = names(&sandbox).iter().filter(|name| !path.starts_with(*name)).count();
        assert_eq!(made, 2, "{:?}", names(&sandbox));
    }
    let (mut sandbox, _ports) = project();
    fs::write(sandbox.project().join("AGENTS.md"), b"ok\nb\xffd").unwrap();
    assert!(write(&sandbox, &[]).stderr.contains("AGENTS.md:2:2: is not UTF-8"));
    sandbox.file(".mcp.json", "{ \"mcpServers\": { \"bowline\": }");
    let findings = doctor(&sandbox);
    assert!(!findings[0].0 && findings[0].1.contains(".mcp.json:1:"), "{findings:?}");
}

#[test]
fn a_link_stays_and_its_target_keeps_mode_and_owner() {
    let (mut sandbox, _ports) = project();
    sandbox.file("shared/mcp.json", "{}\n");
    let target = sandbox.project().join("shared/mcp.json");
    fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("shared/mcp.json", sandbox.project().join(".mcp.json")).unwrap();
    // Somebody else's, as for root in a container.
    let _not_root = chown(&target, Some(NOBODY), Some(NOBODY));
    let owner = fs::metadata(&target).unwrap().uid();
    wrote(&sandbox, &["--claude"]);
    assert_eq!(fs::metadata(&target).unwrap().uid(), owner);
    assert!(fs::symlink_metadata(sandbox.project().join(".mcp.json")).unwrap().is_symlink());
    assert!(text(&sandbox, "shared/mcp.json").contains("\"bowline\""));
    assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o640);
    symlink("nothing", sandbox.project().join("AGENTS.md")).unwrap();
    let failed = write(&sandbox, &["--agents-md"]);
    assert!(!failed.status.success() && failed.stderr.contains("a link to nothing"), "{failed:?}");
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let (mut sandbox, _ports) = project();
    // A directory in its place denies it even to a privileged user.
    sandbox.file(".cursor", "a file").file("AGENTS.md", "x\n");
    let failed = write(&sandbox, &["--cursor", "--agents-md", "--vscode"]);
    assert_eq!(failed.status.code(), Some(1), "{failed:?}");
    assert!(
        failed.stderr.contains("could not write") && failed.stderr.contains(".cursor/mcp.json"),
        "{failed:?}"
    );
    assert_eq!(names(&sandbox), [".cursor", "AGENTS.md", "package.json"]);
    assert_eq!(text(&sandbox, "AGENTS.md"), "x\n");
}

#[test]
fn a_workspace_has_an_entry_for_each_server() {
    let (mut sandbox, ports) = Sandbox::new().with_ports("node", 5);
    sandbox.program("bowline", "exit 0");
    sandbox.file(
        "package.json",
        r#"{ "name": "root", "workspaces": ["apps/*", "packages/*"], "scripts": { "dev": "turbo dev" } }"#,
    );
    for (dir, name) in [("web", "@acme/web"), ("one", "twin"), ("two", "twin")] {
        sandbox.file(format!("apps/{dir}/package.json"), &PACKAGE.replace("app", name));
    }
    sandbox.file("apps/tools/package.json", r#"{ "name": "tools" }"#);
    sandbox.file("apps/fixed/package.json", &PACKAGE.replace("app", "fixed"));
    let config = "[project.fixed]\nport = 4123\n[project.db]\ncommand = 'node db.js'\nport = true\n\
                  [project.css]\ncommand = 'tailwindcss --watch'\n[project.seed]\ncommand = 'node seed.js'\nkind = 'task'\n";
    sandbox.file("bowline.toml", config);
    sandbox.file("packages/ui/package.json", r#"{ "name": "ui", "scripts": { "dev": "tsc -w" } }"#);
    let here = sandbox.run(["-C", "apps/web", "agents", "--write", "--claude"]);
    assert!(here.status.success(), "{here:?}");
    let entries = json_of(&sandbox, ".claude/launch.json")["configurations"].take();
    let entries: Vec<(Value, Value, Value)> = entries
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["name"].clone(), one["runtimeArgs"][1].clone(), one["port"].clone()))
        .collect();
    let port = |at: u16| json!(ports.first() + at);
    assert_eq!(
        entries,
        [
            (json!("fixed"), json!("fixed"), json!(4123)),
            (json!("twin"), json!("./apps/one"), port(0)),
            (json!("bowline twin"), json!("./apps/two"), port(1)),
            (json!("@acme/web"), json!("@acme/web"), port(2)),
            (json!("db"), json!("db"), port(3)),
        ]
    );
    assert_eq!(wrote(&sandbox, &["--claude"]), "unchanged .claude/launch.json\nunchanged .mcp.json\n");
    fs::remove_dir_all(sandbox.project().join("apps/web")).unwrap();
    let findings = doctor(&sandbox);
    assert!(findings.iter().any(|(ok, said)| !ok && said.contains("the entry `@acme/web`")), "{findings:?}");
}

#[test]
fn a_root_that_is_the_app_has_an_entry_beside_its_packages() {
    let (mut sandbox, ports) = Sandbox::new().with_ports("node", 3);
    sandbox.program("bowline", "exit 0");
    let root = r#"{ "name": "shop", "workspaces": ["apps/*"], "scripts": { "dev": "node server.js" } }"#;
    sandbox.file("package.json", root).file("apps/web/package.json", &PACKAGE.replace("app", "web"));
    wrote(&sandbox, &["--claude"]);
    let entry = |name: &str, arguments: &[&str], at: u16| {
        json!({
            "name": name, "runtimeExecutable": "bowline", "runtimeArgs": arguments, "port": ports.first() + at,
            "autoPort": true,
        })
    };
    let entries = json!([entry("shop", &["dev"], 0), entry("web", &["dev", "web"], 1)]);
    assert_eq!(json_of(&sandbox, ".claude/launch.json")["configurations"], entries);
    assert_eq!(wrote(&sandbox, &["--claude"]), "unchanged .claude/launch.json\nunchanged .mcp.json\n");
    assert!(doctor(&sandbox)[0].0, "{:?}", doctor(&sandbox));
}

#[test]
fn services_need_no_package_json() {
    let mut sandbox = Sandbox::new();
    sandbox.file("bowline.toml", "[project.web]\ncommand = \"serve\"\nport = true\n");
    assert_eq!(
        sandbox.run(["status", "--brief"]).stdout,
        "not running: web\nstart it and wait:  bowline start\n"
    );
    wrote(&sandbox, &["--claude"]);
    let entry = &json_of(&sandbox, ".claude/launch.json")["configurations"][0];
    assert_eq!((&entry["name"], &entry["runtimeArgs"]), (&json!("web"), &json!(["dev", "web"])));
}

#[test]
fn more_servers_than_ports_have_an_entry_each() {
    let (mut sandbox, ports) = Sandbox::new().with_ports("node", 1);
    sandbox.file("package.json", r#"{ "name": "root", "workspaces": ["a", "b"] }"#);
    for dir in ["a", "b"] {
        sandbox.file(format!("{dir}/package.json"), r#"{ "scripts": { "dev": "node server.js" } }"#);
    }
    wrote(&sandbox, &["--claude"]);
    let launch = json_of(&sandbox, ".claude/launch.json");
    let entry = |at: usize| {
        (launch["configurations"][at]["name"].clone(), launch["configurations"][at]["port"].clone())
    };
    let port = json!(ports.first());
    assert_eq!([entry(0), entry(1)], [(json!("a"), port.clone()), (json!("b"), port)]);
}
