//! `bowline schema`.

use crate::config::SCHEMA;
use crate::event::Stream;
use crate::invocation::Failure;
use crate::process::Exit;
use crate::ui;

/// Prints the JSON schema of `bowline.toml`.
pub fn schema() -> Result<Exit, Failure> {
    ui::pass(Stream::Stdout, SCHEMA.as_bytes())?;
    Ok(Exit::Code(0))
}
