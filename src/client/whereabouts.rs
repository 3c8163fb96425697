//! Services whose directory was removed, replaced or moved since they were started.

use std::path::PathBuf;

use crate::control::Status;
use crate::exit_code::NO_PROJECT;
use crate::invocation::Failure;
use crate::port::Reservation;
use crate::project::Presence;
use crate::visible::Visible;

/// Where the directory of a service is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    Present,
    Removed,
    /// Another project lies at its path.
    Replaced,
    /// It lies here now, and no project at its former path.
    Moved(PathBuf),
}

impl Whereabouts {
    /// `status` is the answer of its supervisor, which alone knows where a directory was moved to.
    pub fn of(reservation: &Reservation, status: Option<&Status>) -> Self {
        match reservation.presence() {
            Presence::Present => Self::Present,
            // A server may have made the directory of its caches anew, which is no project.
            Presence::Replaced if reservation.dir.join("package.json").exists() => Self::Replaced,
            Presence::Removed | Presence::Replaced => {
                let moved_to = status.and_then(|status| status.moved_to.as_ref());
                moved_to.map_or(Self::Removed, |path| Self::Moved(path.into()))
            }
        }
    }

    /// The word for programs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Removed => "removed",
            Self::Replaced => "replaced",
            Self::Moved(_) => "moved",
        }
    }

    /// The fault of the directory and the command that mends it; `None` if it is where it was.
    pub fn trouble(&self, reservation: &Reservation) -> Option<(String, String)> {
        let Reservation { name, port, pid, dir, .. } = reservation;
        let place = if reservation.has_port() { format!("port {port}, ") } else { String::new() };
        let dir = dir.visible();
        let (what, mend) = match self {
            Self::Present => return None,
            Self::Removed => ("was removed".to_owned(), format!("bowline stop {dir}")),
            Self::Replaced => ("was replaced by another one".to_owned(), format!("bowline -C {dir} start")),
            Self::Moved(path) => {
                let path = path.visible();
                (format!("was moved to `{path}`"), format!("bowline -C {path} restart"))
            }
        };
        Some((format!("the directory of `{name}` ({place}pid {pid}) {what}: `{dir}`"), mend))
    }

    /// Fails for a service whose directory is no more: it is not the project that anybody could mean now.
    pub fn ensure_there(&self, reservation: &Reservation) -> Result<(), Failure> {
        match (self, self.trouble(reservation)) {
            (Self::Removed | Self::Replaced, Some((message, mend))) => {
                Err(Failure::new(NO_PROJECT, message, Some(format!("mend it with `{mend}`"))))
            }
            (_, _) => Ok(()),
        }
    }
}
