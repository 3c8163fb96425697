//! One word, one meaning, and not too many of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::{root, sources};

/// The names of the types that a file makes public.
fn public_types(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let item = line
            .trim_start()
            .strip_prefix("pub ")
            .or_else(|| line.trim_start().strip_prefix("pub(crate) "))?;
        let (kind, rest) = item.split_once(' ')?;
        let is_type = ["struct", "enum", "trait", "type"].contains(&kind);
        is_type.then(|| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default())
    })
}

/// One word has one meaning. Twins for two systems are one type.
#[test]
fn no_two_public_types_have_one_name() {
    let mut files: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for (path, text) in sources() {
        for name in public_types(&text) {
            files.entry(name.to_owned()).or_default().push(path.clone());
        }
    }
    let is_twin = |path: &PathBuf| path.ends_with("linux.rs") || path.ends_with("macos.rs");
    files.retain(|_, paths| paths.iter().filter(|path| !is_twin(path)).count() > 1);
    assert_eq!(files, BTreeMap::new());
    assert_eq!(
        public_types("pub struct A;\n    pub(crate) enum B<T> {}\nstruct C;\npub fn d() {}").count(),
        2
    );
}

/// A newcomer learns the words of the crate documentation by heart.
#[test]
fn the_glossary_is_short() {
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let words = text.split("//! # Words").nth(1).unwrap().split("//! # ").next().unwrap();
    let rows = words.lines().filter_map(|line| line.strip_prefix("//! | ")).skip(2);
    let words: Vec<&str> = rows.flat_map(|row| row.split(" | ").next().unwrap().split(", ")).collect();
    assert!((15..=25).contains(&words.len()), "{words:?}");
}
