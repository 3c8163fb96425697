//! Escapes untrusted text for the terminal: characters that move the cursor, change a colour, end a line or turn
//! the direction of writing. A name in a cloned repository could otherwise write over the terminal.
//!
//! The escapes are JSON's, so that text which is JSON stays the same JSON.

use std::borrow::Cow;
use std::ffi::OsStr;

/// Escapes text for one line.
pub fn line(text: &str) -> Cow<'_, str> {
    escape(text, is_unsafe)
}

/// Escapes text that may have several lines.
pub fn lines(text: &str) -> Cow<'_, str> {
    escape(text, |character| is_unsafe(character) && !matches!(character, '\n' | '\t'))
}

/// Types that are shown as one line.
pub trait Visible {
    /// The escaped text; bytes that are not UTF-8 are replaced.
    fn visible(&self) -> String;
}

impl<T: AsRef<OsStr> + ?Sized> Visible for T {
    fn visible(&self) -> String {
        line(&self.as_ref().to_string_lossy()).into_owned()
    }
}

/// Control characters (C0, DEL, C1), line and paragraph separators, changes of direction, and noncharacters.
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fdd0}'..='\u{fdef}')
}

fn escape(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\n' if is_escaped('\n') => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' if is_escaped('\t') => escaped.push_str("\\t"),
            // All of them lie in the basic plane.
            _ if is_escaped(character) => escaped.push_str(&format!("\\u{:04x}", u32::from(character))),
            _ => escaped.push(character),
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn unsafe_characters_are_escaped() {
        for (text, one, several) in [
            ("café ✓ 日本", "café ✓ 日本", "café ✓ 日本"),
            ("a\u{1b}[31mRED", "a\\u001b[31mRED", "a\\u001b[31mRED"),
            ("a\nb\tc\r", "a\\nb\\tc\\r", "a\nb\tc\\r"),
            ("\u{0}\u{7f}\u{9b}", "\\u0000\\u007f\\u009b", "\\u0000\\u007f\\u009b"),
            ("\u{202e}\u{2028}\u{2066}", "\\u202e\\u2028\\u2066", "\\u202e\\u2028\\u2066"),
        ] {
            assert_eq!((&*line(text), &*lines(text)), (one, several));
        }
        assert_eq!(Path::new("/a\n/b").visible(), "/a\\n/b");
    }

    #[test]
    fn json_stays_the_same_json() {
        let value = serde_json::json!({ "name": "a\u{1b}\u{7f}\u{85}\u{202e}\"\\\n" });
        let shown = lines(&value.to_string()).into_owned();
        assert!(!shown.contains(is_unsafe));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }
}
