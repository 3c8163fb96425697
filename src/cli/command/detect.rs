//! `bowline detect`.

use super::answer::{answer, one_or_all};
use crate::cli::args::Detect;
use crate::detect::ServiceKind;
use crate::invocation::{Failure, Invocation};
use crate::process::Exit;
use crate::project::Project;
use crate::session::selection::{Selection, select_to_ask};
use crate::session::{ConfiguredProject, Detected};
use crate::visible::{self, Visible};

pub fn run(invocation: &Invocation, detect: &Detect) -> Result<Exit, Failure> {
    let Selection { services, root } = match &detect.directory {
        Some(directory) => {
            let project = Project::at(&invocation.dir.join(directory))?;
            let asked = ConfiguredProject::asked(invocation, project, detect.script.clone())?;
            Selection { services: vec![asked], root: None }
        }
        None => select_to_ask(invocation, detect.script.as_deref())?,
    };
    let ports = invocation.ports_to_read();
    let (mut answers, mut texts) = (Vec::new(), Vec::new());
    texts.extend(root.iter().map(|root| format!("{root}\n")));
    for configured in services {
        let remembered = ports.remembered(&configured.project.id);
        let detected = Detected::new(invocation, &configured, None, remembered.as_ref())?;
        let mut answer = detected.to_json();
        if let (Some(answer), Some(root)) = (answer.as_object_mut(), &root) {
            answer.insert("root".to_owned(), root.to_json());
        }
        answers.push(answer);
        texts.push(describe(&detected));
    }
    answer(invocation, || one_or_all(answers), || texts.join("\n"))
}

fn describe(detected: &Detected<'_>) -> String {
    let Detected { configured, reading, detection, inputs, kind, .. } = detected;
    let framework = detection.framework;
    let mut text = format!("{}  {} ({})\n", configured.project.name, framework.label, framework.key);
    for evidence in &detection.evidence {
        text.push_str(&format!("  because    {}\n", visible::line(evidence)));
    }
    text.push_str(&match kind {
        ServiceKind::Server => format!("  ports      {}\n", inputs.range),
        ServiceKind::Watch | ServiceKind::Task => format!("  ports      none: it is a {}\n", kind.name()),
    });
    text.push_str(&match reading.script() {
        Some(name) => {
            format!("  script     {}: {}\n", visible::line(name), visible::line(&reading.command))
        }
        None if configured.runs_framework => {
            format!("  script     none\n  command    {}\n", visible::line(&reading.command))
        }
        None => "  script     none\n".to_owned(),
    });
    text.push_str(&format!("  manager    {}\n", configured.manager.manager.name()));
    if let Some(workspace) = &configured.project.workspace {
        text.push_str(&format!("  workspace  {}\n", workspace.root.visible()));
    }
    text
}
