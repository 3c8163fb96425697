//! Arguments that choose packages of a workspace.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use crate::cli::completion;

#[derive(Args, Debug)]
pub struct Choice {
    /// Run the packages that match: `web`, `'@acme/*'`, `'./apps/*'`, `web...` with what it depends on, `'...ui'` with
    /// what depends on it, `'!docs'` without; may be repeated
    #[arg(short = 'F', long, value_name = "PATTERN", add = ArgValueCompleter::new(completion::filters))]
    pub filter: Vec<String>,
    /// Start nothing but these: not what they need, nor what builds the packages they depend on
    #[arg(long)]
    pub only: bool,
}
