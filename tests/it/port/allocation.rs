//! Reservations: taken together, changed, given back, exhausted.

use std::net::TcpListener;
use std::time::{Duration, SystemTime};

use bowline::port::{AllocateOptions, PortChoice, PortError, PortRequest, Usage};
use bowline::range::Range;

use super::holder::{Holder, Role};
use super::support::{Place, allocate, block, port};

fn terms() -> AllocateOptions<'static> {
    AllocateOptions { now: SystemTime::now(), patience: Duration::ZERO, end_leftovers: &|_| {} }
}

#[test]
fn a_live_project_is_already_running() {
    let (place, block) = (Place::new(), block(3));
    let request = place.request("a", block.range);
    let lease = place.allocate(&request).unwrap();
    let Err(PortError::AlreadyRunning(running)) = place.allocate(&request) else {
        panic!("a second one was started")
    };
    assert_eq!(running, lease.reservations());
    assert_eq!(running[0].socket(), lease.socket());
    assert_eq!(place.ports().live("a").unwrap().port, port(&lease));
    assert!(matches!(place.ports().forget("a"), Err(PortError::StillRunning(_))));
    lease.release(SystemTime::now()).unwrap();
    assert_eq!(place.ports().live("a"), None);
    assert_eq!(place.ports().forget("a").unwrap(), Some(block.range.start));
    assert_eq!(place.ports().forget("a").unwrap(), None);
}

#[test]
fn nothing_is_left_after_a_release_but_the_memory() {
    let (place, block) = (Place::new(), block(3));
    let lease = place.allocate(&place.request("a", block.range)).unwrap();
    assert_eq!(place.run_files().len(), 2);
    lease.release(SystemTime::now()).unwrap();
    assert_eq!(place.run_files(), Vec::<String>::new());
    assert_eq!(place.ports().remembered("a").unwrap().port, Some(block.range.start));
}

#[test]
fn a_workspace_gets_all_its_ports_or_none() {
    let (place, block) = (Place::new(), block(3));
    let ports = place.ports();
    let requests = ["a", "b", "c", "d"].map(|project| place.request(project, block.range));
    assert!(matches!(allocate(&ports, &requests), Err(PortError::Exhausted { .. })));
    assert_eq!(ports.reservations(), []);
    assert_eq!(place.run_files(), Vec::<String>::new());
    let lease = allocate(&ports, &requests[..3]).unwrap();
    let given: Vec<u16> = lease.grants().iter().map(|grant| grant.port).collect();
    assert_eq!(given, [block.range.start, block.range.start + 1, block.range.start + 2]);
}

#[test]
fn within_a_workspace_an_order_comes_before_a_scan() {
    let (place, block) = (Place::new(), block(2));
    let first = block.range.start;
    let requests = [
        place.request("a", block.range),
        PortRequest { choice: PortChoice::Exact(first), ..place.request("b", block.range) },
    ];
    let lease = allocate(&place.ports(), &requests).unwrap();
    let given: Vec<u16> = lease.grants().iter().map(|grant| grant.port).collect();
    assert_eq!(given, [first + 1, first]);
}

#[test]
fn a_lost_port_is_replaced_and_the_others_stay() {
    let (place, block) = (Place::new(), block(4));
    let ports = place.ports();
    let requests = ["a", "b"].map(|project| place.request(project, block.range));
    let mut lease = allocate(&ports, &requests).unwrap();
    let lost = PortRequest { exclude: vec![block.range.start], ..requests[0].clone() };
    lease.replace(&lost, terms()).unwrap();
    assert_eq!(port(&lease), block.range.start + 2);
    let mut held: Vec<(u16, String)> =
        ports.reservations().into_iter().map(|reservation| (reservation.port, reservation.project)).collect();
    held.sort();
    assert_eq!(held, [(block.range.start + 1, "b".to_owned()), (block.range.start + 2, "a".to_owned())]);

    // A lease that cannot be replaced stays as it was.
    let impossible = PortRequest { choice: PortChoice::Exact(block.range.start + 1), ..requests[0].clone() };
    assert!(lease.replace(&impossible, terms()).is_err());
    assert_eq!(ports.live("a").unwrap().port, block.range.start + 2);
    lease.remove("b").unwrap();
    assert_eq!(ports.reservations().len(), 1);
}

#[test]
fn a_reservation_follows_its_own_listener() {
    let (place, inside, outside) = (Place::new(), block(2), block(1));
    let request = place.request("a", inside.range);
    let mut lease = place.allocate(&request).unwrap();
    let own = TcpListener::bind(("127.0.0.1", outside.range.start)).unwrap();
    let adopt = PortRequest { choice: PortChoice::Observed(outside.range.start), ..request };
    lease.replace(&adopt, terms()).unwrap();
    assert_eq!(place.ports().live("a").unwrap().port, outside.range.start);
    let other =
        PortRequest { choice: PortChoice::Observed(outside.range.start), ..place.request("b", inside.range) };
    assert!(matches!(place.allocate(&other), Err(PortError::Taken { .. })));
    drop(own);
}

#[test]
fn a_full_range_says_so_and_who_holds_it() {
    let (place, block) = (Place::new(), block(20));
    let (start, end) = (block.range.start, block.range.end);
    let service = place.allocate(&place.request("web", block.range)).unwrap();
    let rest = Range::new(start + 1, end).unwrap();
    let mut other = Holder::start(&place, "stranger", rest, Role::Stranger);
    other.port();
    let error = place.allocate(&place.request("b", block.range)).unwrap_err();
    assert!(error.is_no_port());
    let text = error.to_string();
    let mut lines = text.lines();
    assert_eq!(
        lines.next().unwrap(),
        format!(
            "All ports ({start}-{end}) are currently in use. Please stop other dev servers to free up ports."
        )
    );
    assert_eq!(lines.next().unwrap(), format!("  {start}: web (bowline)"));
    let stranger = lines.next().unwrap();
    assert!(stranger.starts_with(&format!("  {}-{end}: ", start + 1)), "{stranger}");
    assert!(stranger.ends_with(&format!("(pid {})", other.id())), "{stranger}");
    assert_eq!(lines.next(), None);
    let usage = Usage { range: block.range, total: 20, in_use: 20, available: 0 };
    assert_eq!(place.ports().usage(&[block.range]), [usage]);
    other.finish();
    service.release(SystemTime::now()).unwrap();
    let usage = Usage { range: block.range, total: 20, in_use: 0, available: 20 };
    assert_eq!(place.ports().usage(&[block.range]), [usage]);
}

#[test]
fn many_holders_are_bounded() {
    let (place, block) = (Place::new(), block(12));
    let names: Vec<String> = (0..12).map(|n| format!("p{n}")).collect();
    let requests: Vec<PortRequest> = names.iter().map(|name| place.request(name, block.range)).collect();
    let lease = allocate(&place.ports(), &requests).unwrap();
    let text = place.allocate(&place.request("x", block.range)).unwrap_err().to_string();
    assert_eq!(text.lines().count(), 1 + 8 + 1);
    assert!(text.ends_with("\n  and 4 more"), "{text}");
    drop(lease);
}
