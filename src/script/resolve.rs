//! From the first word of a simple command to the program that it really runs.

use super::command_line::{CommandLine, Step};
use super::leaf::program_name;
use super::scripts::PackageManager;
use super::{other_package, package_manager, runtime, task_runner, wrapped};

/// Programs that start others which the script does not show.
const OPAQUE: [&str; 28] = [
    "turbo", "nx", "lerna", "eval", "xargs", "make", "just", "task", "wireit", "foreman", "nf", "overmind",
    "honcho", "mprocs", "moon", "rush", "rushx", "docker", "docker-compose", "podman", "lage", "wsrun",
    "ultra", "hivemind", "goreman", "process-compose", "tilt", "mise",
];

/// Moves `line` past all wrappers, and returns the step of the program after them.
pub(super) fn resolve(line: &mut CommandLine) -> Step {
    loop {
        let step = step(line).unwrap_or(Step::Opaque);
        let Step::Next(next) = step else { return step };
        line.start_from(next);
        line.at = next;
    }
}

fn step(line: &mut CommandLine) -> Option<Step> {
    let name = program_name(&line.literal(line.at)?);
    if let Some(step) = wrapped::step(line, &name) {
        return Some(step);
    }
    let manager =
        if name == "yarnpkg" { Some(PackageManager::Yarn) } else { PackageManager::from_name(&name) };
    if let Some(manager) = manager {
        let elsewhere = other_package::call(line, manager).map(Step::Script);
        return elsewhere.or_else(|| package_manager::step(line, manager));
    }
    Some(match name.as_str() {
        "npx" | "pnpx" | "bunx" => return package_manager::execute(line, line.at + 1),
        "node" | "tsx" | "nodejs" => return runtime::node(line, &name),
        "deno" => runtime::deno(line),
        "sh" | "bash" | "dash" | "ash" | "zsh" | "ksh" => task_runner::shell(line),
        "concurrently" | "conc" => task_runner::concurrently(line),
        "run-p" | "run-s" | "npm-run-all" | "npm-run-all2" => task_runner::run_all(line, &name),
        "nodemon" => task_runner::nodemon(line),
        "tsc-watch" | "tsup" | "tsup-node" | "tsdown" => task_runner::on_success(line, &name),
        "start-server-and-test" | "server-test" | "start-test" => task_runner::server_and_test(line, &name),
        "nx" => other_package::target(line).map_or(Step::Opaque, Step::Script),
        name if OPAQUE.contains(&name) => Step::Opaque,
        _ => wrapped::by_file(line, line.at).unwrap_or(Step::Leaf(line.at, name)),
    })
}
