//! What is no server: watches, which build for ever, tasks, which end, and scripts that turn out to have ended.

mod catalog;
mod detection;
mod finished;
mod first_build;
mod portless;

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Finished, Gate, Sandbox};

/// A project whose dev script is this, and where `tsc` prints what it does at a first build once the gate is open.
struct Stage {
    sandbox: Sandbox,
    gate: Gate,
}

/// The output of `tsc --watch` (5.9) in a terminal.
const TSC: &str = r"printf '\033c[\033[90m10:00:00 AM\033[0m] Starting compilation in watch mode...\r\n\r\n'
read go < GATE
printf '[\033[90m10:00:01 AM\033[0m] Found 0 err'
printf 'ors. Watching for file changes.\r\n\r\n'
cat";

impl Stage {
    fn new(script: &str) -> Self {
        let mut sandbox = Sandbox::with_script(script);
        let gate = gate_of_tsc(&mut sandbox);
        Self { sandbox, gate }
    }
}

/// Makes the stand-in for `tsc`, and its gate. It ends with its standard input.
fn gate_of_tsc(sandbox: &mut Sandbox) -> Gate {
    let path = sandbox.root().join("gate");
    sandbox.program("tsc", &TSC.replace("GATE", &format!("'{}'", path.display())));
    Gate::create(&path)
}

/// A workspace of packages with these dev scripts.
fn workspace(packages: &[(&str, &str)]) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.file("package.json", r#"{ "name": "root", "workspaces": ["packages/*"] }"#);
    for (name, script) in packages {
        let manifest = json!({ "name": name, "scripts": { "dev": script } });
        sandbox.file(Path::new("packages").join(name).join("package.json"), &manifest.to_string());
    }
    sandbox
}

fn answer(finished: &Finished) -> Value {
    serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {finished:?}"))
}
