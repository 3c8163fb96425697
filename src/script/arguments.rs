//! The user's own arguments: `bowline dev -- ARGS`.

use super::word::{Part, Piece, Quoting, Word};

/// Quotes a word for `sh` exactly as npm does; plain words stay as they are.
///
/// No crate quotes the same way, and scripts see this text in `npm_lifecycle_script` and `ps`.
pub fn quote(word: &str) -> String {
    let is_special = |character: char| "\t\n\r \"#$&'()*;<>?\\`|~".contains(character);
    if word.is_empty() || word.contains(is_special) { in_quotes(word) } else { word.to_owned() }
}

/// Quotes a word for `sh` so that no shell finds a pattern or braces in it; npm's quoting leaves those bare.
pub(super) fn quote_strictly(word: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "_-./:=@%+,".contains(character);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { in_quotes(word) }
}

fn in_quotes(word: &str) -> String {
    if word.is_empty() {
        return "''".to_owned();
    }
    let quoted = format!("'{}'", word.replace('\'', r"'\''"));
    let mut trimmed = quoted.as_str();
    while let Some(rest) = trimmed.strip_prefix("''").filter(|rest| !rest.is_empty()) {
        trimmed = rest;
    }
    trimmed.replace(r"\'''", r"\'")
}

/// Pastes arguments behind a script as npm, pnpm, yarn and bun do: at the end of its text, each quoted.
pub fn append(text: &str, arguments: &[String]) -> String {
    arguments.iter().fold(text.to_owned(), |text, argument| text + " " + &quote(argument))
}

/// The port in arguments behind one of `flags`; the last one counts.
pub fn port_in(arguments: &[String], flags: &[&str]) -> Option<u16> {
    let words: Vec<Word> = arguments.iter().map(|argument| Word::of_literal(argument)).collect();
    let given = find_ports(&words, flags);
    given.iter().rev().find_map(|found| match found {
        Found::Next { flag } => words.get(flag + 1)?.literal()?.parse().ok(),
        Found::Attached { word, offset } => words.get(*word)?.literal()?.get(*offset..)?.parse().ok(),
        Found::Missing { .. } => None,
    })
}

/// A port flag on a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// `--port 4000`: the value is the word after `flag`.
    Next { flag: usize },
    /// `--port=4000`, `-p4000`: the value starts at byte `offset` of the word.
    Attached { word: usize, offset: usize },
    /// `--port` without a value.
    Missing { flag: usize },
}

/// All port flags among the arguments before `--`.
pub(super) fn find_ports(words: &[Word], flags: &[&str]) -> Vec<Found> {
    let mut found = Vec::new();
    let mut index = 0;
    while let Some(word) = words.get(index) {
        if word.literal().as_deref() == Some("--") {
            break;
        }
        if let Some(port) = flags.iter().find_map(|flag| port_at(words, index, flag)) {
            found.push(port);
            if matches!(port, Found::Next { .. }) {
                index += 1;
            }
        }
        index += 1;
    }
    found
}

fn port_at(words: &[Word], index: usize, flag: &str) -> Option<Found> {
    let word = words.get(index)?;
    let prefix = word.prefix();
    let literal = word.literal();
    let next = words.get(index + 1);
    if literal.as_deref() == Some(flag) {
        let has_value = next.is_some_and(|next| !next.prefix().starts_with('-'));
        return Some(if has_value { Found::Next { flag: index } } else { Found::Missing { flag: index } });
    }
    let letter = flag.strip_prefix('-').filter(|rest| rest.len() == 1 && *rest != "-");
    if let Some(rest) = prefix.strip_prefix(flag) {
        if rest.starts_with('=') {
            return Some(Found::Attached { word: index, offset: flag.len() + 1 });
        }
        let digits = !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
        let attached = digits || (rest.is_empty() && literal.is_none());
        return (letter.is_some() && attached).then_some(Found::Attached { word: index, offset: flag.len() });
    }
    // Flags of one letter may be joined; only the last one can have a value: `serve -sp 3000`.
    let joined = literal.as_deref()?.strip_prefix('-')?.strip_suffix(letter?)?;
    let is_number = |next: &Word| next.literal().is_some_and(|text| text.parse::<u16>().is_ok());
    let letters = !joined.is_empty() && joined.bytes().all(|byte| byte.is_ascii_alphabetic());
    (letters && next.is_some_and(is_number)).then_some(Found::Next { flag: index })
}

impl Word {
    fn of_literal(text: &str) -> Self {
        let part = Part::Literal(text.to_owned());
        let piece = Piece { part, source: 0..text.len(), quoting: Quoting::Bare };
        Self { pieces: vec![piece], span: 0..text.len() }
    }
}
