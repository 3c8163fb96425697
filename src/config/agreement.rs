//! The program and the schema agree on whatever is written in a `bowline.toml`, and every mistake has a place and a
//! hint.

use std::fs;

use tempfile::TempDir;

use super::read::Files;
use super::schema::{errors_of, generated};
use crate::project::Project;

/// Every key, each with a value that is right.
const KEYS: &[(&str, &str, &str)] = &[
    ("workspace", "filter", r#"["./apps/*"]"#),
    ("workspace", "build", r#""auto""#),
    ("workspace", "orchestrator", r#""bowline""#),
    ("workspace", "fail-fast", "false"),
    ("project.web", "script", r#""dev""#),
    ("project.web", "args", r#"["--debug", "{{api.port}}", ""]"#),
    ("project.web", "port", "4000"),
    ("project.web", "framework", r#""node""#),
    ("project.web", "kind", r#""server""#),
    ("project.web", "needs", r#"["api", "db"]"#),
    ("project.web", "with", r#"["db"]"#),
    ("project.web", "env", r#"{ API_URL = "{{api.url}}", DB = "" }"#),
    ("project.web.ready", "http", r#""/healthz""#),
    ("project.web.ready", "log", r#""ready in \\d+ ms""#),
    ("project.web.ready", "exec", r#""curl -f localhost:{{self.port}}""#),
    ("project.web.ready", "file", r#""dist/{{self.port}}""#),
    ("project.web.ready", "timeout", r#""1m 30s""#),
    ("project.web", "ready", r#"{ http = "/" }"#),
    ("project.web", "before", r#""npm run migrate""#),
    ("project.web", "after", r#""rm -f web.pid""#),
    ("project.web", "restart", r#""on-failure""#),
    ("project.web", "grace", r#""500ms""#),
    ("project.db", "command", r#""node db.js --port {{self.port}}""#),
    ("project.db", "dir", r#""apps""#),
];

/// Values of every type. The schema cannot say of each text what it means, so none of these is nearly right.
const VALUES: &[&str] = &[
    "0",
    "1",
    "-1",
    "65535",
    "65536",
    "3.5",
    "nan",
    "true",
    "false",
    r#""""#,
    r#"" ""#,
    r#""api""#,
    r#""10s""#,
    r#""5""#,
    r#""0s""#,
    r#""1.5 min""#,
    r#""3 parsecs""#,
    r#""/x""#,
    r#""http://x""#,
    r#""{{self.url}}""#,
    r#"["{{self.url}}"]"#,
    r#"{ "{{self.url}}" = "c" }"#,
    r#""never""#,
    "[]",
    r#"["api"]"#,
    "[1]",
    r#"["api", ""]"#,
    r#"[["api"]]"#,
    "{}",
    r#"{ A = "b" }"#,
    r#"{ "A=B" = "c" }"#,
    r#"{ "" = "c" }"#,
    "{ A = 1 }",
    "1979-05-27",
    "{ server = {} }",
    "[{}]",
];

/// A workspace of `@acme/web` and `@acme/api`.
fn workspace() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("package.json"), r#"{ "name": "root", "workspaces": ["apps/*"] }"#).unwrap();
    for name in ["web", "api"] {
        let package = dir.path().join("apps").join(name);
        fs::create_dir_all(&package).unwrap();
        let manifest = format!(r#"{{ "name": "@acme/{name}", "scripts": {{ "dev": "true" }} }}"#);
        fs::write(package.join("package.json"), manifest).unwrap();
    }
    dir
}

/// Reads and checks the text as the file of the workspace; a mistake is the error and its hint.
fn read(dir: &TempDir, text: impl AsRef<[u8]>) -> Result<(), (String, String)> {
    fs::write(dir.path().join(super::FILE), text).unwrap();
    let project = Project::at(dir.path()).unwrap();
    let files = Files::default();
    let read = files.config(&project, &|_| None);
    let checked = read.and_then(|config| files.check(&project, &config, false));
    checked.map_err(|error| (error.to_string(), error.hint().unwrap_or_default()))
}

/// Whether the error has the place of the file, and says what to do.
fn is_located((message, hint): &(String, String)) -> bool {
    let place =
        regex_lite::Regex::new(r"^/.*/bowline\.toml:[1-9]\d*:[1-9]\d*: .+\n *\d+ \| .*\n *\| *\^$").unwrap();
    place.is_match(message) && !hint.is_empty()
}

#[test]
fn program_and_schema_agree_on_every_value_of_every_key() {
    let (dir, schema) = (workspace(), jsonschema::validator_for(&generated()).unwrap());
    let mut refused = 0;
    for (table, key, right) in KEYS {
        let own = format!("[{table}]\n{key} = ");
        let beside = "[project.\"@acme/api\"]\n[project.db]\ncommand = \"db\"\n";
        let beside = if *table == "project.db" { "" } else { beside };
        let text = |value: &str| format!("{own}{value}\n{beside}");
        let right = if *key == "dir" { format!("{right}\ncommand = \"db\"") } else { (*right).to_owned() };
        assert_eq!(read(&dir, text(&right)), Ok(()), "{own}{right}");
        assert_eq!(errors_of(&schema, &text(&right)), Vec::<String>::new(), "{own}{right}");
        for value in VALUES {
            let parsed = toml::from_str::<super::file::Tables>(&text(value));
            let valid = errors_of(&schema, &text(value)).is_empty();
            assert_eq!(parsed.is_ok(), valid, "{own}{value}: {:?}", parsed.err());
            if let Err(error) = read(&dir, text(value)) {
                assert!(is_located(&error), "{own}{value}: {error:?}");
                refused += 1;
            }
        }
        let misspelt = format!("[{table}]\n{key}x = {right}\n");
        assert!(!errors_of(&schema, &misspelt).is_empty(), "{misspelt}");
        let error = read(&dir, &misspelt).unwrap_err();
        assert!(is_located(&error) && error.1.contains(&format!("`{key}`")), "{error:?}");
    }
    assert!(refused > KEYS.len() * VALUES.len() / 2, "{refused}");
}

/// The numbers of a generator that are the same in every run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % end
    }
}

#[test]
fn no_text_is_too_strange_and_every_mistake_has_its_place() {
    let dir = workspace();
    let line = |(table, key, value): &(&str, &str, &str)| format!("[{table}]\n{key} = {value}\n");
    let right = KEYS.iter().map(line).collect::<Vec<_>>().concat();
    let pieces = [
        "\"", "'", "\"\"\"", "[", "]", "{", "}", "=", ".", "\n", "\r", "\r\n", "\t", "#", "{{", "}}",
        "{{x.port}}", "é", "中", "\u{feff}", "\u{202e}", "\0", "\\", "\\u0000", "project", "[[project]]",
        "web", "1e999", "😀", ",",
    ];
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let lines: Vec<&str> = right.lines().collect();
    let mut refused = 0;
    for _ in 0..500 {
        // A table of its own for each key is a mistake, so a few are taken.
        let start = random.below(KEYS.len()) * 2;
        let mut bytes = lines[start..start + 2].join("\n").into_bytes();
        for _ in 0..=random.below(3) {
            let at = random.below(bytes.len());
            let end = at + random.below(4).min(bytes.len() - at);
            let piece = pieces[random.below(pieces.len())].as_bytes();
            let with: &[u8] = if random.below(20) == 0 { &[0xff, 0xc0] } else { piece };
            bytes.splice(at..end, with.iter().copied());
        }
        if let Err(error) = read(&dir, &bytes) {
            assert!(is_located(&error), "{:?}: {error:?}", String::from_utf8_lossy(&bytes));
            refused += 1;
        }
    }
    assert!(refused > 200, "{refused}");
}
