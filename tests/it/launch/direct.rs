//! Scripts that are started without a shell.

use std::path::{Path, PathBuf};

use crate::support::launch::{Tree, Wish, caller, manifest, planned, set};

#[test]
fn what_needs_no_shell_is_started_without_one() {
    let argv = |script: &str| {
        let tree = Tree::new(&[("package.json", &manifest(script, &[]))]);
        let spec = planned(&tree.project(""), &caller(&tree.dir, &[]), &Wish::default());
        let directly = spec.main.environment.get("PWD").is_some();
        assert_eq!(directly, spec.main.program != Path::new("/bin/sh"), "{script}: {spec:#?}");
        directly.then_some(spec.main.argv)
    };
    assert_eq!(argv("node 'a b.js' --x=\"y z\" \\$q").unwrap(), ["node", "a b.js", "--x=y z", "$q"]);
    assert_eq!(argv("  ./serve.sh  # note").unwrap(), ["./serve.sh"]);
    for script in [
        "node $FILE",
        "node *.js",
        "node ~/x.js",
        "node {a,b}.js",
        "node x.js > log",
        "node x.js | cat",
        "node x.js &",
        "node x.js; true",
        "node x.js && true",
        "(node x.js)",
        "A=1 node x.js",
        "exec node x.js",
        ". ./x",
        "$(which node) x.js",
        "if true; then node x.js; fi",
    ] {
        assert_eq!(argv(script), None, "{script}");
    }
}

#[test]
fn without_a_shell_the_working_directory_is_named_as_a_shell_would() {
    let tree = Tree::new(&[("package.json", &manifest("node x.js", &[])), ("src/x", "")]);
    let link = tree.dir.join("link");
    std::os::unix::fs::symlink(&tree.dir, &link).unwrap();
    let named = |name: &Path| -> PathBuf {
        let caller = caller(&tree.dir, &[("PWD", name.to_str().unwrap())]);
        let spec = planned(&tree.project(""), &caller, &Wish::default());
        set(&spec.main, "PWD").unwrap().into()
    };
    assert_eq!(named(&link), link);
    assert_eq!(named(&tree.dir.join("src")), tree.dir);
    assert_eq!(named(Path::new("/nowhere")), tree.dir);
}

#[test]
fn under_plug_and_play_yarn_finds_the_programs_of_packages() {
    let tree = Tree::new(&[
        ("package.json", &manifest("vite", &["vite"])),
        ("yarn.lock", "__metadata:\n"),
        (".pnp.cjs", ""),
    ]);
    tree.program("bin/yarn", "");
    tree.program("bin/node", "");
    let bin = tree.dir.join("bin");
    let caller = caller(&tree.dir, &[("PATH", bin.to_str().unwrap())]);
    let argv = |command: &[&str]| {
        planned(&tree.project(""), &caller, &Wish { command, ..Wish::default() }).main.argv
    };
    assert_eq!(argv(&["vite", "a b"]), ["yarn", "exec", "vite 'a b' --port 3111 --strictPort"]);
    assert_eq!(argv(&["turbo", "build"]), ["yarn", "exec", "turbo build"]);
    assert_eq!(argv(&["node", "x.js"]), ["node", "x.js"]);
    assert_eq!(argv(&["./vite"]), ["./vite", "--port", "3111", "--strictPort"]);
}
