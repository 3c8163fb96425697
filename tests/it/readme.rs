//! The promises of the README: its commands run, its options exist, its examples are understood.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::{Ports, Sandbox, Test, http};

const README: &str = include_str!("../../README.md");

/// The texts between three backticks and this language, and three backticks.
fn blocks(language: &str) -> Vec<&'static str> {
    let start = format!("```{language}\n");
    README.split(&start).skip(1).map(|rest| rest.split("```").next().unwrap_or_default()).collect()
}

/// The section with this heading, without it.
fn section(heading: &str) -> &'static str {
    let start = format!("\n## {heading}\n");
    let (_, rest) = README.split_once(&start).unwrap_or_else(|| panic!("no section {heading}"));
    rest.split("\n## ").next().unwrap_or_default()
}

/// The words in backticks at the start of the rows of the tables in `text`.
fn first_cells(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
        .filter(|cell| cell.contains('`'))
}

fn help(arguments: &[&str]) -> String {
    let finished = Sandbox::new().run(arguments.iter().copied().chain(["--help"]));
    assert!(finished.status.success(), "{finished:?}");
    finished.stdout
}

/// The commands that `bowline --help` lists.
fn commands() -> BTreeSet<String> {
    let help = help(&[]);
    let list = help.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).expect("a list");
    // Lines that begin further in go on with a description.
    let names = list.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[test]
fn the_first_command_starts_a_server() {
    let sandbox = Sandbox::new();
    let first = blocks("sh")[0].trim();
    let arguments = first.strip_prefix("cargo run --release -- ").expect("the command that builds and runs");
    let mut words: Vec<String> = arguments.split_whitespace().map(str::to_owned).collect();
    for word in &mut words {
        if word.starts_with("fixtures/") {
            *word = Path::new(env!("CARGO_MANIFEST_DIR")).join(&*word).to_str().expect("UTF-8").to_owned();
        }
    }
    let mut session = sandbox.start(words);
    let port = session.ready();
    assert!(http::get(port).body.contains(&format!("Hello from port {port}")));
    assert!(session.stop().status.code().is_none(), "it ends by the signal");
}

#[test]
fn the_commands_are_those_that_there_are() {
    let documented: BTreeSet<String> = first_cells(section("Commands"))
        .filter_map(|cell| cell.strip_prefix("`bowline ")?.split(['`', ' ']).next())
        .map(|word| word.trim_matches(['[', ']']).to_owned())
        .collect();
    let mut there = commands();
    there.remove("help");
    assert_eq!(documented, there);
}

#[test]
fn every_option_is_one_of_a_command_that_starts_something() {
    let (global, dev) = (help(&[]), help(&["dev"]));
    let (for_all, for_launches) =
        section("Commands").split_once("For `dev`, `start` and `exec`:").expect("two tables");
    let options = |text| first_cells(text).filter(|cell| cell.starts_with("`-"));
    for (text, help) in [(for_all, &global), (for_launches, &dev)] {
        for cell in options(text) {
            let option = cell.trim_matches('`').split([' ', ',', '`']).next().unwrap_or_default();
            let option = if option == "-vv" { "-v" } else { option };
            assert!(help.contains(option), "{option} is not in the help");
        }
    }
    for line in dev.lines().filter_map(|line| line.trim_start().strip_prefix("--")) {
        let option = format!("`--{}", line.split(' ').next().unwrap_or_default());
        assert!(README.contains(&option), "the README lacks {option}");
    }
}

#[test]
fn the_configuration_is_understood() {
    let examples = blocks("toml");
    assert_eq!(examples.len(), 2);
    let package = r#"{ "name": "web", "scripts": { "dev": "vite", "dev:api": "node api.js" } }"#;
    let ports = Ports::claim(1);
    let free = format!("port = {}", ports.first());
    let finished = Test::new()
        .file("package.json", package)
        // Another program may have that of the example.
        .file("bowline.toml", &examples[0].replace("port = 4000", &free))
        .args(["dev", "--dry-run"])
        .stdout_contains(&format!("port       {}\n", ports.first()))
        .stdout_contains("dev:api    node api.js\n")
        .stdout_contains("env        GREETING=hello\n")
        .run();
    drop(finished);
    let shiny = r#"{ "name": "web", "scripts": { "dev": "shiny dev" } }"#;
    Test::new()
        .file("package.json", shiny)
        .user_file("frameworks.toml", examples[1])
        .args(["detect"])
        .stdout_contains("web  Shiny (shiny)\n")
        .stdout_contains("ports      4100-4199\n")
        .run();
    Test::new()
        .file("package.json", shiny)
        .file("bowline.toml", examples[1])
        .args(["dev", "--dry-run"])
        .stdout_contains("shiny dev --port 41")
        .run();
}

#[test]
fn the_variables_reach_the_service() {
    let (sandbox, _ports) = Sandbox::with_script("env").with_ports("default", 1);
    let mut session = sandbox.start(["dev"]);
    let (_, given) = section("Environment").split_once("What the service gets").expect("two tables");
    session.event("process-exited");
    let printed = session.printed();
    for cell in first_cells(given) {
        for name in cell.split(", ").map(|name| name.trim_matches('`')).filter(|name| !name.contains('<')) {
            assert!(printed.contains(&format!("{name}=")), "{name} is not in {printed}");
        }
    }
    session.wait();
}

#[test]
fn every_figure_was_measured() {
    let benchmarks = include_str!("../../BENCHMARKS.md");
    let words: Vec<&str> = section("How it compares").split([' ', '\n', '(', ')', ',']).collect();
    for pair in words
        .windows(2)
        .filter(|pair| ["ms", "MiB", "GiB/s", "%"].iter().any(|unit| pair[1].starts_with(unit)))
    {
        let figure = pair[0];
        assert!(benchmarks.contains(figure), "{figure} {} is not in BENCHMARKS.md", pair[1]);
    }
}
