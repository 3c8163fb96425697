//! The colours and attributes of a stream (SGR, ECMA-48), so that each line can begin and end with its own.

/// How many kinds of attributes there are.
const KINDS: usize = 11;

/// What is switched on, each kind as the parameters that switch it on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rendition([Option<Box<str>>; KINDS]);

impl Rendition {
    pub fn is_plain(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// Takes in the parameters of one sequence, without `ESC [` and `m`.
    pub fn apply(&mut self, parameters: &str) {
        let mut left = parameters.split(';');
        while let Some(first) = left.next() {
            let number = first.split(':').next().unwrap_or_default();
            let number = if number.is_empty() { Ok(0) } else { number.parse::<u8>() };
            let Ok(number) = number else { continue };
            let mut whole = first.to_owned();
            if matches!(number, 38 | 48 | 58) && !first.contains(':') {
                let Some(model) = left.next() else { return };
                let count = match model {
                    "5" => 1,
                    "2" => 3,
                    _ => 0,
                };
                whole = [whole.as_str(), model].join(";");
                for value in left.by_ref().take(count) {
                    whole = [whole.as_str(), value].join(";");
                }
            }
            self.set(number, &whole);
        }
    }

    fn set(&mut self, number: u8, whole: &str) {
        let slots = &mut self.0;
        let mut on = |kind: usize| slots[kind] = Some(whole.into());
        match number {
            1 => on(0),
            2 => on(1),
            3 | 20 => on(2),
            4 if whole == "4:0" => slots[3] = None,
            4 | 21 => on(3),
            5 | 6 => on(4),
            7 => on(5),
            8 => on(6),
            9 => on(7),
            30..=38 | 90..=97 => on(8),
            40..=48 | 100..=107 => on(9),
            58 => on(10),
            0 => *self = Self::default(),
            22 => (slots[0], slots[1]) = (None, None),
            23 => slots[2] = None,
            24 => slots[3] = None,
            25 => slots[4] = None,
            27 => slots[5] = None,
            28 => slots[6] = None,
            29 => slots[7] = None,
            39 => slots[8] = None,
            49 => slots[9] = None,
            59 => slots[10] = None,
            _ => {}
        }
    }

    /// Appends the sequence that switches all of it on, if anything is.
    pub fn begin(&self, text: &mut Vec<u8>) {
        if self.is_plain() {
            return;
        }
        let parts: Vec<&str> = self.0.iter().filter_map(Option::as_deref).collect();
        text.extend_from_slice(format!("\x1b[{}m", parts.join(";")).as_bytes());
    }

    /// Appends the sequence that switches it off, if anything is on.
    pub fn end(&self, text: &mut Vec<u8>) {
        if !self.is_plain() {
            text.extend_from_slice(b"\x1b[0m");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_after_these_sequences() {
        for (sequences, expected) in [
            (&["31"][..], "\x1b[31m"),
            (&["1;31", "0"], ""),
            (&["31", ""], ""),
            (&["31", "0;1"], "\x1b[1m"),
            (&["1", "2", "22"], ""),
            (&["38;5;196", "48;2;1;2;3"], "\x1b[38;5;196;48;2;1;2;3m"),
            (&["38;5;1;4"], "\x1b[4;38;5;1m"),
            (&["38:2::1:2:3", "39"], ""),
            (&["4:3", "58;5;9", "24"], "\x1b[58;5;9m"),
            (&["4", "4:0"], ""),
            (&["97;100", "49"], "\x1b[97m"),
            (&["999", "x", "38", "7"], "\x1b[7m"),
        ] {
            let mut rendition = Rendition::default();
            for sequence in sequences {
                rendition.apply(sequence);
            }
            let mut text = Vec::new();
            rendition.begin(&mut text);
            assert_eq!(String::from_utf8(text).unwrap(), expected, "{sequences:?}");
        }
    }
}
