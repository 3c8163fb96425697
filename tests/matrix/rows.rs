//! The projects, and what is expected of them: `fixtures/matrix/projects.toml` explains it.

use std::sync::OnceLock;

use serde::Deserialize;

/// A project.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Row {
    #[serde(skip)]
    pub name: String,
    lies_in: Option<String>,
    pub packages: Vec<String>,
    pub framework: String,
    #[serde(default = "dev")]
    pub script: String,
    #[serde(default)]
    pub asks: bool,
    pub port: u16,
    #[serde(default = "root")]
    pub path: String,
    pub page: String,
    pub builds_until: Option<String>,
    #[serde(default)]
    pub missing: bool,
}

fn dev() -> String {
    "dev".to_owned()
}

fn root() -> String {
    "/".to_owned()
}

impl Row {
    /// Its directory, from the root of the repository.
    pub fn fixture(&self) -> String {
        match &self.lies_in {
            Some(dir) => format!("fixtures/{dir}"),
            None => format!("fixtures/matrix/{}", self.name),
        }
    }
}

/// All of them, in the order of the file.
pub fn rows() -> &'static [Row] {
    static ROWS: OnceLock<Vec<Row>> = OnceLock::new();
    ROWS.get_or_init(|| {
        let table: toml::Table =
            include_str!("../../fixtures/matrix/projects.toml").parse().expect("a sound projects.toml");
        let read = |(name, value): (String, toml::Value)| {
            let row: Row = value.try_into().unwrap_or_else(|error| panic!("[{name}]: {error}"));
            Row { name, ..row }
        };
        table.into_iter().map(read).collect()
    })
}
