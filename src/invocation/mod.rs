//! How bowline was called: its directory, environment, state directory and terminal, and how it reports failures.

pub mod failure;
pub mod logging;
mod with_parent;

use std::cell::OnceCell;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use self::failure::Failure;
use self::logging::LogLayer;
pub use self::with_parent::VARIABLE as WITH_PARENT;
use crate::config::{Config, ConfigError, Files};
use crate::exit_code;
use crate::launch::Caller;
use crate::paths::StateDir;
use crate::port::{PortChoice, Ports, Warning};
use crate::process::caller::Parent;
use crate::process::descriptors;
use crate::project::Project;
use crate::ui::{self, Prefix, Style};
use crate::visible;

/// Descriptors that any command may need at once.
const DESCRIPTORS: usize = 24;

/// The starter of the services, which decides when they end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartedBy {
    /// `bowline dev` or `exec`: services end with this process.
    Foreground,
    /// `bowline start`: services outlive the caller.
    Background,
    /// `bowline runner`: services end with the runner, which holds the other end of standard input.
    Runner,
    /// A script beneath another session, in whose place this one runs it: services end with this process.
    Caught,
}

impl StartedBy {
    pub fn word(self) -> &'static str {
        match self {
            Self::Foreground => "foreground",
            Self::Background => "background",
            Self::Runner => "runner",
            Self::Caught => "caught",
        }
    }
}

/// The variable with the first of the ports that Conductor sets aside for a workspace of its own, and how many.
const CONDUCTOR_PORT: &str = "CONDUCTOR_PORT";
const CONDUCTOR_PORTS: u16 = 10;

/// The ports that the environment asks for.
#[derive(Clone, Copy, Debug)]
enum Wish {
    Nothing,
    /// `PORT`.
    One(u16),
    /// This one for the first service, and those after it for further ones.
    Several(u16),
}

#[derive(Debug)]
pub struct Invocation {
    /// Where the project is looked for: the current directory, or `--dir`. Absolute unless the current one is
    /// gone.
    pub dir: PathBuf,
    /// Directory, environment and terminal, as a launched command inherits them.
    pub caller: Caller,
    pub json: bool,
    pub quiet: bool,
    pub started_by: StartedBy,
    /// What stands before each line of several services.
    pub prefix: Prefix,
    /// The process that bowline ends with.
    pub parent: Option<Parent>,
    /// The style of lines on stderr.
    pub style: Style,
    /// The configurations that were read.
    pub files: Files,
    state_dir: Option<PathBuf>,
    log_layer: LogLayer,
    wish: OnceCell<Wish>,
}

impl Invocation {
    /// Reads the environment. `dir` is relative to the current directory; `verbose` counts the `-v`.
    ///
    /// # Errors
    /// The limit of open files is too low.
    pub fn new(
        dir: Option<&Path>,
        state_dir: Option<PathBuf>,
        verbose: u8,
        style: Style,
    ) -> Result<Self, Failure> {
        require_descriptors(DESCRIPTORS)?;
        // A removed directory fails later, in the commands that need it.
        let current = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
        let dir = dir.map_or_else(|| current.clone(), |dir| current.join(dir));
        let terminal = std::io::stdout().is_terminal();
        let variables = std::env::vars_os().collect();
        let caller = Caller { directory: dir.clone(), variables, terminal };
        let port_allocator = caller.text("VERBOSE_PORT_ALLOCATOR") == Some("true");
        Ok(Self {
            dir,
            caller,
            json: false,
            quiet: false,
            started_by: StartedBy::Foreground,
            prefix: Prefix::default(),
            parent: None,
            style,
            files: Files::default(),
            state_dir,
            log_layer: LogLayer { verbose, port_allocator },
            wish: OnceCell::new(),
        })
    }

    /// The configuration of a project, by the files and the caller's environment.
    pub fn config(&self, project: &Project) -> Result<Config, ConfigError> {
        self.files.config(project, &|name| self.variable(name))
    }

    pub fn variable(&self, name: &str) -> Option<OsString> {
        self.caller.raw(name).map(ToOwned::to_owned)
    }

    /// The port that the environment asks for, for the service at this place among those that start together.
    pub fn preferred_port(&self, place: usize) -> PortChoice {
        match self.wish() {
            Wish::Nothing => PortChoice::Any,
            Wish::One(port) => PortChoice::Preferred(port),
            Wish::Several(_) => self.wished_port(place).map_or(PortChoice::Any, PortChoice::Preferred),
        }
    }

    /// The same, but `PORT` is for the first service alone.
    pub fn wished_port(&self, place: usize) -> Option<u16> {
        match self.wish() {
            Wish::Nothing => None,
            Wish::One(port) => (place == 0).then_some(port),
            Wish::Several(first) => {
                let place = u16::try_from(place).ok().filter(|place| *place < CONDUCTOR_PORTS)?;
                first.checked_add(place)
            }
        }
    }

    /// An invalid value is warned about once.
    fn wish(&self) -> Wish {
        *self.wish.get_or_init(|| {
            for (name, wish) in [("PORT", Wish::One as fn(u16) -> Wish), (CONDUCTOR_PORT, Wish::Several)] {
                let Some(text) = self.caller.text(name) else { continue };
                if let Ok(port) = text.parse::<NonZeroU16>() {
                    return wish(port.get());
                }
                let hint = "unset it, or set it to a number from 1 to 65535".to_owned();
                self.warn(&format!("the variable {name} is no port and is ignored: `{text}`"), Some(hint));
                break;
            }
            Wish::Nothing
        })
    }

    /// The state directory, which may not exist.
    fn state_to_read(&self) -> StateDir {
        StateDir::locate(self.state_dir.as_deref(), &|name| self.variable(name))
    }

    /// The state directory, created if necessary.
    pub fn state_to_write(&self) -> Result<StateDir, Failure> {
        Ok(StateDir::create(self.state_dir.as_deref(), &|name| self.variable(name))?)
    }

    /// The store of ports, for reading.
    pub fn ports_to_read(&self) -> Ports {
        let dir = self.state_to_read();
        logging::start(Some(&dir.logs()), self.log_layer);
        Ports::new(Arc::new(dir))
    }

    /// The store of ports, for a dry run: not even a log line is written.
    pub fn ports_to_plan(&self) -> Ports {
        logging::start(None, self.log_layer);
        Ports::new(Arc::new(self.state_to_read()))
    }

    /// The store of ports, in a state directory that is created if necessary.
    pub fn ports_to_write(&self) -> Result<Ports, Failure> {
        let dir = self.state_to_write()?;
        logging::start(Some(&dir.logs()), self.log_layer);
        if let (Some(substitution), Some(trouble)) = (dir.substitution(), dir.trouble()) {
            self.warn(&substitution, trouble.hint());
        }
        Ok(Ports::new(Arc::new(dir)))
    }

    /// Prints a warning and its hint on stderr, unless quiet.
    pub fn warn(&self, message: &str, hint: Option<String>) {
        let message = visible::line(message);
        tracing::warn!(target: logging::PRINTED, "{message}");
        if self.quiet {
            return;
        }
        ui::eprint_warning(self.style, &message);
        if let Some(hint) = hint {
            let hint = visible::line(&hint);
            ui::eprint_line(&format!("{}  {} {hint}", self.style.name(), self.style.strong("hint:")));
        }
    }

    pub fn warn_all(&self, warnings: &[Warning]) {
        for warning in warnings {
            self.warn(&warning.to_string(), warning.hint().map(str::to_owned));
        }
    }
}

/// Makes sure that `count` more descriptors can be opened, and raises the limit if necessary.
pub fn require_descriptors(count: usize) -> Result<(), Failure> {
    descriptors::require(count).map_err(|error| {
        let message = format!("bowline needs to open {count} more files: {error}");
        Failure::new(exit_code::FAILURE, message, descriptors::hint(&error))
    })
}
