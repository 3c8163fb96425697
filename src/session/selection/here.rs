//! What a directory means without words.

use crate::config::{Config, Orchestrator};
use crate::invocation::{Failure, Invocation};
use crate::project::{Project, ProjectError};
use crate::session::services;

/// The project that contains the directory; at the root of a workspace, every package that has the script.
pub fn projects_here(invocation: &Invocation, script: Option<&str>) -> Result<Vec<Project>, Failure> {
    match Project::find(&invocation.dir) {
        Err(error @ ProjectError::NotFound { .. }) => {
            let found = services::without_package(invocation, &invocation.dir)?;
            if found.is_empty() { Err(error.into()) } else { Ok(found) }
        }
        project => projects_of(invocation, project?, script),
    }
}

/// The project; if it is the root of a workspace, every package that has the script, and every other service. The
/// services of a Procfile stand for the script that runs it.
pub fn projects_of(
    invocation: &Invocation,
    project: Project,
    script: Option<&str>,
) -> Result<Vec<Project>, Failure> {
    let config = Config::read(&project, &|name| invocation.variable(name))?;
    let is_asked = config.workspace.orchestrator == Some(Orchestrator::Script);
    if is_asked && project.is_workspace_root() && project.script(script).is_ok() {
        return Ok(vec![project]);
    }
    if let (true, Some(workspace)) = (project.is_workspace_root(), &project.workspace) {
        let mut members = workspace.members()?;
        members.retain(|member| member.script(script).is_ok());
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
