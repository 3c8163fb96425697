//! The repository's own rules: which module may import which, how long a file may get, what no file may say,
//! and that its documents agree with it.

#[path = "architecture/circles.rs"]
mod circles;
#[path = "architecture/words.rs"]
mod words;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use circles::{Circle, circles};

/// Ranks as in the crate documentation: a module imports only modules of a lower rank.
const RANKS: [(&str, u8); 28] = [
    ("cli", 9),
    ("mcp", 8),
    ("session", 8),
    ("agents", 7),
    ("client", 7),
    ("invocation", 6),
    ("runner", 6),
    ("config", 5),
    ("control", 5),
    ("logs", 5),
    ("ui", 5),
    ("supervise", 4),
    ("event", 3),
    ("launch", 3),
    ("detect", 2),
    ("graph", 2),
    ("port", 2),
    ("workspace", 2),
    ("fingerprint", 1),
    ("paths", 1),
    ("process", 1),
    ("project", 1),
    ("range", 1),
    ("script", 1),
    ("exit_code", 0),
    ("template", 0),
    ("visible", 0),
    ("lib", 10),
];

/// No file holds more than a screenful of ideas.
const LONGEST_FILE: usize = 400;

/// Half of the program's files are shorter than this.
const TYPICAL_FILE: usize = 150;

fn ranks() -> BTreeMap<&'static str, u8> {
    RANKS.into_iter().collect()
}

/// Words that belong to one machine, in halves so that this file does not contain them.
const FORBIDDEN: [(&str, &str); 7] = [
    ("/wo", "rk/"),
    ("/ro", "ot/"),
    ("/Use", "rs/"),
    ("registry.np", "mjs.org"),
    ("registry.yarn", "pkg.com"),
    ("index.crates", ".io"),
    ("static.crates", ".io"),
];

/// The root of the repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every text file below `dir` of the repository, without what is made or installed.
fn texts(dir: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut pending = vec![root().join(dir)];
    while let Some(dir) = pending.pop() {
        for entry in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
            let name = entry.file_name().unwrap().to_str().unwrap();
            if ["target", "node_modules", ".git"].contains(&name) {
                continue;
            }
            if entry.is_dir() {
                pending.push(entry);
            } else if let Ok(text) = fs::read_to_string(&entry) {
                found.push((entry, text));
            }
        }
    }
    found
}

fn is(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

/// Every Rust file below `src` with its text.
fn sources() -> Vec<(PathBuf, String)> {
    texts("src").into_iter().filter(|(path, _)| is(path, "rs")).collect()
}

/// The top-level module that a file belongs to.
fn module_of(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).unwrap();
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

/// The forbidden imports of one file.
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

/// Paths are shown by `Visible`, which lets nothing through that could do something to a terminal.
#[test]
fn no_path_is_shown_raw() {
    let raw: Vec<PathBuf> = sources()
        .into_iter()
        .filter(|(path, text)| {
            let program = text.split("#[cfg(test)]").next().unwrap_or_default();
            !path.ends_with("tests.rs") && program.contains(".display()")
        })
        .map(|(path, _)| path)
        .collect();
    assert!(raw.is_empty(), "{raw:#?}");
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

/// The circles of imports that may be, each with its files and its reason: three at most.
const CIRCLES: &[(&[&str], &str)] = &[];
const _: () = assert!(CIRCLES.len() <= 3);

fn circles_in(sources: &[(PathBuf, String)]) -> Vec<Circle> {
    let below = |path: &PathBuf| path.strip_prefix(root().join("src")).unwrap_or(path).to_owned();
    let files: Vec<(PathBuf, &str)> =
        sources.iter().map(|(path, text)| (below(path), text.as_str())).collect();
    circles(files.iter().map(|(path, text)| (path.as_path(), *text)))
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let sources: Vec<_> = sources().into_iter().filter(|(path, _)| !path.ends_with("src/main.rs")).collect();
    let mut found = circles_in(&sources);
    for (files, _) in CIRCLES {
        let listed = found.iter().position(|circle| circle.files == *files);
        found.remove(listed.unwrap_or_else(|| panic!("no longer a circle: {files:?}")));
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_circle_is_found() {
    let tree = |files: &[(&str, &str)]| -> Vec<(PathBuf, String)> {
        files.iter().map(|&(path, text)| (PathBuf::from(path), text.to_owned())).collect()
    };
    let names = |circles: Vec<Circle>| -> Vec<String> {
        circles.into_iter().map(|circle| circle.files.join(" ")).collect()
    };
    for (files, expected) in [
        // Directly, in each way that Rust can say it.
        (&[("a.rs", "use crate::b::B;"), ("b.rs", "use crate::a::A;")][..], "a b"),
        (&[("a.rs", "use crate::b::{self, B as C};"), ("b.rs", "fn f() -> crate::a::A {}")], "a b"),
        (&[("m/mod.rs", "mod c; use c::C; struct M;"), ("m/c.rs", "use super::M;")], "m m/c"),
        (&[("m/mod.rs", "mod c; fn f() { c::f() } struct M;"), ("m/c.rs", "use super::M;")], "m m/c"),
        (
            &[("m.rs", "pub use x::X;"), ("m/x.rs", "use super::y::Y;"), ("m/y.rs", "use super::X;")],
            "m/x m/y",
        ),
        // Round others, and through a re-export of a re-export.
        (
            &[
                ("a.rs", "use crate::m::{\n    X,\n};"),
                ("m/mod.rs", "mod x; pub use x::X;"),
                ("m/x/mod.rs", "mod y; pub(super) use y::X;"),
                ("m/x/y.rs", "pub use crate::b;"),
                ("b.rs", "use crate::a::A;"),
            ],
            "a b m/x/y",
        ),
    ] {
        assert_eq!(names(circles_in(&tree(files))), [expected], "{files:?}");
    }
    for files in [
        &[("a.rs", "use crate::b::B;"), ("b.rs", "// use crate::a::A;\nuse std::fs;")][..],
        &[("a.rs", "use crate::b::B;"), ("b.rs", "#[cfg(test)]\nmod tests {\n    use crate::a::A;\n}\n")],
        &[("m/mod.rs", "mod c; pub use c::C; use crate::n::N;"), ("m/c.rs", "use super::N;"), ("n.rs", "")],
        &[("m/mod.rs", "mod a; mod b; pub use b::B;"), ("m/a.rs", "use super::B;"), ("m/b.rs", "struct B;")],
    ] {
        assert_eq!(names(circles_in(&tree(files))), Vec::<String>::new(), "{files:?}");
    }
}

#[test]
fn most_files_of_the_program_are_short() {
    let mut lengths: Vec<usize> = sources().iter().map(|(_, text)| text.lines().count()).collect();
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median < TYPICAL_FILE, "half of the files have {median} lines or more");
}

#[test]
fn no_file_is_longer_than_a_screenful_of_ideas() {
    let long: Vec<String> = ["src", "tests", "benches"]
        .into_iter()
        .flat_map(texts)
        .filter(|(path, text)| is(path, "rs") && text.lines().count() > LONGEST_FILE)
        .map(|(path, text)| format!("{}: {} lines", path.display(), text.lines().count()))
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}

/// The rows of the table of ranks in the crate's documentation: `| 5 | [`cli`] | … |`.
fn documented_ranks() -> BTreeMap<String, u8> {
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("//! | "));
    let ranks = rows.filter_map(|row| {
        let (rank, rest) = row.split_once(" | ")?;
        Some((rank.parse::<u8>().ok()?, rest.split_once(" | ")?.0))
    });
    ranks
        .flat_map(|(rank, modules)| {
            modules
                .split_whitespace()
                .map(move |module| (module.trim_matches(['[', ']', '`']).to_owned(), rank))
        })
        .collect()
}

#[test]
fn the_documentation_names_the_ranks_that_hold() {
    let holding: BTreeMap<String, u8> = ranks()
        .into_iter()
        .filter(|(module, _)| *module != "lib")
        .map(|(m, rank)| (m.to_owned(), rank))
        .collect();
    assert_eq!(documented_ranks(), holding);
}

/// The forbidden word in `text`.
fn forbidden_in(text: &str) -> Option<String> {
    FORBIDDEN.iter().map(|(a, b)| format!("{a}{b}")).find(|word| text.contains(word))
}

#[test]
fn no_file_names_a_machine_or_a_host_of_packages() {
    let wrong: Vec<String> = texts("")
        .into_iter()
        .filter_map(|(path, text)| Some(format!("{}: {}", path.display(), forbidden_in(&text)?)))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let (a, b) = FORBIDDEN[0];
    assert!(forbidden_in(&format!("see {a}{b}notes")).is_some());
}

/// The targets of the links of a Markdown text that are files.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("](").filter_map(|(at, _)| {
        let target = text[at + 2..].split(')').next()?;
        let file = target.split('#').next()?;
        (!file.is_empty() && !file.contains("://")).then_some(file)
    })
}

#[test]
fn the_links_of_the_documents_lead_somewhere() {
    let mut broken = Vec::new();
    for (path, text) in
        texts("").iter().filter(|(path, _)| is(path, "md") && !path.starts_with(root().join("fixtures")))
    {
        let dir = path.parent().unwrap();
        broken.extend(
            links(text)
                .filter(|link| !dir.join(link).exists())
                .map(|link| format!("{}: {link}", path.display())),
        );
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_decision_is_found() {
    let list = fs::read_to_string(root().join("docs/adr/README.md")).unwrap();
    let crate_docs = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    for (path, text) in texts("docs/adr") {
        let name = path.file_name().unwrap().to_str().unwrap();
        let Some((number, _)) = name.split_once('-') else { continue };
        let title = text.lines().next().unwrap();
        let plain = number.trim_start_matches('0');
        let heading =
            title.strip_prefix(&format!("# {plain}. ")).unwrap_or_else(|| panic!("{name}: {title}"));
        assert!(
            list.contains(&format!("| [{plain}]({name}) | {heading} |")),
            "docs/adr/README.md lacks {name}"
        );
        assert!(crate_docs.contains(&format!("| {number} |")), "src/lib.rs lacks decision {number}");
    }
}
