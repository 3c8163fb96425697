//! The JSON schema of `bowline.toml`, from the types that read it. `bowline schema` prints the file that is written
//! here.

use std::fs;
use std::path::{Path, PathBuf};

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::file::{FILE, SCHEMA, Tables};

pub(super) fn generated() -> Value {
    let mut schema =
        SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Tables>().to_value();
    tidy(&mut schema);
    schema
}

/// TOML has no null, and what is in a field's description need not be told in a format for programs.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|one| one != "null");
                if let [only] = &types[..] {
                    object["type"] = only.clone();
                }
            }
            for key in ["anyOf", "enum"] {
                let Some(Value::Array(list)) = object.get_mut(key) else { continue };
                list.retain(|one| !one.is_null() && *one != json!({ "type": "null" }));
                if let (true, [Value::Object(only)]) = (key == "anyOf", &list[..]) {
                    let only = only.clone();
                    object.remove(key);
                    object.extend(only);
                }
            }
            if object.get("default").is_some_and(Value::is_null) {
                object.remove("default");
            }
            for key in ["format", "default"] {
                // An empty default says nothing.
                let says_nothing = |value: &Value| {
                    key == "format"
                        || matches!(value, Value::Object(map) if !map.is_empty())
                        || *value == json!([])
                        || *value == json!({})
                        || *value == json!("")
                };
                if object.get(key).is_some_and(|value| value.is_string() || key == "default")
                    && object.get(key).is_some_and(says_nothing)
                {
                    object.remove(key);
                }
            }
            object.values_mut().for_each(tidy);
        }
        Value::Array(list) => list.iter_mut().for_each(tidy),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The errors of a file.
fn errors(schema: &Value, text: &str) -> Vec<String> {
    errors_of(&jsonschema::validator_for(schema).unwrap(), text)
}

pub(super) fn errors_of(validator: &jsonschema::Validator, text: &str) -> Vec<String> {
    let document: toml::Table = text.parse().unwrap();
    let document = serde_json::to_value(document).unwrap();
    validator.iter_errors(&document).map(|error| error.to_string()).collect()
}

/// The texts of every `bowline.toml` below a directory.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !["target", "node_modules", ".git"].contains(&name) {
            found.extend(files(&path));
        } else if name == FILE {
            found.push(path);
        }
    }
    found
}

/// The examples in the documents that have tables of a project or a workspace.
fn examples() -> Vec<String> {
    let documents = ["README.md", "docs/workspaces.md", "docs/frameworks.md", "docs/coming-from-procfile.md"];
    let texts = documents.iter().filter_map(|path| fs::read_to_string(root().join(path)).ok());
    let blocks = texts.flat_map(|text| {
        let blocks = text.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
        blocks.collect::<Vec<_>>()
    });
    blocks.collect()
}

/// Writes the file anew if it is out of date, and fails then.
#[test]
fn the_schema_is_that_of_the_types() {
    let text = format!("{:#}\n", generated());
    if text != SCHEMA {
        fs::write(root().join("bowline.schema.json"), &text).unwrap();
        panic!("bowline.schema.json was out of date, and is written anew");
    }
}

#[test]
fn every_file_and_example_is_valid() {
    let schema = generated();
    let files = files(root()).into_iter().map(|path| fs::read_to_string(path).unwrap());
    let mut count = 0;
    for text in files.chain(examples()) {
        assert_eq!(errors(&schema, &text), Vec::<String>::new(), "{text}");
        count += 1;
    }
    assert!(count > 4, "{count}");
}

#[test]
fn what_the_program_refuses_is_invalid() {
    let schema = generated();
    for text in [
        "[projects.web]",
        "[project.web]\nprot = 1",
        "[project.web]\nport = 0",
        "[project.web]\nport = 65536",
        "[project.web]\nport = \"4000\"",
        "[project.web]\nneeds = \"api\"",
        "[project.web]\nenv = { A = 1 }",
        "[project.web]\nrestart = \"sometimes\"",
        "[project.web]\nkind = \"daemon\"",
        "[project.web]\ncommand = \"\"",
        "[project.web.ready]\nhttps = \"/\"",
        "[workspace]\nbuild = \"often\"",
        "[workspace]\norchestrator = \"turbo\"",
        "[workspace]\nfailfast = true",
        "[framework.x]\ncolour = \"red\"",
        "[wrapper.x]\nshell = true",
    ] {
        assert_ne!(errors(&schema, text), Vec::<String>::new(), "{text}");
        assert!(toml::from_str::<Tables>(text).is_err(), "{text}");
    }
}

#[test]
fn every_setting_is_described() {
    let schema = generated();
    for (name, table) in
        [("project", "ProjectSettings"), ("workspace", "WorkspaceSettings"), ("ready", "Ready")]
    {
        for (key, value) in schema["$defs"][table]["properties"].as_object().unwrap() {
            assert!(value["description"].is_string(), "{name}.{key} has no description");
        }
        assert_eq!(schema["$defs"][table]["additionalProperties"], false, "{name}");
    }
}
