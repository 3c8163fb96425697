//! `bowline detect`.

use serde_json::json;

use super::scope::projects_here;
use crate::cli::args::Detect;
use crate::invocation::Invocation;
use crate::invocation::failure::Failure;
use crate::process::Exit;
use crate::project::Project;
use crate::session::{ConfiguredProject, Detected, Runnable};
use crate::ui;
use crate::visible::{self, Visible};

/// Prints the detected framework and its evidence.
pub fn run(invocation: &Invocation, detect: &Detect) -> Result<Exit, Failure> {
    let wanted = detect.script.as_deref();
    let projects = match &detect.directory {
        Some(directory) => vec![Project::at(&invocation.dir.join(directory))?],
        None => projects_here(invocation, wanted)?,
    };
    let several = projects.len() > 1;
    let ports = invocation.ports_to_read();
    let mut answers = Vec::new();
    let mut texts = Vec::new();
    for project in projects {
        let script = |project: &Project, settings: &_| Runnable::script(project, settings, wanted, &[]);
        let configured = ConfiguredProject::read(invocation, project, script)?;
        let remembered = ports.remembered(&configured.project.id);
        let detected = Detected::new(invocation, &configured, None, remembered.as_ref())?;
        if invocation.json {
            answers.push(detected.to_json());
        } else {
            texts.push(describe(&detected));
        }
    }
    match &answers[..] {
        [] => ui::print(&texts.join("\n"))?,
        [answer] if !several => ui::print(&format!("{answer}\n"))?,
        answers => ui::print(&format!("{}\n", json!(answers)))?,
    }
    Ok(Exit::Code(0))
}

fn describe(detected: &Detected<'_>) -> String {
    let Detected { configured, reading, detection, inputs } = detected;
    let framework = detection.framework;
    let mut text = format!("{}  {} ({})\n", configured.project.name, framework.label, framework.key);
    for evidence in &detection.evidence {
        text.push_str(&format!("  because    {}\n", visible::line(evidence)));
    }
    text.push_str(&format!("  ports      {}\n", inputs.range));
    text.push_str(&format!(
        "  script     {}: {}\n",
        visible::line(reading.script().unwrap_or_default()),
        visible::line(&reading.command)
    ));
    text.push_str(&format!("  manager    {}\n", configured.manager.manager.name()));
    if let Some(workspace) = &configured.project.workspace {
        text.push_str(&format!("  workspace  {}\n", workspace.root.visible()));
    }
    text
}
