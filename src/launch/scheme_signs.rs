//! What the script, the environment and the project's files say about the scheme of the server.

use std::collections::BTreeMap;
use std::path::Path;

use super::reading::Reading;
use crate::detect::Detection;
use crate::detect::catalog::{Catalog, HttpsSigns};
use crate::port::Scheme;
use crate::project::{env_file_value, read_text_if_any};
use crate::script::{Leaf, Word};

/// The files of variables that dev servers read, the strongest first.
const VARIABLE_FILES: [&str; 4] = [".env.development.local", ".env.local", ".env.development", ".env"];
/// Larger files are not read, in bytes.
const LARGEST: u64 = 256 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemeSigns {
    /// Something says that the server speaks TLS.
    Https,
    /// The program is read whole, and nothing in it could.
    Http,
    None,
}

impl SchemeSigns {
    /// The signs for the server of a project that has these `files`; its bowline.toml sets `environment`.
    pub fn of(
        reading: &Reading<'_>,
        detection: &Detection<'_>,
        catalog: &Catalog,
        files: &[String],
        environment: &BTreeMap<String, String>,
    ) -> Self {
        let signs = catalog.https_signs();
        let commands = reading.commands();
        let servers = || {
            let every = commands.iter().enumerate();
            every.filter(|(at, _)| detection.tool.is_none_or(|tool| tool.command == *at))
        };
        let programs: Vec<String> = servers().flat_map(|(at, _)| named_files(reading, at)).collect();
        let configurations = catalog.configurations(detection, files);
        let is_https = servers().any(|(_, command)| signs.are_in_arguments(&command.arguments))
            || servers().any(|(at, _)| has_variable(reading, at, signs, environment))
            || programs.iter().any(|text| signs.are_in_code(text))
            || configurations.iter().any(|file| {
                small_text(&reading.project.dir.join(file))
                    .is_some_and(|text| signs.are_in_configuration(&text))
            });
        if is_https {
            return Self::Https;
        }
        // A single file that listens by itself, and imports no other file of the project.
        let is_whole = |text: &String| {
            let small = text.to_ascii_lowercase();
            text.contains(".listen(")
                && !["'./", "\"./", "`./", "'../", "\"../", "`../"].iter().any(|start| text.contains(start))
                && !signs.words.iter().any(|word| small.contains(&**word))
        };
        let are_files = servers().all(|(_, command)| command.arguments.len() == 1);
        let count = servers().count();
        if count > 0 && are_files && programs.len() == count && programs.iter().all(is_whole) {
            Self::Http
        } else {
            Self::None
        }
    }

    /// What the server speaks if the signs are right.
    pub fn scheme(self) -> Scheme {
        match self {
            Self::Https => Scheme::Https,
            Self::Http | Self::None => Scheme::Http,
        }
    }
}

/// The texts of the project's files that a command names.
fn named_files(reading: &Reading<'_>, command: usize) -> Vec<String> {
    let words = reading.leaf(command).into_iter().flat_map(|(_, leaf)| leaf.words.iter().skip(1));
    let names = words.filter_map(Word::literal).filter(|word| !word.starts_with('-'));
    names.filter_map(|name| small_text(&reading.project.dir.join(name))).collect()
}

fn small_text(path: &Path) -> Option<String> {
    path.metadata().ok().filter(|metadata| metadata.is_file() && metadata.len() <= LARGEST)?;
    read_text_if_any(path)
}

/// Whether a variable turns TLS on: the script's own, else the one of bowline.toml, the caller or the project's files
/// of variables.
fn has_variable(
    reading: &Reading<'_>,
    command: usize,
    signs: &HttpsSigns,
    environment: &BTreeMap<String, String>,
) -> bool {
    let leaf = reading.leaf(command).map(|(_, leaf)| leaf);
    let in_files = |name: &str| {
        let texts = VARIABLE_FILES.iter().filter_map(|file| small_text(&reading.project.dir.join(file)));
        texts.into_iter().find_map(|text| env_file_value(&text, name).map(str::to_owned))
    };
    signs.variables.iter().any(|name| {
        let own = leaf.and_then(|leaf: &Leaf| leaf.assigned(name)).map(str::to_owned);
        let configured = || environment.get(&**name).cloned();
        let inherited = || reading.caller.text(name).map(str::to_owned);
        let value = own.or_else(configured).or_else(inherited).or_else(|| in_files(name));
        value.is_some_and(|value| HttpsSigns::is_on(&value))
    })
}
