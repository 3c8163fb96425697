//! What people read of a service that is not ready in time.

use tokio::time::Instant;

use super::{Backend, Control, Sink, Supervisor};

impl<B: Backend, S: Sink, C: Control> Supervisor<B, S, C> {
    /// Tells, once in a run, what seems to keep the service from ever being ready. `output` is the end of its output.
    pub(super) fn tell_obstacle(&mut self, index: usize, now: Instant, output: &str) {
        let is_at_main = self.instances[index].service.is_at_main();
        let readiness = self.instances[index].readiness.as_mut().filter(|one| is_at_main && !one.has_told);
        let Some(age) = readiness.map(|readiness| readiness.main_age(now)) else { return };
        if let Some(obstacle) = self.backend.obstacle(index, age, output) {
            self.instances[index].readiness.iter_mut().for_each(|readiness| readiness.has_told = true);
            self.warn(index, obstacle);
        }
    }

    /// `is_accepted`: it counts as ready now all the same.
    pub(super) fn overdue(&self, index: usize, is_accepted: bool) -> String {
        let port = self.backend.port(index);
        let builds = self.instances[index].first_build.is_some();
        match (builds, is_accepted) {
            (true, true) => {
                "nothing says yet that its first build is through; it goes on, and counts as ready. \
                 `ready.log` in bowline.toml names the line that says so"
                    .to_owned()
            }
            (true, false) => {
                "its first build is not through yet; still waiting for it. If a line says so that \
                 bowline does not know, `ready.log` in bowline.toml names it"
                    .to_owned()
            }
            (false, true) => format!(
                "nothing of the service listens on port {port}; it goes on, and counts as a watch. \
                 `kind = \"watch\"` in bowline.toml says so from the start"
            ),
            (false, false) => self.missing(index, port),
        }
    }

    /// What the service still lacks, and the cure where it may be no server.
    fn missing(&self, index: usize, port: u16) -> String {
        if let Some(unmet) = self.instances[index].conditions.unmet() {
            return format!("the service is not ready yet: {unmet}; still waiting for it");
        }
        if port == 0 {
            return "nothing that it starts is ready yet; still waiting for it".to_owned();
        }
        let nothing = format!("nothing of the service listens on port {port} yet");
        let has_told = self.instances[index].readiness.as_ref().is_some_and(|readiness| readiness.has_told);
        match self.backend.elsewhere(index) {
            Some(places) => format!("{nothing}, but on {places}; still waiting for it"),
            None if has_told => format!("{nothing}; still waiting for it"),
            None => format!(
                "{nothing}; still waiting for it. If it is no server, `port = false` in bowline.toml says so"
            ),
        }
    }
}
