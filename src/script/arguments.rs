//! The user's own arguments: `bowline dev -- ARGS`.

use super::word::{Piece, Quoting, Word};

/// Quotes a word for `sh` exactly as npm does; plain words stay as they are.
///
/// No crate quotes the same way, and scripts see this text in `npm_lifecycle_script` and `ps`.
pub fn quote(word: &str) -> String {
    let is_special = |character: char| "\t\n\r \"#$&'()*;<>?\\`|~".contains(character);
    if word.is_empty() || word.contains(is_special) { in_quotes(word) } else { word.to_owned() }
}

/// Quotes a word for `sh`, patterns and braces included, which npm leaves unquoted.
pub(super) fn quote_strictly(word: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "_-./:=@%+,".contains(character);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { in_quotes(word) }
}

fn in_quotes(word: &str) -> String {
    let quoted = format!("'{}'", word.replace('\'', r"'\''"));
    let mut trimmed = quoted.as_str();
    while let Some(rest) = trimmed.strip_prefix("''").filter(|rest| !rest.is_empty()) {
        trimmed = rest;
    }
    trimmed.replace(r"\'''", r"\'")
}

/// Pastes arguments as npm, pnpm, yarn and bun do: at the end of the script's text, each quoted.
pub fn append(text: &str, arguments: &[String]) -> String {
    arguments.iter().fold(text.to_owned(), |text, argument| text + " " + &quote(argument))
}

/// The port that arguments set by one of `flags`; the last one counts.
pub fn port_in(arguments: &[String], flags: &[&str]) -> Option<u16> {
    let words: Vec<Word> = arguments.iter().map(|argument| as_word(argument)).collect();
    port_of(&words, flags)
}

/// The port that words set by one of `flags`; the last one counts.
pub(super) fn port_of(words: &[Word], flags: &[&str]) -> Option<u16> {
    find_ports(words, flags).iter().rev().find_map(|found| match found {
        PortFlag::Value { word, offset } => words.get(*word)?.literal()?.get(*offset..)?.parse().ok(),
        PortFlag::Missing { .. } => None,
    })
}

/// The arguments without those that set a port by one of `flags`.
pub fn without_ports(arguments: &[String], flags: &[&str]) -> Vec<String> {
    let words: Vec<Word> = arguments.iter().map(|argument| as_word(argument)).collect();
    let mut left: Vec<Option<&String>> = arguments.iter().map(Some).collect();
    for port in find_ports(&words, flags) {
        if let PortFlag::Value { word, offset } = port {
            let flag = word.checked_sub(1).filter(|_| offset == 0);
            // A flag that is joined to others of one letter stays, with its value.
            if flag.is_some_and(|flag| !flags.contains(&&*arguments[flag])) {
                continue;
            }
            left[word] = None;
            if let Some(flag) = flag {
                left[flag] = None;
            }
        }
    }
    left.into_iter().flatten().cloned().collect()
}

fn as_word(argument: &str) -> Word {
    let span = 0..argument.len();
    Word { pieces: vec![Piece::literal(argument, span.clone(), Quoting::Bare)], span }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PortFlag {
    /// The value starts at byte `offset` of the word: 0 for `--port 4000`, 7 for `--port=4000`.
    Value { word: usize, offset: usize },
    /// `--port` without a value.
    Missing { flag: usize },
}

/// All port flags among the arguments before `--`.
pub(super) fn find_ports(words: &[Word], flags: &[&str]) -> Vec<PortFlag> {
    let mut found = Vec::new();
    let mut index = 0;
    while words.get(index).is_some_and(|word| !word.is_marker()) {
        if let Some(port) = flags.iter().find_map(|flag| port_at(words, index, flag)) {
            found.push(port);
            index += usize::from(matches!(port, PortFlag::Value { offset: 0, .. }));
        }
        index += 1;
    }
    found
}

fn port_at(words: &[Word], index: usize, flag: &str) -> Option<PortFlag> {
    let word = words.get(index)?;
    let prefix = word.prefix();
    let literal = word.literal();
    let next = words.get(index + 1);
    let is_next = PortFlag::Value { word: index + 1, offset: 0 };
    if literal.as_deref() == Some(flag) {
        let has_value = next.is_some_and(|next| !next.is_flag());
        return Some(if has_value { is_next } else { PortFlag::Missing { flag: index } });
    }
    let letter = flag.strip_prefix('-').filter(|rest| rest.len() == 1 && *rest != "-");
    if let Some(rest) = prefix.strip_prefix(flag) {
        if rest.starts_with('=') {
            return Some(PortFlag::Value { word: index, offset: flag.len() + 1 });
        }
        let digits = !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
        let attached = digits || (rest.is_empty() && literal.is_none());
        return (letter.is_some() && attached).then_some(PortFlag::Value { word: index, offset: flag.len() });
    }
    // Flags of one letter may be combined; only the last one can have a value: `serve -sp 3000`.
    let joined = literal.as_deref()?.strip_prefix('-')?.strip_suffix(letter?)?;
    let is_number = |next: &Word| next.literal().is_some_and(|text| text.parse::<u16>().is_ok());
    let letters = !joined.is_empty() && joined.bytes().all(|byte| byte.is_ascii_alphabetic());
    (letters && next.is_some_and(is_number)).then_some(is_next)
}
