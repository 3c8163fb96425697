//! The manual page, from the definition of the command line.

use clap::CommandFactory;

use super::args::Cli;
use super::failure::{End, Failure};
use crate::ui;

/// `bowline man`.
pub fn manual() -> Result<End, Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page)?;
    ui::print(&page)?;
    Ok(End::Code(0))
}
