//! Facts about a service, and how long they make another listener wait to be taken for its server.

use std::time::Duration;

use super::place::Place;
use super::sources::{Sources, is_searched};
use crate::detect::catalog::Role;
use crate::launch::Delivery;
use crate::port::Greeting;
use crate::session::prepared::Prepared;

/// How long a listener must stay where it may be another program's: that one listens before the framework has
/// compiled.
const ONE_OF_SEVERAL: Duration = Duration::from_secs(60);

/// Facts about a service that tell its own port from the others that it opens.
#[derive(Debug)]
pub(super) struct Facts {
    /// Ports that its framework opens beside its own, and those that turned out not to be the server's.
    pub auxiliary: Vec<u16>,
    /// Ports of what programs open beside their server, whatever framework they have.
    pub suspect: Vec<u16>,
    /// Ports that were open beside the server's before.
    pub beside: Vec<u16>,
    /// The framework's default port.
    pub conventional: u16,
    /// Whether the script runs several programs side by side.
    pub is_concurrent: bool,
    /// Whether the port was told to the server alone, one of several programs of the script.
    pub is_one_of_several: bool,
    pub role: Role,
    /// Whether all that the script runs is known, and is where sources are searched.
    pub runs_sources: bool,
    pub is_ephemeral: fn(u16) -> bool,
}

impl Facts {
    pub fn of(prepared: &Prepared<'_>) -> Self {
        let detected = prepared.detected();
        let detection = &detected.detection;
        let tool = detection.tool.map(|tool| tool.framework);
        let frameworks = [Some(detection.framework), tool].into_iter().flatten();
        Self {
            auxiliary: frameworks.flat_map(|framework| framework.extra_ports.iter()).copied().collect(),
            suspect: detected.configured.config.catalog.ports_beside().collect(),
            beside: Vec::new(),
            conventional: detection.framework.default_port,
            is_concurrent: detected.reading.is_concurrent(),
            is_one_of_several: false,
            role: detection.framework.role,
            runs_sources: detected.reading.are_all_paths(is_searched),
            is_ephemeral: crate::port::is_ephemeral,
        }
    }

    /// Whether it is a program of the user's own, whose sources tell what it opens.
    pub fn runs_own_program(&self) -> bool {
        self.role == Role::Runtime && self.runs_sources
    }

    /// Whether a port is hardly the server's, unless a page is there.
    pub fn doubts(&self, port: u16) -> bool {
        port != self.conventional && (self.suspect.contains(&port) || (self.is_ephemeral)(port))
    }

    /// Whether a port comes last among several.
    pub fn is_unlikely(&self, port: u16) -> bool {
        self.beside.contains(&port) || self.doubts(port)
    }

    /// Ports that are not moved, though another program has taken them.
    pub fn never_moved(&self) -> Vec<u16> {
        self.auxiliary.iter().chain(&self.suspect).copied().collect()
    }

    /// Whether the listener can be the server. One that has not answered yet can.
    pub fn can_be(&self, place: &Place) -> bool {
        match place.greeting {
            None | Some(Greeting::Page) => true,
            Some(Greeting::Data | Greeting::Empty) => !self.doubts(place.port),
            Some(Greeting::Foreign) => false,
        }
    }

    /// How long the listener must stay to be taken for the server; `None` as long as too little is known. `listening` are
    /// the ports of all listeners of the service.
    pub fn patience(
        &self,
        delivery: Delivery,
        place: &Place,
        sources: Option<&Sources>,
        listening: &[u16],
    ) -> Option<Duration> {
        let (is_conventional, is_doubtful) = (place.port == self.conventional, self.doubts(place.port));
        let (least, if_late) = match place.greeting? {
            Greeting::Foreign => return None,
            Greeting::Data | Greeting::Empty if is_doubtful => return None,
            Greeting::Page if self.beside.contains(&place.port) => (20, 20),
            Greeting::Data | Greeting::Empty if self.beside.contains(&place.port) => (30, 30),
            Greeting::Page if is_doubtful => (5, 20),
            Greeting::Page if is_conventional => (0, 0),
            Greeting::Data if !is_conventional => (6, 30),
            Greeting::Empty if !is_conventional => (10, 30),
            Greeting::Page | Greeting::Data | Greeting::Empty => (0, 10),
        };
        let sources = sources?;
        let is_likely = !is_doubtful && !self.beside.contains(&place.port);
        let have_opened_all =
            self.runs_own_program() && is_likely && sources.have_opened_all(place.port, listening);
        let may_be_late = sources.obey_instead_of(place.port);
        let seconds = match (may_be_late, have_opened_all) {
            // A package that it uses may open one more, and be told the port.
            (true, true) if !sources.have_read_elsewhere(listening) => if_late.min(10),
            (_, true) => least.min(3),
            (true, false) => least.max(if_late),
            (false, false) => least,
        };
        let patience = self.least_patience(delivery).max(Duration::from_secs(seconds));
        let is_another = self.is_one_of_several && !is_conventional && delivery != Delivery::Flag;
        Some(if is_another { patience.max(ONE_OF_SEVERAL) } else { patience })
    }

    /// How long a program that looks as if its port was refused must stay so.
    pub fn patience_when_refused(&self, delivery: Delivery, sources: Option<&Sources>) -> Option<Duration> {
        let seconds = if sources?.reads_port { 10 } else { 0 };
        Some(self.least_patience(delivery).max(Duration::from_secs(seconds)))
    }

    /// How long any listener must stay: a service that knows its port may open others first.
    pub fn least_patience(&self, delivery: Delivery) -> Duration {
        let millis = match (delivery, self.role) {
            (Delivery::Flag, _) => 15_000,
            _ if self.is_concurrent => 5_000,
            (Delivery::Variable, Role::Main | Role::Side) => 5_000,
            (Delivery::Inner, _) => 3_000,
            (Delivery::Unverified, _) | (Delivery::Variable, Role::Runtime | Role::Last) => 1_500,
        };
        Duration::from_millis(millis)
    }
}
