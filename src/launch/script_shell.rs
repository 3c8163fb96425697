//! The shell of nested scripts. Where a script is called by its name alone (`run-p web api`), its package manager is
//! given a shell that sets variables for that script, or runs another text, and then becomes the shell that would
//! have been used.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use super::reading::Reading;
use super::script_runner::SHELL;
use crate::paths::write_file;
use crate::script::{NestedScript, PackageManager};

/// The variables by which npm, pnpm and Yarn 1 are given a shell.
pub(super) const VARIABLES: [&str; 2] = ["npm_config_script_shell", "pnpm_config_script_shell"];

/// A file that package managers run scripts through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptShell {
    pub path: PathBuf,
    text: String,
}

impl ScriptShell {
    pub(super) fn new(
        path: &Path,
        reading: &Reading<'_>,
        nested: &[NestedScript],
        variables: &[(String, String)],
    ) -> Self {
        let text = text(reading, nested, variables);
        Self { path: path.to_owned(), text }
    }

    /// Writes the file, whole or not at all.
    pub fn write(&self) -> io::Result<()> {
        write_file(&self.path, &self.text, 0o700)
    }
}

/// The package managers whose shell can be named by a variable.
pub(super) fn managers(reading: &Reading<'_>) -> &'static [PackageManager] {
    let is_classic = reading.choice.manager == PackageManager::Yarn && !reading.choice.is_modern_yarn();
    if is_classic {
        &[PackageManager::Npm, PackageManager::Pnpm, PackageManager::Yarn]
    } else {
        &[PackageManager::Npm, PackageManager::Pnpm]
    }
}

fn text(reading: &Reading<'_>, nested: &[NestedScript], variables: &[(String, String)]) -> String {
    let mut text =
        "#!/bin/sh\n# bowline wrote this shell of scripts for one run.\ncase $npm_lifecycle_event in\n"
            .to_owned();
    let dir = quoted(&reading.project.dir.to_string_lossy());
    for script in nested {
        let _ = writeln!(text, "{})\n    if [ \"$(pwd -P)\" = {dir} ]; then", quoted(&script.name));
        if script.has_variables {
            let assignments: Vec<String> =
                variables.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
            let _ = writeln!(text, "        export {}", assignments.join(" "));
        }
        if let Some((original, changed)) = &script.text {
            let condition = format!("[ \"$1\" = -c ] && [ \"$2\" = {} ]", quoted(original));
            let _ = writeln!(text, "        if {condition}; then set -- -c {}; fi", quoted(changed));
        }
        text.push_str("    fi\n");
        restore(&mut text, reading);
        text.push_str("    ;;\n");
    }
    let mut callers: Vec<String> =
        nested.iter().flat_map(|script| &script.callers).map(|name| quoted(name)).collect();
    callers.sort();
    callers.dedup();
    if !callers.is_empty() {
        let _ = writeln!(text, "{}) ;;", callers.join("|"));
    }
    text.push_str("*)\n");
    restore(&mut text, reading);
    let _ = writeln!(text, "    ;;\nesac\nexec {} \"$@\"", quoted(shell(reading)));
    text
}

/// Gives the script the variables that the package manager would have given it.
fn restore(text: &mut String, reading: &Reading<'_>) {
    for name in VARIABLES {
        let _ = match reading.caller.text(name) {
            Some(value) => writeln!(text, "    export {name}={}", quoted(value)),
            None => writeln!(text, "    unset {name}"),
        };
    }
}

fn shell<'r>(reading: &'r Reading<'_>) -> &'r str {
    reading.settings.get("script-shell").unwrap_or(SHELL)
}

pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
