//! The promises of the pages in docs: their examples are understood, their commands and options exist, their links
//! lead somewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::support::{Ports, Sandbox};

/// README and the pages beside each other in docs, with their places.
fn pages() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let pages = pages.chain([root.join("README.md")]);
    let mut pages: Vec<_> = pages.map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect();
    pages.sort();
    pages
}

/// The texts between three backticks and this language, and three backticks.
fn blocks<'a>(page: &'a str, language: &str) -> impl Iterator<Item = &'a str> {
    let start = format!("```{language}\n");
    page.match_indices(&start)
        .map(|(at, start)| page[at + start.len()..].split("```").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .into_iter()
}

/// A page without what stands between three backticks.
fn prose(page: &str) -> String {
    page.split("```").step_by(2).collect()
}

/// The packages that the pages speak of.
fn workspace() -> Sandbox {
    let mut sandbox = Sandbox::new();
    let root = json!({ "workspaces": ["apps/*"], "scripts": { "dev": "turbo run dev" } });
    sandbox.file("package.json", &root.to_string());
    for name in ["web", "api", "lib", "worker"] {
        let scripts = json!({ "dev": "vite", "dev:api": "node api.js" });
        let manifest = json!({ "name": format!("@acme/{name}"), "scripts": scripts });
        sandbox.file(format!("apps/{name}/package.json"), &manifest.to_string());
    }
    sandbox.file("tools/db/db.js", "");
    sandbox
}

#[test]
fn every_configuration_is_understood() {
    let mut sandbox = workspace();
    let ports = Ports::claim(1);
    let free = format!("\nport = {}", ports.first());
    let mut count = 0;
    for (path, page) in pages() {
        for block in blocks(&page, "toml") {
            // Another program may have that of the examples.
            sandbox.file("bowline.toml", &block.replace("\nport = 4000", &free));
            let finished = sandbox.run(["dev", "--dry-run"]);
            assert!(finished.status.success(), "{}\n{block}\n{finished:?}", path.display());
            count += 1;
        }
    }
    assert!(count > 8, "{count}");
}

#[test]
fn the_example_has_every_key() {
    let schema: serde_json::Value = serde_json::from_str(include_str!("../../bowline.schema.json")).unwrap();
    let page = include_str!("../../docs/workspaces.md");
    let (_, section) = page.split_once("\n## bowline.toml\n").unwrap();
    let example = blocks(section, "toml").find(|block| block.starts_with("[workspace]")).unwrap();
    for table in ["ProjectSettings", "WorkspaceSettings"] {
        for key in schema["$defs"][table]["properties"].as_object().unwrap().keys() {
            let is_there = example.lines().any(|line| line.starts_with(&format!("{key} = ")));
            assert!(is_there, "the example lacks {key}");
        }
    }
    let conditions = section.split("\n## Readiness and hooks\n").nth(1).unwrap();
    for key in schema["$defs"]["Ready"]["properties"].as_object().unwrap().keys() {
        assert!(conditions.contains(&format!("`{key}`")), "the section on readiness lacks {key}");
    }
}

/// The options that `bowline COMMAND --help` knows, of `dev` without a command.
fn options_of(command: &str) -> BTreeSet<String> {
    let finished = Sandbox::new().run([command, "--help"]);
    assert!(finished.status.success(), "{finished:?}");
    let lines = finished.stdout.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
    let words = lines.flat_map(|line| line.split([' ', ',']).filter(|word| word.starts_with('-')));
    words.map(|word| word.split(['.', '[']).next().unwrap().to_owned()).collect()
}

#[test]
fn the_commands_and_options_exist() {
    let help = Sandbox::new().run(["--help"]).stdout;
    let list = help.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).unwrap();
    let commands: BTreeSet<&str> =
        list.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).collect();
    let mut known = BTreeMap::new();
    let mut count = 0;
    for (path, page) in pages() {
        let prose = prose(&page);
        let spans = prose.split('`').skip(1).step_by(2).map(str::to_owned);
        let typed: Vec<String> = ["console", "sh"]
            .iter()
            .flat_map(|language| blocks(&page, language))
            .flat_map(str::lines)
            .map(|line| line.trim_start_matches("$ ").to_owned())
            .collect();
        for line in spans.chain(typed) {
            let Some(rest) = line.strip_prefix("bowline ").filter(|rest| !rest.starts_with([' ', '-', '[']))
            else {
                continue;
            };
            let words: Vec<&str> = rest.split(" -- ").next().unwrap().split_whitespace().collect();
            let command = words.first().copied().filter(|word| commands.contains(word)).unwrap_or("dev");
            let options = known.entry(command.to_owned()).or_insert_with(|| options_of(command));
            for option in words.iter().filter(|word| word.starts_with('-') && word.len() > 1) {
                let option = option.split('=').next().unwrap();
                assert!(options.contains(option), "{}: `{line}`: {option}", path.display());
                count += 1;
            }
        }
    }
    assert!(count > 10, "{count}");
}

/// The anchor of a heading, as the hosts of repositories make it.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().replace(' ', "-");
    kept.chars().filter(|letter| letter.is_alphanumeric() || "-_".contains(*letter)).collect()
}

#[test]
fn the_links_lead_somewhere() {
    for (path, page) in pages() {
        for link in prose(&page).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            assert!(target.exists(), "{}: {link}", path.display());
            if !heading.is_empty() {
                let text = fs::read_to_string(target).unwrap();
                let headings = text.lines().filter_map(|line| line.trim_start_matches('#').strip_prefix(' '));
                assert!(headings.map(anchor).any(|one| one == heading), "{}: {link}", path.display());
            }
        }
    }
}
