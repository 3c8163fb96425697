//! Every service of a workspace that could run, whatever the root's script means.

use super::run::can_run;
use crate::config::Orchestrator;
use crate::invocation::{Failure, Invocation};
use crate::project::Project;
use crate::session::services;

/// The project; if it is the root of a workspace, every package that has a dev script, and every other service. The
/// services of a Procfile stand for the script that runs it.
pub fn projects_of(invocation: &Invocation, project: Project) -> Result<Vec<Project>, Failure> {
    let Some(workspace) = project.workspace.as_ref().filter(|_| project.is_workspace_root()) else {
        return services::of(invocation, project);
    };
    let config = invocation.files.config(&project, &|name| invocation.variable(name))?;
    let is_script = config.workspace.orchestrator == Some(Orchestrator::Script);
    if is_script && project.script(None).is_ok() {
        return Ok(vec![project]);
    }
    let mut members = workspace.members()?;
    members.retain(|member| can_run(invocation, member, None));
    if members.is_empty() {
        return services::of(invocation, project);
    }
    services::beside(invocation, &project, members)
}
