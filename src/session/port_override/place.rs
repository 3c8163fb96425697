//! A listener of the service on another port than the reserved one.

use crate::port::Greeting;
use crate::port::listeners::Held;
use crate::process;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub port: u16,
    pub pid: i32,
    /// The file name of the program.
    pub program: String,
    /// What it answers; `None` as long as that is not known.
    pub greeting: Option<Greeting>,
}

impl Place {
    pub fn of(held: &Held, greeting: Option<Greeting>) -> Self {
        let path = process::executable(held.pid).unwrap_or_default();
        let program = path.file_name().unwrap_or_default().to_string_lossy();
        // Linux appends this when the file was replaced.
        let program = program.trim_end_matches(" (deleted)").to_owned();
        Self { port: held.listener.address.port(), pid: held.pid, program, greeting }
    }

    /// Whether the program says nothing about a connection that is not HTTP. Python, Ruby, PHP, Java and Go log one.
    pub fn is_quiet(&self) -> bool {
        ["node", "bun", "deno"].iter().any(|name| self.program.starts_with(name))
    }

    /// Whether the program reads `NODE_OPTIONS`.
    pub fn is_node(&self) -> bool {
        self.program.starts_with("node")
    }

    pub fn is_page(&self) -> bool {
        self.greeting == Some(Greeting::Page)
    }
}

/// The places as text: `port 4000 (node, pid 42)`.
pub fn list(places: &[Place]) -> String {
    let places =
        places.iter().map(|Place { port, pid, program, .. }| format!("port {port} ({program}, pid {pid})"));
    places.collect::<Vec<_>>().join(" and ")
}
