//! `bowline detect` where there is no script to run.

use serde_json::{Value, json};

use crate::support::{Ports, Sandbox, Test};

fn detected(package: &Value, files: &[&str]) -> (Value, String) {
    let mut sandbox = Sandbox::new();
    sandbox.file("package.json", &package.to_string());
    for file in files {
        sandbox.file(file, "");
    }
    let (answer, sandbox) = Test::within(sandbox).args(["detect", "--json"]).stderr("").answer();
    let (text, _) = Test::within(sandbox).args(["detect"]).stderr("").answer();
    (serde_json::from_str(&answer.stdout).unwrap(), text.stdout)
}

#[test]
fn the_files_and_dependencies_answer() {
    for (package, files, key, command) in [
        (json!({ "name": "app", "devDependencies": { "vite": "8" } }), &[][..], "vite", json!("vite")),
        (json!({ "name": "app" }), &["next.config.js"], "next", json!("next dev")),
        (
            json!({ "name": "app", "scripts": { "build": "tsc" }, "dependencies": { "astro": "6" } }),
            &[],
            "astro",
            json!("astro dev"),
        ),
        // An empty script is none.
        (
            json!({ "name": "app", "scripts": { "dev": " " }, "dependencies": { "astro": "6" } }),
            &[],
            "astro",
            json!("astro dev"),
        ),
        (json!({ "name": "app" }), &[], "default", Value::Null),
        // A workspace none of whose packages has a script.
        (json!({ "name": "app", "workspaces": ["packages/*"] }), &["vite.config.ts"], "vite", json!("vite")),
        // Redwood's root is a workspace without scripts.
        (
            json!({ "name": "app", "private": true, "workspaces": { "packages": ["api", "web"] } }),
            &["redwood.toml"],
            "redwood",
            json!("rw dev"),
        ),
    ] {
        let (answer, text) = detected(&package, files);
        assert_eq!(answer["framework"], key, "{package}: {answer}");
        assert_eq!((&answer["script"], &answer["command"]), (&Value::Null, &command), "{answer}");
        assert_eq!((&answer["project"]["name"], &answer["packageManager"]), (&json!("app"), &json!("npm")));
        assert!(answer["range"]["start"].is_u64() && !answer["evidence"].as_array().unwrap().is_empty());
        assert!(text.contains(&format!("({key})\n")) && text.contains("  script     none\n"), "{text}");
    }
}

#[test]
fn a_script_that_was_named_must_be_there() {
    let mut sandbox = Sandbox::new();
    sandbox.file("package.json", r#"{ "name": "app", "scripts": { "build": "tsc" } }"#);
    let hint = "choose one of the scripts there are with `--script`: build";
    let sandbox =
        Test::within(sandbox).args(["detect", "--script", "x"]).status(5).stderr_contains(hint).run();
    Test::within(sandbox)
        .file("bowline.toml", "[project.app]\nscript = \"x\"\n")
        .args(["detect"])
        .status(5)
        .stderr_contains("bowline.toml:2:10: no script `x` in ")
        .stderr_contains("choose one of: build")
        .run();
    // Nothing else answers without a script.
    Test::new().file("package.json", r#"{ "name": "app" }"#).args(["--dry-run"]).status(5).run();
    let hint = "or run a command with `bowline exec -- COMMAND`";
    Test::new().args(["detect"]).status(5).stderr_contains(hint).run();
}

/// A project without scripts, in which `vite` tells how it is run.
fn vite() -> (Sandbox, Ports) {
    let mut sandbox = Sandbox::new();
    sandbox.file("package.json", r#"{ "name": "app", "scripts": { "build": "vite build" } }"#);
    sandbox.file("vite.config.ts", "").program("vite", "echo \"vite $*\"; echo \"in $PWD\"");
    sandbox.with_ports("vite", 1)
}

#[test]
fn a_frameworks_own_command_runs_on_the_reserved_port() {
    let (sandbox, ports) = vite();
    let port = ports.first();
    let ran = sandbox.run(["dev", "--", "--mode", "test"]);
    assert!(ran.stdout.contains(&format!("vite --mode test --port {port} --strictPort")), "{ran:?}");
    let first = ran.stderr.lines().next().unwrap_or_default();
    assert_eq!(first, format!("bowline  vite · npm · port {port} · no dev script, so `vite --mode test`"));
    let planned = sandbox.run(["--dry-run", "--json"]);
    let planned: Value = serde_json::from_str(&planned.stdout).unwrap();
    assert_eq!(
        (&planned["port"], &planned["command"]),
        (&port.into(), &json!(format!("vite --port {port} --strictPort")))
    );
    assert_eq!(sandbox.run(["port"]).stdout, format!("{port}\n"));
    let started = sandbox.run(["start"]);
    assert!(
        started.stderr.contains("ended with exit code 0"),
        "it is started, and is no server: {started:?}"
    );
}

#[test]
fn a_script_that_is_there_or_named_goes_before_the_frameworks_command() {
    let (mut sandbox, _ports) = vite();
    let missing = sandbox.run(["--script", "dev"]);
    assert_eq!(missing.status.code(), Some(5), "{missing:?}");
    sandbox.file("package.json", r#"{ "name": "app", "scripts": { "serve": "vite preview" } }"#);
    let planned = sandbox.run(["--dry-run"]);
    assert!(planned.stdout.contains("vite preview"), "{planned:?}");
}

#[test]
fn the_command_of_every_framework_is_its_own() {
    let catalog = super::embedded();
    for framework in catalog.frameworks() {
        let Some(dev) = &framework.dev else { continue };
        let needed = framework.needs.iter().take(1);
        let packages: Vec<&str> =
            framework.dependencies.iter().take(1).chain(needed).map(|name| &**name).collect();
        let found = super::Sample::script(dev).packages(&packages).detect(&catalog);
        assert_eq!(found.framework.key, framework.key, "{dev}");
        assert_eq!(found.kind, framework.kind, "{dev}");
    }
}

#[test]
fn in_a_workspace_a_package_without_a_script_runs_where_it_is_named_or_where_no_package_has_one() {
    let mut sandbox = Sandbox::new();
    sandbox.file("package.json", r#"{ "name": "root", "workspaces": ["apps/*", "packages/*"] }"#);
    for (dir, files) in
        [("apps/web", &["vite.config.ts", "index.html"][..]), ("packages/ui", &["vite.config.ts"])]
    {
        let name = dir.rsplit('/').next().unwrap();
        sandbox.file(format!("{dir}/package.json"), &json!({ "name": name }).to_string());
        for file in files {
            sandbox.file(format!("{dir}/{file}"), "");
        }
    }
    let names = |sandbox: &Sandbox, arguments: &[&str]| {
        let planned = sandbox.run([&["dev", "--dry-run", "--json"], arguments].concat());
        let name = |line: &str| serde_json::from_str::<Value>(line).unwrap()["project"]["name"].to_string();
        planned.stdout.lines().map(name).collect::<Vec<_>>().join(" ").replace('"', "")
    };
    // A library that Vite builds has no page, and one for users of a framework is not run by it.
    let plugin =
        json!({ "name": "plugin", "peerDependencies": { "next": "*" }, "devDependencies": { "next": "16" } });
    sandbox.file("packages/plugin/package.json", &plugin.to_string());
    for (arguments, expected) in [
        (&[][..], "web"),
        (&["-F", "*"], "web"),
        (&["-F", "./apps/*"], "web"),
        (&["-F", "web..."], "web"),
        (&["-F", "ui"], "ui"),
        (&["-F", "plugin"], "plugin"),
    ] {
        assert_eq!(names(&sandbox, arguments), expected, "{arguments:?}");
    }
    assert_eq!(sandbox.run(["dev", "--dry-run", "--script", "dev"]).status.code(), Some(5));
    assert!(sandbox.run(["status", "--brief"]).stdout.contains("not running: web\n"));
    sandbox.file("apps/api/package.json", r#"{ "name": "api", "scripts": { "dev": "node api.js" } }"#);
    for (arguments, expected) in [(&[][..], "api"), (&["-F", "*"], "api"), (&["-F", "web"], "web")] {
        assert_eq!(names(&sandbox, arguments), expected, "beside a script: {arguments:?}");
    }
    sandbox.file("apps/api/package.json", r#"{ "name": "api" }"#).file("redwood.toml", "");
    assert_eq!(names(&sandbox, &[]), "root", "the root is the app");
}
