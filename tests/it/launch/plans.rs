//! Scripts of many shapes, and the commands they become.

use std::path::Path;

use bowline::launch::{Delivery, Host, LaunchError};

use crate::support::launch::{Tree, Wish, caller, launch, manifest, planned, run, set};

/// Script, dependencies, the command it becomes, how surely the port arrives.
const SCRIPTS: &[(&str, &[&str], &str, Delivery)] = &[
    ("vite", &["vite"], "vite --port 3111 --strictPort", Delivery::Flag),
    ("vite dev", &["vite", "@sveltejs/kit"], "vite dev --port 3111 --strictPort", Delivery::Flag),
    ("vite --port 4000", &["vite"], "vite --port 3111 --strictPort", Delivery::Flag),
    ("astro dev", &["astro"], "astro dev --port 3111", Delivery::Flag),
    ("astro dev --port=4000 # note", &["astro"], "astro dev --port=3111 # note", Delivery::Flag),
    ("next dev -p4000", &["next"], "next dev -p3111 --hostname localhost", Delivery::Flag),
    ("PORT=4000 next dev", &["next"], "PORT=3111 next dev -p 3111 --hostname localhost", Delivery::Flag),
    (
        "tsc && vite && echo done",
        &["vite"],
        "tsc && vite --port 3111 --strictPort && echo done",
        Delivery::Flag,
    ),
    ("cross-env A=1 vite", &["vite"], "cross-env A=1 vite --port 3111 --strictPort", Delivery::Flag),
    (
        "vite build --watch & vite",
        &["vite"],
        "vite build --watch & PORT=3111 DEV_SERVER_PORT=3111 VITE_PORT=3111 vite --port 3111 --strictPort",
        Delivery::Flag,
    ),
    (
        "concurrently \"vite\" \"node api.js\"",
        &["vite"],
        "concurrently \"PORT=3111 DEV_SERVER_PORT=3111 VITE_PORT=3111 vite --port 3111 --strictPort\" \"node api.js\"",
        Delivery::Flag,
    ),
    ("react-scripts start", &["react-scripts"], "react-scripts start", Delivery::Variable),
    (
        "PORT=4000 react-scripts start",
        &["react-scripts"],
        "PORT=3111 react-scripts start",
        Delivery::Variable,
    ),
    ("node server.js", &[], "node server.js", Delivery::Variable),
    ("PORT=4000 node server.js", &[], "PORT=3111 node server.js", Delivery::Variable),
    ("env -i node server.js", &[], "env -i node server.js", Delivery::Unverified),
    ("bowline exec -- vite", &["vite"], "bowline exec -- vite --port 3111 --strictPort", Delivery::Flag),
    ("bowline --script dev:app", &["vite"], "bowline --script dev:app", Delivery::Inner),
    (
        "bowline wait api && vite",
        &["vite"],
        "bowline wait api && vite --port 3111 --strictPort",
        Delivery::Flag,
    ),
    (
        "vite & next dev",
        &["vite", "next"],
        "PORT=3111 DEV_SERVER_PORT=3111 VITE_PORT=3111 vite --port 3111 --strictPort & next dev",
        Delivery::Flag,
    ),
    ("live-server", &[], "live-server --port=3111 --host=localhost", Delivery::Flag),
    ("live-server --port=80", &[], "live-server --port=3111 --host=localhost", Delivery::Flag),
    ("deno serve x.ts --mine", &[], "deno serve --port 3111 --host localhost x.ts --mine", Delivery::Flag),
    (
        "A=1 PORT=1 deno serve x.ts; b",
        &[],
        "A=1 PORT=3111 deno serve --port 3111 --host localhost x.ts; b",
        Delivery::Flag,
    ),
    ("sh -c 'deno serve x.ts'", &[], "sh -c 'deno serve x.ts'", Delivery::Unverified),
    ("bun --hot x.ts", &["@types/bun"], "bun --port=3111 --hot x.ts", Delivery::Flag),
    // Bun takes the `3111` of `bun --port 3111 run x.ts` for the command.
    ("bun run --hot x.ts", &["@types/bun"], "bun --port=3111 run --hot x.ts", Delivery::Flag),
    ("bun run --port 80 x.ts", &["@types/bun"], "bun run --port 3111 x.ts", Delivery::Flag),
    ("turbo run dev", &[], "turbo run dev", Delivery::Unverified),
    ("./start.sh", &[], "./start.sh", Delivery::Unverified),
    ("PORT=4000 ./start.sh", &[], "PORT=3111 ./start.sh", Delivery::Unverified),
    ("vite 'unclosed", &["vite"], "vite 'unclosed", Delivery::Unverified),
    (
        "vite --port $MINE_OR_NOT_MINE && echo",
        &["vite"],
        "vite --port 3111 --strictPort && echo",
        Delivery::Flag,
    ),
];

#[test]
fn scripts_become_commands() {
    for (script, dependencies, command, delivery) in SCRIPTS {
        let tree = Tree::new(&[("package.json", &manifest(script, dependencies))]);
        let spec = planned(&tree.project(""), &caller(&tree.dir, &[]), &Wish::default());
        assert_eq!((&*spec.command, spec.delivery), (*command, *delivery), "{script}: {spec:#?}");
        // A script that is one program is started without a shell, or by `exec` if the shell has to expand
        // something.
        let argv: Vec<_> = spec.main.argv.iter().map(|word| word.to_string_lossy()).collect();
        if spec.main.program == Path::new("/bin/sh") {
            let text = argv[2].strip_prefix("exec ").unwrap_or(&argv[2]);
            assert_eq!(text, *command, "{script}");
        } else {
            let plain = command.split(" # ").next().unwrap_or_default();
            assert_eq!(argv, shell_words::split(plain).expect("words"), "{script}");
        }
        assert_eq!(spec.main.cwd, tree.dir);
        assert_eq!(spec.doubt.is_none(), *delivery != Delivery::Unverified, "{script}: {:?}", spec.doubt);
        assert_eq!(spec.warnings, [""; 0], "{script}");
        let is_apart = script.contains(" & ") || script.starts_with("concurrently ");
        for name in ["PORT", "DEV_SERVER_PORT"] {
            assert_eq!(set(&spec.main, name), (!is_apart).then_some("3111"), "{script}");
        }
    }
}

#[test]
fn a_doubt_says_why_and_what_to_do() {
    let tree = Tree::new(&[("package.json", &manifest("turbo run dev", &[]))]);
    let spec = planned(&tree.project(""), &caller(&tree.dir, &[]), &Wish::default());
    let Some(doubt) = &spec.doubt else { panic!("{spec:#?}") };
    assert!(doubt.contains("; bowline cannot promise port 3111 for `dev`: `turbo`: "), "{doubt}");
    assert!(!doubt.contains('\n'), "{doubt}");
    assert_eq!(spec.warnings, [""; 0], "a start that goes well says nothing of it");
}

#[test]
fn a_hidden_variable_is_told_from_a_deaf_program() {
    for (script, why) in [
        ("env -i node server.js", ["the script hides `PORT` from `node`", "let it through in the script"]),
        (
            "env-cmd node x.js",
            ["reads a file of variables before `node`, which may set `PORT`", "leave `PORT` out"],
        ),
    ] {
        let tree = Tree::new(&[("package.json", &manifest(script, &[]))]);
        let spec = planned(&tree.project(""), &caller(&tree.dir, &[]), &Wish::default());
        let doubt = spec.doubt.unwrap_or_default();
        assert!(why.iter().all(|part| doubt.contains(part)), "{script}: {doubt}");
    }
}

#[test]
fn the_users_arguments_reach_the_program() {
    for (lockfile, shell) in [("package-lock.json", "sh"), ("pnpm-lock.yaml", "sh"), ("yarn.lock", "sh")] {
        let tree = Tree::new(&[("package.json", &manifest("vite", &["vite"])), (lockfile, "")]);
        let wish = Wish { arguments: &["--open", "it's", "$x"], ..Wish::default() };
        let spec = planned(&tree.project(""), &caller(&tree.dir, &[]), &wish);
        let words = ["vite", "--open", "it's", "$x", "--port", "3111", "--strictPort"];
        assert_eq!(spec.main.argv, words, "{lockfile}");

        tree.write("package.json", &manifest("vite 2> log", &["vite"]));
        let spec = planned(&tree.project(""), &caller(&tree.dir, &[]), &wish);
        let command = r"exec vite 2> log --open 'it'\''s' '$x' --port 3111 --strictPort";
        assert_eq!(spec.main.argv, [shell, "-c", command], "{lockfile}");
    }
}

#[test]
fn a_port_among_the_arguments_is_an_order() {
    let tree = Tree::new(&[("package.json", &manifest("vite --port 3000", &["vite"]))]);
    let wish = Wish { arguments: &["--port", "4000"], ..Wish::default() };
    let spec = planned(&tree.project(""), &caller(&tree.dir, &[]), &wish);
    assert_eq!((spec.port, &*spec.command), (4000, "vite --port 4000 --strictPort"));
}

#[test]
fn a_port_among_the_arguments_is_placed_once() {
    let rows: &[(&str, &[&str], &str)] = &[
        ("run-p web types", &["--port", "4555"], "run-p 'web -- --port 4555 --strictPort' types"),
        ("vite && echo", &["--port=4555", "x"], "vite --port 4555 --strictPort && echo x"),
        ("npm run web", &["--port", "4555"], "npm run web -- --port 4555 --strictPort"),
        ("npm run web", &["--host", "0.0.0.0"], "npm run web --host 0.0.0.0 -- --port 3111 --strictPort"),
        ("npm run web", &["--open"], "npm run web --open -- --port 3111 --strictPort"),
        ("pnpm web", &["--host", "0.0.0.0"], "pnpm web --host 0.0.0.0 --port 3111 --strictPort"),
        ("node server.js", &["--port", "4555"], "node server.js --port 4555"),
        ("turbo run web", &["--port", "4555"], "turbo run web --port 4555"),
    ];
    for (script, arguments, command) in rows {
        let scripts = serde_json::json!({ "scripts": { "dev": script, "web": "vite", "types": "tsc -w" } });
        let tree = Tree::new(&[("package.json", &scripts.to_string())]);
        let wish = Wish { arguments, ..Wish::default() };
        let spec = planned(&tree.project(""), &caller(&tree.dir, &[]), &wish);
        let variables = format!("PORT={0} DEV_SERVER_PORT={0} VITE_PORT={0} ", spec.port);
        assert_eq!(spec.command.replace(&variables, ""), *command, "{script} {arguments:?}");
        assert_eq!(spec.port, if arguments[0].starts_with("--port") { 4555 } else { 3111 });
    }
}

#[test]
fn hosts() {
    let all = Some(Host::All);
    let one = Some(Host::Address("10.0.0.1".to_owned()));
    let cases = [
        ("vite", "vite", None, "vite --port 3111 --strictPort"),
        ("vite", "vite", all.clone(), "vite --port 3111 --strictPort --host 0.0.0.0"),
        ("vite", "vite", one.clone(), "vite --port 3111 --strictPort --host 10.0.0.1"),
        ("next dev", "next", all.clone(), "next dev -p 3111 --hostname 0.0.0.0"),
        ("expo start", "expo", all.clone(), "expo start --port 3111 --host lan"),
        ("expo start", "expo", one.clone(), "expo start --port 3111 --host lan"),
        ("vite --host", "vite", None, "vite --host --port 3111 --strictPort"),
        ("next dev -H 0.0.0.0", "next", None, "next dev -H 0.0.0.0 -p 3111"),
        ("next dev -H0.0.0.0", "next", None, "next dev -H0.0.0.0 -p 3111"),
        ("expo start --tunnel", "expo", None, "expo start --tunnel --port 3111"),
        ("hexo server -i ::", "hexo", None, "hexo server -i :: --port 3111"),
        ("vite --host", "vite", one, "vite --host --port 3111 --strictPort"),
    ];
    for (script, dependency, host, command) in cases {
        let tree = Tree::new(&[("package.json", &manifest(script, &[dependency]))]);
        let warned = script.contains("--host") && host.is_some();
        let spec = planned(&tree.project(""), &caller(&tree.dir, &[]), &Wish { host, ..Wish::default() });
        assert_eq!(spec.command, command);
        assert_eq!(!spec.warnings.is_empty(), warned, "{script}: {:?}", spec.warnings);
    }
}

#[test]
fn commands_stay_plain_argument_lists() {
    let cases: &[(&[&str], &[&str])] = &[
        (&["vite"], &["vite", "--port", "3111", "--strictPort"]),
        (&["next", "dev", "a b"], &["next", "dev", "a b", "-p", "3111", "--hostname", "localhost"]),
        (&["sh", "-c", "exec vite"], &["sh", "-c", "exec vite --port 3111 --strictPort"]),
        (&["env", "PORT=1", "node", "x.js"], &["env", "PORT=3111", "node", "x.js"]),
        (&["A=1", "vite"], &["A=1", "vite"]),
        (&["echo", "a && vite; b", "*", "~"], &["echo", "a && vite; b", "*", "~"]),
    ];
    for (argv, expected) in cases {
        let tree = Tree::new(&[("package.json", "{}")]);
        let spec =
            planned(&tree.project(""), &caller(&tree.dir, &[]), &Wish { command: argv, ..Wish::default() });
        assert_eq!(spec.main.argv, *expected);
        assert_eq!(spec.main.program.as_os_str(), argv[0]);
        assert!(spec.pre.is_none() && spec.post.is_none());
    }
}

#[test]
fn a_script_that_starts_bowline_for_itself_is_refused() {
    for script in
        ["bowline", "bowline dev", "bowline -v dev --script dev", "bowline dev --script=dev -- --open"]
    {
        let tree = Tree::new(&[("package.json", &manifest(script, &[]))]);
        let error =
            launch(&tree.project(""), &caller(&tree.dir, &[]), &Wish::default(), None).expect_err(script);
        assert!(matches!(error, LaunchError::Recursive { .. }), "{error:?}");
        assert!(error.hint().is_some());
    }
}

#[test]
fn pre_and_post_scripts() {
    let scripts =
        r#"{"scripts":{"predev":"echo pre","dev":"vite","postdev":"echo post"},"dependencies":{"vite":"8"}}"#;
    let runs = |extra: &[(&str, &str)]| {
        let tree = Tree::new(&[("package.json", scripts)]);
        tree.write_all(extra);
        let wish = Wish { arguments: &["--open"], ..Wish::default() };
        let spec = planned(&tree.project(""), &caller(&tree.dir, &[]), &wish);
        if let (Some(pre), Some(post)) = (&spec.pre, &spec.post) {
            assert_eq!(pre.argv[1..], ["-c", "echo pre"], "without the arguments");
            assert_eq!(
                [set(pre, "npm_lifecycle_event"), set(post, "npm_lifecycle_event")],
                [Some("predev"), Some("postdev")]
            );
        }
        assert_eq!(spec.pre.is_some(), spec.post.is_some());
        spec.pre.is_some()
    };
    assert!(runs(&[]));
    assert!(!runs(&[(".npmrc", "ignore-scripts=true")]));
    assert!(runs(&[("pnpm-lock.yaml", "")]));
    assert!(!runs(&[("pnpm-lock.yaml", ""), (".npmrc", "enable-pre-post-scripts=false")]));
    assert!(!runs(&[("pnpm-lock.yaml", ""), ("pnpm-workspace.yaml", "enablePrePostScripts: false\n")]));
    let (npmrc, workspace) = ("enable-pre-post-scripts=false", "enablePrePostScripts: false\n");
    for (version, by_npmrc, by_yaml) in
        [(9, true, false), (10, true, true), (11, false, true), (12, false, true)]
    {
        let manager = format!(r#"{{"packageManager":"pnpm@{version}.0.0",{}"#, &scripts[1..]);
        let disabled = |file, text| !runs(&[("package.json", &manager), (file, text)]);
        assert_eq!(disabled(".npmrc", npmrc), by_npmrc, "pnpm {version}");
        assert_eq!(disabled("pnpm-workspace.yaml", workspace), by_yaml, "pnpm {version}");
    }
    assert!(runs(&[("yarn.lock", "# yarn lockfile v1\n")]));
    assert!(!runs(&[("yarn.lock", "__metadata:\n  version: 8\n")]));
    assert!(runs(&[("bun.lock", "{}")]));
}

#[test]
fn shells() {
    let shell_of = |files: &[(&str, &str)], variables: &[(&str, &str)]| {
        let tree = Tree::new(&[("package.json", &manifest("vite $MORE", &["vite"]))]);
        tree.write_all(files);
        let spec = planned(&tree.project(""), &caller(&tree.dir, variables), &Wish::default());
        spec.main.program.display().to_string()
    };
    assert_eq!(shell_of(&[], &[]), "/bin/sh");
    assert_eq!(shell_of(&[(".npmrc", "script-shell=/bin/zsh")], &[]), "/bin/zsh");
    assert_eq!(
        shell_of(&[(".npmrc", "script-shell=/bin/zsh")], &[("npm_config_script_shell", "ksh")]),
        "ksh"
    );
    assert_eq!(
        shell_of(&[("pnpm-lock.yaml", ""), ("pnpm-workspace.yaml", "scriptShell: zsh\n")], &[]),
        "zsh"
    );
    let pnpm = [("package.json", r#"{"packageManager":"pnpm@11.0.0","scripts":{"dev":"vite $MORE"}}"#)];
    assert_eq!(shell_of(&pnpm, &[("npm_config_script_shell", "zsh")]), "/bin/sh");
    assert_eq!(shell_of(&pnpm, &[("pnpm_config_script_shell", "zsh")]), "zsh");
    let everywhere = [pnpm[0], ("home/.config/pnpm/config.yaml", "scriptShell: zsh\n")];
    let tree = Tree::new(&everywhere);
    let home = tree.dir.join("home");
    assert_eq!(shell_of(&pnpm, &[("HOME", home.to_str().expect("text"))]), "zsh");
    let yarn = [("yarn.lock", "__metadata:\n"), (".npmrc", "script-shell=zsh")];
    assert_eq!(shell_of(&yarn, &[]), "/bin/sh");
    let tree = Tree::new(&[]);
    tree.program("bin/bash", "");
    let bin = tree.dir.join("bin");
    let path = [("PATH", bin.to_str().expect("text"))];
    assert_eq!(shell_of(&[("bun.lock", "")], &path), bin.join("bash").display().to_string());
    assert_eq!(shell_of(&[("bun.lock", "")], &[("PATH", "/nowhere")]), "/bin/sh");
}

#[test]
fn the_manager_is_started_where_nothing_else_is_faithful() {
    let argv_of = |script: &str, files: &[(&str, &str)], arguments: &[&str]| {
        let tree = Tree::new(&[("package.json", &manifest(script, &["vite"]))]);
        tree.write_all(files);
        tree.program("bin/yarn", "");
        let path = tree.dir.join("bin");
        let caller = caller(&tree.dir, &[("PATH", path.to_str().expect("text"))]);
        let spec = planned(&tree.project(""), &caller, &Wish { arguments, ..Wish::default() });
        let argv = spec.main.argv.iter().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>();
        (argv.join("|"), spec.delivery)
    };
    let pnp = [("yarn.lock", "__metadata:\n"), (".pnp.cjs", "")];
    let cached = [pnp[0], pnp[1], ("node_modules/.vite/x", "")];
    let linked = [pnp[0], pnp[1], ("node_modules/.yarn-state.yml", "")];
    let flag = Delivery::Flag;
    assert_eq!(
        argv_of("vite", &pnp, &["-x y"]),
        ("yarn|exec|vite '-x y' --port 3111 --strictPort".into(), flag)
    );
    assert_eq!(argv_of("vite", &cached, &[]), ("yarn|exec|vite --port 3111 --strictPort".into(), flag));
    assert_eq!(argv_of("vite", &linked, &[]), ("vite|--port|3111|--strictPort".into(), flag));
    let bun = [("bun.lock", ""), ("bunfig.toml", "[run]\nbun = true\n")];
    assert_eq!(argv_of("vite", &bun, &["-x y"]), ("bun|run|dev|-x y|--port|3111|--strictPort".into(), flag));
    assert_eq!(argv_of("vite && x", &bun, &["y"]), ("bun|run|dev|y".into(), Delivery::Unverified));
    assert_eq!(argv_of("node a.js", &bun, &["b"]), ("bun|run|dev|b".into(), Delivery::Variable));
    assert_eq!(
        argv_of("run build && vite", &[pnp[0]], &[]).0,
        "yarn|exec|run build && vite --port 3111 --strictPort"
    );
    let environment = [("yarn.lock", "__metadata:\n"), (".env.yarn", "A=1")];
    assert_eq!(argv_of("node a.js", &environment, &["b"]), ("yarn|run|dev|b".into(), Delivery::Variable));
}

#[test]
fn every_text_has_a_plan() {
    let pieces = [
        "vite", " ", "'", "\"", "$(", ")", "&&", "--port", "=", "\\", "é", "\n", "deno serve", "{", "<<E",
        "\0",
    ];
    let tree = Tree::new(&[]);
    for first in pieces {
        for second in pieces {
            let script = format!("{first}{second} vite {second}");
            tree.write("package.json", &manifest(&script, &["vite"]));
            let spec = planned(&tree.project(""), &caller(&tree.dir, &[]), &Wish::default());
            assert_eq!(set(&spec.main, "PORT"), Some("3111"), "{script:?}");
            assert_eq!(spec.delivery == Delivery::Unverified, spec.doubt.is_some(), "{script:?}");
        }
    }
}

#[test]
fn the_plan_as_json() {
    let tree = Tree::new(&[("package.json", &manifest("vite", &["vite"]))]);
    let spec = planned(&tree.project(""), &caller(&tree.dir, &[]), &Wish::default());
    let json = serde_json::to_value(&spec).expect("JSON");
    assert_eq!(json["port"], 3111);
    assert_eq!(json["argv"], serde_json::json!(["vite", "--port", "3111", "--strictPort"]));
    assert_eq!(json["command"], "vite --port 3111 --strictPort");
    assert_eq!(json["env"]["BOWLINE_URL"], "http://localhost:3111");
    assert!(json["env"].get("HOME").is_none(), "only what is added");
}

#[test]
fn planning_writes_nothing() {
    let tree = Tree::new(&[("package.json", &manifest("true", &[])), ("package-lock.json", "{}")]);
    let before = walk(&tree.dir);
    let caller = caller(&tree.dir, &[]);
    let spec = planned(&tree.project(""), &caller, &Wish::default());
    assert!(run(&spec.main, &caller).status.success());
    assert_eq!(walk(&tree.dir), before);
}

fn walk(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).expect("a directory");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").path().display().to_string()).collect();
    names.sort();
    names
}
