//! Another service of the workspace, as this session knows it.

use crate::launch::Sibling;

/// Another service of the workspace, with the id of its project.
#[derive(Clone)]
pub struct KnownSibling {
    pub project: String,
    pub sibling: Sibling,
}
