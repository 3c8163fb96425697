//! A service's output as events: text that is never cut within a character, each chunk with its cursor.

use super::what::{Stream, What};

/// The cursor behind the first `bytes` bytes of a session's output.
pub fn cursor(session: &str, bytes: u64) -> String {
    format!("{session}:{bytes}")
}

/// The session and the number of bytes of a [`cursor`].
pub fn parse_cursor(cursor: &str) -> Option<(&str, u64)> {
    let (session, bytes) = cursor.split_once(':')?;
    Some((session, bytes.parse().ok()?))
}

/// The output of a service up to a cursor.
#[derive(Debug)]
pub struct Output {
    session: String,
    /// For each stream, the beginning of a character whose rest has not come yet.
    unfinished: [Vec<u8>; 2],
    bytes: u64,
}

impl Output {
    pub fn new(session: &str) -> Self {
        Self { session: session.to_owned(), unfinished: [Vec::new(), Vec::new()], bytes: 0 }
    }

    /// The cursor of the output that comes next.
    pub fn cursor(&self) -> String {
        cursor(&self.session, self.bytes)
    }

    /// Moves to a cursor. Unless it is there already, an unfinished character is dropped.
    pub fn seek(&mut self, session: &str, bytes: u64) {
        if self.session != session || self.bytes != bytes {
            *self = Self { bytes, ..Self::new(session) };
        }
    }

    /// Takes what was read from `stream`. The event holds the characters that are complete now, if any are.
    pub fn take(&mut self, stream: Stream, bytes: &[u8]) -> Option<What> {
        let kept = &mut self.unfinished[stream as usize];
        kept.extend_from_slice(bytes);
        let complete = complete_length(kept);
        let data = String::from_utf8_lossy(&kept[..complete]).into_owned();
        kept.drain(..complete);
        self.bytes += bytes.len() as u64;
        (!data.is_empty()).then(|| What::LogChunk { stream, data, cursor: self.cursor() })
    }

    /// Counts output that nobody wants as an event. The beginning of a character at its end is kept for the next one.
    pub fn skip(&mut self, stream: Stream, bytes: &[u8]) {
        let kept = &mut self.unfinished[stream as usize];
        kept.extend_from_slice(&bytes[bytes.len().saturating_sub(LONGEST_CHARACTER)..]);
        kept.drain(..complete_length(kept));
        self.bytes += bytes.len() as u64;
    }
}

/// In bytes.
const LONGEST_CHARACTER: usize = 4;

/// How many of these bytes are whole characters. Bytes that can never become a character count as whole.
fn complete_length(bytes: &[u8]) -> usize {
    let last = bytes.utf8_chunks().last().map_or(&[][..], |chunk| chunk.invalid());
    let is_unfinished = std::str::from_utf8(last).is_err_and(|error| error.error_len().is_none());
    if is_unfinished { bytes.len() - last.len() } else { bytes.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(what: Option<What>) -> String {
        match what {
            Some(What::LogChunk { data, .. }) => data,
            _ => String::new(),
        }
    }

    #[test]
    fn a_character_cut_between_two_reads_comes_whole() {
        let mut output = Output::new("s");
        let euro = "€".as_bytes();
        assert_eq!(output.take(Stream::Stdout, &euro[..2]), None);
        assert_eq!(text(output.take(Stream::Stderr, b"x")), "x");
        let whole =
            What::LogChunk { stream: Stream::Stdout, data: "€".to_owned(), cursor: "s:4".to_owned() };
        assert_eq!(output.take(Stream::Stdout, &euro[2..]), Some(whole));
    }

    #[test]
    fn a_character_whose_beginning_nobody_wanted_comes_whole() {
        let mut output = Output::new("s");
        let euro = "€".as_bytes();
        output.skip(Stream::Stdout, b"many bytes that nobody wants");
        output.skip(Stream::Stdout, &euro[..1]);
        output.skip(Stream::Stdout, &euro[1..2]);
        assert_eq!(text(output.take(Stream::Stdout, &euro[2..])), "€");
        output.skip(Stream::Stdout, &[b"x", euro].concat());
        assert_eq!(text(output.take(Stream::Stdout, b"y")), "y");
    }

    #[test]
    fn invalid_utf8_is_replaced_at_once() {
        let mut output = Output::new("s");
        assert_eq!(text(output.take(Stream::Stdout, b"a\xff\xfeb\xe2\x82")), "a\u{fffd}\u{fffd}b");
        assert_eq!(text(output.take(Stream::Stdout, b"\xac")), "€");
    }

    #[test]
    fn long_invalid_input_does_not_recurse() {
        assert_eq!(complete_length(&vec![0xff; 64 * 1024]), 64 * 1024);
    }

    #[test]
    fn a_cursor_can_be_read_back() {
        assert_eq!(parse_cursor(&cursor("0123456789abcdef", 7)), Some(("0123456789abcdef", 7)));
        for rubbish in ["", "7", "s:", "s:x", "s:-1"] {
            assert_eq!(parse_cursor(rubbish), None, "{rubbish}");
        }
    }
}
