//! The lines that users of the port allocator know.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::net::TcpListener;

use bowline::port::{PortChoice, PortRequest};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::support::{Place, block};

thread_local! {
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// One subscriber for all threads: those of single threads do not see what others met first.
struct Lines;

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            write!(self.0, "{value:?}").unwrap();
        }
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "port-allocator"
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        LINES.with_borrow_mut(|lines| lines.push(message.0));
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

fn lines_of(work: impl FnOnce()) -> Vec<String> {
    let _ = tracing::subscriber::set_global_default(Lines);
    LINES.take();
    work();
    LINES.take()
}

#[test]
fn the_four_scenarios_are_told_word_for_word() {
    let (place, block) = (Place::new(), block(4));
    let (range, start) = (block.range, block.range.start);
    let request = place.request("abc-123", range);
    let head =
        ["🎯 Allocating port for project abc-123".to_owned(), format!("   Framework: next, Range: {range}")];

    let first = lines_of(|| assert!(range.contains(place.visit(&request))));
    assert_eq!(first[..2], head);
    assert_eq!(
        first[2..],
        [
            format!("🔍 Scanning for available port in range {range}"),
            format!("✅ Found available port: {start}"),
            format!("💾 Reserving port {start} in database"),
            format!("✅ Successfully reserved port {start}"),
        ]
    );

    let again = lines_of(|| assert!(range.contains(place.visit(&request))));
    assert_eq!(again[..2], head);
    assert_eq!(
        again[2..],
        [
            format!("📋 Found existing allocation: port {start}"),
            format!("🔍 Checking if port {start} still available..."),
            format!("✅ Reusing port {start} (still available)"),
        ]
    );

    let mut taken = vec![TcpListener::bind(("127.0.0.1", start)).unwrap()];
    let moved = lines_of(|| assert!(range.contains(place.visit(&request))));
    assert_eq!(
        moved[2..],
        [
            format!("📋 Found existing allocation: port {start}"),
            format!("🔍 Checking if port {start} still available..."),
            format!("❌ Port {start} no longer available, will reallocate"),
            format!("🔍 Scanning for available port in range {range}"),
            format!("✅ Found available port: {}", start + 1),
            format!("💾 Reserving port {} in database", start + 1),
            format!("✅ Successfully reserved port {}", start + 1),
        ]
    );

    taken.extend((start + 1..=range.end).map(|port| TcpListener::bind(("127.0.0.1", port)).unwrap()));
    let new = PortRequest { choice: PortChoice::Preferred(start), ..place.request("new", range) };
    let full = lines_of(|| drop(place.allocate(&new).unwrap_err()));
    assert_eq!(
        full[2..],
        [
            format!("❌ Port {start} in use"),
            format!("🔍 Scanning for available port in range {range}, starting from {start}"),
            format!("❌ Port {} in use", start + 2),
            format!("❌ Port {} in use", start + 3),
            format!("❌ Port {} in use", start + 1),
            "⚠️  No available ports found".to_owned(),
        ]
    );
}
