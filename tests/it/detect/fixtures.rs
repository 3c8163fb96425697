//! Every entry of the catalog has a fixture that is detected as that entry, and the reverse.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bowline::detect::{CommandWords, ServiceKind};
use bowline::project::Project;

use super::{commands, embedded};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

#[test]
fn catalog_and_fixtures_have_the_same_keys() {
    let with_manifest = |entry: fs::DirEntry| {
        let present = entry.path().join("package.json").is_file();
        present.then(|| entry.file_name().into_string().expect("a key"))
    };
    let entries = fs::read_dir(fixtures()).expect("fixtures/");
    let fixtures: BTreeSet<String> =
        entries.filter_map(|entry| with_manifest(entry.expect("an entry"))).collect();
    let catalog = embedded();
    let keys: BTreeSet<String> =
        catalog.frameworks().iter().map(|framework| framework.key.to_string()).collect();
    let named: BTreeSet<String> =
        fixtures.iter().filter(|name| !["dev-server", "hello"].contains(&name.as_str())).cloned().collect();
    assert_eq!(named, keys);
}

#[test]
fn every_fixture_is_detected_as_its_key() {
    let catalog = embedded();
    // What repeats a command is known by that command, for which these tests have no parser.
    for framework in catalog.frameworks().iter().filter(|one| one.repeaters.is_empty()) {
        let project = Project::at(&fixtures().join(&*framework.key)).expect("a sound fixture");
        let (name, text) = project.script(None).expect("a script");
        let commands: Vec<CommandWords<'_>> = commands(text);
        let files = project.files().expect("a directory");
        let snapshot = bowline::detect::Snapshot {
            dependencies: &project.manifest.dependencies,
            files: &files,
            script: Some(name),
            commands: &commands,
            hides_more: false,
        };
        let detection = catalog.detect(&snapshot).expect("a last entry");
        assert_eq!(detection.framework.key, framework.key, "{text}: {:?}", detection.evidence);
        assert!(!detection.evidence.is_empty());
    }
}

/// The dependencies of a template say the same as its script, wherever they can say anything.
#[test]
fn fixtures_are_detected_without_their_script() {
    let mute = [
        "bun", "default", "deno", "drizzle-studio", "node", "prisma-studio", "react-email", "turso",
        "vercel", "netlify",
    ];
    let catalog = embedded();
    // A watch is found by its command alone.
    let servers = catalog.frameworks().iter().filter(|framework| framework.kind == ServiceKind::Server);
    for framework in servers.filter(|framework| !mute.contains(&&*framework.key)) {
        let project = Project::at(&fixtures().join(&*framework.key)).expect("a sound fixture");
        let snapshot = bowline::detect::Snapshot {
            dependencies: &project.manifest.dependencies,
            files: &["package.json".to_owned()],
            script: None,
            commands: &[],
            hides_more: false,
        };
        let detection = catalog.detect(&snapshot).expect("a last entry");
        // A library's Storybook stands beside the Vite that it is built with.
        let expected = if framework.key == "storybook" { "vite" } else { &framework.key };
        assert_eq!(detection.framework.key, expected, "{:?}", detection.evidence);
    }
}
