//! The schema of what the catalog knows about the other programs of a script. `build.rs` includes this file.

use serde::Deserialize;

use super::check::{CatalogText, CatalogTexts, PortForm, Text, list};

/// A `[companion.KEY]` table: programs that are no servers, and how their arguments name the port of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default, expecting = "struct CompanionEntry")]
pub struct Companion {
    #[serde(skip)]
    pub key: CatalogText,
    /// The programs: `wait-on`, `open-cli`.
    #[serde(deserialize_with = "list::<Text, _>")]
    pub commands: CatalogTexts,
    /// The arguments that are a port, in one word or two: `tcp:{port}`, `--port {port}`. A URL on this machine is
    /// known without.
    #[serde(deserialize_with = "list::<PortForm, _>")]
    pub ports: CatalogTexts,
    /// It starts the server whose port it names.
    pub starts: bool,
}

/// The `[names]` table: words in the names of scripts, directories and files, by the part of an application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Names {
    /// The part with the pages.
    #[serde(deserialize_with = "list::<Text, _>")]
    pub page: CatalogTexts,
    /// The part that answers programs.
    #[serde(deserialize_with = "list::<Text, _>")]
    pub api: CatalogTexts,
    /// Parts that answer nobody.
    #[serde(deserialize_with = "list::<Text, _>")]
    pub worker: CatalogTexts,
}
