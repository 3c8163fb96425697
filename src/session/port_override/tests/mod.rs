//! Every decision of a port override, by tables: no processes, no files.

mod deno;
mod patience;
mod second_look;

use std::path::PathBuf;
use std::time::Duration;

use super::decisions::{BESIDE, MOVED, PortOverride};
use super::facts::Facts;
use super::sources::Sources;
use super::*;
use crate::detect::catalog::Role;
use crate::launch::{Delivery, MovedListener, Remark};
use crate::port::FOLLOWS;
use crate::port::Greeting::{self, Data, Empty, Foreign, Page};
use crate::process::Exit;
use crate::supervise::Observation;
use crate::supervise::service::FailedRun;

const RESERVED: u16 = 3101;
/// A port that the framework opens beside its own.
const EXTRA: u16 = 8911;
/// A port that any framework may open beside its own.
const HMR: u16 = 24_678;
/// A port that was open beside the server's before.
const BESIDE_PORT: u16 = 9999;

fn facts() -> Facts {
    Facts {
        auxiliary: vec![EXTRA],
        suspect: vec![HMR],
        beside: vec![BESIDE_PORT],
        conventional: 5173,
        is_one_of_several: false,
        is_concurrent: false,
        role: Role::Main,
        runs_sources: true,
        is_ephemeral: |port| port >= 32_768,
    }
}

fn fresh(delivery: Delivery) -> PortOverride {
    let mut one = PortOverride::remembering(facts(), None, None, PathBuf::from("/preload.cjs"));
    one.begin(delivery, false);
    one
}

fn remembering(moved: Option<MovedListener>, follows: Option<u16>) -> PortOverride {
    let mut one = PortOverride::remembering(facts(), moved, follows, PathBuf::from("/preload.cjs"));
    one.begin(Delivery::Unverified, false);
    one
}

fn exactly(port: u16) -> MovedListener {
    MovedListener::Exactly(vec![port])
}

/// A listener of a node program with this answer.
fn place(port: u16, greeting: impl Into<Option<Greeting>>) -> Place {
    of("node", port, greeting)
}

fn of(program: &str, port: u16, greeting: impl Into<Option<Greeting>>) -> Place {
    Place { port, pid: 42, program: program.to_owned(), greeting: greeting.into() }
}

fn moved(one: &PortOverride) -> Option<&MovedListener> {
    one.preload.as_ref().map(|preload| &preload.moved)
}

static NO_SOURCES: Sources = sources(false);
static READING: Sources = sources(true);

const fn sources(reads_port: bool) -> Sources {
    Sources { reads_port, own: Vec::new(), servers: Vec::new(), defaults: Vec::new(), is_whole: true }
}

fn evidence(listeners: Vec<Place>) -> Evidence<'static> {
    let is_taken = &|port| port == 3000 || port == HMR;
    Evidence {
        reserved: RESERVED,
        listeners,
        output: "",
        sources: Some(&NO_SOURCES),
        remark: None,
        claimed: None,
        is_taken,
    }
}

fn saying(output: &str) -> Evidence<'_> {
    Evidence { output, ..evidence(Vec::new()) }
}

fn failed(code: u8) -> FailedRun {
    FailedRun { exit: Exit::Code(code), settled: false }
}

/// The ports that are candidates, whether they can be moved, and for how many milliseconds they must stay.
fn seen(one: &mut PortOverride, evidence: &Evidence<'_>) -> Option<(Vec<u16>, bool, Option<u128>)> {
    let Observation { ports, redirectable, patience } = one.observe(evidence)?;
    Some((ports, redirectable, patience.map(|patience| patience.as_millis())))
}

#[test]
fn listeners_on_other_ports_are_observed() {
    use Delivery::{Flag, Unverified, Variable};
    for (delivery, listeners, expected) in [
        (Unverified, vec![], None),
        // The reserved port and what its framework opens are not "elsewhere".
        (Unverified, vec![place(RESERVED, None), place(EXTRA, Page)], None),
        (Unverified, vec![place(4000, Page)], Some((vec![4000], true, Some(1_500)))),
        (Variable, vec![place(4000, Page)], Some((vec![4000], true, Some(5_000)))),
        (Flag, vec![place(4000, Page)], Some((vec![4000], true, Some(15_000)))),
        // The conventional port is the likeliest.
        (Unverified, vec![place(4000, Page), place(5173, Page)], Some((vec![5173, 4000], true, Some(1_500)))),
        // A page is likelier than that.
        (Unverified, vec![place(4000, Page), place(5173, Data)], Some((vec![4000], true, Some(1_500)))),
        // Without a page it takes longer, but on the conventional port.
        (Unverified, vec![place(4000, Data)], Some((vec![4000], true, Some(6_000)))),
        (Unverified, vec![place(5173, Data)], Some((vec![5173], true, Some(1_500)))),
        // Nothing at all is less than data, but on the conventional port.
        (Unverified, vec![place(4000, Empty)], Some((vec![4000], true, Some(10_000)))),
        (Unverified, vec![place(5173, Empty)], Some((vec![5173], true, Some(1_500)))),
        (Unverified, vec![place(4000, Empty), place(4001, Data)], Some((vec![4001], true, Some(6_000)))),
        (
            Unverified,
            vec![place(5173, Empty), place(4001, Data)],
            Some((vec![5173, 4001], true, Some(1_500))),
        ),
        // What has not answered may be a server, and is not concluded.
        (Unverified, vec![place(4000, None)], Some((vec![4000], false, None))),
        (Unverified, vec![place(4000, None), place(4001, Page)], Some((vec![4001], true, Some(1_500)))),
        // What is no server for people is none, alone or not.
        (Unverified, vec![place(4000, Foreign)], None),
        (Unverified, vec![place(5173, Foreign)], None),
        (Unverified, vec![place(4000, Foreign), place(4001, Page)], Some((vec![4001], true, Some(1_500)))),
        // Ports of HMR, and those that the system chose, count only with a page, and only alone.
        (Unverified, vec![place(HMR, Page), place(4000, Page)], Some((vec![4000], true, Some(1_500)))),
        (Unverified, vec![place(HMR, Page)], Some((vec![HMR], true, Some(5_000)))),
        (Unverified, vec![place(40_000, Page)], Some((vec![40_000], true, Some(5_000)))),
        (Unverified, vec![place(HMR, Data)], None),
        (Unverified, vec![place(40_000, Data)], None),
        (Unverified, vec![place(HMR, None)], Some((vec![HMR], false, None))),
        // What was beside the server's port before hardly has become the server.
        (Unverified, vec![place(BESIDE_PORT, Data)], Some((vec![BESIDE_PORT], true, Some(30_000)))),
        (Unverified, vec![place(BESIDE_PORT, Page)], Some((vec![BESIDE_PORT], true, Some(20_000)))),
        (
            Unverified,
            vec![place(BESIDE_PORT, Page), place(4000, Data)],
            Some((vec![4000], true, Some(6_000))),
        ),
        (Flag, vec![place(HMR, Page), place(40_000, Page)], None),
        // The same port twice, on IPv4 and IPv6.
        (Unverified, vec![place(4000, Page), place(4000, Page)], Some((vec![4000], true, Some(1_500)))),
    ] {
        let found = seen(&mut fresh(delivery), &evidence(listeners.clone()));
        assert_eq!(found, expected, "{delivery:?} {listeners:?}");
    }
}

#[test]
fn of_two_listeners_that_answer_alike_the_one_that_the_program_names_is_the_server() {
    for (output, expected) in [
        ("", vec![4000, 4001]),
        ("listening on http://localhost:4001", vec![4001]),
        ("metrics on 4000\napp on 4001", vec![4001]),
        ("4000 and 4001", vec![4000, 4001]),
        ("listening on 4001", vec![4001]),
    ] {
        let listeners = vec![place(4000, Data), place(4001, Data)];
        let said = Evidence { output, ..evidence(listeners) };
        let found = seen(&mut fresh(Delivery::Unverified), &said);
        assert_eq!(found.map(|(ports, ..)| ports), Some(expected), "{output}");
    }
}

#[test]
fn only_what_matters_is_asked_and_late() {
    let one = fresh(Delivery::Unverified);
    assert_eq!(one.ask_after(RESERVED, RESERVED), None);
    assert_eq!(one.ask_after(EXTRA, RESERVED), None);
    assert_eq!(one.ask_after(4000, RESERVED), Some(Duration::from_millis(800)));
    assert_eq!(fresh(Delivery::Flag).ask_after(4000, RESERVED), Some(Duration::from_millis(14_300)));
    assert_eq!(remembering(None, Some(4000)).ask_after(4000, RESERVED), Some(Duration::ZERO));
}

#[test]
fn programs_of_three_runtimes_are_movable() {
    for (program, expected) in [
        ("node", true),
        ("node-22", true),
        ("bun", true),
        ("bun.exe", true),
        ("deno", true),
        ("python3", false),
    ] {
        let found = seen(&mut fresh(Delivery::Unverified), &evidence(vec![of(program, 4000, Page)]));
        assert_eq!(found.map(|(_, redirectable, _)| redirectable), Some(expected), "{program}");
    }
}

#[test]
fn a_refused_port_is_read_from_the_output() {
    let complaint = "Error: listen EADDRINUSE: address already in use :::3000";
    for (delivery, listeners, output, expected) in [
        (Delivery::Unverified, vec![], complaint, Some(vec![])),
        (Delivery::Unverified, vec![place(4000, Page)], complaint, Some(vec![])),
        // A conventional listener is the server, whatever else was refused.
        (Delivery::Unverified, vec![place(5173, Page)], complaint, Some(vec![5173])),
        // A server told by flag asks for no other port.
        (Delivery::Flag, vec![], complaint, None),
        (Delivery::Unverified, vec![], "listening on 3000", None),
        // An HMR socket that was refused.
        (Delivery::Unverified, vec![], "Error: listen EADDRINUSE: address already in use :::24678", None),
        (Delivery::Unverified, vec![], "WebSocket server error: Port 3000 is already in use", None),
    ] {
        let what = format!("{delivery:?} {listeners:?} {output}");
        let found = fresh(delivery).observe(&Evidence { output, ..evidence(listeners) });
        assert_eq!(found.map(|seen| seen.ports), expected, "{what}");
    }
}

#[test]
fn the_next_start_moves_what_was_observed() {
    for (listeners, expected) in [
        (vec![place(4000, Page)], exactly(4000)),
        (vec![place(5173, Page), place(4000, Page)], exactly(5173)),
        (vec![place(4000, Data), place(4001, Page)], exactly(4001)),
        (vec![place(4000, Page), place(4001, Page)], MovedListener::FirstOf(vec![4000, 4001])),
        (vec![place(40_000, Page)], MovedListener::FirstOf(vec![40_000, 0])),
    ] {
        let mut one = fresh(Delivery::Unverified);
        one.observe(&evidence(listeners));
        let message = one.redirect(RESERVED);
        assert!(message.contains("starting it once more"), "{message}");
        assert_eq!(moved(&one), Some(&expected));
    }
}

#[test]
fn a_start_that_fails_with_its_listener_moved_is_repeated_without() {
    let mut one = fresh(Delivery::Unverified);
    one.observe(&evidence(vec![place(4000, Page)]));
    one.redirect(RESERVED);
    one.begin(Delivery::Unverified, false);
    assert!(one.is_redirectable(failed(1), &saying("TypeError")));
    one.redirect(RESERVED);
    assert_eq!(moved(&one), None);
    // It is not tried again.
    one.begin(Delivery::Unverified, false);
    let found = seen(&mut one, &evidence(vec![place(4000, Page)]));
    assert_eq!(found, Some((vec![4000], false, Some(1_500))));
    assert!(!one.is_redirectable(failed(1), &saying("EADDRINUSE")));
}

#[test]
fn which_exits_are_worth_another_start() {
    let complaint = "listen EADDRINUSE: address already in use :::3000";
    let conflict = "listen EADDRINUSE: address already in use :::3101";
    for (moved, exit, settled, output, expected) in [
        (None, 1, false, complaint, true),
        (None, 0, false, "listening on 3000", true),
        (None, 1, true, complaint, false),
        (None, 1, false, "listening on 3000", false),
        (None, 1, false, conflict, false),
        (None, 1, false, "SyntaxError", false),
        // A run with a remembered preload may fail for any reason; only a conflict is surely caused by the
        // preload, at any time.
        (Some(exactly(4000)), 1, false, "SyntaxError", false),
        (Some(exactly(4000)), 1, false, conflict, true),
        (Some(exactly(4000)), 1, true, conflict, true),
        (Some(MovedListener::Refused), 1, false, "SyntaxError", false),
    ] {
        let mut one = remembering(moved.clone(), None);
        let run = FailedRun { exit: Exit::Code(exit), settled };
        let what = format!("{moved:?} {exit} {settled} {output}");
        assert_eq!(one.is_redirectable(run, &saying(output)), expected, "{what}");
        assert_eq!(one.is_contested, moved.is_none() && output == conflict, "{what}");
    }
}

#[test]
fn notes_are_stored_when_they_have_changed() {
    let moves = |value: &str| (MOVED, Some(value.to_owned()));
    for (moved, follows, claimed, expected) in [
        (None, None, None, vec![]),
        (Some(exactly(4000)), None, None, vec![]),
        (Some(exactly(4000)), None, Some(4000), vec![]),
        (Some(MovedListener::FirstOf(vec![4000, 4001])), None, Some(4001), vec![moves("4001")]),
        (Some(MovedListener::FirstOf(vec![4000])), None, None, vec![]),
        (Some(MovedListener::FirstOf(vec![40_000, 0])), None, Some(0), vec![moves("?0")]),
        (Some(MovedListener::Refused), None, Some(3000), vec![moves("3000")]),
        (Some(MovedListener::Refused), None, None, vec![]),
        // It obeys now: the followed port is forgotten.
        (None, Some(4000), None, vec![(FOLLOWS, None)]),
        (None, Some(RESERVED), None, vec![]),
    ] {
        let mut one = remembering(moved.clone(), follows);
        assert_eq!(one.succeed(RESERVED, claimed, None), expected, "{moved:?} {follows:?} {claimed:?}");
        assert_eq!(one.succeed(RESERVED, claimed, None), [], "again: {moved:?} {follows:?} {claimed:?}");
    }
}

#[test]
fn ports_beside_the_servers_are_noted() {
    let mut one = fresh(Delivery::Unverified);
    one.observe(&evidence(vec![
        place(4000, None),
        place(HMR, Foreign),
        place(EXTRA, Page),
        place(40_000, Data),
    ]));
    assert_eq!(one.succeed(RESERVED, None, None), [(BESIDE, Some("4000,9999".to_owned()))]);
    assert_eq!(one.succeed(RESERVED, None, None), []);
    // The port that the reservation follows is none of them.
    let mut one = remembering(None, Some(4000));
    one.observe(&evidence(vec![of("python3", 4000, Page), of("python3", 4001, Data)]));
    assert_eq!(one.succeed(4000, None, None), [(BESIDE, Some("4001,9999".to_owned()))]);
}

#[test]
fn a_followed_port_is_noted_once_and_known_the_next_time() {
    let mut one = fresh(Delivery::Unverified);
    one.observe(&evidence(vec![of("python3", 4000, Page)]));
    assert_eq!(one.elsewhere(), Some(&[of("python3", 4000, Page)][..]));
    assert_eq!(one.follow(4000, RESERVED), Some((FOLLOWS, Some("4000".to_owned()))));
    assert_eq!(one.follow(4000, RESERVED), None);
    assert_eq!(one.elsewhere(), None);
    for (greeting, sources, millis) in [
        (Some(Page), &NO_SOURCES, Some(0)),
        (Some(Data), &NO_SOURCES, Some(0)),
        (None, &NO_SOURCES, None),
        // It may obey by now.
        (Some(Data), &READING, Some(30_000)),
    ] {
        let again = Evidence { sources: Some(sources), ..evidence(vec![of("python3", 4000, greeting)]) };
        let found = seen(&mut remembering(None, Some(4000)), &again);
        assert_eq!(found, Some((vec![4000], false, millis)), "{greeting:?} {sources:?}");
    }
    // Notes of earlier versions, which followed anything.
    assert_eq!(remembering(None, Some(HMR)).follows, None);
}

#[test]
fn places_are_listed_with_their_programs() {
    let places = [place(4000, Page), of("python3", 5000, None)];
    assert_eq!(list(&places), "port 4000 (node, pid 42) and port 5000 (python3, pid 42)");
}
