//! The projects that a command without names is about.

use crate::invocation::Invocation;
use crate::invocation::failure::Failure;
use crate::project::Project;

/// The project around; at the root of a workspace every package that has the script.
///
/// # Errors
/// There is no project, or a manifest is invalid.
pub fn projects_here(invocation: &Invocation, script: Option<&str>) -> Result<Vec<Project>, Failure> {
    let project = Project::find(&invocation.dir)?;
    if let (true, Some(workspace)) = (project.is_workspace_root(), &project.workspace) {
        let mut members = workspace.members()?;
        members.retain(|member| member.script(script).is_ok());
        if !members.is_empty() {
            return Ok(members);
        }
    }
    Ok(vec![project])
}
