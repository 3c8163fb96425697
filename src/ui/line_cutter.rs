//! Cuts a stream of one of several services into lines that leave the rest of the screen alone.
//!
//! Text, colours and links stay as they are, and so do bytes that are no text. What moves the cursor, clears the
//! screen, sets a title, switches a mode or asks the terminal something is left out: it is meant for a screen that
//! the service has for itself. A carriage return begins the line anew, as it does on a screen.

use super::columns::has_text;
use super::rendition::Rendition;

/// The longest part of a line that waits for its rest, in bytes.
const LONGEST: usize = 64 * 1024;
/// The longest control sequence and control string that are looked at, in bytes.
const LONGEST_SEQUENCE: usize = 64;
const LONGEST_STRING: usize = 4096;
/// How many empty lines wait for what follows. Vite writes as many as the screen has rows before it clears it.
const MOST_BLANK: usize = 200;
/// The most columns that one sequence moves the cursor forward.
const FARTHEST: usize = 200;

/// A line, or a part of a long one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub text: &'a [u8],
    pub is_start: bool,
    pub is_end: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// Behind an escape character, and perhaps intermediate characters.
    Escape,
    /// A control sequence: `ESC [ …`.
    Sequence,
    /// An operating system command: `ESC ] …`.
    Command,
    /// Another control string.
    Other,
}

/// How the present line came to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Drawn {
    #[default]
    Once,
    /// A carriage return has come, and nothing behind it yet.
    Returned,
    /// The line was begun anew, as a progress bar is.
    Again,
}

#[derive(Debug, Default)]
pub(super) struct LineCutter {
    state: State,
    /// The sequence or string whose end has not come yet, without its first two characters.
    sequence: Vec<u8>,
    /// The line so far, with the colours that it begins with.
    line: Vec<u8>,
    /// Whether a part of the line was handed out already.
    is_continued: bool,
    drawn: Drawn,
    /// Empty lines that were not handed out yet.
    blank: usize,
    rendition: Rendition,
    /// Whether the text is a link now.
    is_link: bool,
}

impl LineCutter {
    /// Takes in what was read, and hands out each line that is whole, and the parts of one that is too long.
    pub fn cut(&mut self, mut bytes: &[u8], mut take: impl FnMut(Piece<'_>)) {
        while let Some(&byte) = bytes.first() {
            if self.state != State::Text {
                bytes = &bytes[usize::from(self.escaped(byte))..];
                continue;
            }
            let end = bytes.iter().position(|&byte| is_special(byte)).unwrap_or(bytes.len());
            if end > 0 {
                let room = LONGEST.saturating_sub(self.line.len()).max(1);
                let (text, rest) = bytes.split_at(end.min(room));
                self.text(text);
                bytes = rest;
                if self.line.len() >= LONGEST {
                    self.hand_out(false, &mut take);
                }
                continue;
            }
            match byte {
                b'\n' => self.hand_out(true, &mut take),
                b'\r' => self.drawn = Drawn::Returned,
                // Within sequences, the last byte may be none of the text's.
                0x08 if self.line.is_ascii() && !self.line.contains(&0x1b) => drop(self.line.pop()),
                0x1b => {
                    self.state = State::Escape;
                    self.sequence.clear();
                }
                // Other characters that a terminal acts on.
                _ => {}
            }
            bytes = &bytes[1..];
        }
    }

    /// Hands out a line that has no end, if there is one.
    pub fn finish(&mut self, mut take: impl FnMut(Piece<'_>)) {
        self.state = State::Text;
        if has_text(&self.line) || self.is_continued {
            self.hand_out(true, &mut take);
        }
        self.hand_out_blank(&mut take);
    }

    /// Whether there is a line that waits for its rest, none of which was handed out.
    pub fn is_unfinished(&self) -> bool {
        !self.is_continued && has_text(&self.line)
    }

    /// Whether the line is drawn again and again.
    pub fn is_redrawn(&self) -> bool {
        self.drawn != Drawn::Once
    }

    /// The line so far, as it can be shown; `None` if there is nothing to show, or a part of it was handed out.
    pub fn unfinished(&self) -> Option<Vec<u8>> {
        if !self.is_unfinished() {
            return None;
        }
        let mut text = self.line.clone();
        self.close(&mut text);
        Some(text)
    }

    fn text(&mut self, text: &[u8]) {
        if self.drawn == Drawn::Returned {
            self.restart();
        }
        let start = self.line.len().saturating_sub(1);
        self.line.extend_from_slice(text);
        remove_controls(&mut self.line, start);
    }

    /// Begins the line anew.
    fn restart(&mut self) {
        self.line.clear();
        self.drawn = Drawn::Again;
        self.rendition.begin(&mut self.line);
    }

    fn close(&self, text: &mut Vec<u8>) {
        if self.is_link {
            text.extend_from_slice(b"\x1b]8;;\x1b\\");
        }
        self.rendition.end(text);
    }

    fn hand_out(&mut self, is_end: bool, take: &mut impl FnMut(Piece<'_>)) {
        if is_end && self.blank < MOST_BLANK && !self.is_continued && !has_text(&self.line) {
            self.blank += 1;
            self.restart();
            self.drawn = Drawn::Once;
            return;
        }
        self.hand_out_blank(take);
        let kept = if is_end { Vec::new() } else { self.line.split_off(whole_characters(&self.line)) };
        let mut line = std::mem::take(&mut self.line);
        self.close(&mut line);
        take(Piece { text: &line, is_start: !self.is_continued, is_end });
        self.is_continued = !is_end;
        line.clear();
        self.line = line;
        self.is_link &= !is_end;
        self.restart();
        self.drawn = Drawn::Once;
        self.line.extend_from_slice(&kept);
    }

    fn hand_out_blank(&mut self, take: &mut impl FnMut(Piece<'_>)) {
        for _ in 0..std::mem::take(&mut self.blank) {
            take(Piece { text: b"", is_start: true, is_end: true });
        }
    }

    /// Takes in one byte of a sequence. Returns whether it belongs to it.
    fn escaped(&mut self, byte: u8) -> bool {
        // A program may have been killed within a sequence: it ends with the line at the latest.
        if byte == b'\n' {
            self.state = State::Text;
            return false;
        }
        match self.state {
            State::Text => return false,
            State::Escape => match byte {
                b'[' if self.sequence.is_empty() => self.state = State::Sequence,
                b']' if self.sequence.is_empty() => self.state = State::Command,
                b'P' | b'X' | b'^' | b'_' if self.sequence.is_empty() => self.state = State::Other,
                0x20..=0x2f => self.sequence.push(byte),
                0x1b => self.sequence.clear(),
                _ => self.state = State::Text,
            },
            State::Sequence => match byte {
                0x1b => (self.state, self.sequence) = (State::Escape, Vec::new()),
                0x40..=0x7e => {
                    self.state = State::Text;
                    self.control(byte);
                }
                _ if self.sequence.len() < LONGEST_SEQUENCE => self.sequence.push(byte),
                _ => {}
            },
            State::Command | State::Other => {
                let is_terminated = byte == 0x07 || byte == b'\\' && self.sequence.last() == Some(&0x1b);
                if is_terminated {
                    if self.state == State::Command {
                        self.link();
                    }
                    self.state = State::Text;
                } else if self.sequence.len() < LONGEST_STRING {
                    self.sequence.push(byte);
                } else {
                    // Only its end is still of interest.
                    self.sequence = vec![byte];
                    self.state = State::Other;
                }
            }
        }
        true
    }

    /// Acts on a whole control sequence: of these, only colours are passed on.
    fn control(&mut self, end: u8) {
        let sequence = std::mem::take(&mut self.sequence);
        let Ok(parameters) = std::str::from_utf8(&sequence) else { return };
        let number = parameters.parse::<usize>();
        match end {
            b'm' if parameters.bytes().all(|byte| byte.is_ascii_digit() || b";:".contains(&byte)) => {
                self.rendition.apply(parameters);
                self.line.extend_from_slice(format!("\x1b[{parameters}m").as_bytes());
            }
            // The column.
            b'G' if matches!(number, Ok(0 | 1)) || parameters.is_empty() => self.drawn = Drawn::Returned,
            // The first line of the screen: empty lines before it were to make room.
            b'H' if matches!(parameters, "" | "1" | "1;1") => self.blank = 0,
            b'C' => self.text(&vec![b' '; number.unwrap_or(1).clamp(1, FARTHEST)]),
            // All of the line, or what lies before the cursor, is erased.
            b'K' if matches!(number, Ok(1 | 2)) => self.restart(),
            _ => {}
        }
    }

    /// Passes a link on (`8 ; parameters ; URL`), and no other command to the terminal.
    fn link(&mut self) {
        let mut sequence = std::mem::take(&mut self.sequence);
        if sequence.last() == Some(&0x1b) {
            sequence.pop();
        }
        let Some(rest) = sequence.strip_prefix(b"8;") else { return };
        let Some(semicolon) = rest.iter().position(|&byte| byte == b';') else { return };
        if sequence.iter().any(|&byte| byte < 0x20 || byte == 0x7f) {
            return;
        }
        self.is_link = semicolon + 1 < rest.len();
        self.line.extend_from_slice(&[b"\x1b]", &sequence[..], b"\x1b\\"].concat());
    }
}

/// Whether the byte means something else to a terminal than text: ENQ, BS, LF, VT, FF, CR, SO, SI, ESC.
fn is_special(byte: u8) -> bool {
    matches!(byte, 0x05 | 0x08 | 0x0a..=0x0f | 0x1b)
}

/// Removes the control characters that begin with the byte C2 in UTF-8, U+0080 to U+009F: some terminals obey them.
fn remove_controls(line: &mut Vec<u8>, start: usize) {
    let mut from = start;
    while let Some(found) = line[from..].iter().position(|&byte| byte == 0xc2) {
        from += found;
        if line.get(from + 1).is_some_and(|byte| (0x80..=0x9f).contains(byte)) {
            line.drain(from..from + 2);
        } else {
            from += 1;
        }
    }
}

/// How many of these bytes come before a character at the end that is not complete.
fn whole_characters(bytes: &[u8]) -> usize {
    let start = bytes.iter().rposition(|byte| byte & 0xc0 != 0x80).unwrap_or(0);
    if bytes[start..].first().is_some_and(|&first| first >= 0xc0) && bytes.len() - start < 4 {
        start
    } else {
        bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of this stream, read in pieces of this size, and the unfinished rest.
    fn cut(stream: &[u8], size: usize) -> Vec<String> {
        let mut cutter = LineCutter::default();
        let mut lines = vec![String::new()];
        for bytes in stream.chunks(size) {
            cutter.cut(bytes, |piece| {
                lines.last_mut().unwrap().push_str(&String::from_utf8_lossy(piece.text));
                if piece.is_end {
                    lines.push(String::new());
                }
            });
        }
        let rest = cutter.unfinished().unwrap_or_default();
        lines.last_mut().unwrap().push_str(&String::from_utf8_lossy(&rest));
        lines
    }

    #[test]
    fn lines_are_harmless_however_they_are_read() {
        for (stream, expected) in [
            ("one\ntwo\n", &["one", "two", ""][..]),
            ("one\r\ntwo\r\r\nrest", &["one", "two", "rest"]),
            ("10%\r50%\r100%\n", &["100%", ""]),
            ("10%\r50%", &["50%"]),
            ("10%\r", &["10%"]),
            ("a\x1b[2K\x1b[1Gb\n", &["b", ""]),
            ("a\x1b[0K\x1b[Kb\x1b[K\n", &["ab", ""]),
            ("\x1b[2J\x1b[3J\x1b[Hready\n\x1bc", &["ready", ""]),
            ("\x1b[?25l\x1b[?1049hon\x1b[?2004h\n", &["on", ""]),
            ("\x1b]0;title\x07text\x1b]2;title\x1b\\\n", &["text", ""]),
            ("a\x1b[5Cb\x1b[3A\x1b[B\x1b[6n\x1b[c\x1b[>1u\n", &["a     b", ""]),
            ("\x1b[31mred\nstill\x1b[0m not\n", &["\x1b[31mred\x1b[0m", "\x1b[31mstill\x1b[0m not", ""]),
            ("\x1b[1m50%\r\x1b[32m60%\n", &["\x1b[1;32m60%\x1b[0m", "\x1b[1;32m\x1b[0m"][..1]),
            (
                "\x1b]8;;http://a\x1b\\link\x1b]8;;\x1b\\ b\n",
                &["\x1b]8;;http://a\x1b\\link\x1b]8;;\x1b\\ b", ""],
            ),
            ("\x1b]8;;http://a\x07open\n", &["\x1b]8;;http://a\x1b\\open\x1b]8;;\x1b\\", ""]),
            ("\x1bP1$r0m\x1b\\x\x1b(By\x0e\x0f\x0c\x05z\n", &["xyz", ""]),
            ("|\x08/\x08-\n", &["-", ""]),
            ("cut \x1b]0;off\nnext\n", &["cut ", "next", ""]),
            ("cut \x1b[3\nnext\n", &["cut ", "next", ""]),
            ("a\u{9b}2Jb\u{85}\u{a0}\u{9d}0;c\u{b5}\n", &["a2Jb\u{a0}0;cµ", ""]),
            ("tab\tbell\x07 nul\0 é日\n", &["tab\tbell\x07 nul\0 é日", ""]),
        ] {
            for size in [1, 2, 3, 7, 1000] {
                let found = cut(stream.as_bytes(), size);
                assert_eq!(found[..expected.len()], *expected, "{stream:?} by {size}");
            }
        }
    }

    #[test]
    fn empty_lines_before_a_cleared_screen_are_no_output() {
        let rows = "\n".repeat(MOST_BLANK - 1);
        assert_eq!(cut(format!("a\n{rows}\x1b[1;1H\x1b[0Jb\n").as_bytes(), 9), ["a", "b", ""]);
        assert_eq!(cut(b"a\n\n\nb\n", 2), ["a", "", "", "b", ""]);
        let count = cut("\n".repeat(10 * MOST_BLANK).as_bytes(), 7).len();
        assert!(count > 9 * MOST_BLANK, "few wait: {count}");
        let (mut cutter, mut seen) = (LineCutter::default(), 0);
        cutter.cut(b"\n\x1b[31m\n", |_| seen += 1);
        cutter.finish(|_| seen += 1);
        assert_eq!(seen, 2, "none is lost at the end");
    }

    #[test]
    fn bytes_that_are_no_text_stay_as_they_are() {
        let mut cutter = LineCutter::default();
        let mut seen = Vec::new();
        cutter.cut(b"\xff\xfe\x80\x9b x\xc3\n", |piece| seen.extend_from_slice(piece.text));
        assert_eq!(seen, b"\xff\xfe\x80\x9b x\xc3");
    }

    #[test]
    fn a_long_line_comes_in_parts_that_are_whole_again_together() {
        let long = "é日x".repeat(LONGEST);
        let mut cutter = LineCutter::default();
        let (mut seen, mut ends) = (Vec::new(), Vec::new());
        for bytes in long.as_bytes().chunks(1009).chain([&b"\n"[..]]) {
            cutter.cut(bytes, |piece| {
                assert!(std::str::from_utf8(piece.text).is_ok(), "no character is cut");
                seen.extend_from_slice(piece.text);
                ends.push((piece.is_start, piece.is_end));
            });
            assert!(cutter.line.len() <= LONGEST + 4, "what waits is bounded");
        }
        assert_eq!(String::from_utf8(seen).unwrap(), long);
        assert_eq!((ends[0], ends[ends.len() - 1]), ((true, false), (false, true)));
        assert!(ends[1..ends.len() - 1].iter().all(|end| *end == (false, false)));
    }

    #[test]
    fn a_line_without_an_end_is_handed_out_at_the_end() {
        let mut cutter = LineCutter::default();
        cutter.cut(b"whole\nrest\x1b[", |_| {});
        let mut seen = Vec::new();
        cutter.finish(|piece| seen.push((piece.text.to_vec(), piece.is_end)));
        cutter.finish(|piece| seen.push((piece.text.to_vec(), piece.is_end)));
        assert_eq!(seen, [(b"rest".to_vec(), true)]);
    }
}
