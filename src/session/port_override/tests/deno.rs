//! Deno loads no file by a variable: the first server of a program is moved, whichever that is.

use super::*;

const DENO: MovedListener = MovedListener::Deno(4000);
const REFUSED: &str = "AddrInUse: Address already in use (os error 98)\nDeno.serve({ port: 3000 }, answer)";

#[test]
fn the_only_listener_is_moved_and_another_one_is_followed() {
    for (listeners, expected) in [
        (vec![of("deno", 4000, Page)], Some(&DENO)),
        (vec![of("deno", 4000, Page), of("deno", 4001, Data)], None),
        (vec![of("deno", 4000, Page), of("deno", 4001, Foreign)], None),
    ] {
        let mut one = fresh(Delivery::Unverified);
        let is_movable = one.observe(&evidence(listeners.clone())).map(|seen| seen.redirectable);
        assert_eq!(is_movable, Some(expected.is_some()), "{listeners:?}");
        one.redirect(RESERVED);
        assert_eq!(moved(&one), expected, "{listeners:?}");
    }
}

#[test]
fn it_is_moved_once() {
    let mut one = remembering(Some(DENO), None);
    let found = seen(&mut one, &evidence(vec![of("deno", 4000, Page)]));
    assert_eq!(found, Some((vec![4000], false, Some(1_500))));
    // It may be slow this time.
    let found = seen(&mut one, &evidence(vec![of("deno", 4001, Page)]));
    assert_eq!(found, Some((vec![4001], false, Some(10_000))));
}

#[test]
fn a_refused_one_is_moved_and_remembered() {
    let mut one = fresh(Delivery::Unverified);
    assert!(one.is_redirectable(failed(1), &saying(REFUSED)));
    assert_eq!(one.refused(), None, "there is a way out");
    one.redirect(RESERVED);
    assert_eq!(moved(&one), Some(&MovedListener::Deno(0)));
    one.begin(Delivery::Unverified, false);
    let note = (MOVED, Some("deno 0".to_owned()));
    assert_eq!(one.succeed(RESERVED, None, None), [note]);
    assert_eq!(one.succeed(RESERVED, None, None), []);
}

#[test]
fn one_that_may_listen_on_its_own_port_alone_is_started_without() {
    for is_known in [false, true] {
        let mut one = remembering(is_known.then_some(DENO), None);
        if !is_known {
            one.observe(&evidence(vec![of("deno", 4000, Page)]));
            one.redirect(RESERVED);
            one.begin(Delivery::Unverified, false);
        }
        let denied = "NotCapable: Requires net access to \"127.0.0.1:3101\"";
        assert!(one.is_redirectable(failed(1), &saying(denied)));
        one.redirect(RESERVED);
        assert_eq!(moved(&one), None);
        one.begin(Delivery::Unverified, false);
        let found = seen(&mut one, &evidence(vec![of("deno", 4000, Page)]));
        assert_eq!(found, Some((vec![4000], false, Some(1_500))));
        assert_eq!(one.succeed(RESERVED, None, None).contains(&(MOVED, None)), is_known);
    }
}

#[test]
fn a_second_program_that_finds_the_port_taken_gets_its_own() {
    for after_ready in [false, true] {
        let mut one = remembering(Some(DENO), None);
        if after_ready {
            one.succeed(RESERVED, None, None);
            assert_eq!(one.review(&saying(REFUSED), None), Judgement::Misplaced);
        } else {
            assert!(one.is_redirectable(failed(1), &saying(REFUSED)));
        }
        one.redirect(RESERVED);
        assert_eq!(moved(&one), None);
        one.begin(Delivery::Unverified, false);
        let again = evidence(vec![of("deno", 4000, Page)]);
        assert_eq!(seen(&mut one, &again), Some((vec![4000], false, Some(1_500))), "it is followed");
    }
}

#[test]
fn a_server_that_is_not_the_first_of_its_program_any_more_gets_its_own_port() {
    let mut one = remembering(Some(DENO), None);
    one.succeed(RESERVED, None, None);
    let listeners = vec![of("deno", RESERVED, None), of("deno", 4000, None)];
    assert_eq!(one.review(&evidence(listeners), None), Judgement::Misplaced);
    one.redirect(RESERVED);
    assert_eq!(moved(&one), None);
}

#[test]
fn a_better_one_is_followed_without() {
    let mut one = remembering(Some(DENO), None);
    one.succeed(RESERVED, None, None);
    let listeners = vec![of("deno", RESERVED, Data), of("deno", 5000, Page)];
    assert_eq!(one.review(&evidence(listeners.clone()), Some(Data)), Judgement::Misplaced);
    one.redirect(RESERVED);
    assert_eq!(moved(&one), None);
    let mut one = remembering(Some(DENO), None);
    one.succeed(RESERVED, None, None);
    assert_eq!(one.review(&evidence(listeners), Some(Page)), Judgement::Fine);
}
