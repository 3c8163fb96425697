//! A hundred launches at once.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::report::{Budget, Section};
use super::support::{Session, stage_in_shell};
use super::tools::Tools;

const LAUNCHES: u16 = 100;

pub(crate) fn measure(_: &Tools) -> Section {
    let (home, ports) = stage_in_shell("", LAUNCHES);
    let dirs: Vec<_> = (0..LAUNCHES).map(|number| home.sibling(&format!("app-{number}"))).collect();

    let start = Instant::now();
    let mut sessions: Vec<Session> = dirs
        .iter()
        .map(|dir| {
            let mut command = home.bowline(["dev", "--json"]);
            command.current_dir(dir);
            Session::start(command)
        })
        .collect();
    let spawned = start.elapsed();
    let given: Vec<u16> = sessions.iter_mut().map(Session::ready).collect();
    let ready = start.elapsed();
    let distinct: BTreeSet<u16> = given.iter().copied().filter(|&port| ports.contains(port)).collect();

    let list = Instant::now();
    let services = home.run(["ls", "--json"]);
    let listed = list.elapsed();
    let running = services.stdout.matches("\"running\"").count();
    assert_eq!(running, usize::from(LAUNCHES), "{services:?}");

    let stop = Instant::now();
    for session in &sessions {
        session.signal(Signal::TERM);
    }
    for session in sessions {
        session.wait();
    }
    let stopped = stop.elapsed();
    let rows = [
        ("all spawned", spawned),
        ("all ready", ready),
        ("all listed by `bowline ls`, from its start", listed),
        ("all stopped again, nothing left", stopped),
    ];
    Section {
        title: "A hundred launches at once",
        method: format!(
            "{LAUNCHES} projects share one range of {LAUNCHES} ports and run the stand-in server. If one does not become ready, this program fails."
        ),
        columns: &["", "after"],
        rows: rows.map(|(what, time)| vec![what.to_owned(), seconds(time)]).into(),
        budgets: vec![Budget {
            promise: "100 distinct ports, none fails",
            measured: format!("{} distinct ports", distinct.len()),
            met: distinct.len() == usize::from(LAUNCHES),
        }],
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}
