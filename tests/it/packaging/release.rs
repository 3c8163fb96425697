//! The files of a release, as `packaging/assemble release` makes them.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use super::{assembled, root, targets};
use crate::support::run_to_end;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The names of a release's archives.
fn archives() -> BTreeSet<String> {
    targets().values().map(|target| format!("bowline-v{VERSION}-{target}.tar.gz")).collect()
}

#[test]
fn the_archives_hold_what_a_user_needs() {
    let dir = assembled("release");
    let out = dir.path().join("out");
    let made: BTreeSet<String> =
        fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let others = ["SHA256SUMS", "bowline.rb", "install.sh"].map(str::to_owned);
    assert_eq!(made, archives().into_iter().chain(others).collect());
    for archive in archives() {
        let mut tar = Command::new("tar");
        let listed = run_to_end(tar.arg("-tzf").arg(out.join(&archive))).stdout;
        let within = archive.strip_suffix(".tar.gz").unwrap();
        for file in [
            "bowline",
            "LICENSE-MIT",
            "LICENSE-APACHE",
            "README.md",
            "completions/_bowline",
            "man/bowline-dev.1",
            "bowline.schema.json",
            "THIRD-PARTY-LICENSES.txt",
        ] {
            assert!(listed.lines().any(|line| line == format!("{within}/{file}")), "{file}: {listed}");
        }
        assert!(listed.lines().all(|line| line.starts_with(within)), "{listed}");
    }
}

/// Each as cargo names it, in the tree of what is linked into the program for this target.
fn crates(target: &str) -> BTreeSet<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([
        "tree",
        "--locked",
        "--edges=normal,no-proc-macro",
        "--prefix=none",
        "--format={p}",
        "--target",
        target,
    ]);
    let listed = run_to_end(cargo.current_dir(root()));
    assert!(listed.status.success(), "{listed:?}");
    let words = listed.stdout.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>());
    let named = words.map(|words| format!("{} {}", words[0], words[1].trim_start_matches('v')));
    named.filter(|one| !one.starts_with("bowline ")).collect()
}

#[test]
fn the_licence_of_everything_within_a_program_comes_along() {
    let dir = assembled("release");
    for (archive, target) in archives().into_iter().zip(targets().into_values().collect::<BTreeSet<_>>()) {
        let file = format!("{}/THIRD-PARTY-LICENSES.txt", archive.trim_end_matches(".tar.gz"));
        let mut tar = Command::new("tar");
        let text = run_to_end(tar.arg("-xzOf").arg(dir.path().join("out").join(&archive)).arg(file)).stdout;
        let between = format!("\n\n{}\n\n", "-".repeat(80));
        let mut sections = text.split(&between);
        let list = sections.next().unwrap();
        // The crates that a text is of stand above it.
        let heads: BTreeSet<&str> = sections
            .clone()
            .filter(|section| section.split_once("\n\n").is_some_and(|(_, text)| text.len() > 100))
            .flat_map(|section| section.split("\n\n").next().unwrap().lines())
            .collect();
        for one in crates(&target) {
            assert!(list.contains(&format!("\n{one}: ")), "{one}: {list}");
            assert!(heads.contains(one.as_str()), "{one}: {heads:?}");
        }
        assert!(text.contains("The Rust Project Contributors"), "{text}");
        assert_eq!(text.contains("musl as a whole is licensed"), target.ends_with("-musl"), "{target}");
        assert!(!text.contains("GNU GENERAL PUBLIC LICENSE"), "{text}");
    }
}

#[test]
fn the_sums_are_those_of_the_archives() {
    let dir = assembled("release");
    let out = dir.path().join("out");
    let sums = fs::read_to_string(out.join("SHA256SUMS")).unwrap();
    let listed: BTreeSet<String> = sums.lines().map(|line| line[66..].to_owned()).collect();
    assert_eq!(listed, archives());
    let tool = if cfg!(target_os = "macos") {
        ["shasum", "-c", "SHA256SUMS"]
    } else {
        ["sha256sum", "-c", "SHA256SUMS"]
    };
    let finished = run_to_end(Command::new(tool[0]).args(&tool[1..]).current_dir(&out));
    assert!(finished.status.success(), "{finished:?}");
    // The formula and the script for installing have the same ones.
    let formula = fs::read_to_string(out.join("bowline.rb")).unwrap();
    let script = fs::read_to_string(out.join("install.sh")).unwrap();
    for line in sums.lines() {
        let (sum, archive) = line.split_once("  ").unwrap();
        let entry = format!("/releases/download/v{VERSION}/{archive}\"\n      sha256 \"{sum}\"\n");
        assert!(formula.contains(&entry), "{formula}");
        assert!(script.contains(line), "{script}");
    }
    for text in [formula, script] {
        assert!(!text.contains("@VERSION@") && !text.contains("@SUM"), "{text}");
    }
}

/// What the formula installs is in the archives, and ruby can read it.
#[test]
fn the_formula_installs_what_there_is() {
    let dir = assembled("release");
    let out = dir.path().join("out");
    let formula = fs::read_to_string(out.join("bowline.rb")).unwrap();
    let installed: Vec<&str> = formula.lines().filter(|line| line.contains(".install \"")).collect();
    assert_eq!(installed.len(), 5, "{formula}");
    for archive in archives() {
        let listed = run_to_end(Command::new("tar").arg("-tzf").arg(out.join(&archive))).stdout;
        let within = archive.strip_suffix(".tar.gz").unwrap();
        for file in installed.iter().map(|line| line.split('"').nth(1).unwrap()) {
            assert!(listed.lines().any(|line| line == format!("{within}/{file}")), "{file}: {listed}");
        }
    }
    if let Ok(ruby) = which::which("ruby") {
        let finished = run_to_end(Command::new(ruby).arg("-c").arg(out.join("bowline.rb")));
        assert!(finished.status.success(), "{finished:?}");
    }
}

/// The same input makes the same bytes, so that anybody can verify a release.
#[test]
fn an_archive_is_reproducible() {
    let sums = || fs::read_to_string(assembled("release").path().join("out/SHA256SUMS")).unwrap();
    // The programs are scripts that name this build's program: the same text.
    assert_eq!(sums(), sums());
}

/// What cargo-binstall makes of a template.
fn filled(template: &str, target: &str) -> String {
    let values = [
        ("{ repo }", env!("CARGO_PKG_REPOSITORY")),
        ("{ name }", "bowline"),
        ("{ bin }", "bowline"),
        ("{ version }", VERSION),
        ("{ target }", target),
        ("{ archive-suffix }", ".tar.gz"),
        ("{ binary-ext }", ""),
    ];
    values.iter().fold(template.to_owned(), |text, (name, value)| text.replace(name, value))
}

#[test]
fn binstall_finds_the_archives() {
    let text = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let cargo: toml::Table = toml::from_str(&text).unwrap();
    let binstall = &cargo["package"]["metadata"]["binstall"];
    assert_eq!(binstall["pkg-fmt"].as_str(), Some("tgz"), "whose suffix is .tar.gz");
    let dir = assembled("release");
    let field = |target: &str, name: &str| {
        let own = binstall.get("overrides").and_then(|overrides| overrides.get(target)?.get(name));
        filled(own.unwrap_or(&binstall[name]).as_str().unwrap(), target)
    };
    let gnu = [
        ("x86_64-unknown-linux-gnu", "x86_64-unknown-linux-musl"),
        ("aarch64-unknown-linux-gnu", "aarch64-unknown-linux-musl"),
    ];
    let own = targets().into_values().map(|target| (target.clone(), target));
    for (asked, given) in own.chain(gnu.map(|(asked, given)| (asked.to_owned(), given.to_owned()))) {
        let url = field(&asked, "pkg-url");
        let (release, archive) = url.rsplit_once('/').unwrap();
        assert_eq!(release, format!("{}/releases/download/v{VERSION}", env!("CARGO_PKG_REPOSITORY")));
        assert_eq!(archive, format!("bowline-v{VERSION}-{given}.tar.gz"), "{asked}");
        let listed =
            run_to_end(Command::new("tar").arg("-tzf").arg(dir.path().join("out").join(archive))).stdout;
        let program = field(&asked, "bin-dir");
        assert!(listed.lines().any(|line| line == program), "{program}: {listed}");
    }
}

#[test]
fn the_workflow_builds_every_platform() {
    let workflow = fs::read_to_string(root().join(".github/workflows/release.yml")).unwrap();
    for (platform, target) in targets() {
        assert!(workflow.contains(&format!("platform: {platform},")), "{platform}: {workflow}");
        assert!(workflow.contains(&format!("target: {target},")), "{target}: {workflow}");
    }
}

/// A tag of an action may be moved to other code, and this workflow may publish.
#[test]
fn the_workflow_names_actions_by_their_commit() {
    let workflow = fs::read_to_string(root().join(".github/workflows/release.yml")).unwrap();
    for action in workflow.lines().filter_map(|line| line.trim().strip_prefix("- uses: ")) {
        let (_, commit) = action.split_once('@').unwrap();
        let (commit, version) = commit.split_once(" # v").expect("a version in a comment");
        assert!(commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()), "{action}");
        assert!(version.split('.').count() == 3, "{action}");
    }
}
