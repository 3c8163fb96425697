//! Events: the one vocabulary of `--json`, the control socket and `bowline runner`, written and read.
//!
//! The types and fields of the JSON form are those of the SentryVibe runner's messages. Readers ignore fields that
//! they do not know, and read a type that they do not know as [`What::Unknown`].
//!
//! - `what`: the events · `output`: a service's output as events
//! - `told`: an event of one session, told to the one around it
//! - `lines`: bytes as lines of a bounded length · `line_reader`: such lines read without blocking

mod line_reader;
mod lines;
mod output;
mod told;
mod what;

pub use line_reader::LineReader;
pub use lines::{LONGEST_EVENT, Lines, TooLong};
pub use output::{Output, cursor, parse_cursor};
pub use told::{News, Told};
pub use what::{Event, FailureReason, IDLES, Level, ReadyBy, Refusal, State, Stream, What, how_ended};
