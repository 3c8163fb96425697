//! What has to be done before the services of a root's script start, and what runs beside them.

use super::run::Run;
use crate::detect::ServiceKind;
use crate::project::Project;
use crate::session::configured::{Additions, Chosen, Runnable};
use crate::workspace::{FanOut, FirstTask, PackageScript, Packages, prerequisites};

/// Adds what the orchestrator's configuration asks for: scripts to the runs, and tasks of the root, which are returned.
pub fn add(packages: &Packages, all: &[FanOut], runs: &mut Vec<Run>) -> Vec<FirstTask> {
    let mut tasks: Vec<FirstTask> = Vec::new();
    for found in all {
        // Scripts that are added may want more themselves.
        let mut done: Vec<usize> = Vec::new();
        let (mut passes, mut latest) = (0, Vec::new());
        loop {
            let is_new = |run: &&Run| run.script == found.script && !done.contains(&run.package);
            let indices: Vec<usize> = runs.iter().filter(is_new).map(|run| run.package).collect();
            if indices.is_empty() {
                break;
            }
            let wanted = prerequisites(found, packages, &indices);
            for script in wanted.with {
                ensure(packages, runs, script, found);
            }
            for (waiting, script) in wanted.needs {
                let name = ensure(packages, runs, script, found);
                need(runs, &found.script, &[waiting], &name);
            }
            (passes, latest) = (passes + 1, wanted.tasks);
            done.extend(indices);
        }
        // Each is one for all packages, those that were added included.
        let first = if passes > 1 { prerequisites(found, packages, &done).tasks } else { latest };
        for task in first {
            need(runs, &found.script, &task.waiting, &task.name);
            if !tasks.iter().any(|known| known.name == task.name) {
                tasks.push(task);
            }
        }
    }
    tasks
}

/// The name of the service that runs the script, which is added if it is not there.
fn ensure(packages: &Packages, runs: &mut Vec<Run>, script: PackageScript, found: &FanOut) -> String {
    let known = runs.iter().find(|run| run.package == script.package && run.script == script.name);
    if let Some(known) = known {
        return known.name(packages);
    }
    let is_first = !runs.iter().any(|run| run.package == script.package);
    let run = Run {
        package: script.package,
        script: script.name,
        is_first,
        arguments: Vec::new(),
        environment: found.environment.clone(),
        needs: Vec::new(),
    };
    let name = run.name(packages);
    runs.push(run);
    name
}

fn need(runs: &mut [Run], script: &str, waiting: &[usize], name: &str) {
    for run in runs.iter_mut().filter(|run| run.script == script && waiting.contains(&run.package)) {
        if !run.needs.iter().any(|known| known == name) {
            run.needs.push(name.to_owned());
        }
    }
}

/// Variables that keep turbo and nx from drawing on the whole screen, or over lines that they have written: a task's
/// output is lines among those of other services.
const LINES_ALONE: [(&str, &str); 3] =
    [("TURBO_UI", "false"), ("NX_TUI", "false"), ("NX_TASKS_RUNNER_DYNAMIC_OUTPUT", "false")];

/// The service that a task is.
pub fn choose(root: &Project, task: FirstTask) -> Chosen {
    let runnable = Runnable::Command(task.command.into_iter().map(Into::into).collect());
    let additions = Additions {
        environment: LINES_ALONE.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        name: Some(task.name),
        kind: Some(ServiceKind::Task),
        ..Additions::default()
    };
    (root.clone(), runnable, additions)
}
