//! Every decision of a port override, by tables: no processes, no files.

use super::*;

const RESERVED: u16 = 3101;

fn facts() -> Facts {
    Facts {
        auxiliary: vec![INSPECTOR],
        suspect: vec![24_678],
        conventional: 5173,
        is_concurrent: false,
        role: Role::Main,
        is_ephemeral: |port| port >= 32_768,
    }
}

fn fresh(delivery: Delivery) -> PortOverride {
    let mut one = PortOverride::remembering(facts(), None, None, PathBuf::from("/preload.cjs"));
    one.begin(delivery);
    one
}

fn remembering(moved: Option<MovedListener>, follows: Option<u16>) -> PortOverride {
    let mut one = PortOverride::remembering(facts(), moved, follows, PathBuf::from("/preload.cjs"));
    one.begin(Delivery::Unverified);
    one
}

fn place(port: u16, program: &str) -> Place {
    Place { port, pid: 42, program: program.to_owned() }
}

fn moved(one: &PortOverride) -> Option<&MovedListener> {
    one.preload.as_ref().map(|preload| &preload.moved)
}

const NOT_TAKEN: &dyn Fn(u16) -> bool = &|_| false;

#[test]
fn listeners_on_other_ports_are_observed() {
    use Delivery::{Flag, Unverified, Variable};
    for (delivery, ports, expected, is_redirectable, millis) in [
        (Unverified, &[][..], None, false, 0),
        // The reserved port and the inspector are not "elsewhere".
        (Unverified, &[RESERVED, INSPECTOR][..], None, false, 0),
        (Unverified, &[4000][..], Some(&[4000][..]), true, 1_500),
        (Variable, &[4000][..], Some(&[4000][..]), true, 5_000),
        (Flag, &[4000][..], Some(&[4000][..]), true, 15_000),
        // A conventional port is the likeliest.
        (Unverified, &[4000, 5173][..], Some(&[5173, 4000][..]), true, 1_500),
        // HMR sockets and ports of the system's choice count only alone, and are waited out.
        (Unverified, &[24_678, 4000][..], Some(&[4000][..]), true, 1_500),
        (Unverified, &[24_678][..], Some(&[24_678][..]), true, 5_000),
        (Unverified, &[40_000][..], Some(&[40_000][..]), true, 5_000),
        (Flag, &[24_678, 40_000][..], None, false, 0),
        // The same port twice, on IPv4 and IPv6.
        (Unverified, &[4000, 4000][..], Some(&[4000][..]), true, 1_500),
    ] {
        let listeners = ports.iter().map(|&port| place(port, "node")).collect();
        let seen = fresh(delivery).observe(listeners, RESERVED, "", NOT_TAKEN);
        let seen = seen.map(|seen| (seen.ports, seen.redirectable, seen.patience));
        let expected = expected.map(|ports| (ports.to_vec(), is_redirectable, Duration::from_millis(millis)));
        assert_eq!(seen, expected, "{delivery:?} {ports:?}");
    }
}

#[test]
fn only_node_programs_are_movable() {
    for (program, is_redirectable) in [("node", true), ("node-22", true), ("bun", false), ("python3", false)]
    {
        let seen = fresh(Delivery::Unverified).observe(vec![place(4000, program)], RESERVED, "", NOT_TAKEN);
        assert_eq!(seen.map(|seen| seen.redirectable), Some(is_redirectable), "{program}");
    }
}

#[test]
fn a_refused_port_is_read_from_the_output() {
    let complaint = "Error: listen EADDRINUSE: address already in use :::3000";
    let is_taken: &dyn Fn(u16) -> bool = &|port| port == 3000;
    for (delivery, listeners, output, expected) in [
        (Delivery::Unverified, vec![], complaint, Some(vec![])),
        (Delivery::Unverified, vec![place(4000, "node")], complaint, Some(vec![])),
        // A conventional listener is the server, whatever else was refused.
        (Delivery::Unverified, vec![place(5173, "node")], complaint, Some(vec![5173])),
        // A server told by flag asks for no other port.
        (Delivery::Flag, vec![], complaint, None),
        (Delivery::Unverified, vec![], "listening on 3000", None),
    ] {
        let what = format!("{delivery:?} {listeners:?} {output}");
        let seen = fresh(delivery).observe(listeners, RESERVED, output, is_taken);
        assert_eq!(seen.map(|seen| seen.ports), expected, "{what}");
    }
}

#[test]
fn the_next_start_moves_what_was_observed() {
    for (ports, expected) in [
        (&[4000][..], MovedListener::Exactly(vec![4000])),
        (&[5173, 4000][..], MovedListener::Exactly(vec![5173])),
        (&[4000, 4001][..], MovedListener::FirstOf(vec![4000, 4001])),
        (&[40_000][..], MovedListener::FirstOf(vec![40_000, 0])),
    ] {
        let mut one = fresh(Delivery::Unverified);
        let listeners = ports.iter().map(|&port| place(port, "node")).collect();
        one.observe(listeners, RESERVED, "", NOT_TAKEN);
        let message = one.redirect(RESERVED);
        assert!(message.contains("starting it once more"), "{message}");
        assert_eq!(moved(&one), Some(&expected), "{ports:?}");
    }
}

#[test]
fn a_start_that_fails_with_its_listener_moved_is_repeated_without() {
    let mut one = fresh(Delivery::Unverified);
    one.observe(vec![place(4000, "node")], RESERVED, "", NOT_TAKEN);
    one.redirect(RESERVED);
    one.begin(Delivery::Unverified);
    assert!(one.is_redirectable(Exit::Code(1), RESERVED, "TypeError", NOT_TAKEN));
    one.redirect(RESERVED);
    assert_eq!(moved(&one), None);
    // It is not tried again.
    one.begin(Delivery::Unverified);
    let seen = one.observe(vec![place(4000, "node")], RESERVED, "", NOT_TAKEN);
    assert_eq!(seen.map(|seen| seen.redirectable), Some(false));
    assert!(!one.is_redirectable(Exit::Code(1), RESERVED, "EADDRINUSE", NOT_TAKEN));
}

#[test]
fn which_exits_are_worth_another_start() {
    let complaint = "listen EADDRINUSE: address already in use :::3000";
    let conflict = "listen EADDRINUSE: address already in use :::3101";
    let is_taken: &dyn Fn(u16) -> bool = &|port| port == 3000;
    let exactly = || Some(MovedListener::Exactly(vec![4000]));
    for (moved, exit, output, expected) in [
        (None, 1, complaint, true),
        (None, 0, "listening on 3000", true),
        (None, 1, "listening on 3000", false),
        (None, 1, conflict, false),
        (None, 1, "SyntaxError", false),
        // A run with a remembered preload may fail for any reason; only a conflict is surely caused by the
        // preload.
        (exactly(), 1, "SyntaxError", false),
        (exactly(), 1, conflict, true),
        (Some(MovedListener::Refused), 1, "SyntaxError", false),
    ] {
        let mut one = remembering(moved.clone(), None);
        let redirectable = one.is_redirectable(Exit::Code(exit), RESERVED, output, is_taken);
        assert_eq!(redirectable, expected, "{moved:?} {exit} {output}");
    }
}

#[test]
fn a_moved_listener_that_is_in_the_way_is_not_moved_again() {
    let mut one = remembering(Some(MovedListener::Exactly(vec![4000])), None);
    let conflict = "listen EADDRINUSE: address already in use :::3101";
    assert!(one.is_redirectable(Exit::Code(1), RESERVED, conflict, NOT_TAKEN));
    one.redirect(RESERVED);
    assert_eq!(moved(&one), None);
    one.begin(Delivery::Unverified);
    assert_eq!(one.observe(vec![place(4000, "node")], RESERVED, "", NOT_TAKEN), None);
}

#[test]
fn notes_are_stored_when_they_have_changed() {
    let moves = |value: &str| (MOVES, Some(value.to_owned()));
    for (moved, follows, claimed, expected) in [
        (None, None, None, vec![]),
        (Some(MovedListener::Exactly(vec![4000])), None, None, vec![]),
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
        assert_eq!(one.succeed(RESERVED, claimed), expected, "{moved:?} {follows:?} {claimed:?}");
        assert_eq!(one.succeed(RESERVED, claimed), [], "again: {moved:?} {follows:?} {claimed:?}");
    }
}

#[test]
fn a_followed_port_is_noted_once_and_known_the_next_time() {
    let mut one = fresh(Delivery::Unverified);
    one.observe(vec![place(4000, "python3")], RESERVED, "", NOT_TAKEN);
    assert_eq!(one.elsewhere(), Some(&[place(4000, "python3")][..]));
    assert_eq!(one.follow(4000), Some((FOLLOWS, Some("4000".to_owned()))));
    assert_eq!(one.follow(4000), None);
    assert_eq!(one.elsewhere(), None);
    let seen = remembering(None, Some(4000)).observe(vec![place(4000, "python3")], RESERVED, "", NOT_TAKEN);
    assert_eq!(seen.map(|seen| seen.patience), Some(Duration::ZERO));
}

#[test]
fn places_are_listed_with_their_programs() {
    let places = [place(4000, "node"), place(5000, "python3")];
    assert_eq!(list(&places), "port 4000 (node, pid 42) and port 5000 (python3, pid 42)");
}
