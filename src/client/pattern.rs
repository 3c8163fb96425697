//! Filters that name services: those of the workspace that the user is in, by the packages that they run.

use std::path::{Path, PathBuf};

use super::services;
use crate::invocation::{Failure, Invocation};
use crate::port::Reservation;
use crate::project::defining_directory;
use crate::workspace::{Filter, FilterError, Packages};

/// Filters, and what they select.
pub struct ServicePattern {
    text: String,
    root: PathBuf,
    includes: bool,
    /// The names of the services that are no packages. They may run in the directory of one.
    services: Vec<String>,
    /// The directories and names of the packages and services that are selected.
    meant: Vec<Service>,
    /// Those that a filter takes away.
    excluded: Vec<Service>,
    /// Where nothing is selected, be it running or not.
    no_match: Option<FilterError>,
}

/// A package by its directory, or a service without one by its name.
enum Service {
    Package(PathBuf),
    Named(String),
}

impl ServicePattern {
    /// The filters apply one after the other, as for a start.
    pub fn read<W: AsRef<str>>(
        invocation: &Invocation,
        live: &[Reservation],
        words: &[W],
    ) -> Result<Self, Failure> {
        let project = services::here(invocation)?;
        let packages = Packages::around(&project)?;
        let root = packages.root().to_path_buf();
        // Running services are found even if the files are wrong by now.
        let known = services::all(invocation, &project).unwrap_or_default();
        let mut services: Vec<String> = known.into_iter().map(|one| one.name).collect();
        for one in live {
            let is_service = defining_directory(&one.project).is_some();
            if one.dir.starts_with(&root) && is_service && !services.contains(&one.name) {
                services.push(one.name.clone());
            }
        }
        let packages = packages.beside(services.clone());
        let parse = |word: &W| Filter::parse(word.as_ref(), &invocation.dir);
        let filters = words.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        let selected = |filters: &[Filter]| -> Result<Vec<Service>, FilterError> {
            let indices = packages.select(filters)?.indices.into_iter();
            Ok(indices.map(|index| service(&packages, &services, index)).collect())
        };
        let meant = selected(&filters)?;
        let mut excluded = Vec::new();
        for filter in filters.iter().filter(|filter| filter.excludes()) {
            excluded.extend(selected(&[filter.opposite()])?);
        }
        let no_match = meant.is_empty().then(|| packages.no_match(&filters));
        let text = words.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(" ");
        let includes = !filters.iter().all(Filter::excludes);
        Ok(Self { text, root, includes, services, meant, excluded, no_match })
    }

    /// Whether any of the filters says what it means, and not only what it does not.
    pub fn includes(&self) -> bool {
        self.includes
    }

    pub fn excludes(&self, one: &Reservation) -> bool {
        self.excluded.iter().any(|service| self.is(service, &one.name, &one.dir))
    }

    /// Whether it means the service with this name in this directory.
    pub fn means(&self, name: &str, dir: &Path) -> bool {
        dir.starts_with(&self.root) && self.meant.iter().any(|service| self.is(service, name, dir))
    }

    fn is(&self, service: &Service, name: &str, dir: &Path) -> bool {
        let is_package = || !self.services.iter().any(|known| known == name);
        match service {
            Service::Package(own) => own == dir && is_package(),
            Service::Named(own) => own == name,
        }
    }

    /// Those of the services that it means.
    pub fn running(&self, live: &[Reservation]) -> Vec<Reservation> {
        live.iter().filter(|one| self.means(&one.name, &one.dir)).cloned().collect()
    }

    /// The filters as they were typed, for what does not run.
    ///
    /// # Errors
    /// There is nothing that they could mean, running or not.
    pub fn into_text(self) -> Result<String, FilterError> {
        self.no_match.map_or(Ok(self.text), Err)
    }
}

fn service(packages: &Packages, services: &[String], index: usize) -> Service {
    match packages.projects().get(index) {
        Some(project) => Service::Package(project.dir.clone()),
        None => Service::Named(services[index - packages.projects().len()].clone()),
    }
}
