//! The modes of the terminal that a service has changed, to be put back when it did not do so itself.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::process::terminal::undo_after_a_kill;

/// The private modes of a terminal (DECSET) that programs set for their time, and whether each is on by default.
const MODES: [(u16, bool); 11] = [
    // The cursor is shown.
    (25, true),
    // The alternate screen, three times.
    (1049, false),
    (1047, false),
    (47, false),
    // Reports of the mouse, of the focus, and of pasted text.
    (1000, false),
    (1002, false),
    (1003, false),
    (1006, false),
    (1015, false),
    (1004, false),
    (2004, false),
];
/// Those of them that stand for the alternate screen.
const ALTERNATE_SCREEN: [u16; 3] = [1049, 1047, 47];
/// The longest sequence that is looked at, in bytes. Those of the table are shorter, several at once included.
const LONGEST: usize = 64;

/// A global, as the terminal is one.
static CHANGED: Mutex<Modes> = Mutex::new(Modes { changed: [false; MODES.len()], sequence: Vec::new() });

#[derive(Debug)]
struct Modes {
    /// Whether each mode of the table differs from its default.
    changed: [bool; MODES.len()],
    /// A sequence from its escape character on, whose end has not come yet.
    sequence: Vec<u8>,
}

/// Records output of a service that was written to standard output, if that is a terminal.
pub fn passed(bytes: &[u8]) {
    static IS_TERMINAL: OnceLock<bool> = OnceLock::new();
    if *IS_TERMINAL.get_or_init(|| io::stdout().is_terminal()) {
        let mut modes = CHANGED.lock().unwrap_or_else(PoisonError::into_inner);
        let before = modes.changed;
        modes.read(bytes);
        if modes.changed != before {
            undo_after_a_kill(&modes.sequences());
        }
    }
}

/// Whether the service draws on the alternate screen, where a line of ours would be drawn over.
pub fn on_alternate_screen() -> bool {
    let modes = CHANGED.lock().unwrap_or_else(PoisonError::into_inner);
    modes.changed.iter().zip(MODES).any(|(changed, (mode, _))| *changed && ALTERNATE_SCREEN.contains(&mode))
}

/// Shows the cursor again, leaves the alternate screen, and so on, as far as a service has left it otherwise.
pub fn restore_terminal() {
    let sequences = undo();
    if !sequences.is_empty() {
        let mut out = io::stdout().lock();
        // A terminal that is gone needs nothing.
        let _gone = out.write_all(sequences.as_bytes()).and_then(|()| out.flush());
    }
}

/// The sequences that do so. What they undo counts as undone.
pub(super) fn undo() -> String {
    undo_after_a_kill("");
    CHANGED.lock().unwrap_or_else(PoisonError::into_inner).undo()
}

impl Modes {
    fn read(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.sequence.is_empty() {
                let Some(start) = bytes.iter().position(|&byte| byte == 0x1b) else { return };
                self.sequence.push(0x1b);
                bytes = &bytes[start + 1..];
                continue;
            }
            let byte = bytes[0];
            if byte == 0x1b {
                self.sequence.truncate(1);
            } else if self.sequence.len() == 1 && byte != b'[' || self.sequence.len() == LONGEST {
                self.sequence.clear();
            } else {
                self.sequence.push(byte);
                if self.sequence.len() > 2 && (0x40..=0x7e).contains(&byte) {
                    self.apply();
                    self.sequence.clear();
                }
            }
            bytes = &bytes[1..];
        }
    }

    /// Acts on a whole sequence: `ESC [ ? 25 ; 2004 h`, or `l`.
    fn apply(&mut self) {
        let Some(([b'?', parameters @ ..], is_on)) = (match self.sequence.get(2..) {
            Some([rest @ .., b'h']) => Some((rest, true)),
            Some([rest @ .., b'l']) => Some((rest, false)),
            Some(_) | None => None,
        }) else {
            return;
        };
        for number in parameters.split(|&byte| byte == b';') {
            let number = std::str::from_utf8(number).ok().and_then(|text| text.parse::<u16>().ok());
            for (changed, (mode, default)) in self.changed.iter_mut().zip(MODES) {
                if number == Some(mode) {
                    *changed = is_on != default;
                }
            }
        }
    }

    /// The sequences that put every mode back to its default.
    fn sequences(&self) -> String {
        let changed = self.changed.iter().zip(MODES).filter(|(changed, _)| **changed);
        let undone =
            changed.map(|(_, (mode, default))| format!("\x1b[?{mode}{}", if default { 'h' } else { 'l' }));
        undone.collect::<Vec<_>>().concat()
    }

    fn undo(&mut self) -> String {
        let sequences = self.sequences();
        self.changed = Default::default();
        sequences
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn undone(pieces: &[&str]) -> String {
        let mut modes = Modes { changed: [false; MODES.len()], sequence: Vec::new() };
        for piece in pieces {
            modes.read(piece.as_bytes());
        }
        modes.undo()
    }

    #[test]
    fn what_was_left_changed_is_undone_and_nothing_else() {
        for (output, expected) in [
            ("plain", ""),
            ("\x1b[?25l", "\x1b[?25h"),
            ("\x1b[?25lworking\x1b[?25h", ""),
            ("\x1b[?25h", ""),
            ("\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"),
            ("\x1b[?1000;1006h\x1b[?2004h", "\x1b[?1000l\x1b[?1006l\x1b[?2004l"),
            ("\x1b[25l\x1b[?9999l\x1b[?12l\x1b]0;title\x07\x1b[31m", ""),
            ("\x1b\x1b[?25l", "\x1b[?25h"),
            ("\x1b[\x1b[?25l", "\x1b[?25h"),
        ] {
            assert_eq!(undone(&[output]), expected, "{output:?}");
            // Cut anywhere.
            for at in 0..output.len() {
                let (before, after) = output.split_at(at);
                assert_eq!(undone(&[before, after]), expected, "{before:?} {after:?}");
            }
        }
    }

    #[test]
    fn a_sequence_without_an_end_is_given_up() {
        let endless = format!("\x1b[?{}", "1;".repeat(LONGEST));
        assert_eq!(undone(&[&endless, "\x1b[?25l"]), "\x1b[?25h");
    }
}
