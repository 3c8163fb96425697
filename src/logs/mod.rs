//! The output of services on disk: a file per service, bounded and rotated, with stream and time.
//!
//! A file is a sequence of records, each a head line and the bytes as they came:
//!
//! ```text
//! <milliseconds since the epoch> <o|e|s> <length in bytes>\n
//! <bytes>\n
//! ```
//!
//! `o` and `e` are the standard output and error. An `s` record holds a cursor (see [`crate::event::cursor`]): the
//! session whose output follows, and how many bytes it had written before. One comes at the start of each session
//! and file and after each gap, so that every byte that is kept has a known position.
//!
//! A record holds what one read returned, so writing costs one system call per read whatever the number of lines,
//! and the bytes are unchanged. A record that a crash cut short ends the file and is read as far as it goes. A
//! file that has grown to its limit replaces the older one. Of a flood, which is more output in a second than the
//! files can hold, only the end is written.

mod file;
mod read;
mod record;
mod sink;

pub use file::{file, named};
pub use read::{Record, from, of_project, read, to_events};
pub use record::Recorder;
pub use sink::RecordingSink;
