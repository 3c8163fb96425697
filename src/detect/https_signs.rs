//! Signs of TLS in texts: the entries of `[https]` in `frameworks.toml`, applied.

use super::catalog::{Catalog, CatalogText};
use super::detection::Detection;
use super::evidence::matches;
use super::framework::HttpsSigns;

/// What is not the value of a setting that is on: `https: false`, and the URL `https://…`.
const OFF: [&str; 7] = ["false", "undefined", "null", "0", "//", "boolean", "''"];

impl Catalog {
    /// Those of a project's `files` that configure its server, or what that is built on.
    pub fn configurations<'f>(&self, detection: &Detection<'_>, files: &'f [String]) -> Vec<&'f str> {
        let tool = detection.tool.map(|tool| tool.framework);
        let found = || [Some(detection.framework), tool].into_iter().flatten();
        let below =
            found().flat_map(|one| one.built_on.iter().chain(&one.like)).filter_map(|key| self.get(key));
        let globs = found().chain(below).flat_map(|one| one.files.iter());
        let globs: Vec<_> = globs.chain(self.https_signs().files.iter()).collect();
        files.iter().filter(|file| globs.iter().any(|glob| matches(glob, file))).map(String::as_str).collect()
    }
}

impl HttpsSigns {
    /// Whether a command with these arguments serves over TLS.
    pub fn are_in_arguments(&self, arguments: &[&str]) -> bool {
        let is_flag = |at: usize, flag: &CatalogText| {
            let argument = arguments[at];
            let next = arguments.get(at + 1).copied().unwrap_or_default();
            match flag.split_once('=') {
                Some((name, value)) => argument == &**flag || (argument == name && next == value),
                None => argument.strip_prefix(&**flag).is_some_and(|rest| match rest.strip_prefix('=') {
                    Some(value) => value != "false",
                    // A flag may have parts: `--https.cert`.
                    None => rest.starts_with('.') || (rest.is_empty() && next != "false"),
                }),
            }
        };
        (0..arguments.len()).any(|at| self.flags.iter().any(|flag| is_flag(at, flag)))
    }

    /// Whether the variable's value turns TLS on.
    pub fn is_on(value: &str) -> bool {
        !["", "0", "false", "no", "off"].contains(&value.trim().to_ascii_lowercase().as_str())
    }

    /// Whether the text of a framework's configuration has one of its settings on, or one of its plugins.
    pub fn are_in_configuration(&self, text: &str) -> bool {
        let text = without_comments(text);
        self.plugins.iter().any(|plugin| text.contains(&**plugin))
            || self.settings.iter().any(|setting| match setting.split_once('=') {
                Some((name, value)) => values(&text, name).any(|found| is_word(found, value)),
                None => values(&text, setting).any(|found| !OFF.iter().any(|off| found.starts_with(off))),
            })
    }

    /// Whether the text of a program makes a server that speaks TLS.
    pub fn are_in_code(&self, text: &str) -> bool {
        let text = without_comments(text);
        text.lines().any(|line| {
            self.code.iter().any(|words| words.split_whitespace().all(|word| line.contains(word)))
        })
    }
}

/// The text after `NAME:`, for each such key; the name may be in quotes.
fn values<'t>(text: &'t str, name: &'t str) -> impl Iterator<Item = &'t str> {
    text.match_indices(name).filter_map(move |(at, _)| {
        let is_inside = |c: char| c.is_alphanumeric() || "_$-.".contains(c);
        let before = text[..at].chars().next_back();
        if before.is_some_and(is_inside) {
            return None;
        }
        let after = text[at + name.len()..].trim_start_matches(['"', '\'']).trim_start();
        Some(after.strip_prefix(':')?.trim_start())
    })
}

/// Whether a value is this word in quotes.
fn is_word(value: &str, word: &str) -> bool {
    let inside = value.strip_prefix(['"', '\'', '`']);
    inside.and_then(|inside| inside.strip_prefix(word)).is_some_and(|rest| rest.starts_with(['"', '\'', '`']))
}

/// The text without comments as in JavaScript. What only looks like one (`//` in a text, unless a URL) costs a
/// sign at most.
fn without_comments(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('/') {
        let (before, comment) = rest.split_at(at);
        kept.push_str(before);
        let end = if comment.starts_with("/*") {
            comment.find("*/").map_or(comment.len(), |end| end + 2)
        } else if comment.starts_with("//") && !before.ends_with([':', '\\', '"', '\'', '`']) {
            comment.find('\n').unwrap_or(comment.len())
        } else {
            // Two slashes of a URL at once.
            let length = if comment.starts_with("//") { 2 } else { 1 };
            kept.push_str(&comment[..length]);
            length
        };
        rest = &comment[end..];
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signs() -> HttpsSigns {
        Catalog::load(&[]).unwrap().https_signs().clone()
    }

    #[test]
    fn flags_have_values_parts_and_denials() {
        for (arguments, expected) in [
            ("dev --experimental-https", true),
            ("serve --ssl", true),
            ("serve --ssl true", true),
            ("serve --ssl=true --port 1", true),
            ("serve --ssl false", false),
            ("serve --ssl=false", false),
            ("serve --no-ssl", false),
            ("serve --server-type https", true),
            ("serve --server-type=https", true),
            ("serve --server-type http", false),
            ("dev --https.cert=c.pem", true),
            ("dev --https-proxy x", false),
            ("app:app --ssl-keyfile k --ssl-certfile c", true),
            ("dev https", false),
            ("", false),
        ] {
            let arguments: Vec<&str> = arguments.split(' ').collect();
            assert_eq!(signs().are_in_arguments(&arguments), expected, "{arguments:?}");
        }
    }

    #[test]
    fn settings_of_a_configuration_are_on_or_off() {
        for (text, expected) in [
            ("export default { server: { https: { key, cert } } }", true),
            ("server: { https: true }", true),
            ("server: {\n  \"https\" : true }", true),
            ("devServer: { https: process.env.HTTPS === 'true' }", true),
            ("server: 'https'", true),
            ("devServer: { server: { type: \"https\", options } }", true),
            ("{ \"serve\": { \"options\": { \"ssl\": true } } }", true),
            ("import basicSsl from '@vitejs/plugin-basic-ssl'\nplugins: [basicSsl()]", true),
            ("import mkcert from 'vite-plugin-mkcert'", true),
            ("server: { https: false }", false),
            ("// server: { https: true }", false),
            ("/* https: true,\n ssl: true */", false),
            ("// import basicSsl from '@vitejs/plugin-basic-ssl'", false),
            ("proxy: { '/api': 'https://example.com' }", false),
            ("images: { remotePatterns: [{ protocol: 'https', hostname: 'x' }] }", false),
            ("url: \"https://example.com\" // https: true", false),
            ("noHttps: true, https_port: 1, sslmode: 'x'", false),
            ("", false),
        ] {
            assert_eq!(signs().are_in_configuration(text), expected, "{text}");
        }
    }

    #[test]
    fn code_that_makes_a_server() {
        for (text, expected) in [
            ("https.createServer(options, app).listen(1)", true),
            ("const { createServer } = require('https');", true),
            ("import { createServer } from 'node:https';", true),
            ("http2.createSecureServer({})", true),
            ("const app = fastify({ https: { key, cert } })", true),
            ("sock = context.wrap_socket(sock, server_side=True)", true),
            ("const https = require('https');\nhttp.createServer(() => https.get(url))", false),
            ("http.createServer(app); // not https.createServer", false),
            ("new Pool({ ssl: true })", false),
            ("fetch('https://example.com')", false),
        ] {
            assert_eq!(signs().are_in_code(text), expected, "{text}");
        }
    }
}
