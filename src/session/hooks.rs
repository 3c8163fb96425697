//! What bowline.toml says of a service's readiness, and what runs before and after it.

use std::path::Path;

use regex_lite::Regex;

use super::prepared::Prepared;
use crate::config::{FilePlace, Ready};
use crate::detect::ServiceKind;
use crate::invocation::Failure;
use crate::port::page::Page;
use crate::supervise::Conditions;

/// The strings of a service's table, as they are on its present port.
pub struct ResolvedTable {
    pub ready: Ready,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// The one place where these strings come in; `fill` puts the values of templates in.
pub fn resolved(prepared: &Prepared<'_>, fill: Fill<'_>) -> ResolvedTable {
    let settings = &prepared.detected().configured.config.settings;
    let filled = |text: &Option<String>| text.as_deref().map(fill);
    let Ready { timeout, http, log, exec, file } = &settings.ready;
    let ready = Ready {
        timeout: *timeout,
        http: filled(http),
        log: filled(log),
        exec: filled(exec),
        file: file.as_ref().map(|file| file.to_str().map_or_else(|| file.clone(), |text| fill(text).into())),
    };
    ResolvedTable { ready, before: filled(&settings.before), after: filled(&settings.after) }
}

type Fill<'a> = &'a dyn Fn(&str) -> String;

/// The lines at which a watch is ready: that of bowline.toml, else those of the tools that it runs.
pub fn first_builds(prepared: &Prepared<'_>, fill: Fill<'_>) -> Vec<Regex> {
    let detected = prepared.detected();
    if detected.kind != ServiceKind::Watch {
        return Vec::new();
    }
    let texts = match resolved(prepared, fill).ready.log {
        Some(own) => vec![own],
        None => detected.detection.first_builds.iter().map(ToString::to_string).collect(),
    };
    texts.iter().filter_map(|text| Regex::new(text).ok()).collect()
}

/// What has to hold before the service is ready, besides [`first_builds`]. The port in a URL is the service's own, see
/// [`check`]: one that has moved since is asked on its present port. A relative path is one in `dir`.
pub fn conditions(prepared: &Prepared<'_>, dir: &Path, fill: Fill<'_>) -> Conditions {
    let Ready { http, log, exec, file, .. } = resolved(prepared, fill).ready;
    let log = log.filter(|_| prepared.detected().kind != ServiceKind::Watch);
    Conditions {
        http: http.as_deref().and_then(|text| page(text).ok()).map(|(page, _)| page),
        log: log.as_deref().and_then(|text| Regex::new(text).ok()),
        exec,
        file: file.map(|file| dir.join(file)),
    }
}

/// Refuses conditions that cannot hold for the service on its `own` port.
///
/// # Errors
/// A path or regular expression that is none; a port that is not the service's own.
pub fn check(prepared: &Prepared<'_>, own: u16, fill: Fill<'_>) -> Result<(), Failure> {
    let Ready { http, log, exec, file, .. } = resolved(prepared, fill).ready;
    let name = &prepared.project().name;
    let mistake = |key: &[&str], message: &str, hint: &str| {
        prepared.detected().configured.mistake(&FilePlace::at(&[&["ready"], key].concat()), message, hint)
    };
    let has_any = http.is_some() || log.is_some() || exec.is_some() || file.is_some();
    if has_any && prepared.detected().kind == ServiceKind::Task {
        let message =
            format!("`{name}` is a task, which is done when it ends with 0: `ready` says nothing of it");
        return Err(mistake(&[], &message, "leave it out"));
    }
    if let Some(text) = http {
        let hint = match own {
            0 => "ask it with `log`, `exec` or `file`, or give it a port",
            1.. => "write a path, as in `/healthz`, or a URL with `{{self.port}}`",
        };
        check_page(&text, own)
            .map_err(|error| mistake(&["http"], &format!("`ready` of `{name}`: {error}"), hint))?;
    }
    if let Some(text) = log {
        Regex::new(&text).map_err(|error| {
            let message = format!("`ready` of `{name}`: `log` is no regular expression: {error}");
            mistake(&["log"], &message, "put a `\\` before a character that is meant as it is")
        })?;
    }
    Ok(())
}

fn check_page(text: &str, own: u16) -> Result<(), String> {
    let (_, port) = page(text)?;
    match port {
        _ if own == 0 => Err(format!("a service without a port cannot be asked over http: `{text}`")),
        Some(port) if port != own => {
            Err(format!("`http` is asked of the service's own port, which is {own}: `{text}`"))
        }
        Some(_) | None => Ok(()),
    }
}

/// The page that is meant, and the port that is named in a URL.
fn page(text: &str) -> Result<(Page, Option<u16>), String> {
    let is_plain = |part: &str| part.chars().all(|c| !c.is_whitespace() && !c.is_control());
    if !is_plain(text) {
        return Err(format!("`http` is no path or URL: `{text}`"));
    }
    if Path::new(text).is_absolute() {
        return Ok((Page { host: None, path: text.to_owned() }, None));
    }
    let url = text.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https"));
    let Some((scheme, rest)) = url else {
        return Err(format!("`http` is a path with a `/` at its beginning, or a URL: `{text}`"));
    };
    let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let path = path.split('#').next().unwrap_or_default();
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let named = host.rsplit_once(':').filter(|(_, port)| !port.contains(']'));
    let port = match named {
        Some((_, port)) => port.parse().map_err(|_| format!("`http` has no port in its URL: `{text}`"))?,
        None if scheme == "https" => 443,
        None => 80,
    };
    Ok((Page { host: Some(host.to_owned()), path }, Some(port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_a_path_or_a_url_of_the_own_port() {
        for (text, expected) in [
            ("/healthz?full", Ok((None, "/healthz?full"))),
            ("http://localhost:3000", Ok((Some("localhost:3000"), "/"))),
            ("https://app.localhost:3000/a#b", Ok((Some("app.localhost:3000"), "/a"))),
            ("http://[::1]:3000?x", Ok((Some("[::1]:3000"), "/?x"))),
            ("http://localhost:3001/", Err("own port")),
            ("http://localhost/", Err("own port")),
            ("http://localhost:x/", Err("no port")),
            ("healthz", Err("at its beginning")),
            ("ftp://localhost:3000/", Err("at its beginning")),
            ("/a b", Err("no path")),
            ("/a\r\nX: y", Err("no path")),
        ] {
            match (check_page(text, 3000), expected) {
                (Ok(()), Ok((host, path))) => {
                    let page = page(text).unwrap().0;
                    assert_eq!((page.host.as_deref(), &*page.path), (host, path), "{text}");
                }
                (Err(error), Err(part)) => assert!(error.contains(part), "{text}: {error}"),
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
        assert!(check_page("/", 0).is_err(), "nobody to ask");
    }
}
