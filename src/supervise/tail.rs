//! The end of a service's output, for the explanation of a failure.

use std::collections::VecDeque;

/// How much is kept, in bytes.
const KEPT_BYTES: usize = 16 * 1024;
/// How many lines of it are shown.
const SHOWN_LINES: usize = 20;

/// The end of a service's output.
#[derive(Debug, Default)]
pub(super) struct Tail {
    bytes: VecDeque<u8>,
}

impl Tail {
    pub fn push(&mut self, bytes: &[u8]) {
        let kept = &bytes[bytes.len().saturating_sub(KEPT_BYTES)..];
        let excess = (self.bytes.len() + kept.len()).saturating_sub(KEPT_BYTES);
        self.bytes.drain(..excess);
        self.bytes.extend(kept);
    }

    /// All of it, see [`plain`].
    pub fn text(&self) -> String {
        plain(&self.bytes.iter().copied().collect::<Vec<_>>())
    }

    /// The last lines that are not empty, see [`plain`].
    pub fn lines(&self) -> String {
        last_lines(&self.text())
    }
}

/// Output without colours and cursor movements.
pub(super) fn plain(bytes: &[u8]) -> String {
    anstream::adapter::strip_str(&String::from_utf8_lossy(bytes)).to_string()
}

fn last_lines(plain: &str) -> String {
    let lines: Vec<&str> = plain.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
}

/// The last lines of this output, as a failure shows them.
pub fn shown_lines(output: &[u8]) -> String {
    last_lines(&plain(output))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_bounded_and_plain() {
        let mut tail = Tail::default();
        for number in 0..10_000 {
            tail.push(format!("\x1b[31mline {number}\x1b[0m\r\n").as_bytes());
        }
        assert!(tail.bytes.len() <= KEPT_BYTES);
        let lines = tail.lines();
        assert_eq!(lines.lines().count(), SHOWN_LINES);
        assert!(lines.ends_with("line 9998\nline 9999"), "{lines}");
        tail.push(&vec![b'x'; KEPT_BYTES * 3]);
        assert_eq!(tail.bytes.len(), KEPT_BYTES);
    }
}
