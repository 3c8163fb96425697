//! The view of users: the service's own output untouched and a few lines of bowline's on stderr, or events as JSON
//! lines.

mod columns;
mod human;
mod json;
mod keys;
mod labels;
mod line;
mod line_cutter;
mod log_lines;
mod modes;
mod portion;
mod prefixed;
mod prefixes;
mod recent;
mod rendition;
mod screen;
mod streams;
mod style;
mod table;
mod view;

pub use human::Human;
pub use json::JsonLines;
pub use log_lines::LogLines;
pub use modes::{passed, restore_terminal};
pub use prefixed::Prefixed;
pub use prefixes::Prefix;
pub use style::{ColorChoice, Style};
pub use table::{age, align, align_within, size};

use std::io::{self, Write};

use crate::event::Stream;

/// Prints an answer to stdout, with control characters escaped. A reader that has gone is no error: it has seen
/// what it wanted.
///
/// # Errors
/// The output cannot be written, as on a full disk.
pub fn print(text: &str) -> io::Result<()> {
    pass(Stream::Stdout, style::rendered(text).as_bytes())
}

/// Passes on the output of a service, untouched.
pub fn pass(stream: Stream, bytes: &[u8]) -> io::Result<()> {
    passed(bytes);
    let mut out: Box<dyn Write> = match stream {
        Stream::Stdout => Box::new(io::stdout().lock()),
        Stream::Stderr => Box::new(io::stderr().lock()),
    };
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome,
    }
}

/// Prints a warning to stderr, as [`eprint_line`] does.
pub fn eprint_warning(style: Style, message: &str) {
    eprint_line(&format!("{}  {} {message}", style.name(), style.warning("warning:")));
}

/// Prints a warning about a service, with its name if that is to be told.
pub fn eprint_warning_of(style: Style, name: Option<&str>, message: &str) {
    match name {
        Some(name) => eprint_warning(style, &format!("{name}: {message}")),
        None => eprint_warning(style, message),
    }
}

/// Prints a line of bowline's own to stderr, with control characters escaped.
pub fn eprint_line(line: &str) {
    let begun = if line::begin() { "\n" } else { "" };
    let line = [begun, &style::rendered(line), "\n"].concat();
    // In one write, as other processes may write there too. If stderr is closed, there is nowhere to report that.
    let _closed = io::stderr().lock().write_all(line.as_bytes());
}
