//! What exactly to run, as plain data.

use std::ffi::OsString;
use std::path::PathBuf;

use serde::Serialize;
use serde::ser::{SerializeMap, SerializeStruct, Serializer};

use super::changes::Changes;

/// One program to run to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The script it runs, `predev` or `dev`, or the program of `bowline exec`.
    pub name: String,
    /// The program, as a path or as a name to be looked up in the `PATH` of `environment`.
    pub program: PathBuf,
    /// The whole argument list, the program's own name first.
    pub argv: Vec<OsString>,
    /// The working directory.
    pub cwd: PathBuf,
    /// How its environment differs from the caller's.
    pub environment: Changes,
    /// The words with which it starts its programs, to explain a missing one.
    pub programs: Vec<String>,
}

/// How surely the server gets its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// On its command line.
    Flag,
    /// In a variable that it is known to read.
    Variable,
    /// In variables, which nobody knows whether it reads.
    Hope,
    /// By another bowline that the script starts, and that takes over this one's port.
    Inner,
}

/// A launch, decided in every detail: nothing was started or written to get here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaunchSpec {
    /// The port put in place.
    pub port: u16,
    /// What `BOWLINE_URL` says.
    pub url: String,
    /// To run before, and on whose failure all ends.
    pub pre: Option<Step>,
    /// The service.
    pub main: Step,
    /// To run after the service has ended with status 0.
    pub post: Option<Step>,
    /// The command with the port in it, as a person writes it.
    pub command: String,
    /// How surely the port arrives.
    pub delivery: Delivery,
    /// What was done to the command, for those who want to know.
    pub notes: Vec<String>,
    /// What the user has to know, each in one line that says what to do.
    pub warnings: Vec<String>,
}

impl LaunchSpec {
    /// Everything that is run, in this order.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.pre.iter().chain([&self.main]).chain(&self.post)
    }
}

/// The part that `dev --dry-run --json` prints. Bytes that are not UTF-8 are shown as `U+FFFD`.
impl Serialize for LaunchSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let argv: Vec<_> = self.main.argv.iter().map(|word| word.to_string_lossy()).collect();
        let mut object = serializer.serialize_struct("LaunchSpec", 5)?;
        object.serialize_field("command", &self.command)?;
        object.serialize_field("port", &self.port)?;
        object.serialize_field("argv", &argv)?;
        object.serialize_field("env", &Additions(&self.main.environment))?;
        object.serialize_field("warnings", &self.warnings)?;
        object.end()
    }
}

struct Additions<'a>(&'a Changes);

impl Serialize for Additions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.0.additions() {
            map.serialize_entry(name, &value.to_string_lossy())?;
        }
        map.end()
    }
}
