//! Circles of imports between the files of a crate.
//!
//! A name is followed through re-exports to the file that defines it, so that `mod.rs` may offer what its
//! children have, and a child that imports from a sibling by way of `super` depends on the sibling. Test
//! modules do not count.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A module's path below `src`, or that of an item: `["port", "lease"]`.
type ModulePath = Vec<String>;

/// Files that import each other in a circle: their sorted names, and the imports among them.
#[derive(Debug, PartialEq)]
pub struct Circle {
    pub files: Vec<String>,
    pub imports: Vec<String>,
}

/// All circles. `files` are paths below `src`, and their texts.
pub fn circles<'f>(files: impl IntoIterator<Item = (&'f Path, &'f str)>) -> Vec<Circle> {
    let modules = Modules::new(files);
    let reached: BTreeMap<&ModulePath, BTreeSet<ModulePath>> =
        modules.paths.keys().map(|name| (name, modules.reachable(name))).collect();
    let circle_of = |name: &ModulePath| -> BTreeSet<ModulePath> {
        reached[name].iter().filter(|other| reached[*other].contains(name)).cloned().collect()
    };
    let circles: BTreeSet<_> =
        modules.paths.keys().map(circle_of).filter(|circle| !circle.is_empty()).collect();
    let show = |circle: BTreeSet<ModulePath>| Circle {
        files: circle.iter().map(|module| module.join("/")).collect(),
        imports: circle
            .iter()
            .flat_map(|from| {
                modules.imported(from).intersection(&circle).map(|to| arrow(from, to)).collect::<Vec<_>>()
            })
            .collect(),
    };
    circles.into_iter().map(show).collect()
}

fn arrow(from: &ModulePath, to: &ModulePath) -> String {
    format!("{} imports {}", from.join("/"), to.join("/"))
}

/// Every file's module, with the paths that it names.
struct Modules {
    paths: BTreeMap<ModulePath, Vec<Named>>,
    /// The names that a module has imported, and their origins. Its children see all of them.
    imports: BTreeMap<(ModulePath, String), ModulePath>,
}

/// An absolute path that a file names.
struct Named {
    path: ModulePath,
    exported: bool,
}

impl Modules {
    fn new<'f>(files: impl IntoIterator<Item = (&'f Path, &'f str)>) -> Self {
        let codes: BTreeMap<ModulePath, String> =
            files.into_iter().map(|(path, text)| (module(path), without_tests(text))).collect();
        let (mut paths, mut imports) = (BTreeMap::new(), BTreeMap::new());
        for (module, code) in &codes {
            let mut named = Vec::new();
            for (exported, words, name) in named_in(code) {
                let Some(path) = absolute(module, &words, &codes) else { continue };
                imports.insert((module.clone(), name), path.clone());
                named.push(Named { path, exported });
            }
            paths.insert(module.clone(), named);
        }
        Self { paths, imports }
    }

    /// The modules whose definitions this one uses.
    fn imported(&self, module: &ModulePath) -> BTreeSet<ModulePath> {
        let targets = self.paths[module].iter().filter_map(|named| {
            let target = self.definition(&named.path)?;
            // To offer what a child has is no use of it.
            let offered = named.exported && target.starts_with(module);
            (target != *module && !offered).then_some(target)
        });
        targets.collect()
    }

    /// The same, and what those use in turn.
    fn reachable(&self, from: &ModulePath) -> BTreeSet<ModulePath> {
        let (mut found, mut pending) = (BTreeSet::new(), vec![from.clone()]);
        while let Some(module) = pending.pop() {
            for target in self.imported(&module) {
                if found.insert(target.clone()) {
                    pending.push(target);
                }
            }
        }
        found
    }

    /// The module whose file defines what the path names.
    fn definition(&self, path: &[String]) -> Option<ModulePath> {
        let known = (0..=path.len()).rev().find(|&length| self.paths.contains_key(&path[..length]))?;
        let (module, rest) = path.split_at(known);
        let Some((name, below)) = rest.split_first() else { return Some(module.to_vec()) };
        match self.imports.get(&(module.to_vec(), name.clone())) {
            Some(source) if !source.starts_with(path) => self.definition(&[source, below].concat()),
            _ => Some(module.to_vec()),
        }
    }
}

/// The module that a file below `src` is.
fn module(path: &Path) -> ModulePath {
    let mut parts: ModulePath =
        path.with_extension("").iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    if matches!(parts.last().map(String::as_str), Some("mod" | "lib")) {
        parts.pop();
    }
    parts
}

/// The code without comments and without items for tests.
fn without_tests(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let start = line.trim_start();
        if start == "#[cfg(test)]" {
            let indent = &line[..line.len() - start.len()];
            let item = lines.by_ref().find(|line| !line.trim_start().starts_with("#["));
            if item.is_some_and(|item| item.ends_with('{')) {
                lines.by_ref().find(|line| line.strip_prefix(indent) == Some("}"));
            }
        } else if !start.starts_with("//") {
            code.push_str(line.split(" // ").next().unwrap_or_default());
            code.push('\n');
        }
    }
    code
}

/// The paths of the code's imports and expressions: whether each is exported, its words, and the name that it
/// gets here.
fn named_in(code: &str) -> Vec<(bool, Vec<&str>, String)> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find("use ") {
        let (before, import) = rest.split_at(at);
        found.extend(expressions(before));
        let start = before.rsplit(['\n', ';', '{', '}']).next().unwrap_or_default().trim();
        let is_import = start.is_empty() || start.starts_with("pub");
        let (tree, after) = import["use ".len()..].split_once(';').unwrap_or_default();
        if is_import {
            for (words, name) in expand(tree) {
                found.push((start.starts_with("pub"), words, name));
            }
            rest = after;
        } else {
            rest = &import["use ".len()..];
        }
    }
    found.extend(expressions(rest));
    found
}

/// The paths in expressions and types: all words with `::` between them.
fn expressions(code: &str) -> impl Iterator<Item = (bool, Vec<&str>, String)> {
    let paths = code.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
    let paths = paths.filter(|path| path.contains("::") && !path.starts_with(':'));
    paths.map(|path| (false, path.split("::").filter(|word| !word.is_empty()).collect(), String::new()))
}

/// The paths of a tree of imports, each with the name that it gets.
fn expand(tree: &str) -> Vec<(Vec<&str>, String)> {
    let tree = tree.trim();
    let Some((start, list)) = tree.split_once('{') else {
        let (path, name) = tree.split_once(" as ").unwrap_or((tree, tree));
        let words: Vec<&str> = path.split("::").map(str::trim).filter(|word| !word.is_empty()).collect();
        let name = name.rsplit("::").next().unwrap_or_default().trim().to_owned();
        return vec![(words, name)];
    };
    let list = list.trim_end().strip_suffix('}').unwrap_or(list);
    let prefix: Vec<&str> = start.split("::").map(str::trim).filter(|word| !word.is_empty()).collect();
    let mut depth = 0;
    let items = list.split(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    let items = items.filter(|item| !item.trim().is_empty());
    items.flat_map(expand).map(|(words, name)| ([prefix.clone(), words].concat(), name)).collect()
}

/// The path from the crate's root. Nothing for what comes from other crates.
fn absolute(module: &[String], words: &[&str], codes: &BTreeMap<ModulePath, String>) -> Option<ModulePath> {
    let ups = words.iter().take_while(|word| **word == "super").count();
    let owned =
        |words: &[&str]| words.iter().filter(|word| **word != "self").map(|&w| w.to_owned()).collect();
    let below = |parent: &[String], words: &[&str]| [parent.to_vec(), owned(words)].concat();
    match words {
        ["crate", rest @ ..] => Some(owned(rest)),
        ["super", ..] => Some(below(&module[..module.len().checked_sub(ups)?], &words[ups..])),
        ["self", rest @ ..] => Some(below(module, rest)),
        [first, ..] => codes.contains_key(&below(module, &[first])).then(|| below(module, words)),
        [] => None,
    }
}
