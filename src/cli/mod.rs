//! What the user typed: one file a command, and the only place that knows every module.

mod args;
mod background;
mod candidate;
mod completion;
mod detect;
mod doctor;
mod ended;
mod exit;
mod failure;
mod feed;
mod follow;
mod foreground;
mod generate;
mod inner;
mod journal;
mod list;
mod locks;
mod opener;
mod output;
mod plan;
mod port;
mod ports;
mod redirect;
mod refusal;
mod run;
mod running;
mod services;
mod show;
mod surroundings;
mod target;
mod tether;
mod usage;
mod world;

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches};

use crate::event::{Event, What};
use crate::ui::{self, ColorChoice, Style};
use args::{Cli, Command};
pub use failure::End;
use failure::Failure;
use surroundings::Surroundings;

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
        Command::Dev(dev) => run::dev(&around, &dev),
        Command::Exec(exec) => run::exec(&around, &exec),
        Command::Start(dev) => background::start(&around, &arguments, &dev),
        Command::Supervise(dev) => background::supervise(around, &dev),
        Command::Stop(stop) => services::stop(&around, &stop),
        Command::StartAgain(again) => services::restart(&around, &arguments, &again),
        Command::Attach(which) => services::attach(&around, &which),
        Command::Logs(wanted) => output::logs(&around, &wanted),
        Command::Open(which) => services::open(&around, &which),
        Command::Ls => list::list(&around),
        Command::Status(which) => list::status(&around, &which),
        Command::Wait(wait) => services::wait(&around, &wait),
        Command::Port(which) => port::run(&around, &which),
        Command::Ports(ports) => ports::run(&around, &ports),
        Command::Detect(detect) => detect::run(&around, &detect),
        Command::Runner => tether::runner(&around),
        Command::Tethered(exec) => tether::supervise(around, &exec),
        Command::Doctor => doctor::doctor(&around),
        Command::Completions { shell } => completion::script(shell),
        Command::Man { command } => generate::manual(&command),
    });
    journal::flush();
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
    tracing::error!(target: journal::TOLD, "{}", failure.message);
    journal::flush();
    if json {
        let mut event = Event::now("", What::Error { error: failure.message.clone() });
        event.project_id = None;
        let _closed = ui::print(&format!("{}\n", event.to_json()));
    }
    failure.complain(style);
    failure.end
}
