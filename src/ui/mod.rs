//! What users see: the service's own output untouched, a few lines of bowline's on stderr, or events as JSON lines.

mod human;
mod json;
mod prefixed;
mod style;

pub use human::Human;
pub use json::JsonLines;
pub use prefixed::Prefixed;
pub use style::{ColorChoice, Style};

use std::io::{self, Write};

/// Prints an answer to stdout. A reader that has gone away is no error: it has seen what it wanted.
///
/// # Errors
/// The output cannot be written, as on a full disk.
pub fn print(text: &(impl AsRef<[u8]> + ?Sized)) -> io::Result<()> {
    let mut out = io::stdout().lock();
    forgiving(out.write_all(text.as_ref()).and_then(|()| out.flush()))
}

/// The standard output for a conversation: a reader that has gone away is an error.
#[derive(Debug)]
pub struct Answers;

impl Write for Answers {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stdout().lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().lock().flush()
    }
}

/// Prints a line of bowline's own to stderr.
pub fn complain(line: &str) {
    // There is nowhere left to say that stderr is closed.
    let _closed = writeln!(io::stderr().lock(), "{line}");
}

fn forgiving(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome,
    }
}
