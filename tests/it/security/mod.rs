//! What `docs/security.md` says that somebody cannot do, tried.

mod neighbours;
mod projects;

const PAGE: &str = include_str!("../../../docs/security.md");

/// Every test that the page names is here.
#[test]
fn the_page_names_tests_that_there_are() {
    let tests = [
        include_str!("neighbours.rs"),
        include_str!("projects.rs"),
        include_str!("../mcp/places.rs"),
        include_str!("../mcp/hostile.rs"),
        include_str!("../mcp/conversation.rs"),
        include_str!("../control/socket.rs"),
        include_str!("../control/hostile.rs"),
        include_str!("../edges/names.rs"),
        include_str!("../edges/state.rs"),
        include_str!("../port/failures.rs"),
    ];
    let named: Vec<&str> =
        PAGE.lines().filter_map(|line| line.rsplit_once(" | `")?.1.strip_suffix("` |")).collect();
    assert!(named.len() >= 12, "{named:?}");
    for name in named {
        let definition = format!("fn {name}(");
        assert!(tests.iter().any(|text| text.contains(&definition)), "no test `{name}`");
    }
}
