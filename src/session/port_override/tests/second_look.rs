//! What is unlearned: a listener that was moved, or a port that was followed, and is not the server's.

use super::*;

#[test]
fn a_program_that_obeys_is_not_moved_any_more() {
    let mut one = remembering(Some(exactly(4000)), None);
    assert_eq!(one.succeed(RESERVED, None, Some(Remark::Obeyed)), [(MOVED, None)]);
    assert_eq!(moved(&one), None);
    // It asked only once it was ready.
    let mut one = remembering(Some(exactly(4000)), None);
    one.succeed(RESERVED, Some(4000), None);
    let remarked = Evidence { remark: Some(Remark::Obeyed), ..evidence(Vec::new()) };
    assert_eq!(one.review(&remarked, None), Judgement::Obeys(vec![(MOVED, None)]));
    assert_eq!(one.review(&evidence(Vec::new()), None), Judgement::Fine);
    assert_eq!(moved(&one), None);
}

#[test]
fn a_second_look_unlearns() {
    let conflict = "listen EADDRINUSE: address already in use :::3101";
    let page = || vec![place(RESERVED, Data), place(3000, Page)];
    let two_pages = || vec![place(RESERVED, Page), place(3000, Page)];
    for (moved, remark, listeners, output, expected) in [
        (Some(exactly(4000)), None, vec![], "", Judgement::Fine),
        (Some(exactly(4000)), Some(Remark::Blocked), vec![], "", Judgement::Misplaced),
        (Some(exactly(4000)), None, vec![], conflict, Judgement::Misplaced),
        (Some(exactly(4000)), Some(Remark::Twice), vec![], conflict, Judgement::Contested),
        // A page comes up elsewhere, and the moved listener has none.
        (Some(exactly(4000)), None, page(), "", Judgement::Misplaced),
        (Some(exactly(4000)), None, vec![place(RESERVED, Page), place(3000, Page)], "", Judgement::Fine),
        // Of two pages, the framework's port and what the program says decide.
        (Some(exactly(4000)), None, vec![place(RESERVED, Page), place(5173, Page)], "", Judgement::Misplaced),
        (Some(exactly(4000)), None, two_pages(), "Local: http://localhost:3000", Judgement::Misplaced),
        (Some(exactly(4000)), None, two_pages(), "app on 4000, help on 3000", Judgement::Fine),
        (Some(exactly(4000)), None, two_pages(), "app on 3101, help on 3000", Judgement::Fine),
        (
            Some(exactly(4000)),
            None,
            vec![place(RESERVED, Empty), place(3000, Data)],
            "",
            Judgement::Misplaced,
        ),
        (Some(exactly(4000)), None, vec![place(RESERVED, None), place(3000, Page)], "", Judgement::Fine),
        (Some(exactly(4000)), None, vec![place(RESERVED, Data), place(3000, Data)], "", Judgement::Fine),
        (Some(exactly(4000)), None, vec![place(RESERVED, Data), place(HMR, Page)], "", Judgement::Fine),
        (
            Some(exactly(4000)),
            None,
            vec![place(RESERVED, Data), of("python3", 3000, Page)],
            "",
            Judgement::Fine,
        ),
        // Nothing was learned: it obeys, whatever it opens besides.
        (None, None, page(), "", Judgement::Fine),
        (None, None, vec![], conflict, Judgement::Contested),
    ] {
        let mut one = remembering(moved.clone(), None);
        one.succeed(RESERVED, None, None);
        let here = listeners.iter().find(|place| place.port == RESERVED).and_then(|place| place.greeting);
        let what = format!("{moved:?} {remark:?} {listeners:?} {output}");
        let found =
            one.review(&Evidence { output, remark, claimed: Some(4000), ..evidence(listeners) }, here);
        assert_eq!(found, expected, "{what}");
        if found == Judgement::Contested {
            assert_eq!(
                one.review(&Evidence { remark, ..saying(output) }, None),
                Judgement::Fine,
                "said once"
            );
        }
    }
}

#[test]
fn what_was_moved_wrongly_is_replaced_by_the_page() {
    let mut one = remembering(Some(MovedListener::Exactly(vec![9998, 3000])), None);
    one.succeed(RESERVED, Some(9998), None);
    let listeners = vec![place(RESERVED, Data), place(3000, Page)];
    assert!(one.asks_itself(&listeners, RESERVED));
    let later = Evidence { claimed: Some(9998), ..evidence(listeners) };
    assert_eq!(one.review(&later, Some(Data)), Judgement::Misplaced);
    one.redirect(RESERVED);
    assert_eq!(moved(&one), Some(&exactly(3000)));
    one.begin(Delivery::Unverified, false);
    assert_eq!(one.observe(&evidence(vec![place(9998, Data)])), None, "it is known not to be the server");
    let notes = one.succeed(RESERVED, Some(3000), None);
    assert_eq!(notes, [(MOVED, Some("3000".to_owned())), (BESIDE, Some("9998,9999".to_owned()))]);
}

#[test]
fn a_reservation_comes_home_to_a_program_that_obeys_late() {
    let mut one = fresh(Delivery::Unverified);
    assert_eq!(one.original(), None);
    one.follow(9998, RESERVED);
    assert_eq!(one.original(), Some(RESERVED));
    assert_eq!(one.unfollow(), (FOLLOWS, None));
    assert_eq!(one.observe(&evidence(vec![of("python3", 9998, Data)])), None);
    // It had no port before.
    let mut one = fresh(Delivery::Unverified);
    one.follow(9998, 0);
    assert_eq!(one.original(), None);
    // Another listener of it has a page, and the followed one has none.
    let mut one = fresh(Delivery::Unverified);
    one.follow(9998, RESERVED);
    let later =
        Evidence { reserved: 9998, ..evidence(vec![of("python3", 9998, Data), of("python3", 8000, Page)]) };
    assert_eq!(one.review(&later, Some(Data)), Judgement::Follow);
    assert_eq!(one.elsewhere(), Some(&[of("python3", 8000, Page)][..]));
}

#[test]
fn what_was_given_no_port_is_not_waited_for_until_it_obeys() {
    for (greeting, reserved, millis) in
        [(Page, RESERVED, 10_000), (Page, 0, 1_500), (Data, RESERVED, 30_000), (Data, 0, 6_000)]
    {
        let mut one = PortOverride::remembering(
            Facts { role: Role::Last, ..facts() },
            None,
            None,
            PathBuf::from("/preload.cjs"),
        );
        one.begin(Delivery::Unverified, false);
        let listeners = evidence(vec![place(4000, greeting)]);
        let found = seen(&mut one, &Evidence { reserved, sources: Some(&READING), ..listeners });
        let patience = found.and_then(|(_, _, patience)| patience);
        assert_eq!(patience, Some(millis), "{greeting:?} {reserved}");
    }
}

#[test]
fn the_servers_that_are_told_are_not_only_those_with_a_page() {
    let mut one = fresh(Delivery::Unverified);
    let listeners = vec![place(4000, Data), place(5173, Page), place(9229, Foreign), place(HMR, Data)];
    one.observe(&evidence(listeners));
    assert_eq!(one.elsewhere(), Some(&[place(5173, Page)][..]));
    assert_eq!(one.servers(), [place(5173, Page), place(4000, Data)]);
}

#[test]
fn what_the_preload_has_remarked_tells_who_was_in_the_way() {
    let conflict = "listen EADDRINUSE: address already in use :::3101";
    for (remark, output, expected) in [
        (Some(Remark::Blocked), "", true),
        (None, conflict, true),
        (Some(Remark::Twice), conflict, false),
        (Some(Remark::Obeyed), conflict, false),
        (None, "", false),
    ] {
        let mut one = remembering(Some(exactly(4000)), None);
        let run = FailedRun { exit: Exit::Code(1), settled: true };
        let found = one.is_redirectable(run, &Evidence { remark, ..saying(output) });
        assert_eq!(found, expected, "{remark:?} {output}");
    }
}

#[test]
fn a_moved_listener_that_is_in_the_way_is_not_moved_again() {
    let mut one = remembering(Some(exactly(4000)), None);
    let conflict = "listen EADDRINUSE: address already in use :::3101";
    assert!(one.is_redirectable(failed(1), &saying(conflict)));
    let message = one.redirect(RESERVED);
    assert!(message.contains("it asks for its reserved port 3101 itself"), "{message}");
    assert_eq!((one.forget(), one.forget()), (Some((MOVED, None)), None));
    assert_eq!(moved(&one), None);
    one.begin(Delivery::Unverified, false);
    assert_eq!(one.observe(&evidence(vec![place(4000, Page)])), None);
}

#[test]
fn only_what_cannot_be_the_server_is_learned_to_be_beside_it() {
    for (greeting, here, expected) in [
        (None, None, false),
        (Some(Foreign), None, true),
        (Some(Empty), None, true),
        (Some(Data), None, false),
        (Some(Data), Some(Data), false),
        (Some(Data), Some(Page), true),
        (Some(Page), Some(Page), false),
    ] {
        let mut one = remembering(Some(exactly(4000)), None);
        let note = one.learn(&[place(8000, greeting)], here, RESERVED);
        assert_eq!(note.is_some(), expected, "{greeting:?} {here:?}");
    }
}
