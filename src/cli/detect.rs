//! `bowline detect`.

use super::args::Detect;
use super::failure::{End, Failure};
use super::plan::Subject;
use super::show;
use super::surroundings::Surroundings;
use crate::project::Project;
use crate::ui;
use crate::visible::{self, Visible};

/// Says what was detected, and why.
pub fn run(around: &Surroundings, detect: &Detect) -> Result<End, Failure> {
    let project = match &detect.directory {
        Some(directory) => Project::at(&around.dir.join(directory))?,
        None => Project::find(&around.dir)?,
    };
    let wanted = detect.script.as_deref();
    let subject =
        Subject::new(around, project, |project, settings| Subject::script(project, settings, wanted, &[]))?;
    let reading = subject.read(around)?;
    let detection = subject.detect(&reading, None, &around.ports_to_read())?;
    let inputs = subject.inputs(&detection);
    if around.json {
        let answer = show::detection(&subject, &reading, &detection, &inputs);
        ui::print(&format!("{answer}\n"))?;
        return Ok(End::Code(0));
    }
    let framework = detection.framework;
    let mut text = format!("{}  {} ({})\n", subject.project.name, framework.label, framework.key);
    for evidence in &detection.evidence {
        text.push_str(&format!("  because    {}\n", visible::line(evidence)));
    }
    text.push_str(&format!("  ports      {}\n", inputs.range));
    text.push_str(&format!(
        "  script     {}: {}\n",
        visible::line(reading.script().unwrap_or_default()),
        visible::line(&reading.command())
    ));
    text.push_str(&format!("  manager    {}\n", subject.manager.manager.name()));
    if let Some(workspace) = &subject.project.workspace {
        text.push_str(&format!("  workspace  {}\n", workspace.root.visible()));
    }
    ui::print(&text)?;
    Ok(End::Code(0))
}
