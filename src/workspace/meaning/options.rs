//! Command lines, read word by word: every option is in a list, or it is why the whole is not understood.

use std::slice;

use crate::script::Word;

/// Why a script is not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unknown(pub String);

impl Unknown {
    pub fn word(word: &str) -> Self {
        Self(format!("`{word}` is not understood"))
    }
}

/// The options of a program that change nothing about which scripts it starts, or that its reader knows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    /// Without a value.
    pub flags: &'static [&'static str],
    /// With a value: behind `=`, or the next word.
    pub valued: &'static [&'static str],
    /// With a value behind `=`, or none.
    pub optional: &'static [&'static str],
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Option {
        name: &'static str,
        value: Option<String>,
    },
    Word(String),
    /// `--`
    Marker,
}

/// A command line that is being read.
#[derive(Debug)]
pub(super) struct Items<'w> {
    options: Options,
    words: slice::Iter<'w, String>,
}

impl Items<'_> {
    /// The words that were not read yet.
    pub fn rest(&self) -> Vec<String> {
        self.words.as_slice().to_vec()
    }

    pub fn next(&mut self) -> Result<Option<Item>, Unknown> {
        let Some(word) = self.words.next() else { return Ok(None) };
        if word == "--" {
            return Ok(Some(Item::Marker));
        }
        if !word.starts_with('-') || word == "-" {
            return Ok(Some(Item::Word(word.clone())));
        }
        let (name, joined) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word.as_str(), None),
        };
        let known = |list: &[&'static str]| list.iter().copied().find(|known| *known == name);
        let Options { flags, valued, optional } = self.options;
        if let Some(name) = known(valued) {
            let value = joined.or_else(|| self.words.next().cloned());
            let value = value.ok_or_else(|| Unknown(format!("`{word}` has no value")))?;
            return Ok(Some(Item::Option { name, value: Some(value) }));
        }
        if let Some(name) = known(optional) {
            return Ok(Some(Item::Option { name, value: joined }));
        }
        // yargs takes `--stream=true`, too.
        let is_true = joined.as_deref().is_none_or(|value| value == "true");
        if let Some(name) = known(flags).filter(|_| is_true) {
            return Ok(Some(Item::Option { name, value: None }));
        }
        Err(Unknown::word(word))
    }
}

impl Options {
    pub fn read(self, words: &[String]) -> Items<'_> {
        Items { options: self, words: words.iter() }
    }

    /// Takes words such as `-Apt` apart: letters that are flags, the last of which may have a value.
    pub fn spread(&self, words: &[String]) -> Vec<String> {
        let mut spread = Vec::new();
        for word in words {
            let letters = word
                .strip_prefix('-')
                .filter(|rest| rest.len() > 1 && rest.chars().all(|letter| letter.is_ascii_alphabetic()));
            let all =
                letters.map(|letters| letters.chars().map(|letter| format!("-{letter}")).collect::<Vec<_>>());
            let is_known =
                |letter: &String| self.flags.contains(&&**letter) || self.valued.contains(&&**letter);
            match all.filter(|all| all.iter().all(is_known)) {
                Some(all) => spread.extend(all),
                None => spread.push(word.clone()),
            }
        }
        spread
    }
}

/// The words as the program gets them.
pub(super) fn words(words: &[Word]) -> Result<Vec<String>, Unknown> {
    words.iter().map(literal).collect()
}

fn literal(word: &Word) -> Result<String, Unknown> {
    if let Some(text) = word.literal() {
        return Ok(text);
    }
    match word.pattern() {
        // No file is called so: the shell leaves `--filter=./apps/*` as it is.
        Some(text) if text.starts_with('-') && text.contains('=') && !is_list(&text) => Ok(text),
        Some(text) => Err(Unknown(format!("`{text}` is not quoted, and may be the names of files"))),
        None => Err(Unknown(format!("only the shell knows what follows `{}`", word.prefix()))),
    }
}

/// Whether some shells make several words of it: `--scope={a,b}`.
fn is_list(text: &str) -> bool {
    text.split_once('{').is_some_and(|(_, rest)| rest.contains(',') || rest.contains(".."))
}
