//! A port in a script or file of a service that is the usual one of others.

use crate::launch::FileMention;

/// A port by which a service names others.
#[derive(Clone, Debug)]
pub struct NamedByPort {
    pub port: u16,
    /// The projects whose usual port it is; several if it is not known which one is meant.
    pub projects: Vec<String>,
    /// Where it stands; `None` for the script.
    pub file: Option<FileMention>,
}

impl NamedByPort {
    /// The project that is meant.
    pub fn only(&self) -> Option<&str> {
        if let [only] = &self.projects[..] { Some(only) } else { None }
    }

    /// The project that a script names.
    pub fn in_script(&self) -> Option<&str> {
        self.only().filter(|_| self.file.is_none())
    }
}
