//! Where bowline was called from: everything that a plan depends on besides the project.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::preload::{self, BUN_OPTIONS, NODE_OPTIONS, SERVE_ADDRESS};
use crate::script::PackageManager;

#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// The directory that the user is in; scripts see it as `INIT_CWD`.
    pub directory: PathBuf,
    pub variables: BTreeMap<OsString, OsString>,
    /// Whether the standard output is a terminal.
    pub terminal: bool,
}

impl Caller {
    /// A variable that is set, not empty, and readable as text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.raw(name)?.to_str().filter(|value| !value.is_empty())
    }

    /// A variable that is set, even if it is empty or no text.
    pub fn raw(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    pub(super) fn home(&self) -> Option<&Path> {
        self.raw("HOME").filter(|home| !home.is_empty()).map(Path::new)
    }

    pub(super) fn config_home(&self) -> Option<PathBuf> {
        let named = self.raw("XDG_CONFIG_HOME").filter(|dir| !dir.is_empty()).map(PathBuf::from);
        named.or_else(|| Some(self.home()?.join(".config")))
    }

    /// The file that the shell would run for `program`.
    pub fn find(&self, program: &str) -> Option<PathBuf> {
        which::which_in(program, Some(self.raw("PATH")?), &self.directory).ok()
    }

    /// Takes away the port, and the preload in `preloads`, that a service was given in whose script this is another
    /// one's.
    pub fn forget_service(&mut self, preloads: &Path) {
        let port =
            self.text("BOWLINE_URL").and_then(|url| url.rsplit_once(':')).map(|(_, port)| port.to_owned());
        let is_port =
            |name: &OsStr| name.to_str().is_some_and(|name| name == "PORT" || name.ends_with("_PORT"));
        let is_own = |name: &OsStr| name.to_str().is_some_and(|name| name.starts_with("BOWLINE_"));
        self.variables.retain(|name, value| {
            is_own(name) || !is_port(name) || value.to_str() != port.as_deref() || port.is_none()
        });
        for name in [NODE_OPTIONS, BUN_OPTIONS] {
            if let Some(options) = self.text(name).map(|options| preload::without(options, preloads)) {
                self.variables.insert(name.into(), options.into());
            }
        }
        let served = self.text(SERVE_ADDRESS).and_then(|address| address.rsplit_once(':'));
        if served.is_some_and(|(_, served)| Some(served) == port.as_deref()) {
            self.variables.remove(OsStr::new(SERVE_ADDRESS));
        }
    }

    /// The name and version of the package manager whose script or `exec` bowline runs in.
    pub(super) fn invoker(&self) -> Option<(&str, &str)> {
        self.text("npm_config_user_agent")?.split_whitespace().next()?.split_once('/')
    }

    pub(super) fn is_inside(&self, manager: PackageManager) -> bool {
        self.invoker().is_some_and(|(name, _)| name == manager.name())
    }
}
