//! How much output is read at once for a terminal, which may be slow: what a key asks for is shown behind it.

/// How many bytes a portion is to become on the screen, with the names before its lines.
const SHOWN: usize = 4 * 1024;
const FEWEST: usize = 128;

#[derive(Debug)]
pub(super) struct Portion(usize);

impl Default for Portion {
    fn default() -> Self {
        Self(FEWEST)
    }
}

impl Portion {
    /// The largest portion, in bytes.
    pub const MOST: usize = 8 * 1024;

    /// How many bytes to read.
    pub fn size(&self) -> usize {
        self.0
    }

    /// So many bytes that were read became so many on the screen, and what comes next will probably too.
    pub fn became(&mut self, read: usize, shown: usize) {
        if read > 0 {
            let next = read * SHOWN / shown.max(1);
            self.0 = next.min(2 * self.0).clamp(FEWEST, Self::MOST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_portion_becomes_no_more_than_it_should() {
        for (each, becomes) in [(1, 40), (1, 2), (1, 1), (80, 92), (100, 0)] {
            let mut portion = Portion::default();
            for _ in 0..20 {
                let shown = portion.size() * becomes / each;
                assert!(shown <= 5 * SHOWN / 4, "{each} {becomes}: {shown}");
                portion.became(portion.size(), shown);
            }
            assert!(portion.size() == Portion::MOST || portion.size() * becomes / each > SHOWN / 2);
            portion.became(0, 0);
        }
    }
}
