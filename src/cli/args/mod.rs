//! The definition of the command line.

mod agents;
mod caught;
mod choice;
mod preparse;
mod services;
mod with_parent;

use std::ffi::OsString;
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{NonEmptyStringValueParser, PossibleValue, StringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use clap_complete::engine::ArgValueCompleter;

use crate::cli::completion;
use crate::config;
use crate::invocation::{Failure, Invocation};
use crate::launch::Host;
use crate::session::Options;
use crate::supervise::restart::Policy;
use crate::ui::{ColorChoice, Prefix, Style};
pub use agents::Agents;
pub use caught::Caught;
pub use choice::Choice;
pub use preparse::{command_index, parse_quickly, with_command};
pub use services::{Attach, Logs, OneService, StatusOptions, Stop, Wait};
pub use with_parent::{WithParent, parent_value};

/// Starts dev servers on the right port and leaves nothing behind.
#[derive(Debug, Parser)]
#[command(
    name = "bowline",
    version,
    max_term_width = 100,
    override_usage = "bowline [OPTIONS] [PROJECT]... [-- ARGS]...\n       bowline [OPTIONS] COMMAND",
    after_help = AFTER_HELP
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: CliCommand,
}

const AFTER_HELP: &str = "\
`bowline` alone is `bowline dev`: it runs the dev script of the project you are in, on the port \
that this project always gets. Arguments for the dev server go after `--`, as in `bowline -- --open`.

Exit codes: the service's own; 1 any other failure; 2 usage or configuration; 3 no port; 4 never \
became ready; 5 project not found, no script, or it does not run; 6 a supervisor does not \
answer; 126 not executable; 127 command not found.";

/// Options of every command.
#[derive(Args, Debug)]
pub struct Global {
    /// Run as if started in DIR
    #[arg(short = 'C', long, global = true, value_name = "DIR", help_heading = "Global options")]
    pub dir: Option<PathBuf>,
    /// Print JSON: one value, or one event per line from a command that runs services
    #[arg(long, global = true, help_heading = "Global options")]
    pub json: bool,
    /// Print on stderr how the port was chosen; given twice, also what was detected and what is run
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Global options")]
    pub verbose: u8,
    /// Add nothing to the output of the service
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Global options")]
    pub quiet: bool,
    /// When to use colours
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        overrides_with = "color",
        value_name = "WHEN",
        help_heading = "Global options"
    )]
    pub color: ColorChoice,
    /// Where ports are remembered [default: `$BOWLINE_STATE_DIR`, else the user's state directory]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Global options")]
    pub state_dir: Option<PathBuf>,
}

impl Global {
    /// The invocation with these options.
    pub fn invocation(&self, style: Style) -> Result<Invocation, Failure> {
        let mut invocation =
            Invocation::new(self.dir.as_deref(), self.state_dir.clone(), self.verbose, style)?;
        (invocation.json, invocation.quiet) = (self.json, self.quiet);
        Ok(invocation)
    }
}

#[derive(Debug, Subcommand)]
pub enum CliCommand {
    /// Run the dev script in the foreground (this is what `bowline` alone does)
    Dev(Foreground),
    /// Run a command on the project's port: `"dev": "bowline exec -- next dev"`
    Exec(Exec),
    /// Start services in the background, and return when they are ready
    Start(Dev),
    /// Run the services of `start`
    #[command(hide = true)]
    Supervise(Dev),
    /// Stop services, wherever they were started
    Stop(Stop),
    /// Stop services and start them again, as their files say now; if those are wrong, leave the services alone
    Restart {
        /// Projects by directory, name, port or filter; those named that do not run are started [default: the one you are in]
        #[arg(value_name = "PROJECT", add = ArgValueCompleter::new(completion::services))]
        projects: Vec<String>,
    },
    /// Show the output of a service so far, then the output that follows; with `--json`, both as events
    Attach(Attach),
    /// Print the output of services, also after their end
    Logs(Logs),
    /// Open the URL of a service in a browser, once it is ready
    Open(OneService),
    /// List every service on this machine; MEMORY is the resident memory of all its processes
    Ls,
    /// Show everything about one service
    Status(StatusOptions),
    /// Return when services are ready; exit code 4 if one does not become ready, 5 if its directory was removed
    Wait(Wait),
    /// Print the project's port: the one that it has, or would get
    Port {
        /// A project of the workspace by name, or a directory [default: the one you are in]
        #[arg(add = ArgValueCompleter::new(completion::filters))]
        project: Option<String>,
    },
    /// List reservations, and how full each range is
    Ports {
        #[command(subcommand)]
        action: Option<PortsAction>,
    },
    /// Show which framework was detected, and why
    Detect(Detect),
    /// Speak the SentryVibe runner protocol on stdin and stdout
    Runner,
    /// Run a service of `runner`
    #[command(hide = true)]
    RunnerExec(Exec),
    /// Run a script beneath one that runs as it is
    #[command(hide = true)]
    Caught(Caught),
    /// Print what coding agents need to know, and the entries for their configuration files
    Agents(Agents),
    /// Speak the Model Context Protocol on stdin and stdout, for coding agents
    Mcp,
    /// Find what is wrong on this machine, and say how to mend it; exit code 0 if all is well
    Doctor,
    /// Print the JSON schema of `bowline.toml`, for editors
    Schema,
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page of bowline, or of one command
    Man {
        /// The command, as in `bowline man ports prune`
        command: Vec<String>,
    },
}

#[derive(Args, Debug)]
pub struct Foreground {
    #[command(flatten)]
    pub dev: Dev,
    /// What stands before each line of the output of several services
    #[arg(long, value_enum, default_value_t, value_name = "WHAT")]
    pub prefix: Prefix,
}

#[derive(Args, Debug)]
pub struct Dev {
    /// Projects of the workspace by name, directories, or filters [default: the one you are in]
    #[arg(value_name = "PROJECT", add = ArgValueCompleter::new(completion::filters))]
    pub projects: Vec<String>,
    #[command(flatten)]
    pub choice: Choice,
    /// The script to run [default: the first there is of dev, develop, start:dev, start, serve]
    #[arg(long, value_name = "NAME", add = ArgValueCompleter::new(completion::scripts))]
    pub script: Option<String>,
    #[command(flatten)]
    pub launch: Launch,
    #[command(flatten)]
    pub together: Together,
    /// Arguments for the dev script
    #[arg(last = true, value_name = "ARGS")]
    pub arguments: Vec<String>,
}

#[derive(Args, Debug)]
pub struct Exec {
    #[command(flatten)]
    pub launch: Launch,
    /// The command with its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

/// Options of the commands that start services.
#[derive(Args, Debug)]
pub struct Launch {
    /// Use exactly this port, or fail
    #[arg(long, value_name = "N", value_parser = config::parse_port, allow_negative_numbers = true)]
    pub port: Option<NonZeroU16>,
    /// Use this framework instead of the detected one
    #[arg(long, value_name = "KEY", add = ArgValueCompleter::new(completion::frameworks))]
    pub framework: Option<String>,
    /// Reserve the port for this id instead of the project's directory
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub project_id: Option<String>,
    #[command(flatten)]
    pub each: Each,
    #[command(flatten)]
    pub parent: WithParent,
    /// If the project is already running, stop it and start it again
    #[arg(long)]
    pub restart_running: bool,
    /// Print what would be run, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Open the URL in a browser once the server is ready
    #[arg(long)]
    pub open: bool,
}

/// Options for each of the servers.
#[derive(Args, Debug)]
pub struct Each {
    /// Let the server listen on the network: on ADDR, or on every interface
    #[arg(long, value_name = "ADDR", num_args = 0..=1, default_missing_value = "", value_parser = StringValueParser::new().map(host))]
    pub host: Option<Host>,
    /// When to restart a service that has ended
    #[arg(long, value_enum, value_name = "WHEN")]
    pub restart: Option<Policy>,
    /// How long a server may take to end before it is killed [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = config::parse_duration)]
    pub grace: Option<Duration>,
}

/// Options for several services.
#[derive(Args, Debug, Default)]
pub struct Together {
    /// Start all at once, except what `needs` in bowline.toml orders: wait for no first build of a watch, and build
    /// nothing before
    #[arg(long)]
    pub no_order: bool,
    /// End all services once one has failed, with the exit code of that one
    #[arg(long)]
    pub fail_fast: bool,
}

impl From<&Launch> for Options {
    fn from(launch: &Launch) -> Self {
        Self {
            framework: launch.framework.clone(),
            port: launch.port,
            open: launch.open,
            ..Self::from(&launch.each)
        }
    }
}

impl From<&Each> for Options {
    fn from(Each { host, restart, grace }: &Each) -> Self {
        Self { host: host.clone(), restart: *restart, grace: *grace, ..Self::default() }
    }
}

fn host(address: String) -> Host {
    if address.is_empty() { Host::All } else { Host::Address(address) }
}

impl ValueEnum for Policy {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Never, Self::OnFailure, Self::Always]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Never => PossibleValue::new(self.name()).help("Never"),
            Self::OnFailure => PossibleValue::new(self.name()).help("When it fails"),
            Self::Always => PossibleValue::new(self.name()).help("Whenever it ends by itself"),
        })
    }
}

#[derive(Debug, Subcommand)]
pub enum PortsAction {
    /// Release what dead servers left; forget ports unused for 7 days, and ports of projects that are gone
    Prune,
    /// Forget the ports of a project
    Release {
        /// A project of the workspace by name, a directory, or an id
        #[arg(add = ArgValueCompleter::new(completion::services))]
        project: String,
    },
}

#[derive(Args, Debug)]
pub struct Detect {
    /// The project's directory [default: the one you are in]
    #[arg(value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// The script to look at [default: the one that would be run]
    #[arg(long, value_name = "NAME", add = ArgValueCompleter::new(completion::scripts))]
    pub script: Option<String>,
}
