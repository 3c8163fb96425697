//! A service as `ls` and `status` show it.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::client::whereabouts::Whereabouts;
use crate::client::{actions, fan_out};
use crate::control::{ControlError, Status};
use crate::port::Reservation;
use crate::process::memory;
use crate::project::Project;
use crate::ui;
use crate::visible::Visible;

pub struct Row {
    /// The supervisor's socket, unless the service has ended.
    pub socket: Option<PathBuf>,
    pub whereabouts: Whereabouts,
    /// The session that it is a part of, with the name of that one's service if that is known.
    pub part_of: Option<(String, Option<String>)>,
    pub status: Result<Status, Silent>,
}

/// The state of a service whose supervisor was stopped by a signal: what the service does meanwhile is not known.
const SUSPENDED: &str = "suspended";

/// A service whose supervisor does not answer.
pub struct Silent {
    reservation: Reservation,
    pub error: Rc<ControlError>,
}

/// All services of the supervisors that hold these reservations. Those of a supervisor that does not answer are
/// known by their reservations alone.
pub fn rows(reservations: &[Reservation]) -> Vec<Row> {
    let part_of = |one: &Reservation| {
        let outer = one.part_of.as_ref()?;
        let name = reservations.iter().find(|other| other.session == *outer).map(|other| other.name.clone());
        Some((outer.to_string(), name))
    };
    // Another supervisor may have started a service since it ended here.
    let is_elsewhere = |status: &Status| {
        let mut live = reservations.iter().filter(|one| one.project == status.project_id).peekable();
        live.peek().is_some() && live.all(|one| one.session.as_str() != status.session)
    };
    let (mut rows, mut silent) = (Vec::new(), Vec::new());
    for (ours, answer) in fan_out::call(reservations) {
        match answer {
            Ok(mut services) => {
                services.retain(|status| !is_elsewhere(status));
                rows.extend(services.into_iter().map(|status| {
                    let reservation = ours.iter().find(|one| one.project == status.project_id);
                    let whereabouts = reservation.map(|one| Whereabouts::of(one, Some(&status)));
                    Row {
                        socket: reservation.map(|one| one.socket()),
                        part_of: reservation.and_then(|one| part_of(one)),
                        whereabouts: whereabouts.unwrap_or(Whereabouts::Present),
                        status: Ok(status),
                    }
                }));
            }
            Err(error) => {
                let error = Rc::new(error);
                silent.extend(ours.into_iter().map(|one| (one, Rc::clone(&error))));
            }
        }
    }
    rows.extend(actions::still_there(silent).into_iter().map(|(one, error)| Row {
        socket: Some(one.socket()),
        part_of: part_of(one),
        whereabouts: Whereabouts::of(one, None),
        status: Err(Silent { reservation: one.clone(), error }),
    }));
    // Services without a port come last.
    rows.sort_by_key(|row| (row.port().is_none(), row.port()));
    rows
}

impl Row {
    /// Whether this is the project's service. True for a supervisor that does not answer: it may be.
    pub fn is_of(&self, project: &str) -> bool {
        self.status.as_ref().map_or(true, |status| status.project_id == project)
    }

    /// Whether it runs this package, under any id, or this service.
    pub fn runs(&self, project: &Project) -> bool {
        let known = self.status.as_ref().map(|status| &status.project_id);
        let id = known.unwrap_or_else(|silent| &silent.reservation.project);
        self.whereabouts == Whereabouts::Present && project.is_run_as(id, self.dir())
    }

    fn port(&self) -> Option<u16> {
        match &self.status {
            Ok(status) => status.port,
            Err(Silent { reservation, .. }) => reservation.has_port().then_some(reservation.port),
        }
    }

    fn url(&self) -> Option<String> {
        self.status.as_ref().map_or_else(|silent| silent.reservation.url(), |status| status.url.clone())
    }

    fn uptime(&self) -> Option<Duration> {
        let status = self.status.as_ref().ok()?;
        status.guardian?;
        let started = humantime::parse_rfc3339(&status.started_at).ok()?;
        SystemTime::now().duration_since(started).ok()
    }

    fn resident(&self) -> Option<u64> {
        self.status.as_ref().ok()?.guardian.map(memory::of_tree)
    }

    /// The service in the answers of `ls --json` and `status --json`.
    pub fn to_json(&self) -> Value {
        let mut row = match &self.status {
            Ok(status) => json!(status),
            Err(Silent { reservation, error }) => {
                let Reservation { project, name, dir, framework, pid, .. } = reservation;
                let state = matches!(**error, ControlError::Suspended { .. }).then_some(SUSPENDED);
                json!({
                    "projectId": project, "name": name, "dir": dir.to_string_lossy(), "framework": framework,
                    "port": self.port(), "url": self.url(), "state": state, "pid": pid,
                    "error": error.to_string(),
                })
            }
        };
        row["socket"] = json!(self.socket.as_ref().map(|socket| socket.to_string_lossy()));
        row["dirState"] = json!(self.whereabouts.word());
        row["connected"] = json!(self.status.is_ok());
        row["uptimeSeconds"] = json!(self.uptime().map(|time| time.as_secs()));
        row["residentBytes"] = json!(self.resident());
        if let Some((session, _)) = &self.part_of {
            row["partOf"] = json!(session);
        }
        row
    }

    /// Where the service's directory lies, or lay when it was last there.
    pub fn dir(&self) -> &Path {
        match (&self.whereabouts, &self.status) {
            (Whereabouts::Moved(path), _) => path,
            (_, Ok(status)) => Path::new(&status.dir),
            (_, Err(silent)) => &silent.reservation.dir,
        }
    }

    fn name(&self) -> &str {
        self.status.as_ref().map_or_else(|silent| &*silent.reservation.name, |status| &*status.name)
    }

    /// The state in a word or two.
    fn state(&self) -> String {
        let mut state = match &self.status {
            Ok(Status { state, .. }) => json!(state).as_str().unwrap_or("-").to_owned(),
            Err(Silent { error, .. }) => match **error {
                ControlError::Incompatible { .. } => "other version".to_owned(),
                ControlError::Suspended { .. } => SUSPENDED.to_owned(),
                ControlError::NotConnected { .. } | ControlError::Refused(_) | ControlError::Failed(..) => {
                    "not connected".to_owned()
                }
            },
        };
        if self.whereabouts != Whereabouts::Present {
            state.push_str(&format!(", directory {}", self.whereabouts.word()));
        }
        state
    }

    /// The state, and which others are the reason.
    fn condition(&self) -> String {
        let Ok(Status { waits_for, blocked_by, .. }) = &self.status else { return self.state() };
        match (&blocked_by[..], &waits_for[..]) {
            ([], []) => self.state(),
            ([], needs) => format!("waits for {}", few(needs)),
            (needs, _) => format!("{} by {}", self.state(), few(needs)),
        }
    }

    /// The service in the answer of `status --brief --json`.
    pub fn to_brief_json(&self) -> Value {
        json!({ "name": self.name(), "state": self.state(), "port": self.port(), "url": self.url() })
    }

    /// Name, state and URL.
    pub fn brief_cells(&self) -> [String; 3] {
        [self.name().to_owned(), self.condition(), self.url().unwrap_or_else(|| "-".to_owned())]
    }

    /// The line of `ls`. `home` is the user's.
    pub fn cells(&self, home: Option<&Path>) -> [String; 10] {
        let unknown = || "-".to_owned();
        let port = self.port().map_or_else(unknown, |port| port.to_string());
        let url = self.url().unwrap_or_else(unknown);
        let (framework, kind, started_by) = match &self.status {
            Ok(Status { framework, kind, started_by, .. }) => {
                (framework.clone(), kind.name().to_owned(), started_by.clone())
            }
            Err(Silent { reservation: Reservation { framework, .. }, .. }) => {
                (framework.clone(), unknown(), unknown())
            }
        };
        let outer = self.part_of.as_ref().and_then(|(_, name)| name.as_ref());
        let started_by = outer.map_or(started_by, |name| format!("by {name}"));
        let (name, state) = (self.name().to_owned(), self.condition());
        let uptime = self.uptime().map_or_else(unknown, ui::age);
        let memory = self.resident().map_or_else(unknown, ui::size);
        let dir = tilde(self.dir(), home);
        [name, framework, kind, port, state, uptime, memory, started_by, url, dir]
    }
}

/// The first names, and how many more there are.
fn few(names: &[String]) -> String {
    match names {
        [first, second, _, ..] => format!("{first}, {second} and {} more", names.len() - 2),
        _ => names.join(", "),
    }
}

/// A path as people write it, with the home directory as `~`.
fn tilde(path: &Path, home: Option<&Path>) -> String {
    let inside = home.filter(|home| home.is_absolute()).and_then(|home| path.strip_prefix(home).ok());
    match inside {
        Some(rest) if rest.as_os_str().is_empty() => "~".to_owned(),
        Some(rest) => format!("~/{}", rest.visible()),
        None => path.visible(),
    }
}
