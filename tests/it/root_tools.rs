//! What tools read differently at the root of a workspace, and files that they refuse.

use serde_json::{Value, json};

use crate::root::{names, workspace};
use crate::support::Sandbox;

/// What the real tools were seen to start, or to refuse.
#[test]
fn what_tools_read_differently_is_read_so_or_runs_as_it_is() {
    for (script, expected) in [
        ("turbo dev --filter='!web' --filter='./apps/*'", "@acme/api dev"),
        ("pnpm --filter '!web' --filter './apps/*' dev", "root dev"),
        ("pnpm --filter './apps/*' --filter '!web' dev", "@acme/api dev"),
        ("pnpm --filter 'web' --filter '...ui...' dev", "root dev"),
        ("pnpm --filter '*' other", "root other, @acme/api other"),
        ("pnpm --filter '!web' other", "@acme/api other"),
        ("pnpm --filter '...ui' other", "root other"),
        ("turbo other", "@acme/api other"),
        ("turbo rooted", "root dev"),
        ("bun --filter root other", "root dev"),
        ("bun --filter '@acme/*' --filter nothing dev", "root dev"),
        ("bun run --workspaces dev", "root dev"),
        ("bun run --workspaces --if-present dev", "@acme/api dev, web dev"),
        ("yarn workspaces run dev", "root dev"),
        ("yarn workspaces run all", "@acme/api all, web all, ui all"),
        ("yarn workspace apps/web dev", "root dev"),
        ("yarn workspace web dev", "web dev"),
        ("npm run other -w web -iwr", "root other"),
        ("npm run other -w api -w apps/api -iwr", "root other, @acme/api other"),
        ("nx run api:all", "@acme/api all"),
        ("nx all web", "root dev"),
        ("nx run-many -t all -p web", "web all, @other/web all"),
    ] {
        let scoped = script == "nx all web" || script.ends_with("-p web");
        let mut sandbox = workspace(&json!({}));
        let root = json!({
            "name": "root", "workspaces": ["apps/*", "packages/*"], "dependencies": { "ui": "*" },
            "scripts": { "dev": script, "other": "node other.js", "rooted": "node rooted.js" },
        });
        sandbox.file("package.json", &root.to_string());
        sandbox
            .file("turbo.json", r#"{ "tasks": { "dev": {}, "other": {}, "rooted": {}, "//#rooted": {} } }"#);
        let (api, web, ui) = ("apps/api", "apps/web", "packages/ui");
        for (dir, name, scripts) in [
            (api, "@acme/api", json!({ "dev": "node a.js", "other": "node a.js", "all": "node a.js" })),
            (web, "web", json!({ "dev": "vite", "all": "vite", "rooted": "vite" })),
            (ui, "ui", json!({ "all": "node u.js" })),
        ] {
            let name = if scoped && dir == web { "@acme/web" } else { name };
            let manifest = json!({ "name": name, "scripts": scripts });
            sandbox.file(format!("{dir}/package.json"), &manifest.to_string());
        }
        if scoped {
            let other = json!({ "name": "@other/web", "scripts": { "all": "vite" } });
            sandbox.file("packages/web/package.json", &other.to_string());
        }
        let found = names(&sandbox, &[]);
        let found = if scoped { found.replace("@acme/web", "web") } else { found };
        assert_eq!(found, expected, "{script}");
    }
}

#[test]
fn lerna_is_left_alone_where_its_packages_are_others() {
    let mut sandbox = workspace(&json!({ "dev": "lerna run dev" }));
    sandbox.file("lerna.json", r#"{ "packages": ["apps/*", "packages/*"] }"#);
    assert_eq!(names(&sandbox, &[]), "@acme/api dev, web dev");
    sandbox.file("lerna.json", r#"{ "packages": ["apps/*"] }"#);
    assert_eq!(names(&sandbox, &[]), "root dev");
}

#[test]
fn pnpm_takes_the_packages_from_its_own_file() {
    let mut sandbox = workspace(&json!({}));
    sandbox.file("pnpm-workspace.yaml", "packages: [apps/web]\n");
    assert_eq!(names(&sandbox, &[]), "@acme/api dev, web dev", "of npm");
    let root = json!({ "name": "root", "packageManager": "pnpm@10.0.0", "workspaces": ["apps/*"] });
    sandbox.file("package.json", &root.to_string());
    assert_eq!(names(&sandbox, &[]), "web dev");
    sandbox.file("pnpm-workspace.yaml", "linkWorkspacePackages: true\n");
    assert_eq!(names(&sandbox, &[]), "@acme/api dev, web dev", "only settings");
}

/// A file that its own tool refuses is refused, with the place.
#[test]
fn a_broken_file_of_the_scripts_tool_is_an_error() {
    for (script, file, text, place) in [
        ("turbo dev", "turbo.json", "{\n  \"tasks\": {,}\n}", "turbo.json:2:13: "),
        ("npx turbo run dev", "apps/web/turbo.jsonc", "{\n  // text\n  [", "turbo.jsonc:3:3: "),
        ("lerna run dev", "lerna.json", "{ \"packages\": [ }", "lerna.json:1:"),
        ("nx run-many -t dev", "nx.json", "{ \"plugins\": [ ,", "nx.json:1:16: "),
        ("nx run-many -t dev", "apps/api/project.json", "{ \"name\": }", "project.json:1:11: "),
        ("pnpm -r dev", "pnpm-workspace.yaml", "packages:\n  - 'apps/*\n", "pnpm-workspace.yaml:"),
    ] {
        let mut sandbox = workspace(&json!({ "dev": script }));
        if file.starts_with("pnpm") {
            let root =
                json!({ "name": "root", "packageManager": "pnpm@10.0.0", "scripts": { "dev": script } });
            sandbox.file("package.json", &root.to_string());
        }
        if script.starts_with("nx") {
            sandbox.file("nx.json", "{}");
        }
        sandbox.file(file, text);
        for arguments in [&["dev", "--dry-run"][..], &["detect"], &["start"]] {
            let refused = sandbox.run(arguments);
            assert_eq!(refused.status.code(), Some(2), "{file}, {arguments:?}: {refused:?}");
            assert!(refused.stderr.contains(place), "{file}, {arguments:?}: {refused:?}");
            assert!(refused.stderr.contains("hint: correct `"), "{file}, {arguments:?}: {refused:?}");
        }
    }
    let mut sandbox = workspace(&json!({ "dev": "pnpm -r dev" }));
    sandbox.file("turbo.json", "{").file("lerna.json", "{");
    assert_eq!(names(&sandbox, &[]), "@acme/api dev, web dev", "files of other tools");
}

#[test]
fn a_project_that_only_nx_knows_goes_by_name_directory_and_filter_and_the_first_line_names_its_target() {
    let (mut sandbox, ports) = Sandbox::new().with_ports("vite", 2);
    sandbox.file("package.json", r#"{ "name": "org", "private": true, "devDependencies": { "nx": "*" } }"#);
    sandbox.file("nx.json", r#"{ "plugins": [{ "plugin": "@nx/vite/plugin" }] }"#);
    sandbox.file("apps/shop/project.json", r#"{ "name": "shop", "targets": {} }"#);
    sandbox.file("apps/shop/vite.config.mts", "").file("apps/shop/index.html", "");
    sandbox.program("nx", "exit 3");
    for arguments in [&[][..], &["shop"], &["apps/shop"], &["-F", "shop"], &["-F", "./apps/*"]] {
        let planned = sandbox.run([&["dev", "--dry-run", "--json"], arguments].concat());
        assert!(planned.status.success(), "{arguments:?}: {planned:?}");
        let plan: Value = serde_json::from_str(planned.stdout.trim()).unwrap();
        assert_eq!(plan["argv"][2], "shop:serve", "{arguments:?}: {plan}");
    }
    let ended = sandbox.run(["dev"]);
    let first = format!("port {} · no dev script, so `nx run shop:serve`", ports.first());
    assert!(ended.stderr.lines().next().is_some_and(|line| line.ends_with(&first)), "{ended:?}");
    sandbox.file("nx.json", "{");
    for arguments in [&[][..], &["shop"], &["-F", "shop"]] {
        let refused = sandbox.run([&["dev", "--dry-run"], arguments].concat());
        assert!(refused.stderr.contains("nx.json:1:"), "{arguments:?}: {refused:?}");
    }
}
