//! A script that is caught beside the server of its own package: `dev:server` beside `vite`.

use crate::detect::catalog::Role;
use crate::detect::{Detection, ServerInputs};
use crate::launch::{FileMention, NamedPort, Reading, UsualPort};
use crate::project::{Project, SERVICE_MARK, service_parts};

/// What names the service of a script that is not its package's usual one.
pub fn name_after(project: Project, script: &str) -> Project {
    let (id, name) = (&project.id, &project.name);
    let (id, name) = (format!("{id}{SERVICE_MARK}{script}"), format!("{name}{SERVICE_MARK}{script}"));
    Project { name, ..project.with_id(id) }
}

/// Whether it is such a script.
pub fn is_one(project: &Project) -> bool {
    project.defined_in.is_none() && service_parts(&project.id).is_some()
}

/// The framework of such a script if it runs a program: its package's framework is that of the other script.
pub fn runtime<'d>(project: &Project, detection: &'d Detection<'_>) -> Option<&'d str> {
    let tool = detection.tool.filter(|tool| is_one(project) && tool.framework.role == Role::Runtime)?;
    Some(&tool.framework.key)
}

/// The port by which the files of the package name its program: nothing tells them another one.
pub fn wish(
    reading: &Reading<'_>,
    detection: &Detection<'_>,
    inputs: &ServerInputs,
    files: &[String],
) -> Option<NamedPort> {
    runtime(reading.project, detection)?;
    // The configuration of another server has that one's port.
    let variables: Vec<String> = files.iter().filter(|file| file.starts_with(".env")).cloned().collect();
    let is_own = |mention: &FileMention| {
        UsualPort::of(reading, (detection, inputs), &variables, mention.port.port) == Some(UsualPort::Sure)
    };
    let found = FileMention::all(reading, files, |_| false).into_iter().find(is_own)?;
    Some(NamedPort { port: found.port.port, by: found.file })
}
