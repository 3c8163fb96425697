//! bowline.toml: services that are no packages, the addresses of others, and Procfiles.

use serde_json::{Value, json};

use crate::support::{Ports, Sandbox, Test, dev_server, http};

/// A workspace of `@acme/web`, which prints a variable, and `@acme/api`.
pub fn workspace() -> Sandbox {
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

#[test]
fn the_nearest_file_wins_key_by_key() {
    let mut sandbox = workspace();
    let ports = Ports::claim(1);
    let port = ports.first();
    let far =
        format!("[project.web]\nport = {port}\nargs = [\"--far\"]\nenv = {{ A = \"far\", B = \"far\" }}\n");
    sandbox.file("bowline.toml", &far);
    sandbox.file("apps/web/bowline.toml", "[project.web]\nargs = []\nenv = { B = \"near\" }\n");
    let test =
        Test::within(sandbox).args(["web", "--dry-run"]).stdout_contains(&format!("port       {port}\n"));
    let test = test.stdout_lacks("--far").stdout_contains("A=far\n").stdout_contains("B=near\n");
    // The many variables of a package manager are for programs.
    test.stdout_lacks("npm_lifecycle_event").stdout_contains("env        npm_…: ").run();
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
    let ports = Ports::claim(1);
    let port = ports.first().to_string();
    let test = Test::within(sandbox).args(["web", "--dry-run", "--port", &port, "--", "--debug"]);
    let line = format!("  port       {port}\n");
    let (finished, _) = test.stdout_contains(&line).answer();
    assert_eq!(finished.stdout.matches("--debug").count(), 1, "{}", finished.stdout);
    assert_eq!(finished.stdout.matches(&line).count(), 1, "{}", finished.stdout);
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
    for command in ["status", "wait", "stop"] {
        let finished = sandbox.run([command]);
        let said = "error: No running dev server found for project: `app`";
        assert!(finished.stderr.starts_with(said), "{command}: {finished:?}");
    }
    run(&["restart"]);
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
fn files_without_a_package_json_that_define_nothing_are_named() {
    let mut sandbox = Sandbox::new();
    for (file, content, message, hint) in [
        ("Procfile", "release: migrate\n", "1:1: no process to run", "add a line like `web: COMMAND`"),
        ("Procfile.dev", "", "1:1: no process to run", "add a line like `web: COMMAND`"),
        (
            "bowline.toml",
            "[project.db]\nport = true\n",
            "1:10: `[project.db]` names no package, and has no `command`",
            "give it a `command`",
        ),
    ] {
        sandbox.file(file, content);
        for command in ["dev", "start"] {
            let test = Test::within(sandbox).args([command]).status(2);
            let test = test.stderr_contains(&format!("error: [PROJECT]/{file}:{message}\n"));
            sandbox = test.stderr_contains(&format!("hint: {hint}\n")).run();
        }
    }
    // A command needs no service.
    sandbox.file("bowline.toml", "");
    Test::within(sandbox).args(["exec", "--dry-run", "--", "server"]).run();
}

#[test]
fn the_example_of_the_documentation_is_understood() {
    let page = include_str!("../../docs/workspaces.md");
    let (_, section) = page.split_once("\n## bowline.toml\n").unwrap();
    let example = section.split("```toml\n[workspace]").nth(1).unwrap().split("```").next().unwrap();
    let (mut sandbox, ports) = with_ports(3);
    let port = ports.last().to_string();
    let example = example.replace("4000", &port);
    sandbox.file("bowline.toml", &format!("[workspace]{example}")).file("tools/db/x", "");
    let test = Test::within(sandbox).args(["web", "--dry-run"]);
    let test = test.stdout_contains(&format!("port       {port}\n"));
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
