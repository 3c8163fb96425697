//! Whether the cursor on stderr is within a line of the service, where a line of bowline's own must not begin.

use std::sync::atomic::{AtomicBool, Ordering};

use super::columns::has_text;

/// Whether the last line on stderr is unfinished. A global, as stderr is one: bowline's last message is printed
/// after the sinks are gone.
static UNFINISHED: AtomicBool = AtomicBool::new(false);

/// In bytes. A longer line is taken to have text, not just escape sequences.
const LOOKED_AT: usize = 4096;

/// Records that bowline begins a line. Returns whether the line before it has to be ended first.
pub(super) fn begin() -> bool {
    UNFINISHED.swap(false, Ordering::Relaxed)
}

/// Records output of a service that went to the same place as bowline's lines.
pub(super) fn passed(bytes: &[u8]) {
    let end = bytes.iter().rposition(|&byte| byte == b'\n');
    let rest = end.map_or(bytes, |end| &bytes[end + 1..]);
    // Servers reset colours after a line.
    let unfinished = rest.len() > LOOKED_AT || has_text(rest.strip_suffix(b"\r").unwrap_or(rest));
    if end.is_some() || unfinished {
        UNFINISHED.store(unfinished, Ordering::Relaxed);
    }
}

/// Records where the cursor was left by whoever knows.
pub(super) fn set_unfinished(unfinished: bool) {
    UNFINISHED.store(unfinished, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_a_line_unfinished() {
        for (bytes, unfinished) in [
            ("abc", true),
            ("abc\n", false),
            ("abc\ndef", true),
            ("\x1b[31mabc\n\x1b[0m", false),
            ("\n\x1b[2K\x1b[1G", false),
            ("\n\x1b[2K> ", true),
            ("50%\r", true),
            ("\n\x1b]0;title\x07\x1b(B", false),
            ("\n\x1b]0;title\x07text", true),
            ("\n\r", false),
        ] {
            begin();
            passed(bytes.as_bytes());
            assert_eq!(begin(), unfinished, "{bytes:?}");
        }
        passed(b"abc");
        passed(b"\x1b[0m");
        passed(b"");
        assert!(begin(), "a sequence finishes no line");
        assert!(!begin());
    }
}
