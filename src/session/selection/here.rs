//! Every service of a workspace that could run.

use super::run::can_run;
use crate::config::Orchestrator;
use crate::invocation::{Failure, Invocation};
use crate::project::Project;
use crate::session::services;

/// The project; if it is the root of a workspace, every package that has the script, and every other service. The
/// services of a Procfile stand for the script that runs it.
pub fn projects_of(
    invocation: &Invocation,
    project: Project,
    script: Option<&str>,
) -> Result<Vec<Project>, Failure> {
    let config = invocation.files.config(&project, &|name| invocation.variable(name))?;
    let is_asked = config.workspace.orchestrator == Some(Orchestrator::Script);
    if is_asked && project.is_workspace_root() && project.script(script).is_ok() {
        return Ok(vec![project]);
    }
    if let (true, Some(workspace)) = (project.is_workspace_root(), &project.workspace) {
        let mut members = workspace.members()?;
        members.retain(|member| can_run(invocation, member, script));
        if !members.is_empty() {
            return if script.is_some() {
                Ok(members)
            } else {
                services::beside(invocation, &project, members)
            };
        }
    }
    if script.is_some() { Ok(vec![project]) } else { services::of(invocation, project) }
}
