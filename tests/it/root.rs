//! What `bowline` means at the root of a workspace.

use serde_json::{Value, json};

use crate::support::Sandbox;

/// A workspace whose root has these scripts. Of its packages, `web` and `api` have a dev script, `ui` has only `watch`,
/// and `web` depends on `ui`.
pub fn workspace(scripts: &Value) -> Sandbox {
    let mut sandbox = Sandbox::new();
    let root = json!({ "name": "root", "workspaces": ["apps/*", "packages/*"], "scripts": scripts });
    sandbox.file("package.json", &root.to_string());
    for (dir, package) in [
        (
            "apps/web",
            json!({ "name": "web", "scripts": { "dev": "vite", "story": "vite -c s" }, "dependencies": { "ui": "*" } }),
        ),
        ("apps/api", json!({ "name": "@acme/api", "private": true, "scripts": { "dev": "node api.js" } })),
        ("packages/ui", json!({ "name": "ui", "main": "index.js", "scripts": { "watch": "tsc -w" } })),
    ] {
        sandbox.file(format!("{dir}/package.json"), &package.to_string());
    }
    sandbox.file("packages/ui/index.js", "");
    sandbox
}

/// The names and scripts of what a start would run, and what it says of the root.
fn planned(sandbox: &Sandbox, arguments: &[&str]) -> (Vec<(String, String)>, Value) {
    let finished = sandbox.run([&["dev", "--dry-run", "--json"], arguments].concat());
    assert!(finished.status.success(), "{finished:?}");
    let lines: Vec<Value> = finished.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let runs = lines.iter().map(|line| (text(&line["project"]["name"]), text(&line["script"])));
    (runs.collect(), lines[0]["root"].clone())
}

pub fn names(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let (runs, _) = planned(sandbox, arguments);
    runs.into_iter().map(|(name, script)| format!("{name} {script}")).collect::<Vec<_>>().join(", ")
}

#[test]
fn the_roots_script_decides() {
    for (script, expected, means) in [
        ("turbo run dev", "@acme/api dev, web dev", "packages"),
        ("turbo run dev --filter=web...", "web dev", "packages"),
        ("turbo run dev watch", "root dev", "script"),
        ("pnpm --filter 'web...' watch", "ui watch", "packages"),
        ("npm run dev -w apps", "@acme/api dev, web dev", "packages"),
        ("npm run dev -w apps/web", "web dev", "packages"),
        ("yarn workspaces foreach -A --no-private run dev", "web dev", "packages"),
        ("nx run-many -t dev --exclude api", "web dev", "packages"),
        ("lerna run dev --scope '@acme/*'", "@acme/api dev", "packages"),
        ("concurrently 'npm -w web run dev' 'npm -w ui run watch'", "web dev, ui watch", "packages"),
        ("concurrently 'npm -w web run dev' 'npm -w web run story'", "web dev, web:story story", "packages"),
        ("cd apps/web && npm run dev", "web dev", "packages"),
        ("pnpm --filter nothing dev", "root dev", "script"),
        ("pnpm --filter ui dev", "root dev", "script"),
        ("vite", "root dev", "root"),
        ("node dev.mjs", "root dev", "script"),
        ("bowline", "@acme/api dev, web dev", "packages"),
    ] {
        let sandbox = workspace(&json!({ "dev": script }));
        assert_eq!(names(&sandbox, &[]), expected, "{script}");
        let (_, root) = planned(&sandbox, &[]);
        assert_eq!((&root["means"], &root["command"]), (&json!(means), &json!(script)), "{root}");
        assert_eq!(root["reason"].is_string(), means == "script", "{root}");
    }
    let sandbox = workspace(&json!({ "build": "turbo build" }));
    assert_eq!(names(&sandbox, &[]), "@acme/api dev, web dev", "no script");
    assert_eq!(planned(&sandbox, &[]).1, Value::Null);
}

/// What the real tools were seen to start; turbo 2.11, nx 24, npm 11, bun 1.
#[test]
fn names_and_directories_mean_what_the_tool_takes_them_for() {
    for (script, expected) in [
        ("turbo dev --filter=api", "root dev"),
        ("turbo dev --filter=!api", "root dev"),
        ("turbo dev --filter=@acme/api", "@acme/api dev"),
        ("turbo dev --filter='*api'", "@acme/api dev"),
        ("turbo watcher --filter='./apps/*...'", "ui watcher"),
        ("turbo watcher --filter='...^./packages/*'", "root dev"),
        ("turbo dev --filter='..../packages/*'", "web dev"),
        ("bun --filter api dev", "root dev"),
        ("nx run-many -t dev -p '*,!web'", "@acme/api dev"),
        ("nx run-many -t dev --exclude=./apps/web", "@acme/api dev, web dev"),
        ("npm run dev -w apps", "@acme/api dev, web dev"),
        ("npm run deep -w packages", "root dev"),
    ] {
        let mut sandbox = workspace(&json!({ "dev": script }));
        let root = json!({
            "name": "root", "packageManager": "npm@11.0.0", "workspaces": ["apps/*", "packages/**"],
            "scripts": { "dev": script },
        });
        sandbox.file("package.json", &root.to_string());
        sandbox.file("pnpm-workspace.yaml", "packages: ['apps/*', 'packages/**']\n");
        let ui = json!({ "name": "ui", "main": "index.js", "scripts": { "watcher": "tsc -w" } });
        sandbox.file("packages/ui/package.json", &ui.to_string());
        let deep = json!({ "name": "deep", "scripts": { "deep": "node deep.js" } });
        sandbox.file("packages/far/deep/package.json", &deep.to_string());
        assert_eq!(names(&sandbox, &[]), expected, "{script}");
    }
}

#[test]
fn another_script_of_the_root_may_be_named_and_is_given_the_arguments() {
    let sandbox = workspace(&json!({ "dev": "turbo dev --filter=web", "dev:full": "turbo run dev" }));
    assert_eq!(names(&sandbox, &[]), "web dev");
    assert_eq!(names(&sandbox, &["--script", "dev:full"]), "@acme/api dev, web dev");
    assert_eq!(names(&sandbox, &["--script", "dev:full", "--", "--filter=@acme/api"]), "@acme/api dev");
    assert_eq!(names(&sandbox, &["--script", "watch"]), "ui watch", "no script of the root");
    assert_eq!(names(&sandbox, &["api"]), "@acme/api dev", "a word");
}

#[test]
fn bowline_toml_chooses_who_runs_the_packages_and_which() {
    let mut sandbox = workspace(&json!({ "dev": "turbo dev --filter=web" }));
    sandbox.file("bowline.toml", "[workspace]\norchestrator = \"script\"\n");
    assert_eq!(names(&sandbox, &[]), "root dev");
    assert!(planned(&sandbox, &[]).1["reason"].as_str().unwrap().contains("bowline.toml"));
    sandbox.file("bowline.toml", "[workspace]\nfilter = [\"./apps/*\", \"!web\"]\n");
    assert_eq!(names(&sandbox, &[]), "@acme/api dev");
    let mut sandbox = workspace(&json!({ "dev": "node dev.mjs" }));
    sandbox.file("bowline.toml", "[workspace]\norchestrator = \"bowline\"\n");
    assert_eq!(names(&sandbox, &[]), "@acme/api dev, web dev");
}

#[test]
fn people_are_told_what_was_understood_and_why_not() {
    for (script, words) in [
        (
            "turbo run dev",
            "the root's script `turbo run dev` means `dev` of packages, which bowline runs itself",
        ),
        (
            "turbo run dev --affected",
            "the root's script `turbo run dev --affected` runs as it is: `--affected` is not understood",
        ),
        ("vite", "the root's script `vite` is a server of its own, and runs alone"),
    ] {
        let sandbox = workspace(&json!({ "dev": script }));
        for arguments in [&["dev", "--dry-run"][..], &["detect"]] {
            let said = sandbox.run(arguments);
            assert_eq!(said.stdout.lines().next(), Some(words), "{arguments:?}: {said:?}");
            let is_for_others = script.ends_with("--affected") && arguments.contains(&"--dry-run");
            assert_eq!(said.stdout.contains("none of its own"), is_for_others, "{said:?}");
        }
    }
}

#[test]
fn the_variables_of_the_roots_script_are_those_of_its_packages() {
    let mut sandbox = workspace(&json!({ "dev": "FOO=1 BAR=2 PORT=9 turbo dev --filter=web" }));
    sandbox.file("bowline.toml", "[project.web.env]\nBAR = \"3\"\n");
    let finished = sandbox.run(["dev", "--dry-run", "--json"]);
    let plan: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!((&plan["env"]["FOO"], &plan["env"]["BAR"]), (&json!("1"), &json!("3")), "{plan}");
    assert_ne!(plan["env"]["PORT"], "9");
}

/// What each service of a start would need, with the command of those that are no scripts of the workspace.
fn needs(sandbox: &Sandbox) -> Vec<String> {
    needs_of(sandbox, &[])
}

fn needs_of(sandbox: &Sandbox, arguments: &[&str]) -> Vec<String> {
    let finished = sandbox.run([&["dev", "--dry-run", "--json"], arguments].concat());
    assert!(finished.status.success(), "{finished:?}");
    let lines = finished.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list =
        |value: &Value| value.as_array().into_iter().flatten().map(text).collect::<Vec<_>>().join(" + ");
    let describe = |line: Value| {
        let (name, needs) = (text(&line["project"]["name"]), list(&line["needs"]));
        let needs = if needs.is_empty() { needs } else { format!(" needs {needs}") };
        let command =
            if line["script"].is_null() { format!(": {}", text(&line["command"])) } else { String::new() };
        format!("{name}{needs}{command}")
    };
    lines.map(describe).collect()
}

/// A workspace of a library with a build, a library without one, two apps, and turbo or nx.
fn with_libraries(dev: &str) -> Sandbox {
    let mut sandbox = Sandbox::new();
    let root = json!({ "name": "root", "workspaces": ["apps/*", "packages/*"], "scripts": { "dev": dev } });
    sandbox.file("package.json", &root.to_string());
    for (dir, package) in [
        (
            "apps/web",
            json!({ "name": "web", "scripts": { "dev": "vite", "codegen": "x" }, "dependencies": { "ui": "workspace:*", "api": "workspace:*" } }),
        ),
        (
            "apps/api",
            json!({ "name": "api", "scripts": { "dev": "node api.js" }, "dependencies": { "core": "workspace:*" } }),
        ),
        (
            "packages/ui",
            json!({ "name": "ui", "main": "dist/index.js", "scripts": { "build": "tsc" }, "dependencies": { "core": "workspace:*" } }),
        ),
        (
            "packages/core",
            json!({ "name": "core", "exports": { ".": "./dist/index.js" }, "scripts": { "build": "tsc" } }),
        ),
    ] {
        sandbox.file(format!("{dir}/package.json"), &package.to_string());
    }
    sandbox
}

/// `web` waits for `api`, and nobody but us builds.
const BESIDE: [&str; 4] = [
    "api needs core:build",
    "web needs api + core:build + ui:build",
    "core:build",
    "ui:build needs core:build",
];

#[test]
fn the_finite_work_of_turbo_is_run_by_turbo_and_what_goes_on_by_us() {
    for (tasks, expected) in [
        (
            json!({ "dev": { "dependsOn": ["^build"], "persistent": true } }),
            &[
                "api needs turbo build",
                "web needs turbo build",
                "turbo build: turbo run build --filter=api^... --filter=web^...",
            ][..],
        ),
        (
            json!({ "dev": { "dependsOn": ["codegen", "$X"] }, "codegen": {} }),
            &["api", "web needs turbo codegen", "turbo codegen: turbo run codegen --filter=web"],
        ),
        (
            json!({ "dev": {}, "web#dev": { "dependsOn": ["core#build"] } }),
            &["api", "web needs turbo build", "turbo build: turbo run build --filter=core"],
        ),
        (
            json!({ "dev": { "dependsOn": ["^build"] }, "api#dev": { "persistent": true } }),
            &["api", "web needs turbo build", "turbo build: turbo run build --filter=web^..."],
        ),
        // No app has the task, but a library has.
        (
            json!({ "dev": { "dependsOn": ["build"] }, "build": { "dependsOn": ["^build"] } }),
            &[
                "api needs turbo build",
                "web needs turbo build",
                "turbo build: turbo run build --filter=api --filter=web",
            ],
        ),
        (json!({ "dev": { "persistent": true }, "web#dev": { "dependsOn": ["api#dev"] } }), &BESIDE),
        (json!({ "dev": { "dependsOn": ["^dev"] } }), &BESIDE),
        (
            json!({ "dev": { "dependsOn": ["^lint"] } }),
            &[
                "api needs core:build",
                "web needs core:build + ui:build",
                "core:build",
                "ui:build needs core:build",
            ],
        ),
    ] {
        for (key, name) in [("tasks", "turbo.json"), ("pipeline", "turbo.json"), ("tasks", "turbo.jsonc")] {
            let mut sandbox = with_libraries("turbo run dev");
            sandbox.file(name, &format!("{{ // ours\n \"{key}\": {tasks}, }}"));
            let found: Vec<String> = needs(&sandbox)
                .into_iter()
                .map(|line| line.split(": tsc").next().unwrap().to_owned())
                .collect();
            assert_eq!(found, expected, "{tasks}");
        }
    }
}

#[test]
fn builds_of_packages_in_a_circle_do_not_wait_for_each_other() {
    let mut sandbox = with_libraries("vite");
    let core = json!({ "name": "core", "main": "dist/index.js", "scripts": { "build": "tsc" }, "dependencies": { "core": "workspace:*", "ui": "workspace:*" } });
    sandbox.file("packages/core/package.json", &core.to_string());
    assert_eq!(needs_of(&sandbox, &["api"]), ["api needs core:build + ui:build", "core:build", "ui:build"]);
}

#[test]
fn a_package_has_a_turbo_json_of_its_own_and_asks_for_services_beside_it() {
    let mut sandbox = with_libraries("npx turbo@2 run dev --filter=web --env-mode=loose");
    sandbox.file("turbo.json", &json!({ "tasks": { "dev": { "dependsOn": ["^build"] } } }).to_string());
    let own = json!({ "extends": ["//"], "tasks": { "dev": { "dependsOn": ["$TURBO_EXTENDS$", "codegen"], "with": ["api#dev"] } } });
    sandbox.file("apps/web/turbo.json", &own.to_string());
    let expected = [
        "web needs turbo build + turbo codegen",
        "api needs turbo build",
        "turbo build: npx turbo@2 run build --filter=api^... --filter=web^... --env-mode=loose",
        "turbo codegen: npx turbo@2 run codegen --filter=web --env-mode=loose",
    ];
    assert_eq!(needs(&sandbox), expected);
    sandbox.file("package.json", &json!({ "workspaces": ["*/*"], "name": "root", "scripts": { "dev": "turbo dev --only --filter=web" } }).to_string());
    assert_eq!(needs(&sandbox)[0], "web needs core:build + ui:build");
}

#[test]
fn the_finite_work_of_nx_is_run_by_nx() {
    let mut sandbox = with_libraries("nx run-many -t dev");
    sandbox.file("nx.json", &json!({ "targetDefaults": { "dev": { "dependsOn": ["^build"] } } }).to_string());
    let expected = ["api needs nx build", "web needs nx build", "nx build: nx run-many -t build -p core,ui"];
    assert_eq!(needs(&sandbox), expected);
    sandbox.file(
        "apps/web/project.json",
        &json!({ "name": "shop", "targets": { "dev": { "dependsOn": ["codegen", "api:dev"] } } }).to_string(),
    );
    let expected = [
        "api needs nx build",
        "web needs api + nx codegen",
        "nx build: nx run-many -t build -p core",
        "nx codegen: nx run-many -t codegen -p shop",
    ];
    assert_eq!(needs(&sandbox), expected);
}

#[test]
fn nx_knows_a_package_by_its_project_json_and_its_package_json() {
    for (script, expected) in [
        ("nx run-many -t dev -p shop", "web dev"),
        ("nx run-many -t dev -p web", "root dev"),
        ("nx run-many -t dev -p tag:scope:shop", "web dev"),
        ("nx run-many -t dev -p tag:type:app", "@acme/api dev, web dev"),
        ("nx dev shop", "web dev"),
    ] {
        let mut sandbox = workspace(&json!({ "dev": script }));
        let project = json!({ "name": "shop", "tags": ["scope:shop", "type:app"] });
        sandbox.file("apps/web/project.json", &project.to_string());
        let api = json!({ "name": "@acme/api", "scripts": { "dev": "x" }, "nx": { "tags": ["type:app"] } });
        sandbox.file("apps/api/package.json", &api.to_string());
        assert_eq!(names(&sandbox, &[]), expected, "{script}");
    }
}

#[test]
fn the_finite_work_comes_before_what_is_chosen_by_name_as_well() {
    let mut sandbox = with_libraries("FOO=1 turbo run dev --filter=api");
    let tasks = json!({ "tasks": { "dev": { "dependsOn": ["^build"], "with": ["api#dev"] } } });
    sandbox.file("turbo.json", &tasks.to_string());
    let web = [
        "web needs turbo build",
        "api needs turbo build",
        "turbo build: turbo run build --filter=api^... --filter=web^...",
    ];
    for arguments in [&["web"][..], &["-F", "web"]] {
        assert_eq!(needs_of(&sandbox, arguments), web, "{arguments:?}");
    }
    let builds = needs_of(&sandbox, &["-C", "apps/web"]);
    assert!(builds.contains(&"ui:build needs core:build".to_owned()), "alone in its directory: {builds:?}");
    assert_eq!(needs_of(&sandbox, &["api", "--no-order"]), ["api"]);
    sandbox.file("bowline.toml", "[workspace]\nfilter = [\"api\"]\n");
    assert_eq!(needs(&sandbox), ["api needs turbo build", "turbo build: turbo run build --filter=api^..."]);
}

/// A root often has the framework of its apps among its own dependencies.
#[test]
fn what_turbo_does_first_has_no_framework() {
    let mut sandbox = with_libraries("turbo run dev");
    let root = json!({ "name": "root", "workspaces": ["apps/*", "packages/*"],
        "scripts": { "dev": "turbo run dev" }, "devDependencies": { "vite": "8" } });
    sandbox.file("package.json", &root.to_string());
    sandbox.file("turbo.json", r#"{ "tasks": { "dev": { "dependsOn": ["^build"] } } }"#);
    let planned = sandbox.run(["dev", "--dry-run", "--json"]).stdout;
    let first = planned.lines().find(|line| line.contains(r#""name":"turbo build""#)).unwrap();
    assert!(first.contains(r#""framework":"default""#), "{first}");
}

#[test]
fn what_was_never_built_is_built_first_unless_bowline_toml_says_otherwise() {
    let mut sandbox = with_libraries("turbo run dev");
    let builds = [
        "api needs core:build",
        "web needs core:build + ui:build",
        "core:build",
        "ui:build needs core:build",
    ];
    assert_eq!(needs(&sandbox), builds);
    sandbox.file("bowline.toml", "[workspace]\nbuild = \"never\"\n");
    assert_eq!(needs(&sandbox), ["api", "web"]);
    sandbox.file("bowline.toml", "").file("packages/core/dist/index.js", "");
    assert_eq!(needs(&sandbox), ["api", "web needs ui:build", "ui:build"]);
    sandbox.file("packages/ui/dist/index.js", "");
    assert_eq!(needs(&sandbox), ["api", "web"]);
    sandbox.file("bowline.toml", "[workspace]\nbuild = \"always\"\n");
    assert_eq!(needs(&sandbox), builds);
}
