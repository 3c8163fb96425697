//! Scripts that a package manager has to run otherwise than they are written.

use super::leaf::Leaf;

/// A script of the same package, called by name, and what its shell has to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NestedScript {
    pub name: String,
    /// Its text, and the text to run instead.
    pub text: Option<(String, String)>,
    /// Whether it gets the variables of the edit.
    pub has_variables: bool,
    /// The scripts that lead to its call.
    pub callers: Vec<String>,
}

impl Leaf {
    pub(super) fn nested_script(
        &self,
        frame: usize,
        changed: Option<String>,
        has_variables: bool,
    ) -> Option<NestedScript> {
        let own = self.scope.frames.get(frame)?;
        let callers = self.scope.frames[..frame].iter().filter_map(|frame| frame.name.clone()).collect();
        let text = changed.map(|changed| (own.text.clone(), changed));
        Some(NestedScript { name: own.name.clone()?, text, has_variables, callers })
    }
}
