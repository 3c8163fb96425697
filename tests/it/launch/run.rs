//! Plans, really run through the shell with a program that tells what it was given.

use crate::support::launch::{Tree, Wish, are_all_paths, caller, manifest, planned, run};

/// Prints its arguments one a line, then some variables.
const TELL: &str = "#!/bin/sh\nfor word in \"$@\"; do printf '<%s>\\n' \"$word\"; done\n\
    printf '%s|%s|%s|%s\\n' \"$PORT\" \"$npm_lifecycle_event\" \"$INIT_CWD\" \"$(pwd)\"\n";

/// What a script shows of where its programs are.
#[test]
fn paths_of_a_script_are_known_unless_something_is_hidden() {
    for (script, expected) in [
        ("node server.js", true),
        ("./setup.sh && tsx watch ./src/worker.ts", true),
        ("node dist/server.js", false),
        ("npm run web", true),
        ("npm run built", false),
        ("make serve", false),
        ("$COMMAND", false),
    ] {
        let manifest = format!(
            r#"{{"name":"app","scripts":{{"dev":"{script}","web":"node ./web.js","built":"node dist/web.js"}}}}"#
        );
        let tree = Tree::new(&[("package.json", &manifest)]);
        let found =
            are_all_paths(&tree.project(""), &caller(&tree.dir, &[]), |path| !path.starts_with("dist"));
        assert_eq!(found, expected, "{script}");
    }
}

#[test]
fn arguments_arrive_byte_for_byte() {
    let arguments =
        ["", "a b", "it's", "\"q\"", "$HOME", "`x`", "a\nb", "*", "~", "\\", "--", "é", "#x", "a=b"];
    for lockfile in ["package-lock.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock"] {
        let tree = Tree::new(&[("package.json", &manifest("tell first", &[])), (lockfile, "")]);
        tree.program("node_modules/.bin/tell", TELL);
        let caller = caller(&tree.dir, &[]);
        let spec = planned(&tree.project(""), &caller, &Wish { arguments: &arguments, ..Wish::default() });
        let output = run(&spec.main, &caller);
        let dir = tree.dir.display();
        let expected = format!("<first>\n<{}>\n3111|dev|{dir}|{dir}\n", arguments.join(">\n<"));
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{lockfile}");
    }
}

#[test]
fn the_packages_binaries_come_before_the_roots_before_the_users() {
    let tree = Tree::new(&[
        ("package.json", r#"{"workspaces":["packages/*"]}"#),
        ("packages/web/package.json", &manifest("own; root; users", &[])),
    ]);
    let say = |word: &str| format!("#!/bin/sh\necho {word}\n");
    for (place, names) in [
        ("packages/web/node_modules/.bin", &["own"][..]),
        ("node_modules/.bin", &["own", "root"]),
        ("bin", &["own", "root", "users"]),
    ] {
        for name in names {
            tree.program(&format!("{place}/{name}"), &say(place));
        }
    }
    let path = format!("{}/bin:/usr/bin:/bin", tree.dir.display());
    let caller = caller(&tree.dir, &[("PATH", &path)]);
    let spec = planned(&tree.project("packages/web"), &caller, &Wish::default());
    let output = run(&spec.main, &caller);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "packages/web/node_modules/.bin\nnode_modules/.bin\nbin\n"
    );
}

#[test]
fn a_command_runs_where_the_user_is_with_the_projects_binaries() {
    let tree = Tree::new(&[("package.json", "{}"), ("src/x", "")]);
    tree.program("node_modules/.bin/tell", TELL);
    let caller = caller(&tree.dir.join("src"), &[("npm_lifecycle_event", "outer")]);
    let wish = Wish { command: &["tell", "a b", "$x"], ..Wish::default() };
    let spec = planned(&tree.project(""), &caller, &wish);
    let output = run(&spec.main, &caller);
    let expected = format!("<a b>\n<$x>\n3111|outer||{}/src\n", tree.dir.display());
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{spec:?}");
}

#[test]
fn hooks_run_with_their_own_names() {
    let scripts = r#"{"scripts":{"predev":"tell pre","dev":"tell main","postdev":"tell post"}}"#;
    let tree = Tree::new(&[("package.json", scripts)]);
    tree.program("node_modules/.bin/tell", TELL);
    let caller = caller(&tree.dir, &[]);
    let spec = planned(&tree.project(""), &caller, &Wish { arguments: &["x"], ..Wish::default() });
    let steps = [spec.pre.as_ref().expect("pre"), &spec.main, spec.post.as_ref().expect("post")];
    let outputs: String =
        steps.iter().map(|step| String::from_utf8_lossy(&run(step, &caller).stdout).into_owned()).collect();
    let dir = tree.dir.display();
    let expected = format!(
        "<pre>\n3111|predev|{dir}|{dir}\n<main>\n<x>\n3111|dev|{dir}|{dir}\n<post>\n3111|postdev|{dir}|{dir}\n"
    );
    assert_eq!(outputs, expected);
}

#[test]
fn a_missing_program_ends_with_127() {
    let tree = Tree::new(&[("package.json", &manifest("no-such-program-anywhere $X", &[]))]);
    let caller = caller(&tree.dir, &[]);
    let spec = planned(&tree.project(""), &caller, &Wish::default());
    assert_eq!(run(&spec.main, &caller).status.code(), Some(127));
}
