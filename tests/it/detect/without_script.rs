//! `bowline detect` where there is no script to run.

use serde_json::{Value, json};

use crate::support::{Sandbox, Test};

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
    for (package, files, key) in [
        (json!({ "name": "app", "devDependencies": { "vite": "8" } }), &[][..], "vite"),
        (json!({ "name": "app" }), &["next.config.js"], "next"),
        (
            json!({ "name": "app", "scripts": { "build": "tsc" }, "dependencies": { "astro": "6" } }),
            &[],
            "astro",
        ),
        // An empty script is none.
        (json!({ "name": "app", "scripts": { "dev": " " }, "dependencies": { "astro": "6" } }), &[], "astro"),
        (json!({ "name": "app" }), &[], "default"),
        // A workspace none of whose packages has a script.
        (json!({ "name": "app", "workspaces": ["packages/*"] }), &["vite.config.ts"], "vite"),
    ] {
        let (answer, text) = detected(&package, files);
        assert_eq!(answer["framework"], key, "{package}: {answer}");
        assert_eq!((&answer["script"], &answer["command"]), (&Value::Null, &Value::Null), "{answer}");
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
        .stderr_contains(hint)
        .run();
    // Nothing else answers without a script.
    Test::new().file("package.json", r#"{ "name": "app" }"#).args(["--dry-run"]).status(5).run();
    let hint = "or run a command with `bowline exec -- COMMAND`";
    Test::new().args(["detect"]).status(5).stderr_contains(hint).run();
}
