//! The arguments with which the shims of a run call bowline.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::Each;

#[derive(Args, Debug)]
pub struct Caught {
    /// The session of the run
    #[arg(long)]
    pub session: String,
    /// The directory of the script that runs as it is
    #[arg(long)]
    pub root: PathBuf,
    /// The directory of the shims
    #[arg(long)]
    pub shims: PathBuf,
    /// The shell of scripts
    #[arg(long)]
    pub shell: Option<PathBuf>,
    #[command(flatten)]
    pub each: Each,
    /// The program that the shim stands for, with its arguments
    #[arg(last = true, required = true)]
    pub command: Vec<OsString>,
}
