//! Where a server listens if nobody tells it a port: as its script, its configuration or its framework says.

use super::mentions::{companion, mentions};
use super::named_port::{UsualPort, configured, sets_some_port, written_port};
use super::reading::Reading;
use crate::detect::catalog::{Catalog, Role};
use crate::detect::{Detection, ServerInputs};

impl UsualPort {
    /// Whether this is the usual port of the server, if it is known at all.
    pub fn of(
        reading: &Reading<'_>,
        (detection, inputs): (&Detection<'_>, &ServerInputs),
        files: &[String],
        port: u16,
    ) -> Option<Self> {
        let tool = detection.tool;
        let (_, server) = match tool {
            Some(tool) => reading.leaf(tool.command)?,
            None => reading.only_program()?,
        };
        if let Some(written) = written_port(server, &inputs.port) {
            return (written == port).then_some(Self::Sure);
        }
        let programs = tool.map_or(&[][..], |tool| &tool.framework.programs);
        let by_file = configured(reading, server, port, files, programs);
        if by_file == Some(Self::Sure) {
            return by_file;
        }
        // A runtime listens wherever its program wants to.
        let is_default = tool.is_some_and(|tool| tool.framework.role != Role::Runtime)
            && detection.framework.default_port == port;
        let has_other = || sets_some_port(reading, server, files, programs);
        let by_default = is_default.then(|| if has_other() { Self::Possible } else { Self::Sure });
        by_default.max(by_file)
    }
}

impl Reading<'_> {
    /// Whether the script itself has the port for a server of its own: one beside the chosen one, or the chosen one where
    /// a tool beside it names the port.
    pub fn has_own_port(&self, detection: &Detection<'_>, catalog: &Catalog, port: u16) -> bool {
        let Some((chosen, _)) = detection.tool.and_then(|tool| self.leaf(tool.command)) else { return false };
        let is_by_tool = |leaf: usize| {
            leaf != chosen && self.leaves.get(leaf).is_some_and(|leaf| companion(leaf, catalog).is_some())
        };
        self.ports_of_others(detection, catalog).contains(&port)
            || mentions(&self.leaves, chosen, catalog)
                .iter()
                .any(|mention| mention.port == port && mention.is_address() && is_by_tool(mention.leaf))
    }
}
