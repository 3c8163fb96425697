//! Projects, workspaces and detection.

mod catalog;
mod docs;
mod fixtures;
mod memory;
mod precedence;
mod project;
mod without_script;

use std::collections::BTreeMap;

use bowline::detect::catalog::Catalog;
use bowline::detect::{CommandWords, Detection, Snapshot};

/// A project as far as detection sees it.
#[derive(Default)]
struct Sample {
    script: Option<String>,
    dependencies: BTreeMap<String, String>,
    files: Vec<String>,
}

impl Sample {
    /// A project with this dev script; none if it is empty.
    fn script(text: &str) -> Self {
        Self { script: (!text.is_empty()).then(|| text.to_owned()), ..Self::default() }
    }

    /// Packages, each with its range behind a space if that matters.
    fn packages(mut self, list: &[&str]) -> Self {
        for entry in list {
            let (name, range) = entry.split_once(' ').unwrap_or((entry, "^1"));
            self.dependencies.insert(name.to_owned(), range.to_owned());
        }
        self
    }

    fn files(mut self, list: &[&str]) -> Self {
        self.files.extend(list.iter().map(|name| (*name).to_owned()));
        self
    }

    fn detect<'c>(&self, catalog: &'c Catalog) -> Detection<'c> {
        let commands = self.script.as_deref().map(commands).unwrap_or_default();
        catalog.detect(&snapshot(self, &commands)).expect("the embedded catalog has a last entry")
    }

    fn key(&self) -> String {
        let catalog = embedded();
        self.detect(&catalog).framework.key.to_string()
    }
}

fn snapshot<'a>(sample: &'a Sample, commands: &'a [CommandWords<'a>]) -> Snapshot<'a> {
    Snapshot {
        dependencies: &sample.dependencies,
        files: &sample.files,
        script: Some("dev"),
        commands,
        hides_more: false,
    }
}

fn embedded() -> Catalog {
    Catalog::load(&[]).expect("the embedded catalog is sound")
}

/// The simple commands of the plain scripts used here, which need no shell parser.
fn commands(script: &str) -> Vec<CommandWords<'_>> {
    let simple = script.split(['&', '|', ';', '"']).map(|part| part.split_whitespace().collect::<Vec<_>>());
    let wrapper =
        |word: &&str| word.contains('=') || ["cross-env", "npx", "yarn", "concurrently"].contains(word);
    simple
        .filter_map(|words| {
            let mut words = words.into_iter().skip_while(wrapper);
            let command = CommandWords::of(words.next()?);
            Some(CommandWords { arguments: words.collect(), ..command })
        })
        .collect()
}
