//! Programs of the project that run others.

use crate::support::launch::{Tree, Wish, caller, manifest, planned};

#[test]
fn a_shell_script_of_the_project_that_runs_its_arguments_is_a_wrapper() {
    for (text, command) in [
        ("#!/bin/sh\n. ./.env\nexec \"$@\"\n", "./env.sh vite --port 3111 --strictPort"),
        ("#!/bin/sh\nexec next dev \"$@\"\n", "./env.sh vite"),
    ] {
        let tree = Tree::new(&[("package.json", &manifest("./env.sh vite", &["vite"])), ("env.sh", text)]);
        let spec = planned(&tree.project(""), &caller(&tree.dir, &[]), &Wish::default());
        assert_eq!(spec.command, command, "{text}");
    }
}
