//! The line of a watch's output that says that its first build is through.

use regex_lite::Regex;

use super::tail::plain;
use crate::event::Stream;

/// The most of a line that is looked at, in bytes.
const LONGEST: usize = 8 * 1024;

/// The watches of a service that have not said yet that their first build is through.
#[derive(Debug)]
pub(super) struct FirstBuild {
    /// One for each.
    awaited: Vec<Regex>,
    lines: [Line; 2],
}

/// The line of one stream whose end has not come yet.
#[derive(Debug, Default)]
struct Line {
    bytes: Vec<u8>,
    /// Whether it was the line of a watch.
    is_taken: bool,
}

impl FirstBuild {
    /// `None` if nothing is awaited.
    pub fn of(awaited: Vec<Regex>) -> Option<Self> {
        let lines = [Line::default(), Line::default()];
        (!awaited.is_empty()).then_some(Self { awaited, lines })
    }

    /// Takes in output. True if every watch has said it now.
    pub fn push(&mut self, stream: Stream, bytes: &[u8]) -> bool {
        let line = &mut self.lines[stream as usize];
        // A carriage return alone begins the line anew, as the progress of a build does.
        for part in bytes.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            let has_end = part.ends_with(b"\n") || part.ends_with(b"\r");
            let text = &part[..part.len() - usize::from(has_end)];
            let room = LONGEST.saturating_sub(line.bytes.len());
            line.bytes.extend_from_slice(&text[..text.len().min(room)]);
            if !line.is_taken {
                line.is_taken = take(&mut self.awaited, &line.bytes);
            }
            if has_end {
                line.bytes.clear();
                line.is_taken = false;
            }
        }
        self.awaited.is_empty()
    }
}

/// Removes the first watch whose line this is.
fn take(awaited: &mut Vec<Regex>, line: &[u8]) -> bool {
    let text = plain(line);
    let found = awaited.iter().position(|one| one.is_match(&text));
    found.map(|at| awaited.remove(at)).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn awaiting(patterns: &[&str]) -> FirstBuild {
        let patterns: Vec<Regex> = patterns.iter().map(|one| Regex::new(one).unwrap()).collect();
        FirstBuild::of(patterns).unwrap()
    }

    #[test]
    fn a_line_is_found_however_it_is_cut_and_coloured() {
        let tsc = r"Found \d+ errors?\. Watching for file changes\.";
        let text = b"\x1bc\x1b[90m10:00\x1b[0m Starting\r\n[\x1b[90m10:00\x1b[0m] Found \x1b[1m0\x1b[0m errors. Watching for file changes.\r\n";
        for cut in 1..text.len() {
            let mut first_build = awaiting(&[tsc]);
            let mut pieces = text.chunks(cut);
            assert!(pieces.any(|piece| first_build.push(Stream::Stdout, piece)), "{cut}");
        }
    }

    #[test]
    fn lines_of_two_streams_are_kept_apart() {
        let mut first_build = awaiting(&["built in"]);
        assert!(!first_build.push(Stream::Stdout, b"bui"));
        assert!(!first_build.push(Stream::Stderr, b"lt in"));
        assert!(first_build.push(Stream::Stdout, b"lt in"));
    }

    #[test]
    fn progress_on_one_line_is_no_obstacle() {
        let mut first_build = awaiting(&["^done$"]);
        assert!(!first_build.push(Stream::Stderr, b"10%\r20%\r"));
        assert!(first_build.push(Stream::Stderr, b"done\r"));
    }

    #[test]
    fn each_watch_has_its_own_line() {
        let mut first_build = awaiting(&["Found", "Found", "Done"]);
        // One line in pieces is one line.
        assert!(!first_build.push(Stream::Stdout, b"Found 0"));
        assert!(!first_build.push(Stream::Stdout, b" errors, Found\n"));
        assert!(!first_build.push(Stream::Stdout, b"Done\n"));
        assert!(first_build.push(Stream::Stdout, b"Found 0 errors\n"));
    }

    #[test]
    fn a_line_without_end_takes_no_memory() {
        let mut first_build = awaiting(&["built"]);
        for _ in 0..1_000 {
            assert!(!first_build.push(Stream::Stdout, &[b'x'; 100]));
        }
        assert!(first_build.lines[0].bytes.len() <= LONGEST);
        assert!(first_build.push(Stream::Stdout, b"\nbuilt\n"));
    }
}
