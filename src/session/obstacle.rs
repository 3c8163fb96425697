//! Reasons why a service will not be ready: another program has the port that it asks for, or it is no server at all.

use std::time::Duration;

use super::backend::SessionBackend;
use super::port_override::Sources;
use crate::event::CRASHED;
use crate::port::PortChoice;
use crate::port::listeners::holders;
use crate::visible::Visible;

/// How long a program whose sources open no server may run without a listener until the user is told.
const SILENCE: Duration = Duration::from_secs(10);
/// How a line of `nodemon` and `node --watch` begins that says that the program has ended by an error.
const WAITS: [&str; 2] = ["[nodemon] app crashed", "Failed running '"];
/// How the last line of a Node.js program begins that has ended by an error. `tsx watch` says nothing after it.
const ENDED: &str = "Node.js v";

impl SessionBackend<'_> {
    /// The likely reason why a service will never be ready, with what to do. Its script has run for `age`, and its output
    /// ends so.
    pub(super) fn obstacle(&mut self, service: usize, age: Duration, output: &str) -> Option<String> {
        self.taken(service).or_else(|| self.crashed(service, output)).or_else(|| self.no_server(service, age))
    }

    /// The message that a program that starts another one whenever a file changes waits for that, as the other one has
    /// ended by an error.
    fn crashed(&self, service: usize, output: &str) -> Option<String> {
        let last = output.lines().map(str::trim).rfind(|line| !line.is_empty())?;
        let is_watching = || self.prepared[service].detected().reading.command.contains("watch");
        (WAITS.iter().any(|begin| last.starts_with(begin)) || last.starts_with(ENDED) && is_watching()).then(
            || format!("{CRASHED}, and is started again when a file changes: mend what its last lines name"),
        )
    }

    /// The message that names the holder of the port that the service asks for in place of its reserved one.
    pub(super) fn taken(&self, service: usize) -> Option<String> {
        let port = self.overrides[service].refused()?;
        Some(format!(
            "port {port}, which it asks for, is held by {}: let the server read `PORT`",
            self.holder(port)?
        ))
    }

    fn holder(&self, port: u16) -> Option<String> {
        let services = self.ports().reservations();
        let service = services.iter().find(|held| held.port == port);
        let service = service.map(|held| format!("`{}` in `{}`", held.name, held.dir.visible()));
        service.or_else(|| holders(&[port]).first().map(ToString::to_string))
    }

    fn no_server(&mut self, service: usize, age: Duration) -> Option<String> {
        let one = &self.prepared[service];
        let is_ordered = matches!(one.request.choice, PortChoice::Exact(_) | PortChoice::None);
        let may_be_none = !is_ordered && !one.delegates() && self.overrides[service].may_be_no_server();
        if !may_be_none || age < SILENCE {
            return None;
        }
        let inquiry = &mut self.inquiries[service];
        inquiry.search(&one.project().dir);
        let opens_nothing = inquiry.sources().is_some_and(Sources::open_nothing);
        opens_nothing.then(|| {
            format!(
                "nothing of the service listens on port {}, and nothing in its sources opens a server. If it is none, \
                 `port = false` in bowline.toml says so",
                self.reserved(service).unwrap_or_default()
            )
        })
    }
}
