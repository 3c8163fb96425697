//! bowline.toml: what is wrong with it, services that are no packages, and the addresses of others.

use serde_json::{Value, json};

use crate::support::{Ports, Sandbox, Test, dev_server, http};

/// A workspace of `@acme/web`, which prints a variable, and `@acme/api`.
fn workspace() -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.file("package.json", r#"{ "name": "root", "workspaces": ["apps/*"] }"#);
    for name in ["web", "api"] {
        let dev = format!("echo \"{name} knows $TOLD.\"; exec '{}' --lifetime 200", dev_server().display());
        let manifest = json!({ "name": format!("@acme/{name}"), "scripts": { "dev": dev } });
        sandbox.file(format!("apps/{name}/package.json"), &manifest.to_string());
    }
    sandbox
}

fn with_ports(count: u16) -> (Sandbox, Ports) {
    workspace().with_ports("default", count)
}

/// Mistakes in the file, the place and message of each, and the beginning of its hint.
const MISTAKES: &[(&str, &str, &str)] = &[
    ("[project.web]\nprot = 1\n", "2:1: unknown field `prot`\n2 | prot = 1\n  | ^\n", "did you mean `port`?"),
    ("[projects.web]\n", "1:2: unknown field `projects`\n", "did you mean `project`?"),
    ("[workspace]\nbuild = \"allways\"\n", "2:9: unknown variant `allways`\n", "did you mean `always`?"),
    (
        "[project.web]\nrestart = \"yes\"\n",
        "2:11: unknown variant `yes`\n",
        "choose one of: never, on-failure, always",
    ),
    (
        "[project.web]\nneeds = \"api\"\n",
        "2:9: invalid type: string \"api\", expected a sequence\n",
        "correct",
    ),
    (
        "[project.web]\nport = \"x\"\n",
        "2:8: not a port from 1 to 65535: `\"x\"`\n",
        "write `true` for a port of its own",
    ),
    ("[project.web]\ngrace = 5\n", "2:9: not a time like `10s` or `500ms`: `5`\n", "correct"),
    ("[project.web]\nready = { log = \"(\" }\n", "2:17: not a regular expression: ", "correct"),
    ("[project.web]\ncommand = \" \"\n", "2:11: the command is empty\n", "correct"),
    (
        "[project.web]\nneeds = [\"api\", \"apu\"]\n",
        "2:17: there is no package or service `apu`\n",
        "did you mean `@acme/api`?",
    ),
    (
        "[project.web]\nwith = [\"queue\"]\n",
        "2:9: there is no package or service `queue`\n",
        "choose one of: root, @acme/api, @acme/web",
    ),
    (
        "[project.webb]\nport = 1\n",
        "1:10: `[project.webb]` names no package, and has no `command`\n",
        "did you mean `@acme/web`?",
    ),
    (
        "[project.web.env]\nA = \"{{api.url}} {{apj.url}}\"\n",
        "2:18: there is no package or service `apj`\n",
        "did you mean `@acme/api`?",
    ),
    (
        "[project.web]\nargs = [\"-p\", \"{{self.prot}}\"]\n",
        "2:16: a service has no `prot`: `{{self.prot}}`\n",
        "did you mean `port`?",
    ),
    (
        "[project.web]\nbefore = \"echo {{api.port\"\n",
        "2:16: `{{api.port` has no end\n",
        "write `{{NAME.port}}`",
    ),
    (
        "[project.db]\ncommand = \"x\"\ndir = \"nowhere\"\n",
        "3:7: no such directory: `[PROJECT]/nowhere`\n",
        "name a directory",
    ),
    (
        "[project.web]\ndir = \"nowhere\"\n",
        "2:7: no such directory: `[PROJECT]/nowhere`\n",
        "name a directory",
    ),
    ("[project.\"my db\"]\ncommand = \"x\"\n", "1:10: not a name for a service: `my db`\n", "use letters"),
    (
        "[project.self]\ncommand = \"x\"\n",
        "1:10: not a name for a service: `self`\n",
        "use letters, digits and `-_.@/:`, at most 214 of them, and another",
    ),
    (
        "[project.web]\n[project.\"@acme/web\"]\n",
        "1:10: `[project.web]` is `@acme/web`, which has a table of its own\n",
        "make one table of the two",
    ),
    (
        "[project.web]\nready = { timeout = \"18446744073709551615s\" }\n",
        "2:21: longer than a year: `18446744073709551615s`\n",
        "correct",
    ),
    ("[project.web]\nenv = { \"A=B\" = \"1\" }\n", "2:7: not a name for a variable: `A=B`\n", "correct"),
    ("[project.web]\nenv = { \"\" = \"1\" }\n", "2:7: not a name for a variable: ``\n", "correct"),
    ("[project.web]\nenv = { A = \"\\u0000\" }\n", "2:7: `A` has a NUL character", "correct"),
    ("[project.web]\nargs = [\"a\", \"\\u0000\"]\n", "2:8: an argument has a NUL character", "correct"),
    (
        "[project.web]\nneeds = [\"api\"]\n[project.api]\nneeds = [\"web\"]\n",
        "4:9: services need each other: @acme/api → @acme/web → @acme/api\n",
        "take one of these out of `needs`",
    ),
];

#[test]
fn a_condition_that_cannot_hold_has_its_place_and_nothing_starts() {
    for (condition, place) in [
        ("http = \"healthz\"", "2:18: `ready` of `@acme/web`: `http` is a path with a `/` at its beginning"),
        ("http = \"\"", "2:18: `ready` of `@acme/web`: `http` is a path with a `/` at its beginning"),
    ] {
        let (mut sandbox, _ports) = with_ports(2);
        sandbox.file("bowline.toml", &format!("[project.web]\nready = {{ {condition} }}\n"));
        let test = Test::within(sandbox).args(["dev"]).status(2).stdout("");
        test.stderr_contains(&format!("error: [PROJECT]/bowline.toml:{place}")).run();
    }
}

#[test]
fn a_service_has_a_name_that_fits_on_a_screen_and_in_a_file_system() {
    let mut sandbox = workspace();
    sandbox.file("bowline.toml", &format!("[project.{}]\ncommand = \"x\"\n", "x".repeat(215)));
    let test = Test::within(sandbox).args(["--dry-run"]).status(2).stdout("");
    test.stderr_contains("bowline.toml:1:10: not a name for a service: `xxx").stderr_contains("hint: ").run();
}

#[test]
fn every_mistake_has_its_place_and_a_suggestion() {
    for (text, place, hint) in MISTAKES {
        let mut sandbox = workspace();
        sandbox.file("bowline.toml", text);
        let test = Test::within(sandbox).args(["--dry-run"]).status(2).stdout("");
        let test = test.stderr_contains(&format!("error: [PROJECT]/bowline.toml:{place}"));
        test.stderr_contains(&format!("\nhint: {hint}")).run();
    }
}

#[test]
fn a_short_name_that_several_packages_have_is_no_name() {
    let mut sandbox = workspace();
    sandbox.file("apps/other/package.json", r#"{ "name": "@other/web", "scripts": { "dev": "true" } }"#);
    sandbox.file("bowline.toml", "[project.\"@acme/api\"]\nneeds = [\"web\"]\n");
    let said = "2:10: `web` is the name of several: @other/web, @acme/web\n";
    let mut sandbox = Test::within(sandbox).args(["--dry-run"]).status(2).stderr_contains(said).run();
    sandbox.file("bowline.toml", "[project.web]\nport = 4000\n");
    let said = "1:10: `web` is the name of several: @other/web, @acme/web\n";
    Test::within(sandbox).args(["--dry-run"]).status(2).stderr_contains(said).run();
}

#[test]
fn the_nearest_file_wins_key_by_key() {
    let mut sandbox = workspace();
    sandbox.file(
        "bowline.toml",
        "[project.web]\nport = 4001\nargs = [\"--far\"]\nenv = { A = \"far\", B = \"far\" }\n",
    );
    sandbox.file("apps/web/bowline.toml", "[project.web]\nargs = []\nenv = { B = \"near\" }\n");
    let test = Test::within(sandbox).args(["web", "--dry-run"]).stdout_contains("port       4001\n");
    test.stdout_lacks("--far").stdout_contains("A=far\n").stdout_contains("B=near\n").run();
}

#[test]
fn services_that_are_needed_or_wanted_are_started_too() {
    let mut sandbox = workspace();
    sandbox.file(
        "bowline.toml",
        "[project.web]\nneeds = [\"api\"]\n[project.api]\nwith = [\"db\"]\n[project.db]\ncommand = \"sleep 5\"\nport = true\nneeds = [\"web\"]\n",
    );
    let started = |arguments: &[&str], sandbox: Sandbox, expected: &[&str]| {
        let test = Test::within(sandbox).args(arguments.iter().copied()).args(["--dry-run", "--json"]);
        let (finished, sandbox) = test.answer();
        let name = |line: &str| serde_json::from_str::<Value>(line).unwrap()["project"]["name"].clone();
        assert_eq!(finished.stdout.lines().map(name).collect::<Vec<_>>(), expected, "{arguments:?}");
        sandbox
    };
    sandbox = started(&["web"], sandbox, &["@acme/web", "@acme/api", "db"]);
    sandbox = started(&["db"], sandbox, &["db", "@acme/web", "@acme/api"]);
    sandbox = started(&[], sandbox, &["@acme/api", "@acme/web", "db"]);
    // The user's options are for the services that the user names.
    let test = Test::within(sandbox).args(["web", "--dry-run", "--port", "4321", "--", "--debug"]);
    let (finished, _) = test.stdout_contains("port       4321\n").answer();
    assert_eq!(finished.stdout.matches("--debug").count(), 1, "{}", finished.stdout);
    assert_eq!(finished.stdout.matches("  port       4321\n").count(), 1, "{}", finished.stdout);
}

#[test]
fn addresses_are_equal_in_the_service_in_status_and_in_another_run() {
    let (mut sandbox, ports) = with_ports(4);
    let db = format!("exec '{}' --lifetime 200 --port {{{{self.port}}}}", dev_server().display());
    let toml = format!(
        "[project.web]\nneeds = [\"api\"]\nenv = {{ TOLD = \"{{{{api.url}}}} {{{{ db.port }}}} {{{{self.host}}}} {{{{{{{{x\" }}\n\
         [project.api]\nenv = {{ TOLD = \"{{{{@acme/web.port}}}}\" }}\n[project.db]\ncommand = {db:?}\nport = true\n"
    );
    sandbox.file("bowline.toml", &toml);
    let run = |arguments: &[&str]| {
        let finished = sandbox.run(arguments);
        assert!(finished.status.success(), "{arguments:?}: {finished:?}");
        finished.stdout
    };
    // `db` does not run, and has the port that it would get.
    run(&["start", "web"]);
    let number = |name: &str| run(&["port", name]).trim().parse::<u16>().unwrap();
    let (web, api) = (number("web"), number("api"));
    let status = || serde_json::from_str::<Value>(&run(&["status", "web", "--json"])).unwrap();
    let told = status()["env"]["TOLD"].as_str().unwrap().to_owned();
    assert!(run(&["logs", "web"]).contains(&format!("web knows {told}.\n")), "{told}");
    assert!(run(&["logs", "api"]).contains(&format!("api knows {web}.\n")), "they may name each other");
    run(&["start", "db"]);
    let db = number_of(&run(&["status", "db", "--json"]));
    assert_eq!(told, format!("http://localhost:{api} {db} localhost {{{{x"));
    assert!(ports.contains(db), "{db}");
    assert_eq!(http::get(db).status, 200);
    // The others run in other sessions now.
    run(&["stop", "web"]);
    run(&["start", "web"]);
    assert_eq!(status()["env"]["TOLD"], told.as_str());
    run(&["stop", "--all"]);
}

fn number_of(status: &str) -> u16 {
    let status: Value = serde_json::from_str(status).unwrap();
    status["port"].as_u64().and_then(|port| u16::try_from(port).ok()).unwrap()
}

#[test]
fn a_directory_without_a_package_runs_its_services() {
    let (mut sandbox, _ports) = Sandbox::new().with_ports("default", 3);
    let server = dev_server();
    sandbox.file(
        "bowline.toml",
        &format!("[project.one]\ncommand = \"exec '{0}' --lifetime 200\"\n[project.two]\ncommand = \"exec '{0}' --lifetime 200\"\ndir = \"sub\"\n", server.display()),
    );
    sandbox.file("sub/x", "");
    let run = |arguments: &[&str]| {
        let finished = sandbox.run(arguments);
        assert!(finished.status.success(), "{arguments:?}: {finished:?}");
        finished.stdout
    };
    run(&["start"]);
    let status: Value = serde_json::from_str(&run(&["status", "two", "--json"])).unwrap();
    assert!(status["projectId"].as_str().unwrap().ends_with("/app#two"), "{status}");
    assert!(status["dir"].as_str().unwrap().ends_with("/app/sub"), "{status}");
    run(&["restart", "two"]);
    assert_eq!(run(&["stop"]).lines().count(), 2);
}

#[test]
fn a_command_replaces_the_script_of_a_package() {
    let mut sandbox = Sandbox::with_script("echo script");
    sandbox.file(
        "bowline.toml",
        "[project.app]\ncommand = \"echo command in $PWD\"\nargs = [\"a b\"]\ndir = \"sub\"\n",
    );
    sandbox.file("sub/x", "");
    let test = Test::within(sandbox).args(["--dry-run"]).stdout_contains("echo command in $PWD 'a b'\n");
    let sandbox = test.stdout_contains("directory  [PROJECT]/sub\n").run();
    let test =
        Test::within(sandbox).args(["--dry-run", "--script", "dev"]).stdout_contains("echo script 'a b'\n");
    let mut sandbox = test.run();
    sandbox.file("bowline.toml", "[project.app]\ncommand = \"bowline\"\n");
    let said = "the command in bowline.toml starts bowline, which would run that command again: `bowline`\n";
    Test::within(sandbox).args(["--dry-run"]).status(2).stderr_contains(said).run();
}

#[test]
fn a_procfile_is_run_where_there_is_no_dev_script() {
    let mut sandbox = Sandbox::new();
    sandbox.file("Procfile", "web: echo production\n").file(".env", "GREETING='good day'\nPORT=3000\n");
    sandbox
        .file("Procfile.dev", "# all\nweb: app-server -p $PORT\nworker: work {{.Names}}\nrelease: migrate\n");
    let sandbox = Test::within(sandbox)
        .args(["--dry-run"])
        .stdout_contains("web\n")
        .stdout_contains("app-server -p $PORT\n")
        .stdout_contains("work {{.Names}}\n")
        .stdout_contains("GREETING=good day\n")
        .stdout_lacks("PORT=3000")
        .stdout_lacks("migrate")
        .stdout_lacks("production")
        .run();
    let mut sandbox = Test::within(sandbox).args(["worker", "--dry-run"]).stdout_lacks("app-server").run();
    sandbox.file("bowline.toml", "[project.worker]\nneeds = [\"web\"]\nenv = { WEB = \"{{web.url}}\" }\n");
    let test = Test::within(sandbox).args(["worker", "--dry-run"]).stdout_contains("WEB=http://localhost:");
    let mut sandbox = test.stdout_contains("app-server -p $PORT\n").run();
    sandbox.file("package.json", r#"{ "scripts": { "dev": "overmind start -f Procfile.dev -l worker" } }"#);
    sandbox.file("bowline.toml", "");
    let test =
        Test::within(sandbox).args(["--dry-run"]).stdout_contains("worker\n").stdout_lacks("app-server");
    let mut sandbox = test.run();
    sandbox.file("package.json", r#"{ "scripts": { "dev": "vite" } }"#);
    let mut sandbox = Test::within(sandbox).args(["--dry-run"]).stdout_lacks("worker").run();
    sandbox.file("package.json", r#"{ "scripts": { "build": "true" } }"#).file("Procfile.dev", "web serve\n");
    let said = "error: [PROJECT]/Procfile.dev:1:1: not a line like `web: COMMAND`\n1 | web serve\n";
    Test::within(sandbox).args(["--dry-run"]).status(2).stderr_contains(said).run();
}

#[test]
fn the_example_of_the_documentation_is_understood() {
    let page = include_str!("../../docs/workspaces.md");
    let (_, section) = page.split_once("\n## bowline.toml\n").unwrap();
    let example = section.split("```toml\n[workspace]").nth(1).unwrap().split("```").next().unwrap();
    let mut sandbox = workspace();
    sandbox.file("bowline.toml", &format!("[workspace]{example}")).file("tools/db/x", "");
    let test = Test::within(sandbox).args(["web", "--dry-run"]).stdout_contains("port       4000\n");
    let sandbox = test
        .stdout_contains("API_URL=http://localhost:")
        .stdout_contains("directory  [PROJECT]/tools/db\n")
        .run();
    let schema = Test::within(sandbox)
        .args(["schema"])
        .stdout_contains("\"https://json-schema.org/draft/2020-12/schema\"");
    let (schema, _) = schema.answer();
    assert_eq!(schema.stdout, include_str!("../../bowline.schema.json"));
}
