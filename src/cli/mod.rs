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
use args::{Cli, Command, Later};
pub use failure::End;
use failure::Failure;
use surroundings::Surroundings;

/// Does what `arguments`, the program's name first, ask for, and says how this process shall end.
pub fn run(arguments: Vec<OsString>) -> End {
    if let Some(answered) = completion::answer(&arguments) {
        let style = Style::new(ColorChoice::Auto, std::io::IsTerminal::is_terminal(&std::io::stderr()));
        return answered.unwrap_or_else(|failure| report(&failure, false, style));
    }
    // The definition is made once, as that takes longer than to read what was typed.
    let mut definition = Cli::command();
    let arguments = args::with_command(&definition, arguments);
    let parsed =
        definition.try_get_matches_from_mut(&arguments).and_then(|found| Cli::from_arg_matches(&found));
    let cli = match parsed {
        Ok(cli) => cli,
        // Help and version are no failure.
        Err(error) if !error.use_stderr() => {
            let _closed = error.print();
            return End::Code(0);
        }
        Err(error) => {
            let style = Style::new(ColorChoice::Auto, std::io::IsTerminal::is_terminal(&std::io::stderr()));
            let failure = usage::failure(&definition, &arguments, &error);
            return report(&failure, usage::wants_json(&arguments), style);
        }
    };
    // Some hundred kilobytes that a supervisor would keep for its life.
    drop(definition);
    let json = cli.global.json;
    let style = Style::new(cli.global.color, std::io::IsTerminal::is_terminal(&std::io::stderr()));
    let outcome = Surroundings::new(&cli.global).and_then(|around| match cli.command {
        Command::Dev(Later(dev)) => run::dev(&around, &dev),
        Command::Exec(Later(exec)) => run::exec(&around, &exec),
        Command::Start(Later(dev)) => background::start(&around, &arguments, &dev),
        Command::Supervise(Later(dev)) => background::supervise(around, &dev),
        Command::Stop(Later(stop)) => services::stop(&around, &stop),
        Command::StartAgain(Later(again)) => services::restart(&around, &arguments, &again),
        Command::Attach(Later(which)) => services::attach(&around, &which),
        Command::Logs(Later(wanted)) => output::logs(&around, &wanted),
        Command::Open(Later(which)) => services::open(&around, &which),
        Command::Ls => list::list(&around),
        Command::Status(Later(which)) => list::status(&around, &which),
        Command::Wait(Later(wait)) => services::wait(&around, &wait),
        Command::Port(Later(which)) => port::run(&around, &which),
        Command::Ports(Later(ports)) => ports::run(&around, &ports),
        Command::Detect(Later(detect)) => detect::run(&around, &detect),
        Command::Runner => tether::runner(&around),
        Command::Tethered(Later(exec)) => tether::supervise(around, &exec),
        Command::Doctor => doctor::doctor(&around),
        Command::Completions { shell } => completion::script(shell),
        Command::Man { command } => generate::manual(&command),
    });
    journal::flush();
    outcome.unwrap_or_else(|failure| report(&failure, json, style))
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
