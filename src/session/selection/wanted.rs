//! What the user asks a start for.

use super::run::{is_target, runnable};
use crate::invocation::Failure;
use crate::project::{Project, ProjectError};
use crate::session::configured::{Additions, Chosen};

#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// Projects by name or directory; none for what the directory means.
    pub words: &'a [String],
    /// In the grammar of [`crate::workspace::Filter`].
    pub filters: &'a [String],
    /// Whether nothing is started beside them.
    pub only: bool,
    /// Whether nothing is built or watched for them.
    pub no_order: bool,
    pub script: Option<&'a str>,
    /// For the dev script.
    pub arguments: &'a [String],
    /// How a word that names no project is reported.
    pub unknown: &'a dyn Fn(&str, ProjectError) -> Failure,
}

impl Wanted<'_> {
    /// The project with the script and arguments that the user wants.
    pub(super) fn choose(&self, project: Project) -> Chosen {
        let runnable = runnable(&project, self.script, self.arguments);
        let is_target = is_target(&runnable);
        (project, runnable, Additions { is_target, ..Additions::default() })
    }
}
