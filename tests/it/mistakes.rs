//! What is wrong with a bowline.toml: each mistake has its place, and says what to do.

use crate::configuration::workspace;
use crate::support::Test;

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
        "2:9: invalid type: string \"api\", expected a list\n",
        "write a list, as in `[\"api\", \"db\"]`",
    ),
    (
        "[project.web]\nport = \"x\"\n",
        "2:8: not a port from 1 to 65535: `\"x\"`\n",
        "write `true` for a port of its own",
    ),
    (
        "[project.web]\ngrace = 5\n",
        "2:9: not a time like `10s` or `500ms`: `5`\n",
        "write a number and its unit",
    ),
    ("[project.web]\nready = { log = \"(\" }\n", "2:17: not a regular expression: ", "put a `\\` before"),
    ("[project.web]\ncommand = \" \"\n", "2:11: the text is empty\n", "write something"),
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
    ("[project.web]\nenv = { \"A=B\" = \"1\" }\n", "2:9: not a name for a variable: `A=B`\n", "write a name"),
    ("[project.web]\nenv = { \"\" = \"1\" }\n", "2:9: not a name for a variable: ``\n", "write a name"),
    (
        "[project.web]\nenv = { A = \"\\u0000\" }\n",
        "2:13: no program can be given a NUL character",
        "leave the `\\u0000` out",
    ),
    (
        "[project.web]\nargs = [\"a\", \"\\u0000\"]\n",
        "2:14: no program can be given a NUL character",
        "leave",
    ),
    (
        "[project.web]\nneeds = [\"api\"]\n[project.api]\nneeds = [\"web\"]\n",
        "4:10: services need each other: @acme/api → @acme/web → @acme/api\n",
        "take one of these out of `needs`",
    ),
    ("[project.web]\nframework = \"vitee\"\n", "2:13: unknown framework: `vitee`\n", "did you mean `vite`"),
    ("[project.web]\nscript = \"\"\n", "2:10: the text is empty\n", "write something"),
    ("[project.web]\ndir = \" \"\n", "2:7: the text is empty\n", "write something"),
    ("[project.web]\nready = { file = \"\" }\n", "2:18: the text is empty\n", "write something"),
    ("[project.web]\nready = { log = \"\" }\n", "2:17: the text is empty\n", "write something"),
    (
        "[project.web]\nready = { timeout = \"0s\" }\n",
        "2:21: nothing is ready in no time\n",
        "give it longer",
    ),
    ("[project.web]\nready = []\n", "2:9: invalid type: list, expected a table\n", "write a table"),
    ("[[project.web]]\nport = 1\n", "1:1: invalid type: list, expected a table\n", "write a table"),
    ("[project.web]\nrestart = true\n", "2:11: unknown variant `true`\n", "choose one of: never, on-failure"),
    (
        "[project.web]\nkind = { task = {} }\n",
        "2:8: unknown variant `{ task = {} }`\n",
        "choose one of: server",
    ),
    ("[framework.x]\nkind = 3\n", "2:8: expected a word in quotes\n", "write one of its words"),
    ("[workspace]\nfilter = [\"web\", \"!\"]\n", "2:18: the filter names nothing: `!`\n", "give a name"),
    ("[workspace]\nfilter = [\"\"]\n", "2:11: the text is empty\n", "write something"),
    (
        "[workspace]\nfilter = [\"nix*\"]\n",
        "2:11: no package matches `nix*`\n",
        "choose one of: root, @acme/api",
    ),
    (
        "[project.web]\nneeds = [\n  \"api\",\n  \"{{api.port}}\",\n]\n",
        "4:3: no address is filled in here: `{{api.port}}`\n",
        "write it in `env`, `args`",
    ),
    (
        "[project.web]\nenv = { \"{{api.port}}\" = \"\" }\n",
        "2:9: not a name for a variable: ",
        "write a name",
    ),
    (
        "[project.web]\nneeds = [\"api\", \"root\"]\n",
        "2:17: `@acme/web` starts what cannot run: no script `dev`, ",
        "give it a script, or a `command`",
    ),
    (
        "[project.web]\nkind = \"task\"\nport = true\n",
        "3:8: `@acme/web` is a task by its `kind`, which has no port\n",
        "leave one of the two out",
    ),
    (
        "[project.web]\nport = false\nkind = \"server\"\n",
        "2:8: `@acme/web` is a server by its `kind`, which has a port\n",
        "leave one of the two out",
    ),
    (
        "[project.web]\nport = 4321\n[project.api]\nport = 4321\n",
        "2:8: `@acme/api` and `@acme/web` are both to have port 4321\n",
        "give one of them another port",
    ),
    (
        "[project.web]\nneeds = [\"api\", \"db\"]\n[project.db]\ncommand = \"x\"\nneeds = [\"web\"]\n",
        "2:17: services need each other: @acme/web → db → @acme/web\n",
        "take one of these out",
    ),
    ("\u{feff}[project.webb]\r\n", "1:10: `[project.webb]` names no package", "did you mean"),
    ("[project.web]\r\n\tneeds = [\"é\", \"\"]\r\n", "2:16: the text is empty\n", "write something"),
];

#[test]
fn a_condition_that_cannot_hold_has_its_place_and_nothing_starts() {
    let path = "\nhint: write a path, as in `/healthz`";
    for (settings, place, hint) in [
        (
            "ready.http = \"healthz\"",
            "2:14: not a path with a `/` at its beginning, nor a URL: `healthz`",
            path,
        ),
        (
            "ready.http = \"{{self.host}}/x\"",
            "2:14: `ready` of `@acme/web`: `http` is a path with a `/` at its beginning",
            path,
        ),
        ("ready.http = \"/a b\"", "2:14: `ready` of `@acme/web`: `http` is no path or URL: `/a b`", path),
        (
            "ready.http = \"/\"\nkind = \"watch\"",
            "2:14: `ready` of `@acme/web`: a service without a port cannot be asked over http: `/`",
            "\nhint: ask it with `log`, `exec` or `file`",
        ),
        (
            "ready.file = \"x\"\nkind = \"task\"",
            "2:1: `@acme/web` is a task, which is done when it ends with 0",
            "\nhint: leave it out",
        ),
    ] {
        for arguments in [&["dev"][..], &["dev", "--dry-run"]] {
            let (mut sandbox, _ports) = workspace().with_ports("default", 2);
            sandbox.file("bowline.toml", &format!("[project.web]\n{settings}\n"));
            let test = Test::within(sandbox).args(arguments).status(2);
            test.stderr_contains(&format!("error: [PROJECT]/bowline.toml:{place}"))
                .stderr_contains(hint)
                .run();
        }
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
fn a_script_that_is_not_there_has_its_place_and_its_exit_code() {
    let mut sandbox = workspace();
    sandbox.file("bowline.toml", "[project.web]\nscript = \"devv\"\n");
    let test = Test::within(sandbox).args(["--dry-run"]).status(5).stdout("");
    let test = test.stderr_contains("error: [PROJECT]/bowline.toml:2:10: no script `devv` in ");
    test.stderr_contains("\nhint: did you mean `dev`?").run();
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
fn what_the_file_of_a_package_cannot_say_is_a_mistake() {
    for (text, place) in [
        (
            "[project.api]\nport = 4000\n",
            "1:10: `[project.api]` is not read from the file of another package\n",
        ),
        ("[workspace]\nbuild = \"never\"\n", "1:1: `[workspace]` is not read from the file of a package\n"),
        (
            "[project.db]\ncommand = \"x\"\n",
            "1:10: a second service `db`: the first is in `[PROJECT]/bowline.toml`\n",
        ),
    ] {
        let mut sandbox = workspace();
        sandbox.file("bowline.toml", "[project.db]\ncommand = \"x\"\n").file("apps/web/bowline.toml", text);
        let test = Test::within(sandbox).args(["--dry-run"]).status(2).stdout("");
        test.stderr_contains(&format!("error: [PROJECT]/apps/web/bowline.toml:{place}"))
            .stderr_contains("\nhint: ")
            .run();
    }
}

#[test]
fn a_filter_of_the_file_selects_services_and_says_what_matches_nothing() {
    let mut sandbox = workspace();
    sandbox.file("bowline.toml", "[workspace]\nfilter = [\"d*\", \"zzz\"]\n[project.db]\ncommand = \"x\"\n");
    let test = Test::within(sandbox).args(["--dry-run"]).stdout_contains("db\n").stdout_lacks("@acme");
    test.stderr_contains("nothing matches the filter `zzz`").run();
}

#[test]
fn a_package_without_a_script_runs_by_its_command() {
    let mut sandbox = workspace();
    sandbox.file("apps/plain/package.json", r#"{ "name": "plain" }"#);
    sandbox
        .file("bowline.toml", "[project.plain]\ncommand = \"plain-server\"\n[project.db]\ncommand = \"x\"\n");
    let test = Test::within(sandbox).args(["--dry-run"]).stdout_contains("plain-server\n");
    let sandbox = test.stdout_contains("@acme/web\n").stdout_contains("db\n").run();
    let test =
        Test::within(sandbox).args(["-C", "apps/plain", "--dry-run"]).stdout_contains("plain-server\n");
    test.stdout_lacks("db\n").run();
}
