//! Values as constant Rust expressions.

use std::fmt::Debug;

/// What a derived `Debug` writes is an expression already, except that texts and lists have to be borrowed `Cow`s,
/// and that the variants of enums have to be in scope.
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
