//! The usual ports of other services in a script, which are on other ports now.

use std::ops::Range;

use super::draft::Draft;
use super::mentions::{Form, Mention, mentions_in, ports_in};
use super::package_variables::variable_part;
use super::reading::Reading;
use super::request::{LaunchRequest, SiblingPort};
use crate::detect::catalog::Catalog;
use crate::project::last_part;
use crate::script::{Leaf, PackageManager};

impl SiblingPort {
    fn is_meant(&self, mention: &Mention) -> bool {
        let by_variable = || mention.variable.as_deref().is_some_and(|name| means(name, &self.name));
        mention.port == self.usual && (mention.is_address() || mention.form == Form::Number && by_variable())
    }
}

/// A port in a text that may be another service's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextPort {
    pub port: u16,
    /// The variable that has the number alone, as in `API_PORT=4000`: only the name tells what it is.
    pub variable: Option<String>,
}

impl TextPort {
    /// Whether the service with this name can be meant.
    pub fn may_mean(&self, name: &str) -> bool {
        self.variable.as_deref().is_none_or(|variable| means(variable, name))
    }
}

/// Whether a variable has its name from the port of a service: `API_PORT` and `NEXT_PUBLIC_API_PORT` from that of `api`.
fn means(variable: &str, name: &str) -> bool {
    let Some(stem) = variable.strip_suffix("_PORT") else { return false };
    let own = variable_part(last_part(name));
    !own.is_empty()
        && stem.strip_suffix(own.as_str()).is_some_and(|lead| lead.is_empty() || lead.ends_with('_'))
}

/// The ports in the value of a variable that may be those of other services.
pub fn ports_in_value(name: &str, value: &str) -> Vec<TextPort> {
    placed_in_value(name, value).map(|(_, port)| port).collect()
}

/// The value of a variable with the present ports of other services.
pub fn present_value(name: &str, value: &str, siblings: &[SiblingPort]) -> String {
    let mut present = value.to_owned();
    for (range, port) in placed_in_value(name, value).rev() {
        let is_meant = |sibling: &&SiblingPort| sibling.usual == port.port && port.may_mean(&sibling.name);
        if let Some(sibling) = siblings.iter().find(is_meant) {
            present.replace_range(range, &sibling.port.to_string());
        }
    }
    present
}

/// The same ports as [`ports_in_value`], from left to right, with their places.
fn placed_in_value(name: &str, value: &str) -> impl DoubleEndedIterator<Item = (Range<usize>, TextPort)> {
    let found = ports_in(value, None, "").into_iter();
    found.filter_map(move |(range, port, form)| {
        let variable = match form {
            Form::Address { is_web: true } => None,
            Form::Number if range == (0..value.len()) => Some(name.to_owned()),
            Form::Address { is_web: false } | Form::Argument | Form::Number => return None,
        };
        Some((range, TextPort { port, variable }))
    })
}

impl Reading<'_> {
    /// The ports in the script, and in those before and after it, that may be those of other services.
    pub fn ports_of_siblings(&self, catalog: &Catalog) -> Vec<TextPort> {
        let around = self.hook_texts().into_iter().filter_map(|text| self.leaves_of(&text));
        let mut found: Vec<TextPort> = Vec::new();
        for leaves in std::iter::once(self.leaves.clone()).chain(around) {
            for mention in mentions_in(&leaves, catalog, |_, _| true) {
                let variable = mention.variable.clone().filter(|_| mention.form == Form::Number);
                let port = TextPort { port: mention.port, variable };
                if (mention.is_address() || port.variable.is_some()) && !found.contains(&port) {
                    found.push(port);
                }
            }
        }
        found
    }
}

/// A script before or after the one that is run, with the present ports of other services.
pub(super) fn present_script(request: &LaunchRequest<'_>, text: &str) -> String {
    let unchanged = || text.to_owned();
    if request.sibling_ports.is_empty() {
        return unchanged();
    }
    let Some(leaves) = request.reading.leaves_of(text) else { return unchanged() };
    let mut draft = Draft::of_text(request.reading, text, leaves);
    SiblingPorts::of(&draft, request).rename(&mut draft, request, &[], |_| {});
    if draft.nested.is_empty() { draft.text } else { unchanged() }
}

/// The ports to be renamed in a draft.
pub(super) struct SiblingPorts {
    moved: Vec<SiblingPort>,
    /// A port for each that is nowhere in the draft, to be renamed to first, where the new port of one is the old one
    /// of another.
    detour: Option<Vec<u16>>,
}

impl SiblingPorts {
    pub(super) fn of(draft: &Draft<'_>, request: &LaunchRequest<'_>) -> Self {
        let moved: Vec<SiblingPort> =
            request.sibling_ports.iter().filter(|one| one.usual != one.port).cloned().collect();
        let own = request.named.map(|named| named.port);
        let is_old = |port: u16| own == Some(port) || moved.iter().any(|one| one.usual == port);
        let is_unused = |port: &u16| {
            let digits = port.to_string();
            !draft.leaves.iter().flat_map(Leaf::texts).any(|text| text.contains(&digits))
                && !moved.iter().any(|one| one.port == *port)
        };
        let detour = moved.iter().any(|one| is_old(one.port)).then(|| {
            let unused = (1024..=u16::MAX).rev().filter(is_unused);
            unused.take(moved.len()).collect()
        });
        Self { moved, detour }
    }

    /// Renames the ports of other services, and does `own` to the draft at a moment when none of their ports is in it that
    /// could be taken for the server's.
    pub(super) fn rename(
        &self,
        draft: &mut Draft<'_>,
        request: &LaunchRequest<'_>,
        shells: &[PackageManager],
        own: impl FnOnce(&mut Draft<'_>),
    ) {
        let all = || self.moved.iter().cloned();
        let step = |draft: &mut Draft<'_>, ports: Vec<SiblingPort>| {
            ports.iter().flat_map(|one| rename(draft, one, request, shells)).collect::<Vec<_>>()
        };
        let renamed = match &self.detour {
            None => {
                let renamed = step(draft, all().collect());
                own(draft);
                renamed
            }
            Some(detour) => {
                let there = all().zip(detour).map(|(one, &port)| SiblingPort { port, ..one });
                let renamed = step(draft, there.collect());
                own(draft);
                let back = all().zip(detour).map(|(one, &usual)| SiblingPort { usual, ..one });
                step(draft, back.collect());
                renamed
            }
        };
        for (program, usual, is_done) in renamed {
            let Some(one) = self.moved.iter().find(|one| one.usual == usual) else { continue };
            let (name, port) = (&one.name, one.port);
            let (list, sentence) = if is_done {
                (&mut draft.notes, format!("`{program}` is told port {port} of `{name}` in place of {usual}"))
            } else {
                let sentence = format!(
                    "`{program}` names port {usual}, but `{name}` is on port {port}: let it read `BOWLINE_{}_URL`, or free port {usual}",
                    variable_part(name)
                );
                (&mut draft.warnings, sentence)
            };
            if !list.contains(&sentence) {
                list.push(sentence);
            }
        }
    }
}

/// Puts the present port of one service into its places. Returns the programs that name it, each with the usual port and
/// whether it could be changed.
fn rename(
    draft: &mut Draft<'_>,
    sibling: &SiblingPort,
    request: &LaunchRequest<'_>,
    shells: &[PackageManager],
) -> Vec<(String, u16, bool)> {
    let mut done = Vec::new();
    // A place may be another one after a change, so each is looked for anew.
    let mut skipped = 0;
    loop {
        let all = mentions_in(&draft.leaves, request.catalog, |_, _| true);
        let mention = all.into_iter().rev().filter(|mention| sibling.is_meant(mention)).nth(skipped);
        let Some(mention) = mention else { return done };
        let is_done = draft.put(&mention, sibling.port, shells);
        skipped += usize::from(!is_done);
        let program = draft.leaves.get(mention.leaf).map(|leaf| leaf.program.clone()).unwrap_or_default();
        done.push((program, sibling.usual, is_done));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_has_its_name_from_a_service() {
        for (variable, name, expected) in [
            ("API_PORT", "api", true),
            ("API_PORT", "@acme/api", true),
            ("NEXT_PUBLIC_API_PORT", "api", true),
            ("MY_API_PORT", "my-api", true),
            ("PORT", "api", false),
            ("XAPI_PORT", "api", false),
            ("API_URL", "api", false),
            ("DB_PORT", "api", false),
        ] {
            assert_eq!(means(variable, name), expected, "{variable} {name}");
        }
    }

    #[test]
    fn values_get_the_present_ports() {
        let sibling = |usual, port, name: &str| SiblingPort { usual, port, name: name.to_owned() };
        let siblings = [sibling(3000, 4000, "web"), sibling(4000, 3000, "api")];
        for (name, value, expected) in [
            (
                "A",
                "http://localhost:3000,ws://127.0.0.1:4000/x",
                "http://localhost:4000,ws://127.0.0.1:3000/x",
            ),
            ("API_PORT", "4000", "3000"),
            ("WEB_PORT", "4000", "4000"),
            ("A", "http://example.com:3000", "http://example.com:3000"),
            ("A", "localhost:30001 3000", "localhost:30001 3000"),
        ] {
            assert_eq!(present_value(name, value, &siblings), expected, "{name}={value}");
        }
    }
}
