//! What people read of a service that is not ready in time.

use super::{Backend, Control, Sink, Supervisor};

impl<B: Backend, S: Sink, C: Control> Supervisor<B, S, C> {
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
            (false, false) => {
                let cure = if self.lacks_only_a_listener(index, port) {
                    ". If it is no server, `port = false` in bowline.toml says so"
                } else {
                    ""
                };
                format!("{}; still waiting for it{cure}", self.missing(index, port))
            }
        }
    }

    /// Whether nothing else is known that the service lacks, or where it listens instead.
    fn lacks_only_a_listener(&self, index: usize, port: u16) -> bool {
        port != 0
            && self.instances[index].conditions.unmet().is_none()
            && self.backend.elsewhere(index).is_none()
    }

    fn missing(&self, index: usize, port: u16) -> String {
        let instead = self.backend.elsewhere(index).map(|places| format!(", but on {places}"));
        match self.instances[index].conditions.unmet() {
            Some(unmet) => format!("the service is not ready yet: {unmet}"),
            None if port == 0 => "nothing that it starts is ready yet".to_owned(),
            None => {
                format!("nothing of the service listens on port {port} yet{}", instead.unwrap_or_default())
            }
        }
    }
}
