//! Which port is chosen: wishes, orders, memory.

use std::net::TcpListener;
use std::time::{Duration, SystemTime};

use bowline::port::{
    AllocateOptions, Lookup, MEMORY, PortChoice, PortError, PortRequest, Reason, Remembered, Warning,
};
use bowline::range::Range;

use super::holder::{Holder, Role};
use super::support::{Place, allocate, allocate_at, block, evidence, port, prune};

fn with(request: &PortRequest, choice: PortChoice) -> PortRequest {
    PortRequest { choice, ..request.clone() }
}

#[test]
fn the_first_port_of_the_range_comes_first_and_again() {
    let (place, block) = (Place::new(), block(5));
    let request = place.request("a", block.range);
    assert_eq!(place.visit(&request), block.range.start);
    let lease = place.allocate(&request).unwrap();
    assert_eq!(port(&lease), block.range.start);
    assert!(lease.grants()[0].reused);
}

#[test]
fn a_remembered_port_that_is_taken_moves_to_the_next_one() {
    let (place, block) = (Place::new(), block(5));
    let start = block.range.start;
    let request = place.request("a", block.range);
    place.visit(&with(&request, PortChoice::Preferred(start + 2)));
    let stranger = TcpListener::bind(("127.0.0.1", start + 2)).unwrap();
    let lease = place.allocate(&request).unwrap();
    assert_eq!(port(&lease), start + 3);
    let declined = lease.grants()[0].declined.clone().unwrap();
    assert_eq!((declined.port, declined.reason), (start + 2, Reason::InUse));
    drop(stranger);
}

#[test]
fn a_scan_wraps_round() {
    let (place, block) = (Place::new(), block(3));
    let start = block.range.start;
    let request = place.request("a", block.range);
    let taken = [start + 2].map(|port| TcpListener::bind(("127.0.0.1", port)).unwrap());
    let lease = place.allocate(&with(&request, PortChoice::Preferred(start + 2))).unwrap();
    assert_eq!(port(&lease), start);
    drop(taken);
}

#[test]
fn a_wish_may_lie_outside_the_range_and_is_then_not_remembered() {
    let (place, inside, outside) = (Place::new(), block(3), block(1));
    let request = place.request("a", inside.range);
    let home = place.visit(&request);
    assert_eq!(place.visit(&with(&request, PortChoice::Preferred(outside.range.start))), outside.range.start);
    assert_eq!(place.visit(&request), home);
    let stranger = TcpListener::bind(("127.0.0.1", outside.range.start)).unwrap();
    let lease = place.allocate(&with(&request, PortChoice::Preferred(outside.range.start))).unwrap();
    assert_eq!(port(&lease), home, "a wish that cannot be had leads back to the project's own port");
    assert_eq!(lease.grants()[0].declined.as_ref().unwrap().reason, Reason::InUse);
    drop(stranger);
}

#[test]
fn a_wish_for_a_blocked_port_or_for_none_is_declined() {
    let (place, block) = (Place::new(), block(3));
    let request = place.request("a", block.range);
    for wish in [6000, 0] {
        let lease = place.allocate(&with(&request, PortChoice::Preferred(wish))).unwrap();
        assert_eq!(port(&lease), block.range.start);
        assert_eq!(lease.grants()[0].declined.as_ref().unwrap().port, wish);
        lease.release(SystemTime::now()).unwrap();
    }
}

#[test]
fn blocked_ports_are_not_handed_out_but_may_be_ordered() {
    let place = Place::new();
    // 6665 to 6669 are blocked.
    let range = Range::new(6665, 6669).unwrap();
    let request = place.request("a", range);
    assert!(matches!(place.allocate(&request), Err(PortError::Exhausted { .. })));
    match place.allocate(&with(&request, PortChoice::Exact(6667))) {
        Ok(lease) => {
            assert_eq!(port(&lease), 6667);
            assert!(matches!(lease.warnings(), [Warning::Blocked { port: 6667 }]));
        }
        Err(error) => assert!(matches!(error, PortError::Taken { .. }), "{error}"),
    }
}

#[test]
fn an_order_is_that_port_or_who_has_it() {
    let (place, block) = (Place::new(), block(3));
    let wanted = block.range.start + 1;
    let (a, b) = (place.request("a", block.range), place.request("b", block.range));
    let lease = place.allocate(&with(&a, PortChoice::Exact(wanted))).unwrap();
    assert_eq!(port(&lease), wanted);
    let error = place.allocate(&with(&b, PortChoice::Exact(wanted))).unwrap_err();
    assert!(error.is_no_port());
    assert_eq!(error.to_string(), format!("port {wanted} is taken by a (bowline)"));
    assert_eq!(error.hint(), format!("stop it with `bowline stop {wanted}`, or choose another port"));
    lease.release(SystemTime::now()).unwrap();

    let only = Range::new(wanted, wanted).unwrap();
    let mut stranger = Holder::start(&place, "stranger", only, Role::Stranger);
    stranger.port();
    let error = place.allocate(&with(&b, PortChoice::Exact(wanted))).unwrap_err().to_string();
    assert!(error.contains(&format!("(pid {})", stranger.id())), "{error}");
}

#[test]
fn another_framework_or_range_leaves_the_remembered_port() {
    let (place, here, there) = (Place::new(), block(3), block(3));
    let request = place.request("a", here.range);
    place.visit(&request);
    let moved = PortRequest { framework: "vite".to_owned(), range: there.range, ..request.clone() };
    let lease = place.allocate(&moved).unwrap();
    assert_eq!(port(&lease), there.range.start);
    assert_eq!(lease.grants()[0].declined.as_ref().unwrap().reason, Reason::OutOfRange(there.range));
}

#[test]
fn a_project_has_a_port_as_each_of_its_frameworks() {
    let (place, here, there) = (Place::new(), block(2), block(2));
    let app = place.request("a", here.range);
    let storybook = PortRequest { framework: "storybook".to_owned(), range: there.range, ..app.clone() };
    let port_as_app = place.visit(&with(&app, PortChoice::Preferred(here.range.end)));
    let port_as_storybook = place.visit(&with(&storybook, PortChoice::Preferred(there.range.end)));
    // Another project that came meanwhile took neither.
    let other = place.request("b", here.range);
    assert_eq!(place.visit(&other), here.range.start);
    assert_eq!(place.visit(&PortRequest { range: there.range, ..other.clone() }), there.range.start);
    for _ in 0..2 {
        for (request, had) in [(&app, port_as_app), (&storybook, port_as_storybook)] {
            let lease = place.allocate(request).unwrap();
            assert_eq!((port(&lease), &lease.grants()[0].declined), (had, &None));
            lease.release(SystemTime::now()).unwrap();
        }
    }
    // A range that is full otherwise gives them away, and then it is somebody else's.
    let lease = place.allocate(&other).unwrap();
    let third = place.allocate(&place.request("c", here.range)).unwrap();
    assert_eq!(port(&third), port_as_app);
    let row = place.ports().remembered("a").unwrap();
    assert_eq!((row.port, row.former.len()), (Some(port_as_storybook), 0));
    drop((lease, third));
}

#[test]
fn a_port_as_another_framework_is_forgotten_by_itself() {
    let (place, here, there) = (Place::new(), block(2), block(1));
    let ports = place.ports();
    let now = SystemTime::now();
    let app = place.request("a", here.range);
    let storybook = PortRequest { framework: "storybook".to_owned(), range: there.range, ..app.clone() };
    for (request, then) in
        [(&app, now - MEMORY), (&storybook, now - Duration::from_secs(60)), (&storybook, now)]
    {
        allocate_at(&ports, std::slice::from_ref(request), then).unwrap().release(then).unwrap();
    }
    let row = ports.remembered("a").unwrap();
    assert_eq!((row.port, row.former.len()), (Some(there.range.start), 0));
    assert_eq!(place.visit(&place.request("b", here.range)), here.range.start, "nobody keeps it");

    // Tidying up does the same.
    for (request, then) in [(&app, now - MEMORY / 2), (&storybook, now)] {
        allocate_at(&ports, std::slice::from_ref(request), then).unwrap().release(then).unwrap();
    }
    let had = ports.remembered("a").unwrap().former["next"].port;
    assert_eq!(prune(&ports, now).forgotten, []);
    let [forgotten] = &prune(&ports, now + MEMORY / 2).forgotten[..] else { panic!("it is kept") };
    assert_eq!((forgotten.project.as_str(), forgotten.port), ("a", Some(had)));
    assert!(ports.keeper(had).is_none());
}

#[test]
fn what_one_gets_in_a_transaction_another_has_lost() {
    for (first, second) in [("a", "b"), ("b", "a")] {
        let (place, here, there) = (Place::new(), block(1), block(3));
        let wanted = there.range.end;
        let app = place.request("b", here.range);
        place.visit(&app);
        let storybook = PortRequest { framework: "storybook".to_owned(), range: there.range, ..app.clone() };
        place.visit(&with(&storybook, PortChoice::Preferred(wanted)));
        place.visit(&app);
        let other = with(&place.request("a", there.range), PortChoice::Exact(wanted));
        let requests = [first, second].map(|name| if name == "a" { other.clone() } else { app.clone() });
        allocate(&place.ports(), &requests).unwrap().release(SystemTime::now()).unwrap();
        assert_eq!(place.ports().remembered("a").unwrap().port, Some(wanted), "{first} before {second}");
        assert!(place.ports().remembered("b").unwrap().former.is_empty(), "{first} before {second}");
    }
}

#[test]
fn a_request_is_made_with_what_is_remembered() {
    let (place, block) = (Place::new(), block(3));
    let ports = place.ports();
    let next = place.request("a", block.range);
    let had = place.visit(&next);
    let mut seen = Vec::new();
    let terms = AllocateOptions { now: SystemTime::now(), patience: Duration::ZERO, end_leftovers: &|_| {} };
    let projects = ["new", "a"].map(str::to_owned);
    let request = |at: usize, remembered: Option<&Remembered>| {
        seen.push((at, remembered.map(|row| (row.framework.clone(), row.port))));
        place.request(&projects[at], block.range)
    };
    let mut lease = ports.allocate(&projects, request, terms).unwrap();
    lease.close_store();
    assert_eq!(seen, [(0, None), (1, Some(("next".to_owned(), Some(had))))]);
    assert_eq!(lease.grants()[1].port, had);
    let error = ports.allocate(&projects, |_, _| panic!("it runs already"), terms).unwrap_err();
    assert!(matches!(error, PortError::AlreadyRunning(running) if running.len() == 2));
}

#[test]
fn ports_that_others_remember_come_last_and_the_oldest_first() {
    let (place, block) = (Place::new(), block(3));
    let ports = place.ports();
    let start = block.range.start;
    let now = SystemTime::now();
    for (project, age) in [("a", 300), ("b", 200), ("c", 400)] {
        let then = now - Duration::from_secs(age);
        let lease = allocate_at(&ports, &[place.request(project, block.range)], then).unwrap();
        lease.release(then).unwrap();
    }
    // a, b and c remember the three ports in turn.
    let d = allocate(&ports, &[place.request("d", block.range)]).unwrap();
    assert_eq!(port(&d), start + 2, "c was used longest ago");
    let e = allocate(&ports, &[place.request("e", block.range)]).unwrap();
    assert_eq!(port(&e), start);
    assert_eq!(ports.remembered("c").unwrap().port, None, "a port is remembered by one project");
    assert_eq!(place.visit(&place.request("b", block.range)), start + 1);
}

#[test]
fn memory_ends_after_seven_days_or_with_the_directory() {
    let (place, block) = (Place::new(), block(3));
    let ports = place.ports();
    let start = block.range.start;
    let now = SystemTime::now();
    let old = now - MEMORY;
    let gone = place.request("gone", block.range);
    allocate_at(&ports, &[place.request("old", block.range)], old).unwrap().release(old).unwrap();
    assert_eq!(place.visit(&gone), start, "a port unused for seven days is anybody's");
    std::fs::remove_dir(&gone.dir).unwrap();
    assert_eq!(place.visit(&place.request("new", block.range)), start, "so is one whose project is gone");

    let young = now - MEMORY + Duration::from_secs(60);
    allocate_at(&ports, &[place.request("young", block.range)], young).unwrap().release(young).unwrap();
    let pruned = prune(&ports, now);
    let mut projects: Vec<&str> =
        pruned.forgotten.iter().map(|forgotten| forgotten.project.as_str()).collect();
    projects.sort_unstable();
    assert_eq!(projects, ["gone", "old"]);
    assert!(ports.remembered("young").is_some());
}

#[test]
fn a_clock_that_goes_back_forgets_nothing() {
    let (place, block) = (Place::new(), block(3));
    let ports = place.ports();
    let request = place.request("a", block.range);
    let wish = PortRequest { choice: PortChoice::Preferred(block.range.start + 1), ..request.clone() };
    allocate(&ports, &[wish]).unwrap().release(SystemTime::now()).unwrap();
    for time in [SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH - Duration::from_secs(1)] {
        assert_eq!(prune(&ports, time).forgotten, []);
        let lease = allocate_at(&ports, std::slice::from_ref(&request), time).unwrap();
        assert_eq!(port(&lease), block.range.start + 1);
        lease.release(SystemTime::now()).unwrap();
    }
}

#[test]
fn looking_up_says_the_live_port_or_the_next_one_and_writes_nothing() {
    let (place, block) = (Place::new(), block(3));
    let request = place.request("a", block.range);
    let ports = place.ports();
    let lookup = || ports.lookup(std::slice::from_ref(&request), SystemTime::now()).unwrap().remove(0);
    let would = |wanted| matches!(lookup(), Lookup::Would(grant) if grant.port == wanted);
    assert!(would(block.range.start));
    assert!(!place.dir().store().exists());
    place.visit(&with(&request, PortChoice::Preferred(block.range.start + 2)));
    assert!(would(block.range.start + 2));
    let before = std::fs::read(place.dir().store()).unwrap();
    let lease = place.allocate(&with(&request, PortChoice::Preferred(block.range.start + 1))).unwrap();
    assert!(matches!(lookup(), Lookup::Live(live) if live.port == block.range.start + 1));
    lease.release(SystemTime::now()).unwrap();
    assert_ne!(before, std::fs::read(place.dir().store()).unwrap());
}

#[test]
fn notes_last_until_the_evidence_changes() {
    let (place, block) = (Place::new(), block(3));
    let request = place.request("a", block.range);
    let ports = place.ports();
    place.visit(&request);
    ports.note("a", "listener", Some("preload")).unwrap();
    let lease = place.allocate(&request).unwrap();
    assert_eq!(lease.grants()[0].previous.as_ref().unwrap().notes["listener"], "preload");
    lease.release(SystemTime::now()).unwrap();
    // Half of it is the same.
    let (old, new) = (request.evidence.to_string(), evidence(2).to_string());
    let like = format!("{}{}", &old[..16], &new[16..]);
    place.visit(&PortRequest { evidence: like.parse().unwrap(), ..request.clone() });
    assert_eq!(ports.remembered("a").unwrap().evidence, like);
    assert_eq!(ports.remembered("a").unwrap().notes["listener"], "preload");
    place.visit(&PortRequest { evidence: evidence(3), ..request });
    assert!(ports.remembered("a").unwrap().notes.is_empty());
}
