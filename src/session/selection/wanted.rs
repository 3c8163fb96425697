//! What the user asks a start for.

use crate::invocation::Failure;
use crate::project::ProjectError;

#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// Projects by name or directory; none for what the directory means.
    pub words: &'a [String],
    /// In the grammar of [`crate::workspace::Filter`].
    pub filters: &'a [String],
    /// Whether nothing is started beside them.
    pub only: bool,
    pub script: Option<&'a str>,
    /// For the dev script.
    pub arguments: &'a [String],
    /// How a word that names no project is reported.
    pub unknown: &'a dyn Fn(&str, ProjectError) -> Failure,
}
