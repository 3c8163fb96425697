//! Bowlines beside this one that forward ports to services of other sessions. What they tell of that, this one tells.

use std::future::poll_fn;
use std::io::{self, PipeReader};

use super::caught::Telling;
use crate::event::{Event, LONGEST_EVENT, LineReader, Lines, What};
use crate::port::Reservation;

/// Passes on to the session of this reservation what the others print: by its control socket, as its loop alone writes
/// events. Needs a running tokio runtime.
pub fn relay(joiners: Vec<(Reservation, PipeReader)>, own: &Reservation) -> io::Result<()> {
    for (joined, output) in joiners {
        let lines = LineReader::new(output.into(), Lines::new(LONGEST_EVENT))?;
        tokio::spawn(pass_on(joined, lines, own.clone()));
    }
    Ok(())
}

async fn pass_on(joined: Reservation, mut lines: LineReader, own: Reservation) {
    while let Some(line) = poll_fn(|cx| lines.poll_line(cx)).await {
        let event = line.ok().and_then(|line| serde_json::from_slice::<Event>(&line).ok());
        if let Some(Event { what: what @ What::PortForwarded { .. }, .. }) = event {
            Telling::new(&own, &joined.name, &joined.project).tell(what);
        }
    }
}
