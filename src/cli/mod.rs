//! The command line: parsing, one file a command, messages and exit codes.

mod args;
mod command;
mod completion;
mod parent;
mod usage;

use std::ffi::OsString;
use std::io::IsTerminal;

use clap::{Args, CommandFactory, FromArgMatches};
use clap_complete::env::CompleteEnv;

use crate::event::{Event, What};
use crate::exit_code::FAILURE;
use crate::invocation::Failure;
use crate::invocation::{Invocation, logging};
use crate::launch;
use crate::mcp;
use crate::process::caller::while_there;
use crate::process::{Exit, Signal, signals};
use crate::ui::{self, ColorChoice, Style};
use args::{Cli, CliCommand, Foreground};
use command::{
    agents, attach, brief, caught, detect, dev, doctor, logs, ls, man, open, port, ports, restart, runner,
    schema, start, status, stop, wait,
};

/// Runs the command in `arguments`, which begin with the program's name. Returns how this process shall end.
pub fn run(arguments: Vec<OsString>) -> Exit {
    // Without the handlers, a command can be waited for, or killed.
    let _deaf = signals::end_by_signals_as_first_process();
    if let Some(answered) = answer_shell(&arguments) {
        return answered.unwrap_or_else(|failure| report(&failure, false, default_style()));
    }
    let arguments = args::with_command(launch::shim_arguments(&arguments).unwrap_or(arguments));
    let cli = match args::parse_quickly(&arguments).map_or_else(|| parse(&arguments), Ok) {
        Ok(cli) => cli,
        Err(exit) => return exit,
    };
    let style = Style::new(cli.global.color, std::io::stderr().is_terminal());
    let json = cli.global.json;
    let outcome =
        cli.global.invocation(style).and_then(|invocation| execute(invocation, cli.command, &arguments));
    logging::flush();
    ui::restore_terminal();
    outcome.unwrap_or_else(|failure| report(&failure, json, style))
}

fn execute(mut invocation: Invocation, command: CliCommand, arguments: &[OsString]) -> Result<Exit, Failure> {
    if let CliCommand::Dev(foreground) = &command {
        invocation.prefix = foreground.prefix;
    }
    if !parent::tie(&mut invocation, &command)? {
        return Ok(Exit::Signal(Signal::SIGHUP));
    }
    match command {
        CliCommand::Dev(foreground) => dev::dev(&invocation, &foreground.dev),
        CliCommand::Exec(exec) => dev::exec(&invocation, &exec),
        CliCommand::Start(dev) => while_there(None, || start::start(&invocation, arguments, &dev)),
        CliCommand::Supervise(dev) => start::supervise(invocation, &dev),
        CliCommand::Stop(stop) => stop::stop(&invocation, &stop),
        CliCommand::Restart { projects } => restart::restart(&invocation, arguments, &projects),
        CliCommand::Attach(which) => attach::attach(&invocation, &which),
        CliCommand::Logs(wanted) => logs::logs(&invocation, &wanted),
        CliCommand::Open(which) => {
            while_there(invocation.parent.as_ref(), || open::open(&invocation, &which))
        }
        CliCommand::Ls => ls::ls(&invocation),
        CliCommand::Status(which) if which.brief => brief::brief(&invocation),
        CliCommand::Status(which) => status::status(&invocation, which.project.as_deref()),
        CliCommand::Wait(wait) => while_there(invocation.parent.as_ref(), || wait::wait(&invocation, &wait)),
        CliCommand::Port { project } => port::run(&invocation, project.as_deref()),
        CliCommand::Ports { action } => ports::run(&invocation, action.as_ref()),
        CliCommand::Detect(detect) => detect::run(&invocation, &detect),
        CliCommand::Runner => runner::runner(&invocation),
        CliCommand::RunnerExec(exec) => runner::exec(invocation, &exec),
        CliCommand::Caught(one) => caught::caught(invocation, &one),
        CliCommand::Agents(wanted) => agents::agents(&invocation, &wanted),
        CliCommand::Mcp => mcp::serve(&invocation),
        CliCommand::Doctor => doctor::doctor(&invocation),
        CliCommand::Schema => schema::schema(),
        CliCommand::Completions { shell } => completion::script(shell),
        CliCommand::Man { command } => man::manual(&command),
    }
}

/// Answers a shell that asks for completions; `None` if none asks.
fn answer_shell(arguments: &[OsString]) -> Option<Result<Exit, Failure>> {
    std::env::var_os(completion::VARIABLE)?;
    let here = std::env::current_dir().ok();
    // Without a command, the arguments of `dev` can be typed.
    let definition = || Foreground::augment_args(Cli::command());
    let asked = CompleteEnv::with_factory(definition).var(completion::VARIABLE);
    let answered = asked.try_complete(arguments.iter().cloned(), here.as_deref());
    Some(answered.map(|_| Exit::Code(0)).map_err(|error| Failure::new(FAILURE, error, None)))
}

/// Parses the arguments with the whole definition. `Err` after help or a usage error.
fn parse(arguments: &[OsString]) -> Result<Cli, Exit> {
    let mut definition = Cli::command();
    let parsed =
        definition.try_get_matches_from_mut(arguments).and_then(|found| Cli::from_arg_matches(&found));
    parsed.map_err(|error| {
        if !error.use_stderr() {
            let _closed = error.print();
            return Exit::Code(0);
        }
        let failure = usage::failure(&definition, arguments, &error);
        report(&failure, usage::wants_json(arguments), default_style())
    })
}

/// The style while `--color` has not been parsed.
fn default_style() -> Style {
    Style::new(ColorChoice::Auto, std::io::stderr().is_terminal())
}

fn report(failure: &Failure, json: bool, style: Style) -> Exit {
    tracing::error!(target: logging::PRINTED, "{}", failure.message);
    logging::flush();
    if json {
        let event = Event::without_project(What::Error { error: failure.message.clone() });
        let _closed = ui::print(&format!("{}\n", event.to_json()));
    }
    failure.print(style);
    failure.exit
}
