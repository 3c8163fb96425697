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

    /// Whether the program loads a file that a variable names: node, Bun.
    pub fn loads_files(&self) -> bool {
        ["node", "bun"].iter().any(|name| self.program.starts_with(name))
    }

    pub fn is_deno(&self) -> bool {
        self.program.starts_with("deno")
    }

    pub fn is_page(&self) -> bool {
        self.greeting == Some(Greeting::Page)
    }
}

/// How much speaks for a listener to be the server, the strongest sign first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Standing {
    pub greeting: Option<Greeting>,
    pub is_conventional: bool,
    /// Whether the program says that it listens there.
    pub is_named: bool,
}

/// Words of lines that speak of what is open beside a server.
const BESIDE: [&str; 12] = [
    "metric", "prometheus", "exporter", "health", "probe", "debug", "inspect", "socket", "ws:", "hmr",
    "grpc", "admin",
];

/// Whether a program's output names a port as its server's.
pub fn names(output: &str, port: u16) -> bool {
    let digits = port.to_string();
    let has_port = |line: &str| {
        line.match_indices(&digits).any(|(at, _)| {
            let is_part = |c: char| c.is_ascii_alphanumeric() || c == '.';
            !line[..at].ends_with(is_part)
                && !line[at + digits.len()..].starts_with(|c: char| c.is_ascii_alphanumeric())
        })
    };
    let is_aside = |line: &str| BESIDE.iter().any(|word| line.contains(word));
    output.lines().any(|line| has_port(line) && !is_aside(&line.to_ascii_lowercase()))
}

/// The places as text: `port 4000 (node, pid 42)`.
pub fn list(places: &[Place]) -> String {
    let places =
        places.iter().map(|Place { port, pid, program, .. }| format!("port {port} ({program}, pid {pid})"));
    places.collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_names_its_servers_port() {
        for (output, expected) in [
            ("listening on port 4000", true),
            ("Server: http://localhost:4000/", true),
            ("app up\n  - Local: http://127.0.0.1:4000", true),
            ("metrics on http://localhost:4000/metrics", false),
            ("Debugger listening on ws://127.0.0.1:4000/1", false),
            ("built in 4000ms", false),
            ("version 1.4000", false),
            ("pid 14000", false),
            ("", false),
        ] {
            assert_eq!(names(output, 4000), expected, "{output}");
        }
    }
}
