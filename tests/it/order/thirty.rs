//! A workspace of thirty packages that depend on each other, generated: none starts before what it needs.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use serde_json::{Map, Value, json};

use crate::support::{Sandbox, dev_server};

const PACKAGES: usize = 30;

/// How often, unless the variable says otherwise.
const RUNS: &str = "BOWLINE_ORDER_RUNS";

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % u64::try_from(limit).unwrap()).unwrap()
    }
}

/// What a package does: of four, one builds, one runs nothing, and two are servers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Quiet,
    Watch,
    Server,
}

struct Generated {
    roles: Vec<Role>,
    /// Of each, the packages before it that it depends on.
    dependencies: Vec<BTreeSet<usize>>,
    /// Of some, a service that bowline.toml names.
    needs: Vec<Option<usize>>,
}

impl Generated {
    fn new(seed: u64) -> Self {
        let mut numbers = Numbers(seed);
        let role = |at: usize| match at % 4 {
            3 => Role::Quiet,
            0 => Role::Watch,
            _ => Role::Server,
        };
        let roles: Vec<Role> = (0..PACKAGES).map(role).collect();
        let mut dependencies = Vec::new();
        let mut needs = Vec::new();
        for package in 0..PACKAGES {
            let count = if package == 0 { 0 } else { 1 + numbers.below(2) };
            dependencies.push((0..count).map(|_| numbers.below(package)).collect());
            let need = (package > 0 && numbers.below(4) == 0).then(|| numbers.below(package));
            needs.push(need.filter(|&need| roles[need] != Role::Quiet));
        }
        Self { roles, dependencies, needs }
    }

    /// The watches that a package depends on, directly or not, and what bowline.toml says that it needs.
    fn awaited(&self, package: usize) -> BTreeSet<usize> {
        let (mut open, mut found) = (vec![package], BTreeSet::new());
        while let Some(next) = open.pop() {
            open.extend(self.dependencies[next].iter().filter(|&&one| found.insert(one)));
        }
        found.retain(|&one| self.roles[one] == Role::Watch);
        found.extend(self.needs[package]);
        found
    }

    fn write(&self, sandbox: &mut Sandbox) {
        let server = dev_server().display();
        sandbox.file("package.json", r#"{ "name": "root", "workspaces": ["packages/*"] }"#);
        let mut config = String::new();
        for package in 0..PACKAGES {
            let start = format!("echo start p{package} >> ../../order");
            let script = match self.roles[package] {
                Role::Quiet => None,
                // With a port it is a server to bowline, and without one it says that its build is through.
                Role::Watch => Some(format!(
                    "{start}; echo ready p{package} >> ../../order; echo built; \
                     if [ -n \"$PORT\" ]; then exec '{server}' --lifetime 200; else exec cat; fi"
                )),
                Role::Server => Some(format!(
                    "{start}; echo ready p{package} >> ../../order; exec '{server}' --lifetime 200"
                )),
            };
            let dependency = |one: &usize| (format!("p{one}"), json!("*"));
            let dependencies: Map<String, Value> =
                self.dependencies[package].iter().map(dependency).collect();
            let scripts: Map<String, Value> =
                script.into_iter().map(|script| ("dev".to_owned(), json!(script))).collect();
            let manifest = json!({
                "name": format!("p{package}"), "version": "1.0.0", "scripts": scripts, "dependencies": dependencies,
            });
            sandbox.file(format!("packages/p{package}/package.json"), &manifest.to_string());
            if self.roles[package] == Role::Watch {
                let _ = writeln!(
                    config,
                    "[project.p{package}]\nkind = \"watch\"\nready = {{ log = \"^built\" }}"
                );
            } else if self.roles[package] == Role::Server {
                let _ = writeln!(config, "[project.p{package}]");
            }
            if let (Some(need), true) = (self.needs[package], self.roles[package] != Role::Quiet) {
                let _ = writeln!(config, "needs = [\"p{need}\"]");
            }
        }
        sandbox.file("bowline.toml", &config);
    }

    /// Checks the file that every package has written its start and its readiness to.
    fn check(&self, order: &str) {
        let lines: Vec<&str> = order.lines().collect();
        let at = |line: String| {
            lines.iter().position(|one| *one == line).unwrap_or_else(|| panic!("no {line}:\n{order}"))
        };
        for package in (0..PACKAGES).filter(|&package| self.roles[package] != Role::Quiet) {
            for need in self.awaited(package) {
                let (ready, start) = (at(format!("ready p{need}")), at(format!("start p{package}")));
                assert!(ready < start, "p{package} started before p{need} was ready:\n{order}");
            }
        }
    }
}

#[test]
fn no_service_starts_before_what_it_needs() {
    let runs = std::env::var(RUNS).ok().and_then(|runs| runs.parse().ok()).unwrap_or(2);
    let mut awaited = 0;
    for run in 0..runs {
        let generated = Generated::new(run);
        awaited += (0..PACKAGES).map(|package| generated.awaited(package).len()).sum::<usize>();
        let (mut sandbox, _ports) = Sandbox::new().with_ports("default", 30);
        generated.write(&mut sandbox);
        let started = sandbox.run(["start"]);
        let order = fs::read_to_string(sandbox.project().join("order")).unwrap_or_default();
        let stopped = sandbox.run(["stop"]);
        assert!(started.status.success() && stopped.status.success(), "{started:?} {stopped:?}");
        generated.check(&order);
    }
    assert!(awaited > 20, "the graphs are too small: {awaited}");
}
