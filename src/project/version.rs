//! Version ranges, as far as their lowest version. `build.rs` includes this file.

use semver::Version;

/// The lowest version that a range allows, judged by its first number: `^1.7`, `>=2 <3`, `npm:x@~4.0.1`,
/// `2.x`. `None` for tags, links and `workspace:*`.
pub fn lowest_version(range: &str) -> Option<Version> {
    let range = range.rsplit_once('@').map_or(range, |(_, version)| version);
    let range = range.strip_prefix("workspace:").unwrap_or(range);
    let number = range.trim().trim_start_matches(['^', '~', '>', '=', 'v', ' ']);
    let end = number.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(number.len());
    let mut parts = number[..end].split('.').map(str::parse::<u64>);
    let major = parts.next()?.ok()?;
    let mut part = || parts.next().and_then(Result::ok).unwrap_or(0);
    Some(Version::new(major, part(), part()))
}
