//! The packages for npm, installed from a registry by every package manager, as users do.

mod managers;
mod ways;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support::registry::Registry;
use crate::support::{run_to_end, side_by_side};
use managers::{MANAGERS, Manager};
use ways::{Stage, WAYS};

/// What came of one way to use the package under one package manager; `None` where the manager has no such way.
pub struct Trial {
    pub manager: &'static str,
    pub way: &'static str,
    pub outcome: Option<Result<(), String>>,
}

impl Trial {
    /// What went wrong, if anything did.
    pub fn failure(&self) -> Option<String> {
        let Some(Err(error)) = &self.outcome else { return None };
        Some(format!("{}, {}: {error}", self.manager, self.way))
    }
}

/// The packages in a registry.
struct Published {
    registry: Registry,
    version: String,
}

/// Tries all managers.
pub fn trials() -> Vec<Trial> {
    let (dir, _made) = packages();
    let registry = Registry::start();
    let platforms = std::fs::read_dir(dir.join("@bowline")).expect("packages for platforms");
    for package in platforms.map(|entry| entry.unwrap().path()).chain([dir.join("bowline")]) {
        registry.publish(&package);
    }
    let manifest: serde_json::Value =
        serde_json::from_slice(&std::fs::read(dir.join("bowline/package.json")).unwrap()).unwrap();
    let version = manifest["version"].as_str().expect("a version").to_owned();
    let published = Published { registry, version };
    side_by_side(3, &MANAGERS, |manager| under(manager, &published)).into_iter().flatten().collect()
}

/// Tries all ways under one manager.
fn under(manager: &Manager, published: &Published) -> Vec<Trial> {
    let installed = Stage::installed(manager, published, manager.add);
    let attempt = |&(way, attempt): &(_, fn(&Stage<'_>) -> _)| {
        // A wait that comes to nothing panics.
        let outcome = catch_unwind(AssertUnwindSafe(|| match &installed {
            Ok(stage) => attempt(stage),
            Err(error) => Some(Err(error.clone())),
        }));
        let outcome = outcome.unwrap_or_else(|panic| Some(Err(panic_text(&*panic))));
        Trial { manager: manager.name, way, outcome }
    };
    WAYS.iter().map(attempt).collect()
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "panicked".to_owned())
}

/// Those of `BOWLINE_NPM_DIST`, else made with this build's own program for this machine alone.
fn packages() -> (PathBuf, Option<TempDir>) {
    if let Some(dir) = std::env::var_os("BOWLINE_NPM_DIST") {
        return (dir.into(), None);
    }
    let made = TempDir::new().expect("a temporary directory");
    let (program, out) = (made.path().join("program"), made.path().join("out"));
    let built = Path::new(env!("CARGO_BIN_EXE_bowline"));
    // Most of a debug build is what debuggers read.
    let strip = Command::new("strip").arg("-o").arg(&program).arg(built).status();
    let program = if strip.is_ok_and(|status| status.success()) { &program } else { built };
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/assemble"));
    command.arg("npm").arg("--out").arg(&out);
    command.arg("--program").arg(format!("{}={}", managers::platform(), program.display()));
    let finished = run_to_end(&mut command);
    assert!(finished.status.success(), "{finished:?}");
    (out, Some(made))
}
