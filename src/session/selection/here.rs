//! What a directory means without words.

use crate::invocation::{Failure, Invocation};
use crate::project::Project;

/// The project that contains the directory; at the root of a workspace, every package that has the script.
pub fn projects_here(invocation: &Invocation, script: Option<&str>) -> Result<Vec<Project>, Failure> {
    projects_of(Project::find(&invocation.dir)?, script)
}

/// The project; if it is the root of a workspace, every package that has the script.
pub fn projects_of(project: Project, script: Option<&str>) -> Result<Vec<Project>, Failure> {
    if let (true, Some(workspace)) = (project.is_workspace_root(), &project.workspace) {
        let mut members = workspace.members()?;
        members.retain(|member| member.script(script).is_ok());
        if !members.is_empty() {
            return Ok(members);
        }
    }
    Ok(vec![project])
}
