//! A project with its configuration and the script or command to run.

use std::ffi::OsString;

use crate::client::own_command::own_command;
use crate::config::{Config, FilePlace, ProjectSettings, did_you_mean};
use crate::detect::ServiceKind;
use crate::exit_code::{NO_PROJECT, USAGE};
use crate::invocation::{Failure, Invocation};
use crate::launch::{self, ChosenManager};
use crate::process::Exit;
use crate::project::{Project, ProjectError, service_id};
use crate::template;

#[derive(Clone, Debug)]
pub enum Runnable {
    /// A script, by default the configured one, else the usual one. `arguments` are the user's.
    Script { name: Option<String>, arguments: Vec<String> },
    /// No words if nothing is to be run, and only detection is wanted.
    Command(Vec<OsString>),
    /// The `command` of bowline.toml or of a Procfile, for a shell.
    Text { text: String, arguments: Vec<String> },
}

#[derive(Debug)]
pub struct ConfiguredProject {
    pub project: Project,
    pub config: Config,
    pub manager: ChosenManager,
    /// With the name of the script, also if the user gave none.
    pub runnable: Runnable,
    /// Whether it runs only because another service needs it: the user's options and arguments are not for it.
    pub is_added: bool,
    /// The services that its texts in bowline.toml name in templates, by these names.
    pub named: Vec<(String, Project)>,
    /// Whether it has no dev script, and runs its framework's own command or a target of nx.
    pub runs_framework: bool,
    /// As the user gave it.
    asked: Runnable,
    pub additions: Additions,
}

/// What the workspace adds to a service, beside its own files.
#[derive(Clone, Debug, Default)]
pub struct Additions {
    /// Variables that the root's script sets. Those of `bowline.toml` go before them.
    pub environment: Vec<(String, String)>,
    /// Names of services of this start that are waited for.
    pub needs: Vec<String>,
    /// What the service is there for, if that is known; `bowline.toml` goes before it.
    pub kind: Option<ServiceKind>,
    /// The name in the workspace, where it is not the package's: `ui:build`. The id ends in it, too.
    pub name: Option<String>,
    /// It is a target of nx, in place of a script.
    pub is_target: bool,
    /// It starts the scripts of other packages, and has no server of its own.
    pub orchestrates: bool,
}

/// A service before its configuration is read.
pub type Chosen = (Project, Runnable, Additions);

impl Additions {
    fn add_to(&self, project: &mut Project, settings: &mut ProjectSettings) {
        for (name, value) in &self.environment {
            settings.env.entry(name.clone()).or_insert_with(|| value.clone());
        }
        settings.needs.extend(
            self.needs.iter().filter(|name| !settings.needs.contains(name)).cloned().collect::<Vec<_>>(),
        );
        settings.kind = settings.kind.or(self.kind);
        if let Some(name) = &self.name {
            project.id = service_id(&project.dir, name);
            project.name.clone_from(name);
            // All else in the package's table is about its dev script.
            let ProjectSettings { env, grace, kind, needs: _, .. } = std::mem::take(settings);
            *settings = ProjectSettings { env, grace, kind, needs: self.needs.clone(), ..Default::default() };
        }
    }
}

impl ConfiguredProject {
    /// The failure that a mistake in the project's table of bowline.toml is.
    pub fn mistake(&self, place: &FilePlace<'_>, message: &str, hint: &str) -> Failure {
        mistake(&self.config, place, message, hint)
    }

    /// One that runs only because of another.
    #[must_use]
    pub fn added(self) -> Self {
        Self { is_added: true, ..self }
    }

    /// # Errors
    /// The configuration is invalid, there is no such script, or the script would start bowline again.
    pub fn read(
        invocation: &Invocation,
        mut project: Project,
        runnable: Runnable,
        additions: Additions,
    ) -> Result<Self, Failure> {
        let mut config = invocation.config(&project)?;
        let named = invocation.files.named(&project, &config)?;
        additions.add_to(&mut project, &mut config.settings);
        let manager = launch::choose(&project, &invocation.caller);
        Ok(Self { named, ..Self::new(project, config, manager, runnable, additions)? })
    }

    /// Whether this is the script that `bowline` runs in the project.
    pub fn is_usual_script(invocation: &Invocation, project: &Project, script: &str) -> bool {
        let config = invocation.config(project);
        config.is_ok_and(|config| {
            let usual = project.script(config.settings.script.as_deref());
            config.settings.command.is_none() && usual.is_ok_and(|(name, _)| name == script)
        })
    }

    /// Makes it wait for a service of the same start.
    pub fn need(&mut self, name: &str) {
        for needs in [&mut self.additions.needs, &mut self.config.settings.needs] {
            if !needs.iter().any(|known| known == name) {
                needs.push(name.to_owned());
            }
        }
    }

    /// A project to be asked about, not run: one without a dev script will do, unless a script is named.
    pub fn asked(invocation: &Invocation, project: Project, name: Option<String>) -> Result<Self, Failure> {
        let manager = launch::choose(&project, &invocation.caller);
        Self::asked_with(invocation, project, name, manager)
    }

    /// Another package of the same workspace, to be asked about. Its package manager is the same, so it is not looked for
    /// once more.
    pub fn beside(&self, invocation: &Invocation, project: Project) -> Result<Self, Failure> {
        Self::asked_with(invocation, project, None, self.manager.clone())
    }

    fn asked_with(
        invocation: &Invocation,
        project: Project,
        name: Option<String>,
        manager: ChosenManager,
    ) -> Result<Self, Failure> {
        let config = invocation.config(&project)?;
        let is_named =
            name.is_some() || config.settings.script.is_some() || config.settings.command.is_some();
        let has_script = || project.script(None).is_ok();
        let runnable = if is_named || has_script() || own_command(&project, &config)?.is_some() {
            Runnable::Script { name, arguments: Vec::new() }
        } else {
            Runnable::Command(Vec::new())
        };
        Self::new(project, config, manager, runnable, Additions::default())
    }

    fn new(
        project: Project,
        config: Config,
        manager: ChosenManager,
        mut runnable: Runnable,
        additions: Additions,
    ) -> Result<Self, Failure> {
        if let Some(Err(error)) = config.settings.framework.as_ref().map(|key| config.catalog.find(key)) {
            let hint = error.hint().unwrap_or_default();
            return Err(mistake(&config, &FilePlace::at(&["framework"]), &error.to_string(), &hint));
        }
        let asked = runnable.clone();
        if let Runnable::Script { name, arguments } = &mut runnable {
            arguments.splice(..0, config.settings.args.iter().map(|text| template::compact(text)));
            if let Some(text) = config.settings.command.as_deref().filter(|_| name.is_none()) {
                runnable =
                    Runnable::Text { text: template::compact(text), arguments: std::mem::take(arguments) };
            }
        }
        let own = match &runnable {
            Runnable::Script { name: None, .. } if config.settings.script.is_none() => {
                own_command(&project, &config)?
            }
            Runnable::Script { .. } | Runnable::Command(_) | Runnable::Text { .. } => None,
        };
        let runs_framework = own.is_some() || additions.is_target;
        if let (Some(text), Runnable::Script { arguments, .. }) = (own, &mut runnable) {
            runnable = Runnable::Text { text, arguments: std::mem::take(arguments) };
        }
        if let Runnable::Script { name, .. } = &mut runnable {
            let (found, text) = match (&*name, &config.settings.script) {
                (None, Some(own)) => {
                    project.script(Some(own)).map_err(|error| mistaken_script(&config, &error))?
                }
                (name, _) => project.script(name.as_deref())?,
            };
            project.manifest.ensure_runnable(found, text)?;
            *name = Some(found.to_owned());
        }
        let (is_added, named) = (false, Vec::new());
        Ok(Self { project, config, manager, runnable, is_added, named, runs_framework, asked, additions })
    }

    /// Reads the same directory anew, for the same script or command.
    ///
    /// # Errors
    /// As [`ConfiguredProject::read`], and the directory or its package.json is gone.
    pub fn reload(&self, invocation: &Invocation) -> Result<Self, Failure> {
        let project = match (&self.project.defined_in, &self.asked) {
            (Some(_), _) => self.project.clone(),
            (None, asked) => match (Project::at(&self.project.dir), asked) {
                // A command needs no package.json.
                (Err(ProjectError::NoManifest { .. }), Runnable::Command(_)) => self.project.clone(),
                (project, _) => project?.with_id(self.project.id.clone()),
            },
        };
        invocation.files.forget();
        let (asked, additions) = (self.asked.clone(), self.additions.clone());
        let read = Self { is_added: self.is_added, ..Self::read(invocation, project, asked, additions)? };
        invocation.files.check(&read.project, &read.config, true)?;
        Ok(read)
    }
}

fn mistake(config: &Config, place: &FilePlace<'_>, message: &str, hint: &str) -> Failure {
    let located = config.mistake(place, message, hint);
    located.map_or_else(|| Failure::new(USAGE, message, Some(hint.to_owned())), Failure::from)
}

/// The failure that a script is which bowline.toml names and which cannot be run.
pub fn mistaken_script(config: &Config, error: &ProjectError) -> Failure {
    let hint = if let ProjectError::NoScript { wanted, scripts, .. } = error {
        did_you_mean(&wanted.concat(), scripts.iter().map(String::as_str))
    } else {
        error.hint().unwrap_or_default()
    };
    let mut failure = mistake(config, &FilePlace::at(&["script"]), &error.to_string(), &hint);
    if matches!(error, ProjectError::NoScript { .. }) {
        failure.exit = Exit::Code(NO_PROJECT);
    }
    failure
}
