//! bowline's own log: in `bowline.log` always, on stderr with `-v`.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use crate::visible;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// The target of the port allocator's lines, whose wording SentryVibe users know.
const PORT_ALLOCATOR: &str = "port-allocator";
/// The target of lines that have been printed on stderr already, so that `-v` does not repeat them.
pub const PRINTED: &str = "bowline::printed";
/// Size at which the log is rotated, in bytes. One older file is kept.
const LIMIT: u64 = 1024 * 1024;

/// Must be flushed before a fork, or both processes write what is buffered.
static FILE: Mutex<Option<BufWriter<File>>> = Mutex::new(None);

/// The layer that writes the log, with the rule which lines go to stderr as well.
#[derive(Clone, Copy, Debug)]
pub struct LogLayer {
    pub verbose: u8,
    /// Whether `VERBOSE_PORT_ALLOCATOR` is `true`.
    pub port_allocator: bool,
}

impl LogLayer {
    fn shows(self, level: Level, target: &str) -> bool {
        match self.verbose {
            0 => self.port_allocator && target == PORT_ALLOCATOR,
            1 => level <= Level::INFO,
            _ => true,
        }
    }
}

/// Starts logging. Without a directory, or on a full disk, nothing is written and nothing fails.
pub fn start(logs: Option<&Path>, layer: LogLayer) {
    let _taken = tracing_subscriber::registry().with(layer).try_init();
    let opened = logs.and_then(open).map(BufWriter::new);
    *FILE.lock().unwrap_or_else(PoisonError::into_inner) = opened;
}

pub fn flush() {
    if let Some(file) = FILE.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
        // A full disk only loses log lines.
        let _full = file.flush();
    }
}

fn open(logs: &Path) -> Option<File> {
    let path = logs.join("bowline.log");
    if path.metadata().is_ok_and(|metadata| metadata.len() > LIMIT) {
        std::fs::rename(&path, logs.join("bowline.log.1")).ok()?;
    }
    OpenOptions::new().append(true).create(true).mode(0o600).open(path).ok()
}

impl<S: Subscriber> Layer<S> for LogLayer {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let (level, target) = (*event.metadata().level(), event.metadata().target());
        // Lines of libraries are not for users.
        if target != PORT_ALLOCATOR && !target.starts_with("bowline") {
            return;
        }
        let mut message = Message(String::new());
        event.record(&mut message);
        let target = if target == PORT_ALLOCATOR { target } else { "bowline" };
        // Continuation lines are indented, so that a message cannot forge a log line.
        let line = format!("[{target}] {}", visible::lines(&message.0).replace('\n', "\n    "));
        if event.metadata().target() != PRINTED && self.shows(level, target) {
            crate::ui::eprint_line(&line);
        }
        if let Some(file) = FILE.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            let time = humantime::format_rfc3339_millis(SystemTime::now());
            let _full = writeln!(file, "{time} {} {line}", std::process::id());
        }
    }
}

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _infallible = match field.name() {
            "message" => write!(self.0, "{value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}
