//! Where bowline was started, and what every command needs of it.

pub mod failure;
pub mod logging;

use std::cell::OnceCell;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::sync::Arc;

use self::logging::Shown;
use crate::cli::args::Global;
use crate::invocation::failure::Failure;
use crate::launch::Caller;
use crate::paths::StateDir;
use crate::port::{Choice, Ports, Warning};
use crate::process::descriptors;
use crate::ui::{self, Style};
use crate::visible;

/// What every command may open at once, in files.
const FILES: usize = 24;

/// Who keeps the services that are started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// The user, or a program in the user's place: they end with this process's terminal or caller.
    Terminal,
    /// Nobody: they outlive whoever started them.
    Nobody,
    /// The runner: they end with the standard input, by which it tells that it is gone.
    Runner,
}

impl Keeper {
    /// How services are started, as others are told.
    pub fn started_by(self) -> &'static str {
        match self {
            Self::Terminal => "foreground",
            Self::Nobody => "background",
            Self::Runner => "runner",
        }
    }
}

/// Where bowline was started, and how it is to answer.
#[derive(Debug)]
pub struct Surroundings {
    /// The directory that commands are about, absolute unless the current one is gone.
    pub dir: PathBuf,
    /// What a launched command inherits.
    pub caller: Caller,
    /// Whether to answer in JSON.
    pub json: bool,
    /// Whether to say nothing that is not asked for.
    pub quiet: bool,
    /// Who keeps the services that are started.
    pub keeper: Keeper,
    /// How lines on stderr look.
    pub style: Style,
    state_dir: Option<PathBuf>,
    shown: Shown,
    wish: OnceCell<Choice>,
}

impl Surroundings {
    /// Looks around.
    ///
    /// # Errors
    /// Too few files can be opened.
    pub fn new(global: &Global) -> Result<Self, Failure> {
        require_files(FILES)?;
        // Where it is gone, whoever needs it finds out: not all do.
        let current = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
        let dir = global.dir.as_ref().map_or_else(|| current.clone(), |dir| current.join(dir));
        let terminal = std::io::stdout().is_terminal();
        let variables = std::env::vars_os().collect();
        let caller = Caller { directory: dir.clone(), variables, terminal };
        let shown = Shown {
            verbose: global.verbose,
            port_allocator: caller.text("VERBOSE_PORT_ALLOCATOR") == Some("true"),
        };
        Ok(Self {
            dir,
            caller,
            json: global.json,
            quiet: global.quiet,
            keeper: Keeper::Terminal,
            style: Style::new(global.color, std::io::stderr().is_terminal()),
            state_dir: global.state_dir.clone(),
            shown,
            wish: OnceCell::new(),
        })
    }

    /// A variable of the environment.
    pub fn variable(&self, name: &str) -> Option<OsString> {
        self.caller.raw(name).map(ToOwned::to_owned)
    }

    /// The port that the environment asks for. What is none there is told of once, however many projects are started.
    pub fn wish(&self) -> Choice {
        *self.wish.get_or_init(|| {
            let Some(text) = self.caller.text("PORT") else { return Choice::Any };
            text.parse::<NonZeroU16>().map_or_else(
                |_| {
                    let hint = "unset it, or set it to a number from 1 to 65535".to_owned();
                    self.warn(&format!("the variable PORT is no port and is ignored: `{text}`"), Some(hint));
                    Choice::Any
                },
                |port| Choice::Wish(port.get()),
            )
        })
    }

    /// The state directory, to look at only.
    pub fn state_to_read(&self) -> StateDir {
        StateDir::locate(self.state_dir.as_deref(), &|name| self.variable(name))
    }

    /// The state directory, made if there is none yet.
    ///
    /// # Errors
    /// There is no directory that could be written.
    pub fn state_to_write(&self) -> Result<StateDir, Failure> {
        Ok(StateDir::create(self.state_dir.as_deref(), &|name| self.variable(name))?)
    }

    /// The ports as this user's state directory records them, to look at only.
    pub fn ports_to_read(&self) -> Ports {
        let dir = self.state_to_read();
        logging::start(Some(&dir.logs()), self.shown);
        Ports::new(Arc::new(dir))
    }

    /// The same for a plan, which leaves not even a line in the log.
    pub fn ports_to_plan(&self) -> Ports {
        logging::start(None, self.shown);
        Ports::new(Arc::new(self.state_to_read()))
    }

    /// The ports, and the state directory, made if there is none yet.
    ///
    /// # Errors
    /// There is no directory that could be written.
    pub fn ports_to_write(&self) -> Result<(Ports, Arc<StateDir>), Failure> {
        let dir = Arc::new(self.state_to_write()?);
        logging::start(Some(&dir.logs()), self.shown);
        if let (Some(substitution), Some(trouble)) = (dir.substitution(), dir.trouble()) {
            self.warn(&substitution, trouble.hint());
        }
        Ok((Ports::new(Arc::clone(&dir)), dir))
    }

    /// One line on stderr, and what to do.
    pub fn warn(&self, message: &str, hint: Option<String>) {
        let message = visible::line(message);
        tracing::warn!(target: logging::TOLD, "{message}");
        if self.quiet {
            return;
        }
        ui::complain(&format!("{}  {} {message}", self.style.name(), self.style.warning("warning:")));
        if let Some(hint) = hint {
            let hint = visible::line(&hint);
            ui::complain(&format!("{}  {} {hint}", self.style.name(), self.style.strong("hint:")));
        }
    }

    /// The same for all that went wrong with ports.
    pub fn warn_of(&self, warnings: &[Warning]) {
        for warning in warnings {
            self.warn(&warning.to_string(), warning.hint());
        }
    }
}

/// Makes sure that as many files can be opened.
///
/// # Errors
/// They cannot.
pub fn require_files(count: usize) -> Result<(), Failure> {
    descriptors::require(count).map_err(|error| {
        Failure::new(failure::OTHER, format!("bowline needs to open {count} more files: {error}"), None)
    })
}
