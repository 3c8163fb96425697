//! The files by which other packages use a package.

use std::path::Path;

use serde_json::Value;

use crate::project::Project;

/// Conditions of `exports` under which no program is run.
const TYPES: [&str; 2] = ["types", "typings"];

/// Whether a file is missing that `main`, `module` or `exports` names: the package was not built.
pub fn lacks_entry(project: &Project) -> bool {
    let document = &project.manifest.document;
    let mut entries = Vec::new();
    for key in ["exports", "main", "module"] {
        collect(document.get(key).unwrap_or(&Value::Null), &mut entries);
        // Where there are `exports`, nobody looks at the others.
        if !entries.is_empty() {
            break;
        }
    }
    entries.iter().any(|entry| !is_there(&project.dir.join(entry)))
}

/// The files in a value of `exports`, without those for types, and without patterns.
fn collect<'a>(value: &'a Value, entries: &mut Vec<&'a str>) {
    match value {
        Value::String(path) if !path.contains('*') && !Path::new(path).is_absolute() => entries.push(path),
        Value::Object(object) => {
            let run = object.iter().filter(|(condition, _)| {
                !TYPES.contains(&condition.as_str()) && !condition.starts_with("types@")
            });
            run.for_each(|(_, value)| collect(value, entries));
        }
        // The first one that is there counts, which is for node to find out.
        Value::Array(list) => list.iter().take(1).for_each(|value| collect(value, entries)),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Whether node finds the file, which may be named without its extension, or a directory.
fn is_there(path: &Path) -> bool {
    let with = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        Path::new(&name).is_file()
    };
    path.is_file()
        || [".js", ".json", ".node", ".cjs", ".mjs"].into_iter().any(with)
        || path.join("index.js").is_file()
        || path.join("index.json").is_file()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;

    #[test]
    fn a_package_lacks_what_its_entries_name() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("lib/sub")).unwrap();
        for file in ["lib/a.js", "lib/b.mjs", "lib/sub/index.js"] {
            fs::write(dir.path().join(file), "").unwrap();
        }
        for (fields, expected) in [
            (json!({}), false),
            (json!({ "main": "lib/a.js" }), false),
            (json!({ "main": "./lib/a" }), false),
            (json!({ "main": "lib/sub" }), false),
            (json!({ "main": "dist/index.js" }), true),
            (json!({ "module": "dist/index.mjs" }), true),
            (json!({ "types": "dist/index.d.ts" }), false),
            (json!({ "exports": "./lib/a.js", "main": "dist/a.js" }), false),
            (json!({ "exports": { ".": { "types": "./dist/a.d.ts", "import": "./lib/b.mjs" } } }), false),
            (json!({ "exports": { ".": { "import": "./lib/b.mjs", "require": "./dist/b.cjs" } } }), true),
            (json!({ "exports": { "./x": "./dist/x.js", ".": "./lib/a.js" } }), true),
            (json!({ "exports": { "./*": "./dist/*.js", ".": "./lib/a.js" } }), false),
            (json!({ "exports": { ".": null, "./a": ["./lib/a.js", "./dist/a.js"] } }), false),
        ] {
            fs::write(dir.path().join("package.json"), fields.to_string()).unwrap();
            let project = Project::at(dir.path()).unwrap();
            assert_eq!(lacks_entry(&project), expected, "{fields}");
        }
    }
}
