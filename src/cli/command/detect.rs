//! `bowline detect`.

use serde_json::json;

use crate::cli::args::Detect;
use crate::cli::command::dev::here;
use crate::detect::{Detection, Inputs};
use crate::invocation::Surroundings;
use crate::invocation::failure::{End, Failure};
use crate::launch::Reading;
use crate::project::Project;
use crate::session::dry_run;
use crate::session::subject::Subject;
use crate::ui;
use crate::visible::{self, Visible};

/// Says what was detected, and why.
pub fn run(around: &Surroundings, detect: &Detect) -> Result<End, Failure> {
    let wanted = detect.script.as_deref();
    let projects = match &detect.directory {
        Some(directory) => vec![Project::at(&around.dir.join(directory))?],
        None => here(around, wanted)?,
    };
    let several = projects.len() > 1;
    let ports = around.ports_to_read();
    let mut answers = Vec::new();
    let mut texts = Vec::new();
    for project in projects {
        let script = |project: &Project, settings: &_| Subject::script(project, settings, wanted, &[]);
        let subject = Subject::new(around, project, script)?;
        let reading = subject.read(around)?;
        let detection = subject.detect(&reading, None, ports.remembered(&subject.project.id).as_ref())?;
        let inputs = subject.inputs(&detection);
        if around.json {
            answers.push(dry_run::detection(&subject, &reading, &detection, &inputs));
        } else {
            texts.push(describe(&subject, &reading, &detection, &inputs));
        }
    }
    match &answers[..] {
        [] => ui::print(&texts.join("\n"))?,
        [answer] if !several => ui::print(&format!("{answer}\n"))?,
        answers => ui::print(&format!("{}\n", json!(answers)))?,
    }
    Ok(End::Code(0))
}

fn describe(subject: &Subject, reading: &Reading<'_>, detection: &Detection<'_>, inputs: &Inputs) -> String {
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
    text
}
