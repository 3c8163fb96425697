//! The files that a program imports from its own project.

use std::path::{Path, PathBuf};

use crate::project::read_beginning;

/// How many imports of one program are looked at, and how much of each.
const FILES: usize = 30;
const SIZE: u64 = 256 * 1024;

/// The endings that an import leaves out, or has in the place of the source's own.
const ENDINGS: [&str; 8] = ["ts", "tsx", "mts", "cts", "js", "mjs", "cjs", "jsx"];

/// The texts of the files that a program imports by a path that begins with its own directory, but not what those import.
pub(super) fn imports(program: &Path, text: &str) -> impl Iterator<Item = String> {
    let dir = program.parent().unwrap_or(program).to_path_buf();
    let lines =
        text.lines().filter(|line| ["import", "from", "require("].iter().any(|word| line.contains(word)));
    let paths: Vec<String> = lines.filter_map(path_in).take(FILES).map(str::to_owned).collect();
    paths.into_iter().filter_map(move |path| {
        let files = candidates(&dir.join(path));
        files.into_iter().filter(|file| file.is_file()).find_map(|file| read_beginning(&file, SIZE))
    })
}

/// The relative path in quotes at the end of a line: `import { app } from './app.js'`.
fn path_in(line: &str) -> Option<&str> {
    let start = ["'./", "\"./"].iter().filter_map(|quoted| line.rfind(quoted)).max()?;
    let quote = line[start..].chars().next()?;
    line[start + 1..].split(quote).next()
}

/// The files that an import may mean, as node, bundlers and TypeScript find them.
fn candidates(path: &Path) -> Vec<PathBuf> {
    let mut found = vec![path.to_path_buf()];
    found.extend(ENDINGS.iter().map(|ending| {
        let mut name = path.as_os_str().to_owned();
        name.push(".");
        name.push(ending);
        PathBuf::from(name)
    }));
    found.extend(ENDINGS.iter().map(|ending| path.with_extension(ending)));
    found.extend(ENDINGS.iter().map(|ending| path.join("index").with_extension(ending)));
    found
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn files_beside_a_program_are_found_as_they_are_imported() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("config")).unwrap();
        for file in ["app.ts", "server.mjs", "config/index.ts", "env.js", "other.ts"] {
            fs::write(dir.path().join(file), file).unwrap();
        }
        let text = "import express from 'express'\nimport { app } from './app.js'\nimport \"./server.mjs\"\n\
            const { port } = require('./config')\nexport * from './env';\nlisten('./other')\nimport './none'";
        let found: Vec<String> = imports(&dir.path().join("main.ts"), text).collect();
        assert_eq!(found, ["app.ts", "server.mjs", "config/index.ts", "env.js"]);
    }
}
