//! Text of others' making as it may be shown. What would move a cursor, change a colour, end a line or turn the direction
//! of writing is spelled out: a name in a cloned repository could otherwise write over the terminal.
//!
//! It is spelled as JSON spells it, so that text which is JSON stays the same JSON.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::Path;

/// Text without anything but what can be seen.
pub fn line(text: &str) -> Cow<'_, str> {
    spelled(text, is_active)
}

/// The same for text that may have several lines.
pub fn lines(text: &str) -> Cow<'_, str> {
    spelled(text, |character| is_active(character) && !matches!(character, '\n' | '\t'))
}

/// What is shown as one line.
pub trait Visible {
    /// It as text, as far as it is text.
    fn visible(&self) -> String;
}

impl Visible for OsStr {
    fn visible(&self) -> String {
        line(&self.to_string_lossy()).into_owned()
    }
}

impl Visible for Path {
    fn visible(&self) -> String {
        self.as_os_str().visible()
    }
}

/// Control characters (C0, DEL, C1), what ends lines beside them, what overrides the direction of writing, and what is no
/// character for interchange.
fn is_active(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fdd0}'..='\u{fdef}')
}

fn spelled(text: &str, is_meant: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_meant) {
        return Cow::Borrowed(text);
    }
    let mut spelled = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\n' if is_meant('\n') => spelled.push_str("\\n"),
            '\r' => spelled.push_str("\\r"),
            '\t' if is_meant('\t') => spelled.push_str("\\t"),
            // All of them lie in the basic plane.
            _ if is_meant(character) => spelled.push_str(&format!("\\u{:04x}", u32::from(character))),
            _ => spelled.push(character),
        }
    }
    Cow::Owned(spelled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_active_is_spelled_out() {
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
        assert!(!shown.contains(is_active));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }
}
