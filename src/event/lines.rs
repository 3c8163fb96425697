//! Splits incoming bytes into lines of a bounded length.

use std::io;

/// The longest line of an event, in bytes. Ample for one read of output, each byte of which may be written as six.
pub const LONGEST_EVENT: usize = 2 * 1024 * 1024;

#[derive(Debug)]
pub struct Lines {
    bytes: Vec<u8>,
    /// Where the next line begins.
    start: usize,
    /// How far `bytes` has been searched for the end of that line.
    searched: usize,
    /// In bytes, without the line's end.
    longest: usize,
    /// Whether the line at `start` was refused, so that the rest of it is dropped.
    skipping: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

impl From<TooLong> for io::Error {
    fn from(_: TooLong) -> Self {
        Self::new(io::ErrorKind::InvalidData, "a line is too long")
    }
}

impl Lines {
    pub fn new(longest: usize) -> Self {
        Self { bytes: Vec::new(), start: 0, searched: 0, longest, skipping: false }
    }

    /// How many bytes have not been taken as lines.
    pub fn pending(&self) -> usize {
        self.bytes.len() - self.start
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole line without its end, if one has come.
    ///
    /// # Errors
    /// A line that is too long, reported once and at once: its end may be still to come. The lines behind it
    /// follow.
    pub fn next_line(&mut self) -> Result<Option<Vec<u8>>, TooLong> {
        loop {
            let end = self.bytes[self.searched..].iter().position(|&byte| byte == b'\n');
            let line = self.start..end.map_or(self.bytes.len(), |at| self.searched + at);
            self.searched = self.bytes.len().min(line.end + 1);
            let is_too_long = line.len() > self.longest;
            let was_skipping = self.skipping;
            self.skipping = end.is_none() && (was_skipping || is_too_long);
            if end.is_some() || self.skipping {
                self.start = self.searched;
            }
            if is_too_long && !was_skipping {
                return Err(TooLong);
            }
            if end.is_none() || !was_skipping {
                return Ok(end.map(|_| self.bytes[line].to_vec()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8], cut: usize) -> Vec<Result<Vec<u8>, TooLong>> {
        let mut lines = Lines::new(5);
        let mut found = Vec::new();
        for piece in text.chunks(cut) {
            lines.push(piece);
            while let Some(line) = lines.next_line().transpose() {
                found.push(line);
            }
        }
        found
    }

    #[test]
    fn lines_come_whole_however_they_are_cut() {
        for cut in 1..15 {
            let expected = [&b"one"[..], b"", b"three"].map(|line| Ok(line.to_vec()));
            assert_eq!(read(b"one\n\nthree\nfour", cut), expected, "{cut}");
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_refused_once_and_the_next_one_is_read() {
        for cut in 1..40 {
            let expected = [Ok(b"one".to_vec()), Err(TooLong), Ok(b"two".to_vec()), Err(TooLong)];
            assert_eq!(read(b"one\nthis is too long\ntwo\nand this as well", cut), expected, "{cut}");
        }
    }

    #[test]
    fn a_skipped_line_takes_no_memory() {
        let mut lines = Lines::new(5);
        let refused = (0..1000).filter(|_| {
            lines.push(&[b'x'; 100]);
            lines.next_line().is_err()
        });
        assert_eq!(refused.count(), 1);
        assert!(lines.bytes.len() <= 100);
    }
}
