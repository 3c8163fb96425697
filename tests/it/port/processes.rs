//! Several processes at once, killed ones among them.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use bowline::port::{AllocateOptions, PortError, PortRequest, Ports, SessionId};

use super::holder::{Holder, Role};
use super::support::{Place, allocate, block, port, prune, sessions_ended};

#[test]
fn a_hundred_processes_get_a_hundred_ports() {
    let (place, block) = (Place::new(), block(100));
    let mut holders: Vec<Holder> =
        (0..100).map(|n| Holder::start(&place, &format!("p{n}"), block.range, Role::Supervisor)).collect();
    let ports: BTreeSet<u16> = holders.iter_mut().map(Holder::port).collect();
    assert_eq!(ports, (block.range.start..=block.range.end).collect());
    assert_eq!(place.ports().reservations().len(), 100);
    for holder in &mut holders {
        holder.end_stdin();
    }
    holders.into_iter().for_each(Holder::finish);
    assert_eq!(place.ports().reservations(), []);
    assert_eq!(place.run_files(), Vec::<String>::new());
}

#[test]
fn twenty_starts_of_one_project_are_one_server() {
    let (place, block) = (Place::new(), block(20));
    let mut holders: Vec<Holder> =
        (0..20).map(|_| Holder::start(&place, "same", block.range, Role::Supervisor)).collect();
    let answers: Vec<Result<u16, String>> = holders.iter_mut().map(Holder::answer).collect();
    let (given, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(given, [Ok(block.range.start)]);
    let already = Err(format!("already running: `same` on port {}", block.range.start));
    assert!(refused.iter().all(|answer| *answer == already), "{refused:?}");
    holders.into_iter().for_each(Holder::finish);
}

#[test]
fn writers_that_are_killed_in_the_middle_damage_nothing() {
    let (place, block) = (Place::new(), block(12));
    for round in 0..5 {
        let mut holders: Vec<Holder> = (0..4)
            .map(|n| Holder::start(&place, &format!("p{round}-{n}"), block.range, Role::Restless))
            .collect();
        for holder in &mut holders {
            // Its next transaction is under way by the time that this one is read.
            for _ in 0..=round {
                holder.port();
            }
            holder.kill();
        }
    }
    let lease = place.allocate(&place.request("after", block.range)).unwrap();
    assert!(lease.warnings().is_empty(), "{:?}", lease.warnings());
    lease.release(SystemTime::now()).unwrap();
    assert_eq!(place.run_files(), Vec::<String>::new());
    assert_eq!(place.ports().usage(&[block.range])[0].in_use, 0);
}

#[test]
fn what_is_committed_but_not_settled_is_durable() {
    let (place, block) = (Place::new(), block(3));
    place.visit(&place.request("first", block.range));
    let mut holder = Holder::start(&place, "a", block.range, Role::Unsettled);
    let reserved = holder.port();
    holder.kill();
    let lease = place.allocate(&place.request("a", block.range)).unwrap();
    assert!(lease.warnings().is_empty(), "the store is repaired, not set aside: {:?}", lease.warnings());
    assert_eq!(port(&lease), reserved, "the port of a bowline that was killed at once is remembered");
}

#[test]
fn what_is_reserved_but_not_committed_is_gone_with_its_process() {
    let (place, block) = (Place::new(), block(3));
    let first = place.visit(&place.request("first", block.range));
    let mut holder = Holder::start(&place, "a", block.range, Role::Uncommitted);
    let reserved = holder.port();
    // Asking means waiting, so nobody is asked before.
    holder.kill();
    assert_eq!(place.ports().remembered("a"), None);
    let lease = place.allocate(&place.request("b", block.range)).unwrap();
    assert!(lease.warnings().is_empty(), "the store is as it was: {:?}", lease.warnings());
    assert_eq!(port(&lease), reserved);
    assert_eq!(place.visit(&place.request("first", block.range)), first);
}

#[test]
fn others_have_their_turn_once_a_lease_is_settled() {
    let (place, block) = (Place::new(), block(2));
    let mut first = Holder::start(&place, "a", block.range, Role::Unsettled);
    let reserved = first.port();
    let mut second = Holder::start(&place, "b", block.range, Role::Supervisor);
    first.end_stdin();
    assert_ne!(second.port(), reserved);
    assert_eq!(first.port(), reserved);
    first.finish();
    second.finish();
}

#[test]
fn a_transaction_that_does_not_end_keeps_nobody_waiting_for_ever() {
    let (place, block) = (Place::new(), block(6));
    let ports = place.ports().with_patience(Duration::from_millis(20));
    let request = |project: &str| place.request(project, block.range);
    let single = allocate(&ports, &[request("single")]).unwrap();
    let mut several = allocate(&ports, &["a", "b"].map(request)).unwrap();
    let mut holder = Holder::start(&place, "holder", block.range, Role::Unsettled);
    let held = holder.port();

    let error = allocate(&ports, &[request("late")]).unwrap_err();
    assert!(
        matches!(&error, PortError::Busy { path } if *path == place.root().join("ports.lock")),
        "{error}"
    );
    assert!(error.hint().contains("bowline doctor"));
    assert!(matches!(ports.note("single", "key", Some("value")), Err(PortError::Busy { .. })));
    let lost = PortRequest { exclude: vec![several.reservations()[0].port], ..request("a") };
    let (now, end_leftovers) = (SystemTime::now(), &|_: &SessionId| {});
    let terms = AllocateOptions { now, patience: Duration::ZERO, end_leftovers };
    assert!(matches!(several.replace(&lost, terms), Err(PortError::Busy { .. })));
    // The ports are given back all the same.
    several.remove("a").unwrap();
    single.release(now).unwrap();
    let reserved = |ports: &Ports| {
        let reservations = ports.reservations().into_iter();
        reservations.map(|held| (held.project, held.port)).collect::<Vec<_>>()
    };
    let rest = vec![("b".to_owned(), several.reservations()[0].port), ("holder".to_owned(), held)];
    assert_eq!(reserved(&ports), rest);

    holder.finish();
    let released = prune(&place.ports(), now).released;
    let mut released: Vec<&str> = released.iter().map(|row| row.project.as_str()).collect();
    released.sort_unstable();
    assert_eq!(released, ["a", "holder", "single"], "the store learns of it afterwards");
    assert_eq!(reserved(&place.ports()), rest[..1]);
}

#[test]
fn a_killed_process_has_no_reservation() {
    let (place, block) = (Place::new(), block(3));
    let mut holder = Holder::start(&place, "a", block.range, Role::Supervisor);
    assert_eq!(holder.port(), block.range.start);
    holder.kill();
    let (ended, lease) = sessions_ended(&place.ports(), &place.request("b", block.range));
    assert_eq!(ended.len(), 1, "no guardian said that the service is gone, so leftovers are looked for");
    let lease = lease.unwrap();
    assert_eq!(port(&lease), block.range.start + 1, "the port of `a` is still remembered");
    assert_eq!(place.ports().reservations().len(), 1);
    assert_eq!(place.run_files().len(), 2, "the files of the killed one are gone");
    assert_eq!(place.visit(&place.request("a", block.range)), block.range.start);
}

#[test]
fn what_is_given_back_leaves_the_leftovers_of_others_to_be_ended() {
    let (place, block) = (Place::new(), block(4));
    let ports = place.ports();
    let mut several =
        allocate(&ports, &["b", "c"].map(|project| place.request(project, block.range))).unwrap();
    let mut other = Holder::start(&place, "d", block.range, Role::Supervisor);
    other.port();
    other.kill();
    several.remove("b").unwrap();
    several.release(SystemTime::now()).unwrap();
    let (ended, lease) = sessions_ended(&ports, &place.request("e", block.range));
    assert_eq!(ended.len(), 1, "nobody has ended them before");
    drop(lease);
}

#[test]
fn prune_says_what_it_released() {
    let (place, block) = (Place::new(), block(3));
    let mut holder = Holder::start(&place, "a", block.range, Role::Supervisor);
    let port = holder.port();
    assert_eq!(prune(&place.ports(), SystemTime::now()).released, []);
    holder.kill();
    assert_eq!(place.ports().reservations(), []);
    let released = prune(&place.ports(), SystemTime::now()).released;
    assert_eq!(released.len(), 1);
    assert_eq!((released[0].port, released[0].project.as_str()), (port, "a"));
}

#[test]
fn a_guardian_at_work_keeps_the_port_from_others() {
    let (place, block) = (Place::new(), block(3));
    let mut holder = Holder::start(&place, "a", block.range, Role::WithGuardian);
    let first = holder.port();
    holder.kill();
    assert_eq!(place.ports().live("a"), None, "the supervisor is gone, but its port is not free yet");
    assert_eq!(place.visit(&place.request("b", block.range)), first + 1);
    let impatient = place.allocate(&place.request("a", block.range)).unwrap();
    assert_eq!(port(&impatient), first + 2, "who does not wait gets another");
    impatient.release(SystemTime::now()).unwrap();
    holder.end_stdin();
    holder.await_silence();
}

#[test]
fn the_same_project_waits_for_its_guardian() {
    let (place, block) = (Place::new(), block(3));
    let mut holder = Holder::start(&place, "a", block.range, Role::WithGuardian);
    let first = holder.port();
    holder.kill();
    let waiting = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| sessions_ended(&place.ports(), &place.request("a", block.range)));
        holder.end_stdin();
        waiting.join().unwrap()
    });
    let (ended, lease) = waiting;
    assert_eq!(ended, [], "its guardian has seen to the end of the service");
    assert_eq!(port(&lease.unwrap()), first);
}
