//! What the user typed: one file a command, and the only place that knows every module.

pub mod args;
pub mod command;
mod completion;
mod usage;

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches};

use crate::event::{Event, What};
pub use crate::invocation::failure::End;
use crate::invocation::failure::Failure;
use crate::invocation::{Surroundings, logging};
use crate::ui::{self, ColorChoice, Style};
use args::{Cli, Command};
use command::{detect, dev, doctor, logs, ls, man, port, ports, runner, start, stop};

/// Does what `arguments`, the program's name first, ask for, and says how this process shall end.
pub fn run(arguments: Vec<OsString>) -> End {
    if let Some(answered) = completion::answer(&arguments) {
        let style = Style::new(ColorChoice::Auto, std::io::IsTerminal::is_terminal(&std::io::stderr()));
        return answered.unwrap_or_else(|failure| report(&failure, false, style));
    }
    let arguments = args::with_command(arguments);
    let cli = match args::quickly(&arguments).map_or_else(|| read(&arguments), Ok) {
        Ok(cli) => cli,
        Err(end) => return end,
    };
    let json = cli.global.json;
    let style = Style::new(cli.global.color, std::io::IsTerminal::is_terminal(&std::io::stderr()));
    let outcome = Surroundings::new(&cli.global).and_then(|around| match cli.command {
        Command::Dev(dev) => dev::dev(&around, &dev),
        Command::Exec(exec) => dev::exec(&around, &exec),
        Command::Start(dev) => start::start(&around, &arguments, &dev),
        Command::Supervise(dev) => start::supervise(around, &dev),
        Command::Stop(stop) => stop::stop(&around, &stop),
        Command::StartAgain(again) => stop::restart(&around, &arguments, &again),
        Command::Attach(which) => stop::attach(&around, &which),
        Command::Logs(wanted) => logs::logs(&around, &wanted),
        Command::Open(which) => stop::open(&around, &which),
        Command::Ls => ls::list(&around),
        Command::Status(which) => ls::status(&around, &which),
        Command::Wait(wait) => stop::wait(&around, &wait),
        Command::Port(which) => port::run(&around, &which),
        Command::Ports(ports) => ports::run(&around, &ports),
        Command::Detect(detect) => detect::run(&around, &detect),
        Command::Runner => runner::runner(&around),
        Command::Tethered(exec) => runner::supervise(around, &exec),
        Command::Doctor => doctor::doctor(&around),
        Command::Completions { shell } => completion::script(shell),
        Command::Man { command } => man::manual(&command),
    });
    logging::flush();
    outcome.unwrap_or_else(|failure| report(&failure, json, style))
}

/// What was typed, or how this ends where it asks for help or makes no sense.
fn read(arguments: &[OsString]) -> Result<Cli, End> {
    let mut definition = Cli::command();
    let parsed =
        definition.try_get_matches_from_mut(arguments).and_then(|found| Cli::from_arg_matches(&found));
    parsed.map_err(|error| {
        // Help and version are no failure.
        if !error.use_stderr() {
            let _closed = error.print();
            return End::Code(0);
        }
        let style = Style::new(ColorChoice::Auto, std::io::IsTerminal::is_terminal(&std::io::stderr()));
        let failure = usage::failure(&definition, arguments, &error);
        report(&failure, usage::wants_json(arguments), style)
    })
}

/// Shows a failure: the message, then the hint.
fn report(failure: &Failure, json: bool, style: Style) -> End {
    tracing::error!(target: logging::TOLD, "{}", failure.message);
    logging::flush();
    if json {
        let mut event = Event::now("", What::Error { error: failure.message.clone() });
        event.project_id = None;
        let _closed = ui::print(&format!("{}\n", event.to_json()));
    }
    failure.complain(style);
    failure.end
}
