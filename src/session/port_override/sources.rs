//! Whether a project's own sources read `PORT`: then it may obey late, after a database has answered, say.

use std::collections::VecDeque;
use std::fs;
use std::path::{Component, Path, PathBuf};

use tokio::task::yield_now;

use super::servers::{self, servers, without_comments};
use crate::project::{env_file_value, read_beginning};

/// How many files are read, and how much of each.
const FILES: usize = 400;
const BYTES: u64 = 128 * 1024;
/// How many directories are looked into, and how many entries of each.
const DIRECTORIES: usize = 400;
const ENTRIES: usize = 10_000;
const EXTENSIONS: [&str; 21] = [
    "js", "mjs", "cjs", "ts", "mts", "cts", "jsx", "tsx", "py", "rb", "go", "rs", "php", "java", "kt", "cs",
    "ex", "exs", "clj", "swift", "dart",
];
/// Directories without sources of the server.
const OTHERS: [&str; 19] = [
    "node_modules", "bower_components", "vendor", "dist", "build", "out", "target", "coverage", "public",
    "static", "assets", "docs", "test", "tests", "__tests__", "__pycache__", "e2e", "cypress", "playwright",
];
/// Words in the names of files that are for tests.
const TESTS: [&str; 5] = [".test.", ".spec.", ".d.", "playwright.config.", "cypress.config."];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// Whether a source reads the variable `PORT`.
    pub reads_port: bool,
    /// The values that the project's own environment files give to `PORT`.
    pub own: Vec<u16>,
    /// For each call that opens a server, the ports that are written there; none where they are not known.
    pub servers: Vec<Vec<u16>>,
    /// For each read of `PORT`, the ports that are written beside it: one of them is used without the variable.
    pub defaults: Vec<Vec<u16>>,
    /// Whether all sources were read, and are in a language whose servers are found.
    pub is_whole: bool,
}

impl Sources {
    /// Searches a directory, the files nearest to it first. The loop goes on between two files; a thread would keep
    /// it from forking a guardian.
    pub async fn search(dir: PathBuf) -> Self {
        let mut sources = Self { is_whole: true, ..Self::default() };
        let mut pending = VecDeque::from([dir]);
        let (mut files, mut directories) = (0, 0);
        while let Some(dir) = pending.pop_front() {
            if files >= FILES || directories >= DIRECTORIES {
                sources.is_whole = false;
                break;
            }
            directories += 1;
            let listed = fs::read_dir(dir);
            sources.is_whole &= listed.is_ok();
            let mut entries: Vec<_> = listed.into_iter().flatten().flatten().take(ENTRIES).collect();
            sources.is_whole &= entries.len() < ENTRIES;
            entries.sort_by_key(fs::DirEntry::file_name);
            for entry in entries {
                let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
                yield_now().await;
                let Ok(kind) = entry.file_type() else { continue };
                // Links are not followed: they may lead anywhere.
                sources.is_whole &= !kind.is_symlink() || OTHERS.contains(&&*name) || name.starts_with('.');
                if kind.is_dir() && !name.starts_with('.') && !OTHERS.contains(&&*name) {
                    pending.push_back(path);
                } else if kind.is_file() && name.starts_with(".env") {
                    let text = read_beginning(&path, BYTES).unwrap_or_default();
                    sources
                        .own
                        .extend(env_file_value(&text, "PORT").and_then(|value| value.parse::<u16>().ok()));
                } else if kind.is_file() && is_source(&name) {
                    files += 1;
                    let read = read_beginning(&path, BYTES).filter(|_| files <= FILES);
                    sources.is_whole &= read.is_some();
                    let text = read.unwrap_or_default();
                    sources.is_whole &= (text.len() as u64) < BYTES;
                    sources.take(&text, servers::is_read(extension(&name)));
                }
            }
        }
        sources.is_whole &= files > 0;
        sources
    }

    /// Takes in one source. `opens`: its servers are found by its text.
    fn take(&mut self, text: &str, opens: bool) {
        self.is_whole &= opens;
        let text = if opens { without_comments(text) } else { text.to_owned() };
        if opens {
            self.servers.extend(servers(&text));
        }
        if reads_port(&text) {
            self.reads_port = true;
            let lines = text.lines().filter(|line| reads_port(line));
            let before = self.defaults.len();
            self.defaults.extend(lines.map(servers::numbers));
            // It is read by words on several lines.
            if self.defaults.len() == before {
                self.defaults.push(Vec::new());
            }
        }
    }

    /// Whether the program seems to obey `PORT`, and does not find this port there.
    pub fn obey_instead_of(&self, port: u16) -> bool {
        self.reads_port && !self.own.contains(&port)
    }

    /// Whether every server in the sources listens already, one of them on `port`.
    pub fn have_opened_all(&self, port: u16, listening: &[u16]) -> bool {
        let is_known = self.servers.iter().any(|ports| ports.contains(&port));
        self.is_whole && is_known && are_among(&self.servers, listening)
    }

    /// Whether every read of `PORT` has a port beside it that is open.
    pub fn have_read_elsewhere(&self, listening: &[u16]) -> bool {
        are_among(&self.defaults, listening)
    }

    /// Whether nothing in the sources opens a server, or could be one that is not understood.
    pub fn open_nothing(&self) -> bool {
        self.is_whole && self.servers.is_empty() && !self.reads_port
    }
}

/// Whether a file with this path, relative to the project, is one of those that are searched.
pub fn is_searched(path: &Path) -> bool {
    path.components().all(|part| match part {
        Component::Normal(name) => name.to_str().is_some_and(|name| !OTHERS.contains(&name)),
        Component::CurDir => true,
        Component::ParentDir | Component::RootDir | Component::Prefix(_) => false,
    })
}

fn are_among(servers: &[Vec<u16>], listening: &[u16]) -> bool {
    servers.iter().all(|ports| ports.iter().any(|port| listening.contains(port)))
}

fn extension(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, extension)| extension)
}

fn is_source(name: &str) -> bool {
    EXTENSIONS.contains(&extension(name)) && !TESTS.iter().any(|word| name.contains(word))
}

/// Whether a program's text reads the variable `PORT` of its environment, in the way of any language: `env.PORT`,
/// `env["PORT"]`, `getenv("PORT")`, `{ PORT } = process.env`.
fn reads_port(text: &str) -> bool {
    text.match_indices("PORT").any(|(at, word)| {
        let (before, after) = (&text[..at], &text[at + word.len()..]);
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        if before.ends_with(is_word) || after.starts_with(is_word) {
            return false;
        }
        let before = before.trim_end();
        let is_quoted =
            ['"', '\'', '`'].iter().any(|quote| before.ends_with(*quote) && after.starts_with(*quote));
        let is_member =
            before.strip_suffix('.').is_some_and(|before| before.trim_end_matches('?').ends_with("env"));
        is_quoted || is_member || is_destructured(before, after)
    })
}

/// Whether the word between is one of a pattern that takes values from the environment, or of a schema for it.
fn is_destructured(before: &str, after: &str) -> bool {
    let Some(open) = before.rfind('{').filter(|&open| !before[open..].contains('}')) else { return false };
    let head = before[..open].trim_end();
    // Not the environment of a child.
    let is_schema =
        head.ends_with(['(', ',', ':']) && !head.ends_with("env:") && after.trim_start().starts_with(':');
    let taken = after.split_once('}').and_then(|(_, rest)| rest.trim_start().strip_prefix('='));
    let from_environment = taken.is_some_and(|value| {
        let value = value.trim_start();
        ["process.env", "import.meta.env", "Bun.env", "env", "Deno.env"]
            .iter()
            .any(|name| value.starts_with(name))
    });
    from_environment
        || (is_schema && !after.trim_start()[1..].trim_start().starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn programs_that_read_the_variable() {
        for text in [
            "const port = process.env.PORT || 3000",
            "app.listen(+process.env?.PORT)",
            "const port = process.env['PORT'] ?? 3000",
            "const { PORT = 3000, HOST } = process.env",
            "const { HOST, PORT: port } = process.env;",
            "import { env } from 'node:process'; listen(env.PORT)",
            "const { PORT } = env;",
            "const env = z.object({ PORT: z.coerce.number().default(3000) })",
            "cleanEnv(process.env, { NODE_ENV: str(), PORT: port({ default: 3000 }) })",
            "config.get('PORT')",
            "Deno.env.get(\"PORT\")",
            "port = int(os.environ.get('PORT', 8000))",
            "port = os.environ[\"PORT\"]",
            "ENV.fetch(\"PORT\") { 3000 }",
            "os.Getenv(\"PORT\")",
            "env::var(\"PORT\")",
        ] {
            assert!(reads_port(text), "{text}");
        }
    }

    #[test]
    fn programs_that_do_not() {
        for text in [
            "",
            "const PORT = 3000; app.listen(PORT)",
            "export const config = { PORT: 3000 }",
            "process.env.DB_PORT",
            "process.env.PORTAL",
            "process.env['REPORT']",
            "settings.PORT",
            "spawn('node', ['a.js'], { env: { ...process.env, PORT: String(port) } })",
            "const { PORT } = require('./config')",
            "// the PORT",
        ] {
            assert!(!reads_port(text), "{text}");
        }
    }

    #[test]
    fn paths_of_sources() {
        for (path, expected) in [
            ("server.js", true),
            ("./src/worker.ts", true),
            ("dist/server.js", false),
            ("../server/main.js", false),
            ("/srv/main.js", false),
            ("node_modules/some-server/bin.js", false),
        ] {
            assert_eq!(is_searched(Path::new(path)), expected, "{path}");
        }
    }

    fn searched(dir: &Path) -> Sources {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(Sources::search(dir.to_owned()))
    }

    #[test]
    fn a_search_looks_at_the_sources_alone() {
        let reading = "listen(process.env.PORT)";
        for (path, expected) in [
            ("server.js", true),
            ("src/deep/main.ts", true),
            ("README.md", false),
            ("node_modules/x/index.js", false),
            (".next/server.js", false),
            ("dist/server.js", false),
            ("playwright.config.ts", false),
            ("src/app.test.ts", false),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, reading).unwrap();
            assert_eq!(searched(dir.path()).reads_port, expected, "{path}");
        }
    }

    #[test]
    fn a_search_that_leaves_files_out_is_not_whole() {
        for (files, expected) in [(1, true), (FILES, true), (FILES + 1, false)] {
            let dir = tempfile::tempdir().unwrap();
            for number in 0..files {
                fs::write(dir.path().join(format!("{number}.js")), "").unwrap();
            }
            assert_eq!(searched(dir.path()).is_whole, expected, "{files}");
        }
    }

    #[test]
    fn a_port_in_an_environment_file_is_why_the_variable_is_another_one() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("server.js"), "listen(process.env.PORT)").unwrap();
        fs::write(dir.path().join(".env"), "DB_PORT=5432\nexport PORT = \"4000\"\n").unwrap();
        let sources = searched(dir.path());
        assert!(sources.reads_port);
        assert_eq!(sources.own, [4000]);
        assert!(!sources.obey_instead_of(4000));
        assert!(sources.obey_instead_of(9464));
    }
}
