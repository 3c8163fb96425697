//! What nx knows of a project: its name, tags and targets, in `project.json` and in `nx` of `package.json`.

use serde_json::{Map, Value};

use super::json::read;
use crate::project::Project;

#[derive(Debug)]
pub(super) struct NxConfig {
    pub name: String,
    /// `nx` of `package.json`, then `project.json`, which goes before it.
    parts: [Value; 2],
}

impl NxConfig {
    pub fn of(project: &Project) -> Self {
        let in_package = project.manifest.document.get("nx").cloned().unwrap_or_default();
        let parts = [in_package, read(&project.dir.join("project.json"))];
        let named = parts.iter().rev().find_map(|part| part["name"].as_str()).map(str::to_owned);
        Self { name: named.unwrap_or_else(|| project.name.clone()), parts }
    }

    pub fn has_tag(&self, is_meant: impl Fn(&str) -> bool) -> bool {
        let tags = self.parts.iter().filter_map(|part| part["tags"].as_array()).flatten();
        tags.filter_map(Value::as_str).any(is_meant)
    }

    /// The definition of a target; empty if there is none.
    pub fn target(&self, name: &str) -> Map<String, Value> {
        let parts = self.parts.iter().filter_map(|part| part["targets"][name].as_object());
        parts.flatten().map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}
