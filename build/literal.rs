//! Values as constant Rust expressions.

use std::fmt::Debug;

/// A value as an expression. Derived `Debug` output is one already, except that texts and lists have to become
/// borrowed `Cow`s; the variants of enums have to be in scope where it is used.
pub fn of(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    let mut literal = String::new();
    let (mut is_quoted, mut is_escaped) = (false, false);
    for c in text.chars() {
        match c {
            '"' if !is_quoted => literal.push_str("Cow::Borrowed(\""),
            '"' if !is_escaped => literal.push_str("\")"),
            '[' if !is_quoted => literal.push_str("Cow::Borrowed(&["),
            ']' if !is_quoted => literal.push_str("])"),
            _ => literal.push(c),
        }
        is_quoted ^= c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
    }
    literal
}
