//! The packages for npm, as `packaging/assemble npm` makes them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::{assembled, files, root, targets};
use crate::support::run_to_end;

fn manifest(dir: &Path) -> Value {
    serde_json::from_slice(&fs::read(dir.join("package.json")).expect("a manifest")).expect("JSON")
}

/// Cargo.toml's part about the package.
fn cargo() -> toml::Table {
    let text = fs::read_to_string(root().join("Cargo.toml")).expect("a file of the repository");
    let manifest: toml::Table = toml::from_str(&text).expect("TOML");
    manifest["package"].as_table().expect("a table").clone()
}

#[test]
fn the_packages_say_what_cargo_says_and_run_no_script() {
    let (dir, cargo) = (assembled("npm"), cargo());
    let out = dir.path().join("out");
    let names: Vec<String> = targets().into_keys().map(|platform| format!("@bowline/{platform}")).collect();
    assert_eq!(
        names,
        ["@bowline/darwin-arm64", "@bowline/darwin-x64", "@bowline/linux-arm64", "@bowline/linux-x64"]
    );
    for name in names.iter().map(String::as_str).chain(["bowline"]) {
        let manifest = manifest(&out.join(name));
        assert_eq!(manifest["name"], name);
        for field in ["version", "description", "license"] {
            assert_eq!(manifest[field], json!(cargo[field].as_str()), "{name}: {field}");
        }
        assert_eq!(
            manifest["repository"]["url"],
            format!("git+{}.git", cargo["repository"].as_str().unwrap())
        );
        assert_eq!(manifest["preferUnplugged"], true, "{name}");
        assert_eq!(manifest["scripts"], Value::Null, "{name}");
        assert_eq!(manifest["dependencies"], Value::Null, "{name}");
    }
    for name in &names {
        let manifest = manifest(&out.join(name));
        let (os, cpu) = name["@bowline/".len()..].split_once('-').unwrap();
        assert_eq!((&manifest["os"], &manifest["cpu"]), (&json!([os]), &json!([cpu])));
    }
    let main = manifest(&out.join("bowline"));
    let exact: serde_json::Map<String, Value> =
        names.iter().map(|name| (name.clone(), json!(cargo["version"].as_str()))).collect();
    assert_eq!(main["optionalDependencies"].as_object().unwrap().len(), exact.len());
    assert!(exact.iter().all(|(name, version)| &main["optionalDependencies"][name] == version), "{main:#}");
    // A mixed team installs it on every system.
    assert_eq!((&main["os"], &main["cpu"]), (&Value::Null, &Value::Null));
}

/// What `npm pack` says; `npm publish` says the same, and asks the registry whether there is this version already.
fn published(dir: &Path) -> String {
    let mut npm = Command::new("npm");
    npm.args(["pack", "--dry-run"]).current_dir(dir);
    let finished = run_to_end(&mut npm);
    assert!(finished.status.success(), "{finished:?}");
    finished.stderr
}

#[test]
fn what_npm_would_publish_is_tidy() {
    let dir = assembled("npm");
    let out = dir.path().join("out");
    for platform in targets().keys() {
        let text = published(&out.join("@bowline").join(platform));
        let listed: BTreeSet<&str> = packed(&text).collect();
        let expected = [
            "LICENSE-APACHE",
            "LICENSE-MIT",
            "README.md",
            "THIRD-PARTY-LICENSES.txt",
            "bin/bowline",
            "package.json",
        ];
        assert_eq!(listed, BTreeSet::from(expected), "{text}");
        assert!(!text.contains("npm warn"), "{text}");
    }
    let text = published(&out.join("bowline"));
    assert!(!text.contains("npm warn"), "{text}");
    let listed: BTreeSet<&str> = packed(&text).collect();
    for file in [
        "LICENSE-APACHE", "LICENSE-MIT", "README.md", "bin/bowline.bin", "package.json", "man/bowline.1",
        "bowline.schema.json",
    ] {
        assert!(listed.contains(file), "{file}: {text}");
    }
    let others = listed.iter().filter(|file| {
        ![
            "completions/", "man/bowline", "LICENSE-", "bin/bowline.bin", "README.md", "package.json",
            "bowline.schema.json",
        ]
        .iter()
        .any(|start| file.starts_with(start))
    });
    assert_eq!(others.count(), 0, "{text}");
}

/// The files in what `npm pack` prints: `npm notice 1.3kB package.json`.
fn packed(text: &str) -> impl Iterator<Item = &str> {
    let contents =
        text.split("Tarball Contents").nth(1).and_then(|rest| rest.split("Tarball Details").next());
    contents
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.strip_prefix("npm notice ")?.split_once(' ').map(|(_, file)| file))
}

#[test]
fn completions_and_manual_pages_of_every_command_come_along() {
    let dir = assembled("npm");
    let main = dir.path().join("out/bowline");
    let there = files(&main);
    for file in ["_bowline", "bowline.bash", "bowline.elv", "bowline.fish", "bowline.ps1"] {
        assert!(there.contains(&format!("completions/{file}").into()), "{there:?}");
    }
    for page in ["bowline", "bowline-dev", "bowline-ports-release"] {
        let path = format!("man/{page}.1");
        assert!(fs::read_to_string(main.join(&path)).unwrap().contains(&format!(".TH {page} 1")), "{path}");
    }
    let schema = fs::read(main.join("bowline.schema.json")).unwrap();
    assert_eq!(schema, fs::read(root().join("bowline.schema.json")).unwrap());
    let listed = manifest(&main)["man"].as_array().unwrap().len();
    assert_eq!(there.iter().filter(|file| file.starts_with("man")).count(), listed);
}
