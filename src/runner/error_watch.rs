//! Errors in the output of a running server, reported once no more have come for a while.

use std::time::{Duration, Instant};

/// Errors within this time after a server became ready belong to its start.
const STARTING: Duration = Duration::from_secs(10);
/// How long no more errors must have come before they are reported.
const SETTLED: Duration = Duration::from_secs(3);
/// The signs of an error in a line, in lower case.
const ERRORS: [&str; 12] = [
    "module not found", "cannot find module", "syntaxerror", "syntax error", "typeerror", "type error",
    "error ts", "referenceerror", "reference error", "failed to compile", "enoent", "eacces",
];

/// Errors in the output of one server since it became ready.
#[derive(Debug, Default)]
pub(super) struct ErrorWatch {
    ready: Option<Instant>,
    /// When the errors are to be reported, if there are any: by the first line, and the chunk of output around it.
    pub due: Option<Instant>,
    first_line: String,
    output: String,
}

impl ErrorWatch {
    /// Watches a server that is ready now.
    pub fn since(now: Instant) -> Self {
        Self { ready: Some(now), ..Self::default() }
    }

    /// Looks for errors in a chunk of output.
    pub fn scan(&mut self, output: &str, now: Instant) {
        if self.ready.is_none_or(|ready| now.saturating_duration_since(ready) < STARTING) {
            return;
        }
        let plain = anstream::adapter::strip_str(output).to_string();
        let is_error = |line: &&str| {
            let line = line.to_ascii_lowercase();
            ERRORS.iter().any(|error| line.contains(error))
        };
        let Some(first) = plain.lines().find(is_error) else { return };
        if self.due.replace(now + SETTLED).is_none() {
            (self.first_line, self.output) = (first.trim().to_owned(), plain.trim().to_owned());
        }
    }

    /// The first line of errors that are due, and the chunk of output around it.
    pub fn take_due(&mut self, now: Instant) -> Option<(String, String)> {
        self.due.take_if(|due| *due <= now)?;
        Some((std::mem::take(&mut self.first_line), std::mem::take(&mut self.output)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_reported_once_they_have_settled_but_not_those_of_the_start() {
        let start = Instant::now();
        let later = |seconds| start + Duration::from_secs(seconds);
        let mut watch = ErrorWatch::default();
        watch.scan("TypeError: not ready", later(0));
        assert_eq!(watch.due, None);
        watch = ErrorWatch::since(start);
        watch.scan("TypeError: x is no function", later(1));
        assert_eq!(watch.due, None);
        watch.scan("fine\n\u{1b}[31mModule not found: Can't resolve 'x'\u{1b}[0m\n", later(11));
        watch.scan("Failed to compile", later(12));
        assert_eq!(watch.take_due(later(14)), None);
        let (error, output) = watch.take_due(later(15)).unwrap();
        assert_eq!(error, "Module not found: Can't resolve 'x'");
        assert_eq!(output, "fine\nModule not found: Can't resolve 'x'");
        assert_eq!(watch.take_due(later(30)), None);
    }
}
