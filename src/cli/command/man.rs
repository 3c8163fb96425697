//! The manual pages, from the definition of the command line.

use clap::CommandFactory;

use crate::cli::args::Cli;
use crate::event::Stream;
use crate::exit_code::USAGE;
use crate::invocation::Failure;
use crate::process::Exit;
use crate::ui;

/// `bowline man`: prints the page of a command, or of the whole program.
pub fn manual(command: &[String]) -> Result<Exit, Failure> {
    let mut definition = Cli::command();
    // Otherwise the commands' pages lack the global options.
    definition.build();
    for name in command {
        definition = definition.find_subcommand(name).cloned().ok_or_else(|| {
            let hint = "`bowline --help` lists them".to_owned();
            Failure::new(USAGE, format!("no such command: `{}`", command.join(" ")), Some(hint))
        })?;
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(definition).render(&mut page)?;
    ui::pass(Stream::Stdout, &page)?;
    Ok(Exit::Code(0))
}
