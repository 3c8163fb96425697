//! Measurements: `just figures`.

use std::net::TcpListener;
use std::time::{Duration, Instant, SystemTime};

use bowline::port::listeners::Listeners;
use bowline::port::{PortRequest, Probe, Verdict};

use crate::port::{Place, allocate, block};

#[expect(clippy::print_stdout, reason = "figures are for people")]
pub fn tell(what: &str, time: Duration) {
    println!("{what}: {time:?}");
}

fn median(times: usize, mut work: impl FnMut() -> Duration) -> Duration {
    let mut taken: Vec<Duration> = (0..times).map(|_| work()).collect();
    taken.sort();
    taken[times / 2]
}

/// One reservation of a new project with so many others remembered.
fn reservation(remembered: usize) -> Duration {
    let (place, block) = (Place::new(), block(100));
    let ports = place.ports();
    let many: Vec<PortRequest> = (0..remembered)
        .map(|n| {
            let mut request = place.request("many", block.range);
            request.project = format!("/home/somebody/projects/project-number-{n}");
            request
        })
        .collect();
    // Ports are given back after each batch, so that everybody is remembered.
    for batch in many.chunks(100) {
        allocate(&ports, batch).unwrap().release(SystemTime::now()).unwrap();
    }
    let request = place.request("one", block.range);
    place.visit(&request);
    median(60, || {
        let start = Instant::now();
        let lease = place.allocate(&request).unwrap();
        let taken = start.elapsed();
        lease.release(SystemTime::now()).unwrap();
        taken
    })
}

#[test]
#[ignore = "a measurement: `just figures`"]
fn figures() {
    let few = reservation(10);
    let many = reservation(10_000);
    tell("a durable reservation, 10 projects remembered", few);
    tell("a durable reservation, 10,000 projects remembered", many);
    assert!(many.as_secs_f64() <= few.as_secs_f64() * 1.5);

    let block = block(100);
    let ports = block.range.start..=block.range.end;
    let sockets: Vec<TcpListener> =
        ports.clone().take(99).map(|port| TcpListener::bind(("127.0.0.1", port)).unwrap()).collect();
    let scan = median(200, || {
        let start = Instant::now();
        let mut probe = Probe::default();
        let found = ports.clone().find(|&port| probe.check(port).unwrap() == Verdict::Free);
        assert_eq!(found, Some(block.range.end));
        start.elapsed()
    });
    tell("a scan with 99 of 100 taken", scan);

    let mut listeners = Listeners::default();
    let port = block.range.start;
    let question = median(500, || {
        let start = Instant::now();
        assert_eq!(listeners.on(port).unwrap().len(), 1);
        start.elapsed()
    });
    tell("who listens on a port", question);
    drop(sockets);
}
