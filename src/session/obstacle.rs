//! Reasons why a service will not be ready: another program has the port that it asks for, or it is no server at all.

use std::time::Duration;

use super::backend::SessionBackend;
use super::port_override::Sources;
use crate::event::IDLES;
use crate::port::PortChoice;
use crate::port::listeners::holders;
use crate::visible::Visible;

/// How long a program whose sources open no server may run without a listener until the user is told.
const SILENCE: Duration = Duration::from_secs(10);

impl SessionBackend<'_> {
    /// The likely reason why a service will never be ready, with what to do. Its script has run for `age`, and its output
    /// ends so.
    pub(super) fn obstacle(&mut self, service: usize, age: Duration, output: &str) -> Option<String> {
        self.taken(service).or_else(|| self.idles(service, output)).or_else(|| self.no_server(service, age))
    }

    /// The message that a program that starts another one whenever a file changes waits for that, as the other one has
    /// ended by an error.
    fn idles(&self, service: usize, output: &str) -> Option<String> {
        let command = &self.prepared[service].detected().reading.command;
        idles(command, output).then(|| {
            format!("{IDLES}, and is started when a file changes: mend what the last lines of output name")
        })
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

/// Whether a program that starts another one whenever a file changes waits for that, by the last line of its output: the
/// other one has ended by an error, or could not be built.
fn idles(command: &str, output: &str) -> bool {
    let Some(last) = output.lines().map(str::trim).rfind(|line| !line.is_empty()) else { return false };
    let has_errors = || last.contains("Found ") && !last.contains("Found 0 errors");
    last.starts_with("[nodemon] app crashed")
        // `node --watch`.
        || last.starts_with("Failed running '")
        // `tsc-watch`, `nest start --watch`.
        || last.ends_with("Watching for file changes.") && has_errors()
        // The last line of a Node.js program that crashes; `tsx watch` adds none.
        || last.starts_with("Node.js v") && command.contains("watch")
}

#[cfg(test)]
mod tests {
    use super::idles;

    #[test]
    fn what_waits_for_a_change_is_told_by_its_last_line() {
        for (command, last, expected) in [
            ("nodemon s.js", "[nodemon] app crashed - waiting for file changes before starting...", true),
            ("nodemon s.js", "[nodemon] starting `node s.js`", false),
            ("node --watch s.js", "Failed running 's.js'", true),
            (
                "node --watch s.js",
                "Failed running 's.js'. Waiting for file changes before restarting...",
                true,
            ),
            ("node --watch s.js", "Restarting 's.js'", false),
            ("tsx watch s.ts", "Node.js v20.20.2\n", true),
            ("node a.js; node s.js", "Node.js v20.20.2", false),
            ("tsc-watch", "5:14:21 PM - Found 2 errors. Watching for file changes.\n\n", true),
            ("nest start --watch", "[5:14:21 PM] Found 1 error. Watching for file changes.", true),
            ("nest start --watch", "[5:14:21 PM] Found 0 errors. Watching for file changes.", false),
            ("tsx watch s.ts", "", false),
        ] {
            assert_eq!(idles(command, &format!("it says\n\n{last}")), expected, "{command}: {last}");
        }
    }
}
