//! How much of a line that a service has written can be seen.

use unicode_width::UnicodeWidthChar as _;

/// Whether something is there besides sequences.
pub(super) fn has_text(line: &[u8]) -> bool {
    outside_sequences(line).next().is_some()
}

/// The most columns that this line takes: a character that is not ASCII may be two wide.
pub(super) fn width(line: &[u8]) -> usize {
    let columns = |byte: u8| match byte {
        b'\t' => 8,
        0x20..=0x7e => 1,
        0xc0.. => 2,
        _ => 0,
    };
    outside_sequences(line).map(columns).sum()
}

/// How many columns a terminal gives to this name.
pub(super) fn columns(name: &str) -> usize {
    name.chars().map(columns_of).sum()
}

/// As much of the name as fits into these columns.
pub(super) fn fitting(name: &str, room: usize) -> &str {
    let mut taken = 0;
    let fits = |&(_, character): &(usize, char)| {
        taken += columns_of(character);
        taken <= room
    };
    let end = name.char_indices().take_while(fits).last().map_or(0, |(at, last)| at + last.len_utf8());
    &name[..end]
}

fn columns_of(character: char) -> usize {
    character.width().unwrap_or(0)
}

/// The bytes of a line that belong to no control sequence (ECMA-48) and to no link.
fn outside_sequences(line: &[u8]) -> impl Iterator<Item = u8> {
    let mut left = line;
    std::iter::from_fn(move || {
        while let Some(sequence) = left.strip_prefix(b"\x1b") {
            let end = match sequence.first() {
                Some(b'[') => {
                    sequence[1..].iter().position(|byte| (0x40..=0x7e).contains(byte)).map(|at| at + 2)
                }
                Some(b']' | b'P' | b'X' | b'^' | b'_') => end_of_string(sequence),
                _ => sequence.iter().position(|byte| !(0x20..=0x2f).contains(byte)).map(|at| at + 1),
            };
            left = &sequence[end.unwrap_or(sequence.len())..];
        }
        let (&byte, rest) = left.split_first()?;
        left = rest;
        Some(byte)
    })
}

/// Where a control string ends: behind a BEL, or behind `ESC \\`.
fn end_of_string(bytes: &[u8]) -> Option<usize> {
    let is_end = |at: &usize| bytes[*at] == 0x07 || bytes[..=*at].ends_with(b"\x1b\\");
    (0..bytes.len()).find(is_end).map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_take_the_columns_that_a_terminal_gives_them() {
        for (name, wide) in [("web", 3), ("é", 1), ("e\u{301}", 1), ("日本語", 6), ("📦-app", 6), ("한", 2)]
        {
            assert_eq!(columns(name), wide, "{name}");
        }
        assert_eq!(["日本語", "web", "日本"].map(|name| fitting(name, 3)), ["日", "web", "日"]);
        assert_eq!(fitting("日", 0), "");
    }

    #[test]
    fn the_width_is_never_underestimated() {
        for (line, columns) in [
            ("abc", 3),
            ("\x1b[31mabc\x1b[0m", 3),
            ("日", 2),
            ("é", 2),
            ("\x1b]8;;http://a\x1b\\ab", 2),
            ("\x1b]0;t\x07ab\x1b(B\x1b[3~", 2),
        ] {
            assert_eq!(width(line.as_bytes()), columns, "{line:?}");
        }
    }
}
