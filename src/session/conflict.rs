//! The failure of a start that got no port.

use std::collections::BTreeMap;

use super::prepared::Prepared;
use crate::config::FilePlace;
use crate::event::{Event, What};
use crate::invocation::{Failure, Invocation};
use crate::port::{PortChoice, PortError, is_blocked};
use crate::range::Range;
use crate::ui;

/// Refuses two services that are to have one port.
///
/// # Errors
/// There are two such services.
pub fn ensure_own_ports(prepared: &[Prepared<'_>]) -> Result<(), Failure> {
    let mut ordered: BTreeMap<u16, &Prepared<'_>> = BTreeMap::new();
    for one in prepared {
        let PortChoice::Exact(port) = one.request.choice else { continue };
        let Some(other) = ordered.insert(port, one) else { continue };
        let (first, second) = (&other.project().name, &one.project().name);
        let message = format!("`{first}` and `{second}` are both to have port {port}");
        let hint = "give one of them another port, or `port = true` for one of its own";
        return Err(one.detected().configured.mistake(&FilePlace::at(&["port"]), &message, hint));
    }
    Ok(())
}

/// The failure of a reservation. A single service without a port is a `port-conflict` event as well.
pub fn report(invocation: &Invocation, error: PortError, prepared: &[Prepared<'_>]) -> Failure {
    if let (true, true, [one]) = (invocation.json, error.is_no_port(), prepared) {
        let port = wanted(one.request.choice, one.request.range);
        let what = What::PortConflict { port, message: error.to_string() };
        if let Err(error) = ui::print(&format!("{}\n", Event::now(&one.request.project, what).to_json())) {
            return error.into();
        }
    }
    failure(error, prepared)
}

/// The failure of services that start together. The hint says if their range has too few ports.
pub fn failure(error: PortError, prepared: &[Prepared<'_>]) -> Failure {
    let hint =
        if let PortError::Exhausted { range, .. } = &error { too_many(*range, prepared) } else { None };
    let failure = Failure::from(error);
    Failure { hint: hint.or(failure.hint), ..failure }
}

/// The hint if more services share this range than it has ports.
fn too_many(range: Range, prepared: &[Prepared<'_>]) -> Option<String> {
    let is_within = |one: &&Prepared<'_>| one.request.range == range && one.detected().has_port();
    let those: Vec<_> = prepared.iter().filter(is_within).collect();
    let ports = range.end - range.start + 1;
    let key = &those.get(usize::from(ports))?.request.framework;
    let end = range.start.checked_add(u16::try_from(those.len()).ok()?.checked_mul(2)?)?;
    Some(format!(
        "there are {ports} ports for {} services: name those to start, or write `range = \"{}-{end}\"` under \
         `[framework.{key}]` in bowline.toml",
        those.len(),
        range.start
    ))
}

/// The port to name in the event: the one asked for, else the first of the range that may be used at all.
fn wanted(choice: PortChoice, range: Range) -> u16 {
    match choice {
        PortChoice::Exact(port)
        | PortChoice::Preferred(port)
        | PortChoice::Followed(port)
        | PortChoice::Observed(port) => port,
        PortChoice::Any | PortChoice::None => {
            (range.start..=range.end).find(|&port| !is_blocked(port)).unwrap_or(range.start)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conflict_names_a_usable_port() {
        let range = |start, end| Range::new(start, end).unwrap();
        for (choice, range, port) in [
            (PortChoice::Any, range(6000, 6100), 6001),
            (PortChoice::Any, range(3101, 3200), 3101),
            (PortChoice::Any, range(6665, 6669), 6665),
            (PortChoice::Preferred(4000), range(6000, 6100), 4000),
            (PortChoice::Exact(6000), range(6000, 6100), 6000),
        ] {
            assert_eq!(wanted(choice, range), port, "{choice:?} {range}");
        }
    }
}
