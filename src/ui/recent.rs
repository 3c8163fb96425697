//! The last lines of one service, to be shown again.

use std::collections::VecDeque;

/// How much is kept, in bytes.
const KEPT: usize = 32 * 1024;

#[derive(Debug, Default)]
pub(super) struct Recent(VecDeque<u8>);

impl Recent {
    /// Adds a line, or with `is_end` false a part of one.
    pub fn push(&mut self, text: &[u8], is_end: bool) {
        self.0.extend(&text[text.len().saturating_sub(KEPT)..]);
        if is_end {
            self.0.push_back(b'\n');
        }
        if self.0.len() > KEPT {
            self.0.drain(..self.0.len() - KEPT);
            // The rest of a line whose beginning is gone goes too.
            let cut = self.0.iter().position(|&byte| byte == b'\n').map_or(0, |end| end + 1);
            self.0.drain(..cut);
        }
    }

    pub fn lines(&mut self) -> impl Iterator<Item = &[u8]> {
        let bytes: &[u8] = self.0.make_contiguous();
        bytes.split_inclusive(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\n").unwrap_or(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_whole_lines_are_kept() {
        let mut recent = Recent::default();
        for number in 0..10_000 {
            recent.push(format!("line {number}").as_bytes(), true);
            assert!(recent.0.len() <= KEPT);
        }
        let lines: Vec<String> =
            recent.lines().map(|line| String::from_utf8_lossy(line).into_owned()).collect();
        assert_eq!(lines[lines.len() - 1], "line 9999");
        let first: usize = lines[0].strip_prefix("line ").unwrap().parse().unwrap();
        assert_eq!(lines.len(), 10_000 - first, "none is missing, none is cut");
        recent.push(&vec![b'x'; 3 * KEPT], true);
        assert!(recent.0.len() <= KEPT);
    }
}
