//! The manual pages, from the definition of the command line.

use clap::CommandFactory;

use crate::cli::args::Cli;
use crate::event::Stream;
use crate::invocation::failure::{End, Failure, USAGE};
use crate::ui;

/// `bowline man`: the page of this command, else of the whole program.
pub fn manual(command: &[String]) -> Result<End, Failure> {
    let mut definition = Cli::command();
    // The commands have the options of all of them only then.
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
    Ok(End::Code(0))
}
