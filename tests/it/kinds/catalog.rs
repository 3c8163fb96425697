//! The fields of the catalog for what is no server.

use bowline::detect::ServiceKind;
use bowline::detect::catalog::Catalog;

use crate::support::{Sandbox, Test};

#[test]
fn every_watch_of_the_catalog_has_commands_and_a_line_that_is_a_regular_expression() {
    let catalog = Catalog::load(&[]).unwrap();
    for one in catalog.frameworks().iter().filter(|one| one.kind == ServiceKind::Watch) {
        assert!(
            !(one.commands.is_empty() && one.repeaters.is_empty())
                && one.dependencies.is_empty()
                && one.files.is_empty(),
            "{}",
            one.key
        );
        assert!(one.ready.as_ref().is_none_or(|ready| regex_lite::Regex::new(ready).is_ok()), "{}", one.key);
    }
}

#[test]
fn a_line_that_is_no_regular_expression_is_shown_with_its_place() {
    let entry = "[framework.shiny]\nkind = \"watch\"\ncommands = [\"shiny\"]\nready = \"built (in\"\n";
    Test::within(Sandbox::with_script("shiny"))
        .file("bowline.toml", entry)
        .status(2)
        .stderr_contains("bowline.toml:4:9: `built (in` is not a regular expression: ")
        .run();
    Test::within(Sandbox::with_script("shiny"))
        .user_file("frameworks.toml", entry)
        .status(2)
        .stderr_contains("frameworks.toml:4:9: `built (in` is not a regular expression: ")
        .stderr_contains("4 | ready = \"built (in\"")
        .run();
}

#[test]
fn a_kind_that_does_not_exist_is_shown_with_its_place() {
    Test::within(Sandbox::with_script("shiny"))
        .user_file("frameworks.toml", "[framework.shiny]\nkind = \"watcher\"\n")
        .status(2)
        .stderr_contains("frameworks.toml:2:8: unknown variant `watcher`")
        .run();
}
