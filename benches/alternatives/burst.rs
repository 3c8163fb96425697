//! A hundred launches at once.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::report::{Budget, Section};
use super::support::{Session, run_to_end, stage_in_shell};
use super::tools::{STATIC, Tools, static_program};

const LAUNCHES: u16 = 100;

pub(crate) fn measure(_: &Tools) -> Section {
    let built = burst(Path::new(env!("CARGO_BIN_EXE_bowline")));
    let of_static = static_program().exists().then(|| burst(&static_program()));
    let cell = |burst: Option<&Burst>, what: usize| {
        burst.map_or_else(|| "missing".to_owned(), |(times, _)| seconds(times[what]))
    };
    let whats = [
        "all spawned",
        "all ready",
        "all listed by `bowline ls`, from its start",
        "all stopped again, nothing left",
    ];
    let row = |(at, what): (usize, &str)| {
        vec![what.to_owned(), cell(Some(&built), at), cell(of_static.as_ref(), at)]
    };
    let distinct = built.1;
    Section {
        title: "A hundred launches at once",
        method: format!(
            "{LAUNCHES} projects share one range of {LAUNCHES} ports and run the stand-in server. If one does not become ready, this program fails."
        ),
        columns: &["after", "bowline", STATIC],
        rows: whats.into_iter().enumerate().map(row).collect(),
        budgets: vec![Budget {
            promise: "100 distinct ports, none fails",
            measured: format!("{distinct} distinct ports"),
            met: distinct == usize::from(LAUNCHES),
        }],
    }
}

/// When all were spawned, ready, listed and stopped, and how many distinct ports there were.
type Burst = ([Duration; 4], usize);

fn burst(program: &Path) -> Burst {
    let (home, ports) = stage_in_shell("", LAUNCHES);
    let dirs: Vec<_> = (0..LAUNCHES).map(|number| home.sibling(&format!("app-{number}"))).collect();

    let start = Instant::now();
    let mut sessions: Vec<Session> = dirs
        .iter()
        .map(|dir| {
            let mut command = home.command(program);
            command.args(["dev", "--json"]).current_dir(dir);
            Session::start(command)
        })
        .collect();
    let spawned = start.elapsed();
    let given: Vec<u16> = sessions.iter_mut().map(Session::ready).collect();
    let ready = start.elapsed();
    let distinct: BTreeSet<u16> = given.iter().copied().filter(|&port| ports.contains(port)).collect();

    let list = Instant::now();
    let services = run_to_end(home.command(program).args(["ls", "--json"]));
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
    ([spawned, ready, listed, stop.elapsed()], distinct.len())
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}
