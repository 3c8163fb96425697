//! Addresses of servers in the files of a project that its programs read: variables and configurations.

use std::path::Path;

use super::mentions::{Form, ports_in};
use super::reading::Reading;
use super::sibling_ports::{TextPort, ports_in_value};
use crate::port::Scheme;
use crate::project::{env_file_variables, read_beginning};

/// How much of a file is looked at.
const SIZE: u64 = 256 * 1024;

/// The usual files of variables, the strongest first.
const ENV_FILES: [&str; 4] = [".env.development.local", ".env.local", ".env.development", ".env"];

/// Files of configuration that do not end in `.config` and an ending of JavaScript.
const CONFIGURATIONS: [&str; 4] = ["proxy.conf.json", "proxy.conf.js", "proxy.conf.mjs", "proxy.conf.cjs"];

const MANIFEST: &str = "package.json";

/// The beginnings of files that configure other programs than the server.
const OF_TOOLS: [&str; 11] = [
    "playwright", "cypress", "vitest", "jest", "wdio", "testcafe", "lighthouserc", "tailwind", "postcss",
    "eslint", "prettier",
];

/// A port of this machine in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileMention {
    /// Relative to the project.
    pub file: String,
    pub port: TextPort,
    /// The variable that has the text, or that is read in its place.
    pub variable: Option<String>,
    /// The value of that variable.
    pub value: String,
}

impl FileMention {
    /// Whether it is in package.json, which cannot read the environment.
    pub fn is_in_manifest(&self) -> bool {
        self.file == MANIFEST
    }

    /// Whether it is in a file of variables.
    pub fn is_in_variables(&self) -> bool {
        is_of_variables(&self.file)
    }

    /// Those in the files of a project, and in the files of variables that its script names. A variable that is set
    /// before does not count.
    pub fn all(reading: &Reading<'_>, files: &[String], is_set: impl Fn(&str) -> bool) -> Vec<Self> {
        let mut found = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        let is_counted =
            |name: &str| !is_set(name) && !reading.assigns(name) && reading.caller.raw(name).is_none();
        for file in env_files(reading, files) {
            let Some(text) = read_beginning(&reading.project.dir.join(&file), SIZE) else { continue };
            for (name, value) in env_file_variables(&text) {
                if seen.contains(&name) {
                    continue;
                }
                seen.push(name.clone());
                if name != "PORT" && is_counted(&name) {
                    let mention = |port| Self {
                        file: file.clone(),
                        port,
                        variable: Some(name.clone()),
                        value: value.clone(),
                    };
                    found.extend(ports_in_value(&name, &value).into_iter().map(mention));
                }
            }
        }
        // `react-scripts` forwards requests to these.
        let is_create_react_app = reading.project.manifest.dependencies.contains_key("react-scripts");
        let setup = is_create_react_app.then(|| "src/setupProxy.js".to_owned());
        let proxy = reading.project.manifest.document["proxy"].as_str().filter(|_| is_create_react_app);
        found.extend(proxy.into_iter().flat_map(|value| in_configuration(MANIFEST, value)));
        for file in files.iter().filter(|name| is_configuration(name)).chain(&setup) {
            let Some(text) = read_beginning(&reading.project.dir.join(file), SIZE) else { continue };
            found.extend(in_configuration(file, &text).into_iter().filter(|mention| {
                let variable = mention.variable.as_deref();
                variable.is_none_or(|name| is_counted(name) && !seen.iter().any(|known| known == name))
            }));
        }
        found
    }
}

fn is_of_variables(file: &str) -> bool {
    let name = Path::new(file).file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name == ".env" || name.starts_with(".env."))
}

/// The files of variables, the strongest first: those that the script names, else the usual ones.
fn env_files(reading: &Reading<'_>, files: &[String]) -> Vec<String> {
    let words = reading.words_with_starters();
    let mut named: Vec<String> = words
        .iter()
        .map(|word| word.rsplit('=').next().unwrap_or_default().to_owned())
        .filter(|word| is_of_variables(word))
        .collect();
    named.reverse();
    let usual = ENV_FILES.iter().filter(|name| files.iter().any(|file| file == *name));
    named.extend(usual.map(|name| (*name).to_owned()));
    named.dedup();
    named
}

fn is_configuration(name: &str) -> bool {
    let is_tools = || OF_TOOLS.iter().any(|tool| name.trim_start_matches('.').starts_with(tool));
    let is_config = [".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"]
        .iter()
        .any(|ending| name.strip_suffix(ending).is_some_and(|stem| stem.ends_with(".config")));
    CONFIGURATIONS.contains(&name) || is_config && !is_tools()
}

/// The addresses in the lines of a configuration that are no comments. One behind a variable of bowline's is what it is
/// without bowline.
fn in_configuration(file: &str, text: &str) -> Vec<FileMention> {
    let mut found: Vec<FileMention> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with("//") && !line.starts_with('*')) {
        for (range, port, form) in ports_in(line, None, "") {
            let variable = variable_before(&line[..range.start]);
            let is_ours = variable.as_deref().is_some_and(|name| name.starts_with("BOWLINE_"));
            if form == (Form::Address { is_web: true }) && !is_ours {
                let port = TextPort { port, variable: None };
                let value = quoted_around(line, range.start).to_owned();
                let mention = FileMention { file: file.to_owned(), port, variable, value };
                if !found.contains(&mention) {
                    found.push(mention);
                }
            }
        }
    }
    found
}

/// The variable that is read before an address: `process.env.API_URL || 'http://localhost:4000'`.
fn variable_before(lead: &str) -> Option<String> {
    let rest = lead.rsplit_once("env.")?.1;
    let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let between = rest[name.len()..].trim();
    let is_default = between.starts_with("||") || between.starts_with("??");
    (!name.is_empty() && is_default).then_some(name)
}

/// The text in quotes that has this place.
fn quoted_around(line: &str, at: usize) -> &str {
    const QUOTES: [char; 3] = ['"', '\'', '`'];
    let start = line[..at].rfind(QUOTES).map_or(0, |quote| quote + 1);
    let end = line[at..].find(QUOTES).map_or(line.len(), |quote| at + quote);
    &line[start..end]
}

/// A text with a template in place of a port, or of the whole beginning of a URL with that port.
pub fn with_template(text: &str, port: u16, name: &str, scheme: Scheme) -> String {
    let url = scheme.url(port);
    let mut changed = text.to_owned();
    let digits = port.to_string();
    for (range, found, form) in ports_in(text, None, "").into_iter().rev() {
        let is_meant = found == port && (form == Form::Address { is_web: true } || text == digits);
        let start = range.end.saturating_sub(url.len());
        if !is_meant {
            continue;
        }
        if text.get(start..range.end) == Some(url.as_str()) {
            changed.replace_range(start..range.end, &format!("{{{{{name}.url}}}}"));
        } else {
            changed.replace_range(range, &format!("{{{{{name}.port}}}}"));
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_configurations_are_found_with_their_variable() {
        let text = "// http://localhost:1111\n\
            target: 'http://localhost:4000/api',\n\
            url: process.env.API_URL || \"http://127.0.0.1:4000\",\n\
            own: process.env.BOWLINE_API_URL ?? 'http://localhost:4000',\n\
            db: 'postgres://localhost:5432',\n\
            port: 5173\n";
        let found = in_configuration("vite.config.ts", text);
        let found: Vec<_> =
            found.iter().map(|one| (one.port.port, one.variable.as_deref(), &*one.value)).collect();
        let expected =
            [(4000, None, "http://localhost:4000/api"), (4000, Some("API_URL"), "http://127.0.0.1:4000")];
        assert_eq!(found, expected);
    }

    #[test]
    fn only_configurations_of_servers_count() {
        for (name, expected) in [
            ("vite.config.ts", true),
            ("next.config.mjs", true),
            ("proxy.conf.json", true),
            ("playwright.config.ts", false),
            ("config.ts", false),
            ("vite.config.md", false),
        ] {
            assert_eq!(is_configuration(name), expected, "{name}");
        }
    }

    #[test]
    fn a_template_stands_for_the_url_or_the_port() {
        for (text, expected) in [
            ("http://localhost:4000", "{{api.url}}"),
            ("http://localhost:4000/x", "{{api.url}}/x"),
            ("ws://localhost:4000/x", "ws://localhost:{{api.port}}/x"),
            ("http://127.0.0.1:4000", "http://127.0.0.1:{{api.port}}"),
            ("4000", "{{api.port}}"),
            ("localhost:40001", "localhost:40001"),
        ] {
            assert_eq!(with_template(text, 4000, "api", Scheme::Http), expected, "{text}");
        }
    }
}
