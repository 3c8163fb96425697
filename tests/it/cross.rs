//! How the services of one start find each other: by their usual ports in scripts and files, and by templates.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{Ports, Sandbox, Session, dev_server, http};

/// A workspace with these packages, each with its dev script.
pub(crate) fn workspace(packages: &[(&str, &str)]) -> Sandbox {
    let mut sandbox = Sandbox::new();
    add(&mut sandbox, packages);
    sandbox
}

fn add(sandbox: &mut Sandbox, packages: &[(&str, &str)]) {
    sandbox.file("package.json", &json!({ "name": "root", "workspaces": ["apps/*"] }).to_string());
    for (name, script) in packages {
        let manifest = json!({ "name": name, "scripts": { "dev": script } });
        let dir = name.rsplit('/').next().unwrap();
        sandbox.file(format!("apps/{dir}/package.json"), &manifest.to_string());
    }
}

/// The plans of a start, by the names of the services.
pub(crate) fn plans(sandbox: &Sandbox, arguments: &[&str]) -> Vec<Value> {
    let finished = sandbox.run([&["dev", "--dry-run", "--json"], arguments].concat());
    assert!(finished.status.success(), "{finished:?}");
    finished.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub(crate) fn plan<'p>(plans: &'p [Value], name: &str) -> &'p Value {
    plans.iter().find(|plan| plan["project"]["name"] == name).unwrap_or_else(|| panic!("{name}: {plans:#?}"))
}

pub(crate) fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[test]
fn a_runner_finds_the_app_whose_usual_port_it_names() {
    let mut sandbox = Sandbox::new();
    let root = json!({
        "name": "root",
        "workspaces": ["apps/*"],
        "scripts": {
            "dev": "turbo run dev --filter=openbuilder",
            "dev:full": "turbo run dev --filter=openbuilder --filter=@sentryvibe/runner --filter=docs",
        },
    });
    sandbox.file("package.json", &root.to_string());
    let script = "RUNNER_WS_URL=ws://localhost:3000/ws/runner tsx --import ./src/instrument.ts src/index.ts";
    for (dir, name, dev) in [
        ("openbuilder", "openbuilder", "next dev"),
        ("runner", "@sentryvibe/runner", script),
        ("docs", "docs", "astro dev"),
    ] {
        let manifest = json!({ "name": name, "scripts": { "dev": dev } });
        sandbox.file(format!("apps/{dir}/package.json"), &manifest.to_string());
    }
    sandbox.file(
        "apps/runner/src/index.ts",
        "export const url = process.env.RUNNER_WS_URL ?? 'ws://localhost:3000/ws/runner';\n",
    );
    let alone = plans(&sandbox, &[]);
    assert_eq!(alone.len(), 1, "{alone:#?}");
    let full = plans(&sandbox, &["--script", "dev:full"]);
    assert_eq!(full.len(), 3, "{full:#?}");
    let (app, runner) = (plan(&full, "openbuilder"), plan(&full, "@sentryvibe/runner"));
    assert_ne!(runner["port"], json!(3000), "the app's port is no wish of the runner");
    assert_eq!(runner["command"], json!(script.replace("3000", &app["port"].to_string())));
    assert_eq!(texts(&runner["warnings"]), Vec::<String>::new());
    // The app may have a server of its own, and the runner may speak of ports that are not its own.
    let manifest = json!({ "name": "openbuilder", "scripts": { "dev": "tsx server.ts" } });
    sandbox
        .file("apps/openbuilder/package.json", &manifest.to_string())
        .file("apps/openbuilder/server.ts", "const port = parseInt(process.env.PORT || '3000', 10);\n")
        .file(
            "apps/runner/src/index.ts",
            "log({ port: payload.preferredPort || 3000 });\nconst free = await findPort(3000);\n\
             const message = `No available port found in range 3000-3099`;\nexport const sample = { port: 3000 };\n",
        );
    let full = plans(&sandbox, &["--script", "dev:full"]);
    let (app, runner) = (plan(&full, "openbuilder"), plan(&full, "@sentryvibe/runner"));
    assert_eq!(runner["command"], json!(script.replace("3000", &app["port"].to_string())));
    // Alone, it is left as it is written.
    let alone = plans(&sandbox, &["@sentryvibe/runner"]);
    assert_eq!((&alone[0]["command"], alone[0]["port"] == 3000), (&json!(script), false));
}

#[test]
fn the_usual_port_of_one_other_service_is_replaced_in_a_script() {
    for (script, expected) in [
        ("A=http://localhost:3000 node x.js", Some("A=http://localhost:@ node x.js")),
        ("cross-env A=http://127.0.0.1:3000/x node x.js", Some("cross-env A=http://127.0.0.1:@/x node x.js")),
        ("env A=https://[::1]:3000 node x.js", Some("env A=https://[::1]:@ node x.js")),
        (
            "dotenv -e .env -- node x.js --ws wss://0.0.0.0:3000",
            Some("dotenv -e .env -- node x.js --ws wss://0.0.0.0:@"),
        ),
        ("export A='localhost:3000'; node x.js", Some("export A='localhost:@'; node x.js")),
        (
            "wait-on tcp:3000 && node x.js --up=http://localhost:3000",
            Some("wait-on tcp:@ && node x.js --up=http://localhost:@"),
        ),
        ("APP_PORT=3000 node x.js", Some("APP_PORT=@ node x.js")),
        ("A=http://localhost:3000 tsc -w", Some("A=http://localhost:@ tsc -w")),
        // Not of the run, not a server's, or its own.
        ("DB_PORT=3000 node x.js", None),
        ("DB=postgres://localhost:5432/x node x.js", None),
        ("A=http://example.com:3000 node x.js", None),
        ("A=http://localhost:3001 node x.js", None),
        ("node --inspect=localhost:3000 x.js", None),
        ("node own.js & wait-on http://localhost:3000 && node y.js", None),
    ] {
        let sandbox = workspace(&[("@acme/app", "next dev"), ("other", script)]);
        let plans = plans(&sandbox, &[]);
        let port = plan(&plans, "@acme/app")["port"].to_string();
        let command = plan(&plans, "other")["command"].as_str().unwrap().to_owned();
        match expected {
            Some(expected) => assert_eq!(command, expected.replace('@', &port), "{script}"),
            None => assert!(
                !command.contains(&format!(":{port}")) && !command.contains(&format!("={port} ")),
                "{script}: {command}"
            ),
        }
    }
}

#[test]
fn the_usual_port_may_stand_in_a_program_that_the_command_does_not_name() {
    for (listen, named, meant) in [
        ("listen(4123)", 4123, "api"),
        ("listen(process.env.PORT ?? 4123)", 4123, "api"),
        ("listen(process.env.PORT ?? 4123)", 3000, "app"),
    ] {
        let script = format!("A=http://localhost:{named} node x.js");
        let mut sandbox = workspace(&[("api", "nest start --watch"), ("app", "next dev"), ("job", &script)]);
        sandbox.file("apps/api/src/main.ts", &format!("await app.{listen};\n"));
        let plans = plans(&sandbox, &[]);
        let expected = script.replace(&named.to_string(), &plan(&plans, meant)["port"].to_string());
        assert_eq!(plan(&plans, "job")["command"], json!(expected), "{listen}");
    }
}

#[test]
fn a_port_is_told_and_not_replaced_where_it_is_not_clear_whose_it_is() {
    let sandbox = workspace(&[
        ("web", "next dev"),
        ("admin", "next dev"),
        ("job", "A=http://localhost:3000/x node x.js"),
    ]);
    let plans = plans(&sandbox, &[]);
    let job = plan(&plans, "job");
    assert_eq!(job["command"], "A=http://localhost:3000/x node x.js");
    let warnings = texts(&job["warnings"]).join("\n");
    for part in ["`admin` and `web`", r#"[project.job] command = "A={{admin.url}}/x node x.js""#] {
        assert!(warnings.contains(part), "{part}: {warnings}");
    }
    // What a service has of its own is its own.
    assert_eq!(texts(&plan(&plans, "web")["warnings"]), Vec::<String>::new());
}

#[test]
fn what_files_say_is_told_with_the_line_for_bowline_toml() {
    let mut sandbox = workspace(&[("web", "vite"), ("api", "node api.js")]);
    sandbox
        .file("apps/api/api.js", "require('http').createServer().listen(process.env.PORT || 4100)\n")
        .file("apps/web/.env", "VITE_API_URL=http://localhost:4100\nVITE_WS=ws://localhost:4100/ws\nDB=localhost:5432\nSET=http://localhost:4100\n# OLD=http://localhost:4100\n")
        .file("apps/web/vite.config.ts", "export default { server: { proxy: { '/api': 'http://localhost:4100' } } }\n")
        .file("apps/web/playwright.config.ts", "export default { use: { baseURL: 'http://localhost:4100' } }\n")
        .env("SET", "elsewhere");
    let warned = |sandbox: &Sandbox| texts(&plan(&plans(sandbox, &[]), "web")["warnings"]);
    let warnings = warned(&sandbox);
    assert_eq!(warnings.len(), 2, "{warnings:#?}");
    let all = warnings.join("\n");
    for part in [
        "`.env` names port 4100 for `api`",
        r#"set `[project.web] env = { VITE_API_URL = "{{api.url}}", VITE_WS = "ws://localhost:{{api.port}}/ws" }` in bowline.toml"#,
        "`vite.config.ts` names port 4100 for `api`",
        "let it read `BOWLINE_API_URL`, or set `[project.api] port = 4100` in bowline.toml",
    ] {
        assert!(all.contains(part), "{part}: {all}");
    }
    // Done as told, it is said no more.
    sandbox.file("bowline.toml", "[project.web]\nenv = { VITE_API_URL = \"{{api.url}}\", VITE_WS = \"ws://localhost:{{api.port}}/ws\" }\n");
    let warnings = warned(&sandbox);
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
}

#[test]
fn the_proxy_of_a_package_json_is_told_as_well() {
    let mut sandbox = workspace(&[("api", "node api.js")]);
    sandbox.file("apps/api/api.js", "require('http').createServer().listen(process.env.PORT || 4100)\n");
    for (dependency, is_told) in [("react-scripts", true), ("vite", false)] {
        let manifest = json!({
            "name": "web", "proxy": "http://localhost:4100", "dependencies": { dependency: "*" },
            "scripts": { "dev": "web-server" },
        });
        sandbox.file("apps/web/package.json", &manifest.to_string());
        let warnings = texts(&plan(&plans(&sandbox, &[]), "web")["warnings"]).join("\n");
        let said = "`package.json` names port 4100 for `api`";
        assert_eq!(warnings.contains(said), is_told, "{warnings}");
        assert!(!warnings.contains("let it read `BOWLINE_API"), "{warnings}");
        assert_eq!(
            warnings.contains("set `[project.api] port = 4100` in bowline.toml"),
            is_told,
            "{warnings}"
        );
    }
}

#[test]
fn the_usual_port_of_a_service_of_another_session_is_replaced() {
    let (mut sandbox, _ports) = Sandbox::new().with_ports("default", 4);
    let web = format!("PORT=4100 exec '{}' --lifetime 100", dev_server().display());
    let script = "WS=ws://localhost:4100/ws ws-client";
    add(&mut sandbox, &[("web", &web), ("client", script)]);
    assert_eq!(plan(&plans(&sandbox, &["client"]), "client")["command"], script, "nobody is there");
    let started = sandbox.run(["start", "web", "--framework", "default"]);
    assert!(started.status.success(), "{started:?}");
    let port = sandbox.run(["port", "web"]).stdout.trim().to_owned();
    let expected = script.replace("4100", &port);
    assert_eq!(plan(&plans(&sandbox, &["client"]), "client")["command"], expected.as_str());
    assert!(sandbox.run(["stop", "web"]).status.success());
}

#[test]
fn a_template_for_a_port_that_is_not_there_is_a_mistake_with_its_place() {
    for (text, expected) in [
        (
            "[project.web]\nenv = { X = \"{{lib.url}}\" }\n",
            "`{{lib.url}}`: `lib` is a watch, which has no port",
        ),
        ("[project.lib]\nenv = { X = \"{{self.port}}\" }\n", "`{{self.port}}`: `lib` is a watch"),
    ] {
        let mut sandbox = workspace(&[("web", "vite"), ("lib", "tsc -w")]);
        sandbox.file("bowline.toml", text);
        for arguments in [&["dev", "--dry-run"][..], &["dev"]] {
            let finished = sandbox.run(arguments);
            assert_eq!(finished.status.code(), Some(2), "{finished:?}");
            for part in [expected, "bowline.toml:2:", "port = true"] {
                assert!(finished.stderr.contains(part), "{part}: {}", finished.stderr);
            }
        }
    }
}

/// `web`, which names `api` by a template, `api`, which names `auth` by its usual port, and `auth`. Each serves what it
/// knows.
fn chain(usual: u16) -> (Sandbox, Ports) {
    let server = dev_server().display();
    let (mut sandbox, ports) = Sandbox::new().with_ports("default", 12);
    let serve = |variable: &str| format!("exec {server} --lifetime 200 --body \"${variable}\"");
    let api = format!("export AUTH_URL=http://localhost:{usual}; {}", serve("AUTH_URL"));
    add(&mut sandbox, &[("web", &serve("API_URL")), ("api", &api), ("auth", &serve("BOWLINE_URL"))]);
    sandbox.file("apps/auth/.env", &format!("PORT={usual}\n"));
    sandbox.file("bowline.toml", "[project.web]\nenv = { API_URL = \"{{api.url}}\" }\n");
    (sandbox, ports)
}

fn git(sandbox: &Sandbox, arguments: &[&str]) {
    let identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"];
    let status = sandbox.command("git").args(identity).args(arguments).status().unwrap();
    assert!(status.success(), "{arguments:?}");
}

fn port_of(session: &mut Session, name: &str) -> u16 {
    let is_it = |event: &Value| {
        event["type"] == "port-detected"
            && event["projectId"].as_str().is_some_and(|id| Path::new(id).ends_with(name))
    };
    let seen = session.seen().iter().find(|event| is_it(event)).cloned();
    let event = seen.unwrap_or_else(|| session.until(name, is_it));
    event["port"].as_u64().and_then(|port| u16::try_from(port).ok()).unwrap()
}

#[test]
fn three_worktrees_side_by_side_each_have_addresses_of_their_own() {
    let usual = Ports::claim(1);
    let (sandbox, _ports) = chain(usual.first());
    git(&sandbox, &["init", "-q"]);
    git(&sandbox, &["add", "."]);
    git(&sandbox, &["commit", "-qm", "all"]);
    let mut dirs: Vec<PathBuf> = vec![sandbox.project().to_owned()];
    for name in ["two", "three"] {
        git(&sandbox, &["worktree", "add", "-q", &format!("../{name}")]);
        dirs.push(sandbox.root().join(name));
    }
    let start = |dir: &PathBuf| {
        let mut command = sandbox.bowline(["--json", "dev"]);
        command.current_dir(dir);
        Session::start(command)
    };
    let mut sessions: Vec<Session> = dirs.iter().map(start).collect();
    let mut all = Vec::new();
    for (session, dir) in sessions.iter_mut().zip(&dirs) {
        let [web, api, auth] = ["web", "api", "auth"].map(|name| port_of(session, name));
        all.extend([web, api, auth]);
        assert_eq!(http::get(web).body, format!("http://localhost:{api}"));
        assert_eq!(http::get(api).body, format!("http://localhost:{auth}"));
        assert_eq!(http::get(auth).body, format!("http://localhost:{auth}"));
        let mut command = sandbox.bowline(["status", "web", "--json"]);
        command.current_dir(dir);
        let output = String::from_utf8(command.output().unwrap().stdout).unwrap();
        assert!(output.contains(&format!("\"API_URL\":\"http://localhost:{api}\"")), "{output}");
    }
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 9, "each has a port of its own");
    for session in sessions {
        session.stop();
    }
}

#[test]
fn a_service_that_moves_restarts_those_that_name_it_once() {
    let server = dev_server().display();
    let (mut sandbox, ports) = Sandbox::new().with_ports("default", 8);
    let own = Ports::claim(2);
    let (usual, moved) = (own.first(), own.last());
    let knows = |who: &str, variable: &str| {
        format!("echo \"{who} knows ${variable}.\"; exec {server} --lifetime 200")
    };
    let by_script = format!("export API=http://localhost:{usual}; {}", knows("script", "API"));
    add(
        &mut sandbox,
        &[
            ("api", &format!("exec {server} --lifetime 200 --hard-coded {moved}")),
            ("template", &knows("template", "API")),
            ("script", &by_script),
            ("other", &knows("other", "BOWLINE_API_URL")),
        ],
    );
    sandbox.file("apps/api/.env", &format!("PORT={usual}\n"));
    sandbox.file("bowline.toml", "[project.template]\nenv = { API = \"{{api.url}}\" }\n");
    let mut session = sandbox.start(["dev"]);
    for who in ["template", "script"] {
        session.output(&format!("{who} knows http://localhost:{moved}."));
    }
    let printed = session.printed();
    for who in ["template", "script"] {
        assert_eq!(printed.matches(&format!("{who} knows ")).count(), 2, "{printed}");
        let before = format!("{who} knows http://localhost:{}.", ports.first());
        assert_eq!(printed.matches(&before).count(), 1, "{before}: {printed}");
    }
    assert_eq!(printed.matches("other knows ").count(), 1, "warned of, not restarted: {printed}");
    let ended = session.stop();
    let printed: String = ended.events.iter().filter_map(|event| event["data"].as_str()).collect();
    assert_eq!(printed.matches(" knows ").count(), 5, "{printed}");
    let warned: Vec<String> =
        ended.of("port-reallocated").iter().map(|event| event["message"].to_string()).collect();
    assert!(warned.iter().any(|message| message.contains("`other` was told")), "{warned:?}");
    assert!(!warned.iter().any(|message| message.contains("`template`")), "{warned:?}");
}
