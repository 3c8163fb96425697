//! Scripts of several programs: only the server is told the port.

use bowline::launch::Delivery;

use crate::support::launch::{Tree, Wish, caller, manifest, planned, set};

const VARIABLES: &str = "PORT=3111 DEV_SERVER_PORT=3111";

/// Script, and the command that it becomes; `@` stands for the variables of a server that has none of its own.
const APART: &[(&str, &str)] = &[
    ("node web.js & node api.js", "@ node web.js & node api.js"),
    ("node api.js & node web.js", "node api.js & @ node web.js"),
    ("node worker.js & node server.js", "node worker.js & @ node server.js"),
    ("node one.js & node two.js", "@ node one.js & node two.js"),
    (
        "concurrently 'react-scripts start' 'node api.js'",
        "concurrently '@ react-scripts start' 'node api.js'",
    ),
    ("concurrently \"nodemon api.js\" \"nest start\"", "concurrently \"nodemon api.js\" \"@ nest start\""),
    ("(cd api && node index.js) & node web.js", "(cd api && node index.js) & @ node web.js"),
    ("(cd images && node x.js) & node y.js", "(cd images && node x.js) & @ node y.js"),
    ("(cd web && node x.js) & node y.js", "(cd web && @ node x.js) & node y.js"),
    (
        "(wait-port tcp:4000 && node web.js) & node api.js",
        "(wait-port tcp:4000 && node web.js) & @ node api.js",
    ),
    ("cross-env A=1 node web.js & node api.js", "@ cross-env A=1 node web.js & node api.js"),
    ("export PORT=4000; node web.js & node api.js", "export PORT=4000; @ node web.js & node api.js"),
    (
        "PORT=4000 node web.js & PORT=5000 node api.js",
        "DEV_SERVER_PORT=3111 PORT=3111 node web.js & PORT=5000 node api.js",
    ),
    (
        "cross-env PORT=4000 concurrently 'node web' 'node api'",
        "cross-env PORT=4000 concurrently '@ node web' 'node api'",
    ),
    (
        "dotenv -- concurrently 'node web.js' 'node api.js'",
        "dotenv -- concurrently '@ node web.js' 'node api.js'",
    ),
    ("node prepare.js && node web.js & ./api", "node prepare.js && @ node web.js & ./api"),
    ("sh -c 'node web.js' & turbo run api", "@ sh -c 'node web.js' & turbo run api"),
    ("nodemon --exec 'node web.js' & python3 api.py", "@ nodemon --exec 'node web.js' & python3 api.py"),
    ("concurrently 'npm run api' 'npm run web'", "concurrently 'npm run api' '@ npm run web'"),
    ("npm run both", "env npm_lifecycle_event=both sh -c 'node api.js & @ node web.js'"),
    (". ./.env && node web.js", ". ./.env && @ node web.js"),
    ("unset PORT; node web.js", "unset PORT; @ node web.js"),
];

fn scripts(dev: &str) -> String {
    serde_json::json!({ "name": "app", "scripts": {
        "dev": dev, "web": "node web.js", "api": "node api.js", "both": "node api.js & node web.js",
        "nested": "npm run web",
    }})
    .to_string()
}

#[test]
fn only_the_server_is_told_the_port() {
    for (script, command) in APART {
        let tree = Tree::new(&[("package.json", &scripts(script))]);
        for port in [None, Some("3111"), Some("4444")] {
            let variables: Vec<_> = port.into_iter().map(|port| ("PORT", port)).collect();
            let spec = planned(&tree.project(""), &caller(&tree.dir, &variables), &Wish::default());
            assert_eq!(spec.command, command.replace('@', VARIABLES), "{script}: {spec:#?}");
            for name in ["PORT", "DEV_SERVER_PORT"] {
                assert_eq!(set(&spec.main, name), None, "{script}");
            }
            // The others get what the package manager would give them, unless that is the port of the server.
            let removed = spec.main.environment.removals().any(|name| name == "PORT");
            assert_eq!(removed, port == Some("3111"), "{script}");
            assert_eq!((spec.doubt, spec.warnings), (None, Vec::new()), "{script}");
        }
    }
}

#[test]
fn one_program_gets_the_port_by_its_environment() {
    for script in
        ["node web.js", "tsc && node web.js", "node web.js | tee log", "npm run web", "npm run nested"]
    {
        let tree = Tree::new(&[("package.json", &scripts(script))]);
        let spec = planned(&tree.project(""), &caller(&tree.dir, &[]), &Wish::default());
        assert_eq!((&*spec.command, set(&spec.main, "PORT")), (script, Some("3111")));
        assert_eq!(spec.script_shell, None);
    }
}

/// Scripts whose commands stay as they are: the shell of nested scripts has the variables.
#[test]
fn scripts_that_are_called_by_name_get_the_port_from_their_shell() {
    for script in [
        "run-p api web",
        "npm-run-all -p api web",
        "npm-run-all2 --parallel 'api' 'web'",
        "concurrently npm:api npm:web",
        "concurrently 'npm:api' 'npm:nested'",
        "PORT=4000 run-p api web",
    ] {
        let tree = Tree::new(&[("package.json", &scripts(script))]);
        let spec = planned(&tree.project(""), &caller(&tree.dir, &[]), &Wish::default());
        assert_eq!(spec.command, script);
        assert_eq!((set(&spec.main, "PORT"), &spec.doubt), (None, &None), "{script}");
        assert_eq!(set(&spec.main, "npm_config_script_shell"), Some("/state/app.sh"), "{script}");
        assert!(spec.script_shell.is_some(), "{script}");
    }
}

#[test]
fn a_script_that_cannot_be_taken_apart_says_so() {
    let tree = Tree::new(&[("package.json", &scripts("run-p api web")), ("bun.lock", "")]);
    tree.program("bin/bun", "");
    let path = tree.dir.join("bin");
    let caller =
        caller(&tree.dir, &[("PATH", path.to_str().unwrap()), ("npm_config_user_agent", "bun/1.3.0")]);
    let spec = planned(&tree.project(""), &caller, &Wish::default());
    assert_eq!(set(&spec.main, "PORT"), Some("3111"));
    let [warning] = &spec.warnings[..] else { panic!("{:?}", spec.warnings) };
    assert!(warning.contains("`PORT` cannot be set for `node` alone"), "{warning}");
}

#[test]
fn the_plan_says_who_is_told_and_why() {
    for (script, why) in [
        (
            "node api.js & vite",
            "`vite` alone is told port 3111 (a framework's server goes before any other program); not `node`",
        ),
        ("node api.js & node web.js", "(its name is that of the part with the pages)"),
        ("node one.js & node two.js", "(it is the first of its kind)"),
        ("vite & tsc -w", "`vite` alone is told port 3111; not `tsc`"),
    ] {
        let tree = Tree::new(&[("package.json", &manifest(script, &[]))]);
        let spec = planned(&tree.project(""), &caller(&tree.dir, &[]), &Wish::default());
        assert!(spec.notes.iter().any(|note| note.contains(why)), "{script}: {:?}", spec.notes);
    }
}

#[test]
fn a_proxy_in_front_of_the_projects_own_server_has_its_port_by_flag_alone() {
    let tree = Tree::new(&[("package.json", &manifest("netlify dev", &["netlify-cli", "vite"]))]);
    let spec = planned(&tree.project(""), &caller(&tree.dir, &[("PORT", "3111")]), &Wish::default());
    assert_eq!((&*spec.command, spec.delivery), ("netlify dev --port 3111", Delivery::Flag));
    assert_eq!(set(&spec.main, "PORT"), None);
    assert!(spec.main.environment.removals().any(|name| name == "PORT"), "{spec:#?}");
}
