//! `bowline port`.

use std::time::SystemTime;

use serde_json::json;

use super::args::Which;
use super::failure::{End, Failure};
use super::plan::{self, Subject};
use super::surroundings::Surroundings;
use crate::launch;
use crate::port::Lookup;
use crate::project::Project;
use crate::ui;

/// Prints the project's port: its live one, or the one that it would get.
pub fn run(around: &Surroundings, which: &Which) -> Result<End, Failure> {
    let project = match &which.project {
        Some(name) => Project::named(name, &around.dir)?,
        None => Project::find(&around.dir)?,
    };
    let subject =
        Subject::new(around, project, |project, settings| Subject::script(project, settings, None, &[]))?;
    let reading = subject.read(around)?;
    let ports = around.ports_to_read();
    let detection = subject.detect(&reading, None, &ports)?;
    let inputs = subject.inputs(&detection);
    let choice = plan::choice(around, None, &subject.config.settings, None);
    let request = subject.request(&detection, &inputs, choice);
    let (port, live) = match ports.lookup(&request, SystemTime::now())? {
        Lookup::Live(reservation) => (reservation.port, true),
        Lookup::Would(grant) => (grant.port, false),
    };
    if around.json {
        ui::print(&format!("{}\n", json!({ "port": port, "live": live, "url": launch::url(port) })))?;
    } else {
        ui::print(&format!("{port}\n"))?;
    }
    Ok(End::Code(0))
}
