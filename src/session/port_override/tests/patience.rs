//! How long a listener waits to be believed, by what the sources say and what else is moved.

use super::*;

#[test]
fn while_a_moved_listener_is_awaited_others_wait_longer() {
    for (listener, millis) in [
        (place(HMR, Page), 20_000),
        (place(4001, Data), 20_000),
        (place(4001, Page), 10_000),
        // It is the framework's own port, or the one that was to be moved.
        (place(5173, Page), 1_500),
        (place(4000, Page), 1_500),
    ] {
        let mut one = remembering(Some(exactly(4000)), None);
        let found = one.observe(&evidence(vec![listener.clone()])).and_then(|found| found.patience);
        assert_eq!(found, Some(Duration::from_millis(millis)), "{listener:?}");
    }
}

#[test]
fn a_project_that_reads_the_variable_may_obey_late() {
    for (listener, millis) in [
        (place(4000, Page), 10_000),
        (place(4000, Data), 30_000),
        (place(HMR, Page), 20_000),
        (place(5173, Data), 10_000),
        // Hardly anything else has the framework's own port.
        (place(5173, Page), 1_500),
    ] {
        let late = Evidence { sources: Some(&READING), ..evidence(vec![listener.clone()]) };
        let found = seen(&mut fresh(Delivery::Unverified), &late);
        assert_eq!(found, Some((vec![listener.port], true, Some(millis))), "{listener:?}");
        // Its environment file says why it is on that port.
        let own = Sources { own: vec![listener.port], ..sources(true) };
        let explained = Evidence { sources: Some(&own), ..evidence(vec![listener.clone()]) };
        let found = seen(&mut fresh(Delivery::Unverified), &explained);
        assert!(found.is_some_and(|(.., wait)| wait <= Some(6_000)), "{listener:?}");
        let unknown = Evidence { sources: None, ..evidence(vec![listener.clone()]) };
        let found = seen(&mut fresh(Delivery::Unverified), &unknown);
        assert_eq!(
            found,
            Some((vec![listener.port], false, None)).filter(|_| millis > 1_500).or(found.clone())
        );
    }
}

#[test]
fn a_program_whose_servers_are_all_open_is_believed_sooner() {
    let in_sources = |servers: &[&[u16]], defaults: &[&[u16]]| {
        let lists = |lists: &[&[u16]]| lists.iter().map(|list| list.to_vec()).collect::<Vec<_>>();
        let reads_port = !defaults.is_empty();
        Sources { servers: lists(servers), defaults: lists(defaults), ..sources(reads_port) }
    };
    let only = || vec![place(4000, Data)];
    for (servers, defaults, listeners, seconds) in [
        (&[&[4000][..]][..], &[][..], only(), 3),
        (&[&[4000]], &[], vec![place(4000, Page)], 1),
        (&[&[4000]], &[], vec![place(4000, Empty)], 3),
        // What reads `PORT` does without.
        (&[&[4000]], &[&[4000][..]], only(), 3),
        // What reads it may open one by a package.
        (&[&[4000]], &[&[]], only(), 10),
        (&[&[4000]], &[&[3000]], only(), 10),
        // One that is not open yet, or not known by its text.
        (&[&[4000], &[4001]], &[], only(), 6),
        (&[&[4000], &[4001]], &[], vec![place(4000, Data), place(4001, Foreign)], 3),
        (&[&[4000], &[]], &[], only(), 6),
        (&[&[4000], &[]], &[&[]], only(), 30),
        // A port of none of them.
        (&[&[4001]], &[], only(), 6),
        (&[], &[], only(), 6),
        // Hardly a server's.
        (&[&[BESIDE_PORT]], &[], vec![place(BESIDE_PORT, Data)], 30),
    ] {
        let what = format!("{servers:?} {defaults:?} {listeners:?}");
        let found = in_sources(servers, defaults);
        let mut one = fresh(Delivery::Unverified);
        one.facts.role = Role::Runtime;
        let seen = one.observe(&Evidence { sources: Some(&found), ..evidence(listeners.clone()) });
        let patience = seen.and_then(|seen| seen.patience);
        assert_eq!(patience.map(|patience| patience.as_secs()), Some(seconds), "{what}");
        // A framework opens its own server.
        let mut one = fresh(Delivery::Unverified);
        let seen = one.observe(&Evidence { sources: Some(&found), ..evidence(listeners) });
        assert!(seen.and_then(|seen| seen.patience) >= patience, "{what}");
    }
}
