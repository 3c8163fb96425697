//! Whether the names in a `bowline.toml` mean something: those of its tables, in `needs` and `with`, and in templates.

use super::error::ConfigError;
use super::file::{ConfigFile, FilePlace};
use super::names::KnownNames;
use super::settings::ProjectSettings;
use crate::template::{SELF, references};
use crate::visible::{self, Visible};

/// A text of a table that may have templates: the keys below the table, the element of a list, and the text.
pub(super) struct Text<'a> {
    pub keys: Vec<&'a str>,
    pub index: Option<usize>,
    pub content: &'a str,
}

pub(super) fn has_templates(settings: &ProjectSettings) -> bool {
    texts(settings).any(|Text { content, .. }| content.contains("{{"))
}

/// The names in the templates of a table.
pub(super) fn named(settings: &ProjectSettings) -> Vec<String> {
    let found = texts(settings).flat_map(|text| references(text.content).unwrap_or_default());
    found.map(|reference| reference.name.to_owned()).filter(|name| name != SELF).collect()
}

/// Checks the whole file.
pub(super) fn check(file: &ConfigFile, names: &KnownNames) -> Result<(), ConfigError> {
    for (table, settings) in &file.projects {
        check_table(file, names, table)?;
        if let Some(dir) = settings.dir.as_deref().filter(|dir| !dir.is_dir()) {
            return Err(file.no_directory(table, dir));
        }
        for (key, list) in [("needs", &settings.needs), ("with", &settings.with)] {
            for (index, name) in list.iter().enumerate() {
                if let Err(error) = names.find(name) {
                    let place = FilePlace {
                        keys: &["project", table, key],
                        index: Some(index),
                        ..FilePlace::default()
                    };
                    return Err(file.mistake(&place, &shown(&error.message(name)), error.hint()));
                }
            }
        }
        for text in texts(settings) {
            check_templates(file, names, table, &text)?;
        }
    }
    Ok(())
}

pub(super) fn shown(message: &str) -> String {
    visible::line(message).into_owned()
}

fn check_table(file: &ConfigFile, names: &KnownNames, table: &str) -> Result<(), ConfigError> {
    let package = match names.package(table) {
        Ok(package) => package,
        Err(error) => return Err(file.mistaken_name(table, &shown(&error.message(table)), error.hint())),
    };
    match package {
        Some(package) if package.name != table && file.settings(&package.name).is_some() => {
            let message = format!("`[project.{table}]` is `{}`, which has a table of its own", package.name);
            Err(file.mistaken_name(table, &shown(&message), "make one table of the two".to_owned()))
        }
        Some(package) => match names.belongs_elsewhere(package, file) {
            Some(root) => {
                let message = format!("`[project.{table}]` is not read from the file of another package");
                let hint = format!("put it into `{}`", root.visible());
                Err(file.mistaken_name(table, &shown(&message), hint))
            }
            None => Ok(()),
        },
        None if names.has_service(table) => Ok(()),
        None => {
            let message = format!("`[project.{table}]` names no package, and has no `command`");
            Err(file.mistaken_name(table, &shown(&message), names.advice_for_table(table)))
        }
    }
}

fn check_templates(
    file: &ConfigFile,
    names: &KnownNames,
    table: &str,
    Text { keys, index, content }: &Text<'_>,
) -> Result<(), ConfigError> {
    let keys: Vec<&str> = ["project", table].into_iter().chain(keys.iter().copied()).collect();
    let mistake = |part: &str, message: &str, hint: String| {
        Err(file.mistake(&FilePlace { keys: &keys, index: *index, part: Some(part) }, &shown(message), hint))
    };
    let references = match references(content) {
        Ok(references) => references,
        Err(error) => return mistake(error.raw, &error.to_string(), error.hint()),
    };
    for reference in references.iter().filter(|reference| reference.name != SELF) {
        if let Err(error) = names.find(reference.name) {
            let part = &content[reference.range.clone()];
            return mistake(part, &error.message(reference.name), error.hint());
        }
    }
    Ok(())
}

/// The texts in which templates are replaced.
pub(super) fn texts(settings: &ProjectSettings) -> impl Iterator<Item = Text<'_>> {
    let ProjectSettings { env, args, command, before, after, ready, .. } = settings;
    let plain = |key: &'static str, content| Text { keys: vec![key], index: None, content };
    let variables = env.iter().map(|(name, content)| Text { keys: vec!["env", name], index: None, content });
    let arguments = args.iter().enumerate().map(|(index, content)| Text {
        keys: vec!["args"],
        index: Some(index),
        content,
    });
    let commands = [("command", command), ("before", before), ("after", after)];
    let commands = commands.into_iter().filter_map(move |(key, text)| Some(plain(key, text.as_deref()?)));
    let file = ready.file.as_deref().and_then(|file| file.to_str());
    let conditions = [
        ("http", ready.http.as_deref()),
        ("log", ready.log.as_deref()),
        ("exec", ready.exec.as_deref()),
        ("file", file),
    ];
    let conditions = conditions
        .into_iter()
        .filter_map(|(key, text)| Some(Text { keys: vec!["ready", key], index: None, content: text? }));
    variables.chain(arguments).chain(commands).chain(conditions)
}
