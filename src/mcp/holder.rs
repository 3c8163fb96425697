//! Who holds a port: the answer to those who would kill its holder.

use std::path::PathBuf;

use serde_json::Value;

use super::answer::{object, result};
use super::server::View;
use super::tools::Arguments;
use crate::port::listeners::holders;

pub fn holder(view: &View<'_>, arguments: &Arguments) -> Value {
    let port = arguments.number("port").and_then(|port| u16::try_from(port).ok()).unwrap_or_default();
    let own = view.ports.reservations().into_iter().find(|one| one.port == port);
    let other = if own.is_none() { holders(&[port]).into_iter().next() } else { None };
    let (ours, is_free) = (own.is_some(), own.is_none() && other.is_none());
    let text = |dir: PathBuf| dir.to_string_lossy().into_owned();
    let (holder, pid, dir, advice) = match (own, other) {
        (Some(one), _) => {
            let advice = if view.holds(&one.project, &one.dir) {
                "it is a dev server of this workspace: use it, or end it with bowline_stop"
            } else {
                "it is a dev server of another project: leave it alone; bowline_start takes a port of its own"
            };
            (Some(one.name), Some(i64::from(one.pid)), Some(text(one.dir)), advice)
        }
        (None, Some(holder)) => {
            let advice = "bowline has not started it: do not kill it; bowline_start takes a port of its own";
            (Some(holder.name), holder.pid.map(i64::from), holder.dir.map(text), advice)
        }
        (None, None) => (None, None, None, "nothing listens there"),
    };
    let answer = object(&mut [
        ("port", port.into()),
        ("free", is_free.into()),
        ("ours", ours.into()),
        ("holder", holder.into()),
        ("pid", pid.into()),
        ("dir", dir.into()),
        ("advice", advice.into()),
    ]);
    result(answer, false)
}
