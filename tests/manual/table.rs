//! The table of `docs/conformance.md`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use crate::conformance::matrix::{Cell, Place, Way, cells};
use crate::conformance::stage::{Left, Stage};
use crate::launchers::{self, Launcher};
use crate::support::side_by_side;

/// How long a server may take to end before it counts as left.
const PATIENCE: Duration = Duration::from_secs(5);

/// Tries the launchers that `BOWLINE_CONFORMANCE` names, or all, and prints.
#[test]
#[ignore = "installs other launchers and takes minutes: `just conformance`"]
fn conformance() {
    let names = std::env::var("BOWLINE_CONFORMANCE").unwrap_or_default();
    let names: Vec<String> = names.split_whitespace().map(str::to_owned).collect();
    say(&header());
    for launcher in launchers::named(&names) {
        let Some(version) = launcher.install() else {
            say(&format!("| {} | not in the registry |\n", launcher.name));
            continue;
        };
        say(&row(&launcher, &version));
    }
}

/// Line by line, as a run of all takes minutes.
fn say(text: &str) {
    let mut output = std::io::stdout().lock();
    let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
}

fn header() -> String {
    let mut heads = vec!["launcher"];
    heads.extend(Way::ALL.map(Way::title));
    format!("| {} |\n|{}\n", heads.join(" | "), " --- |".repeat(heads.len()))
}

fn row(launcher: &Launcher, version: &str) -> String {
    let guarded = launcher.is_bowline();
    let run = |cell| {
        let mut argv = Vec::new();
        let stage = Stage::new(cell, !guarded, |sandbox, server| {
            launcher.prepare(sandbox, server);
            argv = launcher.command(server);
        });
        stage.run(&argv, PATIENCE)
    };
    // A launcher that cannot run the server at all is not tried sixty times.
    if let Err(reason) = run(cells(guarded)[0]) {
        return format!("| {} {version} | cannot run here |\n<!-- {reason} -->\n", launcher.name);
    }
    let cells = cells(guarded);
    let outcomes = side_by_side(launcher.at_once, &cells, |&cell| run(cell));
    let outcomes: Vec<_> = cells.into_iter().zip(outcomes).collect();
    let mut text = format!("| {} {version} |", launcher.name);
    for way in Way::ALL {
        let places: Vec<String> = Place::ALL
            .into_iter()
            .filter(|&place| way.exists(place, guarded))
            .map(|place| letters(&outcomes, way, place))
            .collect();
        let _ = write!(text, " {} |", if places.is_empty() { "·".to_owned() } else { places.join(" / ") });
    }
    text + "\n"
}

/// The servers that are left, a letter each: a capital if the launcher has not ended either, `?` if it never
/// came up.
fn letters(outcomes: &[(Cell, Result<Left, String>)], way: Way, place: Place) -> String {
    let of_this = outcomes.iter().filter(|(cell, _)| cell.way == way && cell.place == place);
    let letters: String = of_this
        .filter_map(|(Cell { shape, .. }, outcome)| match outcome {
            Ok(left) if left.is_clean() => None,
            Ok(left) if left.launcher_ended => Some(shape.letter()),
            Ok(_) => Some(shape.letter().to_ascii_uppercase()),
            Err(_) => Some('?'),
        })
        .collect();
    if letters.is_empty() { "✓".to_owned() } else { letters }
}
