//! The repository's own rules: which module may import which, and how long a file may get.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Ranks as in the crate documentation: a module imports only modules of a lower rank.
const RANKS: [(&str, u8); 17] = [
    ("cli", 5),
    ("config", 4),
    ("control", 4),
    ("logs", 4),
    ("runner", 4),
    ("ui", 4),
    ("supervise", 3),
    ("event", 2),
    ("launch", 2),
    ("detect", 1),
    ("port", 1),
    ("paths", 0),
    ("process", 0),
    ("project", 0),
    ("range", 0),
    ("script", 0),
    ("lib", 6),
];

/// No file holds more than a screenful of ideas.
const LONGEST_FILE: usize = 400;

fn ranks() -> BTreeMap<&'static str, u8> {
    RANKS.into_iter().collect()
}

/// Every Rust file below `src` with its text.
fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut pending = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(dir) = pending.pop() {
        for entry in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                pending.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&entry).unwrap();
                found.push((entry, text));
            }
        }
    }
    found
}

/// The top-level module that a file belongs to.
fn module_of(path: &Path) -> String {
    let inside = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// The top-level modules that `text` names by `crate::…`, grouped imports included. Comments do not count.
fn imports(text: &str) -> Vec<String> {
    let code: String =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0_usize;
            let mut name = String::new();
            for character in group.chars() {
                match character {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => found.push(std::mem::take(&mut name)),
                    _ if depth == 0 => name.push(character),
                    _ => {}
                }
            }
            found.push(name);
        } else {
            found.push(rest.to_owned());
        }
    }
    found
        .into_iter()
        .map(|path| path.trim().chars().take_while(|&c| c.is_alphanumeric() || c == '_').collect::<String>())
        .filter(|name| name.chars().next().is_some_and(char::is_lowercase))
        .collect()
}

/// What is wrong with the imports of one file.
fn violations(module: &str, text: &str) -> Vec<String> {
    let ranks = ranks();
    let Some(rank) = ranks.get(module) else { return vec![format!("`{module}` has no rank")] };
    imports(text)
        .into_iter()
        .filter(|imported| imported != module)
        .filter_map(|imported| match ranks.get(imported.as_str()) {
            None => Some(format!("`{module}` imports `{imported}`, which has no rank")),
            Some(other) if other >= rank => {
                Some(format!("`{module}` (rank {rank}) imports `{imported}` (rank {other})"))
            }
            Some(_) => None,
        })
        .collect()
}

#[test]
fn a_module_imports_only_modules_of_a_lower_rank() {
    let wrong: Vec<String> = sources()
        .into_iter()
        .filter(|(path, _)| !path.ends_with("src/main.rs"))
        .flat_map(|(path, text)| violations(&module_of(&path), &text))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_bad_import_is_found() {
    for (module, text) in [
        ("port", "use crate::supervise::Service;"),
        ("port", "use crate::detect::Framework;"),
        ("process", "use crate::{process::Exit, cli::run};"),
        ("launch", "fn f() { crate::event::emit() }"),
        ("launch", "use crate::{detect::{self, Catalog}, ui::Line};"),
        ("novelty", ""),
        ("cli", "use crate::novelty::Thing;"),
    ] {
        assert_ne!(violations(module, text), Vec::<String>::new(), "{module}: {text}");
    }
    for (module, text) in [
        ("cli", "use crate::supervise::Service;"),
        ("port", "use crate::port::store::Store;\n// use crate::cli::run;"),
        ("launch", "use crate::{detect::{self, Catalog}, port::Lease};"),
    ] {
        assert_eq!(violations(module, text), Vec::<String>::new(), "{module}: {text}");
    }
}

#[test]
fn no_file_is_longer_than_a_screenful_of_ideas() {
    let long: Vec<String> = sources()
        .into_iter()
        .filter(|(_, text)| text.lines().count() > LONGEST_FILE)
        .map(|(path, text)| format!("{}: {} lines", path.display(), text.lines().count()))
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}
