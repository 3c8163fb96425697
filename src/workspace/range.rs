//! Version ranges as npm writes them, for the versions of packages beside each other.

use semver::{Comparator, Version, VersionReq};

/// A range: any of these has to hold.
pub struct VersionRange(Vec<VersionReq>);

impl VersionRange {
    /// `None` for what is no range: a tag, an address, another protocol.
    pub fn parse(text: &str) -> Option<Self> {
        text.split("||").map(alternative).collect::<Option<_>>().map(Self)
    }

    /// The highest of the versions that the range allows.
    pub fn highest<'a>(&self, versions: impl Iterator<Item = &'a Version>) -> Option<&'a Version> {
        versions.filter(|version| self.0.iter().any(|one| one.matches(version))).max()
    }
}

/// `>=1.2 <2`, `1.2 - 1.4`, `1.x`. A bare `1.2` means all versions that begin so; Rust's own notation has `^1.2` there.
fn alternative(text: &str) -> Option<VersionReq> {
    let text = text.trim();
    if let Some((lowest, highest)) = text.split_once(" - ") {
        let ends = [format!(">={}", number(lowest)?), format!("<={}", number(highest)?)];
        return VersionReq::parse(&ends.join(",")).ok();
    }
    let mut comparators = Vec::new();
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        // `>= 1.2`: the operator may stand alone.
        let operator = word.trim_end_matches(|c: char| !matches!(c, '<' | '>' | '=' | '^' | '~'));
        let rest = word[operator.len()..].trim_start_matches('v');
        let version = if rest.is_empty() { words.next()?.trim_start_matches('v') } else { rest };
        if matches!(version, "*" | "x" | "X") {
            continue;
        }
        let operator = match operator {
            "" => "=",
            "~>" => "~",
            other => other,
        };
        comparators.push(Comparator::parse(&format!("{operator}{}", version.replace(['x', 'X'], "*"))).ok()?);
    }
    Some(VersionReq { comparators })
}

/// A version of a hyphen range, without its build.
fn number(text: &str) -> Option<&str> {
    let text = text.trim().trim_start_matches('v');
    text.starts_with(|c: char| c.is_ascii_digit()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_allows_what_npm_says_it_allows() {
        for (range, expected) in [
            ("", Some("2.1.0")),
            ("*", Some("2.1.0")),
            ("x", Some("2.1.0")),
            ("^1.0.0", Some("1.4.2")),
            ("~1.0.0", Some("1.0.3")),
            ("1", Some("1.4.2")),
            ("1.0", Some("1.0.3")),
            ("1.0.x", Some("1.0.3")),
            ("1.x", Some("1.4.2")),
            ("v1.0.0", Some("1.0.0")),
            ("=1.0.3", Some("1.0.3")),
            (">=1.0.0 <1.4.0", Some("1.0.3")),
            (">= 1.0.0 < 1.4", Some("1.0.3")),
            ("1.0.0 - 1.3", Some("1.0.3")),
            ("^0.1 || ^2", Some("2.1.0")),
            ("^3", None),
            (">2", None),
            ("^3.0.0-beta.1", Some("3.0.0-beta.2")),
        ] {
            let versions = ["1.0.0", "1.0.3", "1.4.2", "2.1.0", "3.0.0-beta.2"];
            let versions: Vec<Version> = versions.iter().map(|text| Version::parse(text).unwrap()).collect();
            let found = VersionRange::parse(range).unwrap().highest(versions.iter()).map(ToString::to_string);
            assert_eq!(found.as_deref(), expected, "{range:?}");
        }
        for text in ["latest", "npm:ui@1", "https://example.com/ui.tgz", "acme/ui", "catalog:", "workspace:*"]
        {
            assert!(VersionRange::parse(text).is_none(), "{text}");
        }
    }
}
