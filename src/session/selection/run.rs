//! A script of a package that is to be run.

use crate::project::Project;
use crate::session::configured::{Additions, Chosen, Runnable};
use crate::workspace::{Packages, nx_target};

#[derive(Debug)]
pub struct Run {
    pub package: usize,
    pub script: String,
    /// Of several scripts of one package, each but the first has a name of its own.
    pub is_first: bool,
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
    pub needs: Vec<String>,
}

impl Run {
    /// The name of the service.
    pub fn name(&self, packages: &Packages) -> String {
        let package = &packages.projects()[self.package].name;
        if self.is_first { package.clone() } else { format!("{package}:{}", self.script) }
    }

    pub fn choose(self, packages: &Packages) -> Chosen {
        let name = (!self.is_first).then(|| self.name(packages));
        let script = Some(self.script).filter(|script| !script.is_empty());
        let project = &packages.projects()[self.package];
        let runnable = runnable(project, script.as_deref(), &self.arguments);
        let (environment, needs, is_target) = (self.environment, self.needs, is_target(&runnable));
        (project.clone(), runnable, Additions { environment, needs, name, is_target, ..Additions::default() })
    }
}

/// Whether it is a target of nx, and no script.
pub fn is_target(runnable: &Runnable) -> bool {
    matches!(runnable, Runnable::Command(_))
}

/// The script, or the target by which nx serves a project that has no such script.
pub fn runnable(project: &Project, script: Option<&str>, arguments: &[String]) -> Runnable {
    let has_script = project.script(script).is_ok() || project.defined_in.is_some();
    let Some(target) = (!has_script).then(|| nx_target(project, script)).flatten() else {
        return Runnable::Script { name: script.map(str::to_owned), arguments: arguments.to_vec() };
    };
    let words = ["nx".to_owned(), "run".to_owned(), format!("{}:{}", target.project, target.name)];
    Runnable::Command(words.into_iter().chain(arguments.iter().cloned()).map(Into::into).collect())
}
