//! The ports that the commands of a script name: `wait-on tcp:3334`, `DEV_URL=http://localhost:3334`.

use std::ops::Range;

use crate::detect::catalog::{Catalog, Companion};
use crate::script::{Kind, Leaf, Part};

/// The names of this machine in URLs.
const LOCAL: [&str; 5] = ["localhost", "127.0.0.1", "0.0.0.0", "[::1]", "[::]"];

/// The schemes of servers that have pages, as `wait-on` knows them too.
const WEB: [&str; 10] = [
    "http", "https", "ws", "wss", "http-get", "https-get", "http-head", "https-head", "http-options",
    "https-options",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The address of a server on this machine, that of a web server or that of any other.
    Address { is_web: bool },
    /// An argument that a known program takes for a port.
    Argument,
    /// A number that may be a port.
    Number,
}

/// A port in the text of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mention {
    /// The index of the leaf that gets the word.
    pub(super) leaf: usize,
    pub(super) part: Part,
    pub(super) range: Range<usize>,
    pub(super) port: u16,
    pub(super) form: Form,
    /// The variable that is this port and nothing else.
    pub(super) variable: Option<String>,
}

impl Mention {
    /// Whether it can only be the port of a server, by its form.
    pub(super) fn is_address(&self) -> bool {
        matches!(self.form, Form::Argument | Form::Address { is_web: true })
    }
}

/// The ports that are named by the chosen leaf and those that run beside it. A command before the server waits for
/// something else.
pub(super) fn mentions(leaves: &[Leaf], chosen: usize, catalog: &Catalog) -> Vec<Mention> {
    let Some(server) = leaves.get(chosen) else { return Vec::new() };
    mentions_in(leaves, catalog, |leaf, command| leaf == chosen || command.runs_beside(server))
}

/// The ports that are named by the leaves that count, given with their index.
pub(super) fn mentions_in(
    leaves: &[Leaf],
    catalog: &Catalog,
    counts: impl Fn(usize, &Leaf) -> bool,
) -> Vec<Mention> {
    let mut found = Vec::new();
    let mut assignments = Vec::new();
    for (leaf, command) in leaves.iter().enumerate() {
        if !counts(leaf, command) {
            continue;
        }
        let companion = companion(command, catalog);
        let mut previous = String::new();
        for (part, text) in command.parts() {
            let is_new = match part {
                Part::Word(_) => command.kind != Kind::Builtin,
                Part::Assignment(index) => {
                    let id = command.assignment_id(index);
                    let is_new = !assignments.contains(&id) && !text.starts_with("PORT=");
                    assignments.push(id);
                    is_new
                }
            };
            if is_new && !is_inspectors(&text, &previous) {
                let in_text = ports_in(&text, companion.filter(|_| matches!(part, Part::Word(_))), &previous);
                found.extend(in_text.into_iter().map(|(range, port, form)| {
                    let variable = variable(part, &text, &range);
                    Mention { leaf, part, range, port, form, variable }
                }));
            }
            previous = text;
        }
    }
    found
}

/// The name of the variable whose whole value is in the range.
fn variable(part: Part, text: &str, range: &Range<usize>) -> Option<String> {
    let name = text.get(..range.start)?.strip_suffix('=')?;
    let is_whole = matches!(part, Part::Assignment(_)) && range.end == text.len();
    is_whole.then(|| name.to_owned())
}

/// Whether a word has the address of node's inspector, which is no page.
fn is_inspectors(word: &str, previous: &str) -> bool {
    word.contains("--inspect") || matches!(previous, "--inspect-port" | "--debug-port")
}

/// The companion that a command is.
pub(super) fn companion<'c>(leaf: &Leaf, catalog: &'c Catalog) -> Option<&'c Companion> {
    let mut all = catalog.companions().iter();
    all.find(|companion| companion.commands.iter().any(|command| leaf.is(command)))
}

/// All ports in a text, from left to right; `previous` is the word before it.
pub(super) fn ports_in(
    text: &str,
    companion: Option<&Companion>,
    previous: &str,
) -> Vec<(Range<usize>, u16, Form)> {
    let mut found = Vec::new();
    let mut rest = 0;
    while let Some(start) = text[rest..].find(|c: char| c.is_ascii_digit()).map(|at| rest + at) {
        let end = text[start..].find(|c: char| !c.is_ascii_digit()).map_or(text.len(), |at| start + at);
        rest = end;
        let (before, after) = (&text[..start], &text[end..]);
        let Ok(port) = text[start..end].parse::<u16>() else { continue };
        // A part of an address or of a version is no port.
        let is_bounded = !before.ends_with(|c: char| c.is_ascii_alphanumeric() || "._-".contains(c))
            && !after.starts_with(|c: char| c.is_ascii_alphanumeric() || "._-".contains(c));
        if port < 80 || !is_bounded {
            continue;
        }
        let is_argument = || {
            let forms = companion.into_iter().flat_map(|companion| companion.ports.iter());
            forms.into_iter().any(|form| fits(form, previous, before, after))
        };
        let form = match address(before) {
            Some(is_web) => Form::Address { is_web },
            None if is_argument() => Form::Argument,
            None => Form::Number,
        };
        found.push((start..end, port, form));
    }
    found
}

/// Whether the text before a port ends with a name of this machine; then, whether it may be that of a web server.
pub(super) fn address(before: &str) -> Option<bool> {
    let host = before.strip_suffix(':')?;
    let lead = LOCAL.iter().find_map(|name| host.strip_suffix(name))?;
    let continues = lead.ends_with(|c: char| c.is_ascii_alphanumeric() || "._-".contains(c));
    (!continues).then_some(())?;
    let Some(scheme) = lead.strip_suffix("://") else { return Some(!lead.ends_with('@')) };
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '+';
    let start = scheme.rfind(|c: char| !is_letter(c)).map_or(0, |at| at + 1);
    Some(WEB.contains(&&scheme[start..]))
}

fn fits(form: &str, previous: &str, before: &str, after: &str) -> bool {
    let mut words = form.split_whitespace();
    let (first, second) = (words.next().unwrap_or_default(), words.next());
    let pattern = second.unwrap_or(first);
    let is_preceded = second.is_none() || first == previous;
    is_preceded && pattern.split_once("{port}").is_some_and(|(start, end)| start == before && end == after)
}
