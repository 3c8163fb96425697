//! Completions and the manual page, from the definition of the command line.

use clap::CommandFactory;
use clap_complete::Shell;

use super::args::Cli;
use super::failure::{End, Failure};
use crate::ui;

/// `bowline completions SHELL`.
pub fn completions(shell: Shell) -> Result<End, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "bowline", &mut script);
    ui::print(&script)?;
    Ok(End::Code(0))
}

/// `bowline man`.
pub fn manual() -> Result<End, Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page)?;
    ui::print(&page)?;
    Ok(End::Code(0))
}
