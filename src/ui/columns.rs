//! How much of a line that a service has written can be seen.

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

/// The bytes of a line that belong to no control sequence (ECMA-48) and to no link.
fn outside_sequences(line: &[u8]) -> impl Iterator<Item = u8> {
    let mut left = line;
    std::iter::from_fn(move || {
        while let Some(sequence) = left.strip_prefix(b"\x1b") {
            let end = if sequence.first() == Some(&b'[') {
                sequence[1..].iter().position(|byte| (0x40..=0x7e).contains(byte)).map(|end| end + 2)
            } else {
                sequence.windows(2).position(|end| end == b"\x1b\\").map(|end| end + 2)
            };
            left = &sequence[end.unwrap_or(sequence.len())..];
        }
        let (&byte, rest) = left.split_first()?;
        left = rest;
        Some(byte)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_width_is_never_underestimated() {
        for (line, columns) in
            [("abc", 3), ("\x1b[31mabc\x1b[0m", 3), ("日", 2), ("é", 2), ("\x1b]8;;http://a\x1b\\ab", 2)]
        {
            assert_eq!(width(line.as_bytes()), columns, "{line:?}");
        }
    }
}
