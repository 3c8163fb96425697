//! `docs/matrix.md`: a line for each row, which a run of that row writes anew.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, thread};

use rustix::time::{ClockId, clock_gettime};

use super::ON_EVERY_PUSH;
use super::rows::{Row, rows};
use super::trial::{Figures, Outcome};

const INTRODUCTION: &str = include_str!("matrix.intro.md");
const HEADS: &str = "\
| project | versions | recognised as | is told its port by | packages | ready, first / second start | result | date |
| --- | --- | --- | --- | --- | --- | --- | --- |
";

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/matrix.md")
}

/// The lines that stand there, by the names of their rows.
fn lines(page: &str) -> BTreeMap<&str, &str> {
    let rows = page.lines().filter(|line| line.starts_with("| "));
    rows.filter_map(|line| Some((line[2..].split_once(" |")?.0, line))).collect()
}

fn page(lines: &BTreeMap<&str, &str>) -> String {
    let pushed: Vec<String> =
        ON_EVERY_PUSH.iter().map(|name| format!("`{}`", name.replace('_', "-"))).collect();
    let mut page = INTRODUCTION.replace("{every push}", &pushed.join(", ")) + HEADS;
    for row in rows() {
        let untried = format!("| {} | | | | | | not tried yet | |", row.name);
        page.push_str(lines.get(row.name.as_str()).copied().unwrap_or(&untried));
        page.push('\n');
    }
    page
}

/// Writes the line of one row.
pub fn write(row: &Row, outcome: &Outcome) {
    let written = fs::read_to_string(path()).unwrap_or_default();
    let line = line(row, outcome);
    let mut lines = lines(&written);
    lines.insert(&row.name, &line);
    fs::write(path(), page(&lines)).expect("docs/matrix.md can be written");
}

fn line(row: &Row, outcome: &Outcome) -> String {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let date = format!("{}, {cores} cores", today());
    let packages = row.packages.join(", ");
    match outcome {
        Outcome::Works(Figures { versions, megabytes, way, ready: [first, again] }) => format!(
            "| {} | {} | `{}` | {way} | {megabytes} MB | {:.1} s / {:.1} s | ✓ | {date} |",
            row.name,
            versions.join(", "),
            row.framework,
            first.as_secs_f64(),
            again.as_secs_f64(),
        ),
        Outcome::Missing(said) => {
            let of_npm = |words: &str| {
                said.lines().find_map(|line| line.split_once(words)).map(|(_, rest)| rest.trim())
            };
            let lacking =
                of_npm("No matching version found for").and_then(|rest| rest.split(" with a date").next());
            let unbuilt = of_npm("npm error path ").and_then(|path| path.rsplit_once("node_modules/"));
            let said = match (lacking, unbuilt) {
                (Some(package), _) => format!("the registry lacks `{}`", package.trim_end_matches('.')),
                (None, Some((_, package))) => format!("its `{package}` is not in the registry alone"),
                (None, None) => "it cannot be installed".to_owned(),
            };
            format!("| {} | {packages} | | | | | {said} | {date} |", row.name)
        }
        Outcome::Fails => {
            format!("| {} | {packages} | `{}` | | | | **fails** | {date} |", row.name, row.framework)
        }
    }
}

/// The civil date, by the days since 1970-01-01 (Howard Hinnant's `civil_from_days`).
fn today() -> String {
    let days = clock_gettime(ClockId::Realtime).tv_sec / 86_400 + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year}-{month:02}-{day:02}")
}

/// Fails where rows, fixtures and the page do not name the same projects.
pub fn assert_complete() {
    let mut written = fs::read_to_string(path()).unwrap_or_default();
    if std::env::var_os("UPDATE").is_some() {
        written = page(&lines(&written));
        fs::write(path(), &written).expect("docs/matrix.md can be written");
    }
    assert!(
        written == page(&lines(&written)),
        "docs/matrix.md is stale: run `just matrix NAME…` for new rows, or with `UPDATE=1` for new words"
    );
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/matrix");
    for entry in
        fs::read_dir(fixtures).expect("fixtures/matrix").flatten().filter(|entry| entry.path().is_dir())
    {
        let name = entry.file_name();
        assert!(
            rows().iter().any(|row| name == row.name.as_str()),
            "no row tries fixtures/matrix/{}",
            name.display()
        );
    }
}
