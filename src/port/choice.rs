//! The port for a request: the one asked for, else the project's own, else the first free one of the scan.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tracing::info;

use super::blocked::is_blocked;
use super::candidates::{Claim, choose, once_round};
use super::ephemeral::is_ephemeral;
use super::error::PortError;
use super::probe::{Probe, Verdict};
use super::remembered::{Remembered, is_stale};
use super::request::{Declined, Grant, PortChoice, PortRequest, Reason};
use super::reservation::{Reservation, SessionId, SessionState};
use super::scheme::Scheme;
use super::snapshot::Snapshot;
use super::store::Memory;
use crate::project::DirectoryId;

pub(super) struct Chooser<'a> {
    pub snapshot: &'a Snapshot,
    /// Our own session's reservations, those just chosen included.
    pub own: Vec<Reservation>,
    pub memory: &'a dyn Memory,
    pub probe: Probe,
    /// Seconds since 1970.
    pub now: u64,
}

impl Chooser<'_> {
    /// A port for each wanted project, in their order, all reserved for `session`.
    pub fn choose_all(
        &mut self,
        projects: &[String],
        mut request: impl FnMut(usize, Option<&Remembered>) -> PortRequest,
        session: &SessionId,
    ) -> Result<Vec<Grant>, PortError> {
        let running = |project: &String| {
            let ours = self.own.iter().find(|own| own.project == *project);
            ours.or_else(|| self.snapshot.live(project)).cloned()
        };
        let running: Vec<Reservation> = projects.iter().filter_map(running).collect();
        if !running.is_empty() {
            return Err(PortError::AlreadyRunning(running));
        }
        let mut requests = Vec::new();
        for (at, project) in projects.iter().enumerate() {
            requests.push(request(at, self.memory.project(project)?.as_ref()));
        }
        self.grant_all(requests, session)
    }

    /// A port for each request, all of them reserved for `session`.
    pub fn grant_all(
        &mut self,
        requests: Vec<PortRequest>,
        session: &SessionId,
    ) -> Result<Vec<Grant>, PortError> {
        let mut recalled = Vec::new();
        for (at, request) in requests.into_iter().enumerate() {
            let previous = self.memory.project(&request.project)?;
            recalled.push((at, self.following(request, previous.as_ref())));
        }
        // Projects that insist on a port come before those that might be given it.
        recalled.sort_by_key(|(_, request)| match request.choice {
            PortChoice::Observed(_) => 0,
            PortChoice::Exact(_) => 1,
            PortChoice::Preferred(_) => 2,
            PortChoice::Followed(_) => 3,
            PortChoice::Any => 4,
            PortChoice::None => 5,
        });
        let mut grants = Vec::new();
        for (at, request) in recalled {
            let grant = self.choose(request)?;
            let request = &grant.request;
            self.own.push(Reservation {
                port: grant.port,
                project: request.project.clone(),
                name: request.name.clone(),
                dir: request.dir.clone(),
                directory: DirectoryId::of(&request.dir),
                framework: request.framework.clone(),
                session: session.clone(),
                pid: std::process::id(),
                started_at: self.now,
                scheme: Scheme::default(),
                part_of: request.part_of.clone(),
                told: BTreeMap::new(),
                state: SessionState::Live,
                run: PathBuf::new(),
            });
            grants.push((at, grant));
        }
        grants.sort_unstable_by_key(|&(at, _)| at);
        Ok(grants.into_iter().map(|(_, grant)| grant).collect())
    }

    /// The request for the port that an earlier session has followed the service to, if this one has no other wish.
    fn following(&self, request: PortRequest, previous: Option<&Remembered>) -> PortRequest {
        let known = previous.filter(|row| request.choice == PortChoice::Any && request.agrees_with(row));
        let is_servers = |port: &u16| !request.beside.contains(port) && !is_ephemeral(*port);
        match known.and_then(|row| row.followed(self.now)).filter(is_servers) {
            Some(port) => PortRequest { choice: PortChoice::Followed(port), ..request },
            None => request,
        }
    }

    fn choose(&mut self, request: PortRequest) -> Result<Grant, PortError> {
        if request.choice == PortChoice::None {
            let previous = self.memory.project(&request.project)?;
            return Ok(Grant { request, port: 0, declined: None, previous, reused: true });
        }
        info!(target: "port-allocator", "🎯 Allocating port for project {}", request.project);
        info!(target: "port-allocator", "   Framework: {}, Range: {}", request.framework, request.range);
        let mut previous = self.memory.project(&request.project)?;
        if let Some(row) = &mut previous {
            if is_stale(row.last_used, self.now) {
                row.port = None;
            }
            row.forget_unused(self.now);
        }
        let remembered = previous.as_ref().and_then(|row| row.last_as(&request.framework));
        let (port, declined, reused) = match request.choice {
            PortChoice::Exact(port) => match self.obstacle(&request, port)? {
                None => (port, None, false),
                Some(Reason::Privileged) => return Err(PortError::Privileged { port }),
                Some(_) => {
                    info!(target: "port-allocator", "❌ Port {port} in use");
                    return Err(taken(port));
                }
            },
            PortChoice::Observed(port) if self.reserved(port).is_some() => return Err(taken(port)),
            PortChoice::Observed(port) => (port, None, false),
            PortChoice::Preferred(port) => match self.decline_preferred(&request, port)? {
                None => (port, None, false),
                // A preferred port outside of the range says nothing about where to scan: prefer the project's
                // own.
                Some(declined) if !request.range.contains(port) => {
                    let (port, _, reused) = self.own_or_scan(&request, remembered)?;
                    (port, Some(declined), reused)
                }
                Some(declined) => (self.scan(&request, Some(&declined))?, Some(declined), false),
            },
            PortChoice::Followed(port) => match self.recheck(&request, port)? {
                None => (port, None, true),
                Some(reason) => {
                    let (other, _, reused) = self.own_or_scan(&request, remembered)?;
                    (other, Some(Declined { port, reason }), reused)
                }
            },
            PortChoice::Any | PortChoice::None => self.own_or_scan(&request, remembered)?,
        };
        let declined = declined.filter(|declined| declined.port != port);
        Ok(Grant { request, port, declined, previous, reused })
    }

    /// `None` if the project can have the preferred port.
    fn decline_preferred(&mut self, request: &PortRequest, port: u16) -> Result<Option<Declined>, PortError> {
        let reason = if is_blocked(port) { Some(Reason::Blocked) } else { self.obstacle(request, port)? };
        if reason.is_none() {
            info!(target: "port-allocator", "✅ Found available port: {port}");
        } else {
            info!(target: "port-allocator", "❌ Port {port} in use");
        }
        Ok(reason.map(|reason| Declined { port, reason }))
    }

    fn own_or_scan(
        &mut self,
        request: &PortRequest,
        remembered: Option<(u16, String)>,
    ) -> Result<(u16, Option<Declined>, bool), PortError> {
        let Some((port, framework)) = remembered else {
            return Ok((self.scan(request, None)?, None, false));
        };
        info!(target: "port-allocator", "📋 Found existing allocation: port {port}");
        let reason = if !request.range.contains(port) {
            Some(Reason::OutOfRange(request.range))
        } else if framework != request.framework {
            Some(Reason::OtherFramework(framework))
        } else if is_blocked(port) {
            Some(Reason::Blocked)
        } else {
            self.recheck(request, port)?
        };
        let Some(reason) = reason else { return Ok((port, None, true)) };
        info!(target: "port-allocator", "❌ Port {port} no longer available, will reallocate");
        let declined = Declined { port, reason };
        let found = self.scan(request, Some(&declined))?;
        Ok((found, Some(declined), found == port))
    }

    /// Why the project cannot have the port that it had before.
    fn recheck(&mut self, request: &PortRequest, port: u16) -> Result<Option<Reason>, PortError> {
        info!(target: "port-allocator", "🔍 Checking if port {port} still available...");
        let reason = self.obstacle(request, port)?;
        if reason.is_none() {
            info!(target: "port-allocator", "✅ Reusing port {port} (still available)");
        }
        Ok(reason)
    }

    /// Scans the range, from `declined` if there is one; that port is skipped if it is known to be taken.
    fn scan(&mut self, request: &PortRequest, declined: Option<&Declined>) -> Result<u16, PortError> {
        let range = request.range;
        let is_preferred = |port| range.contains(port) && request.choice == PortChoice::Preferred(port);
        let preferred = declined.map(|declined| declined.port).filter(|&port| is_preferred(port));
        let from = preferred.map_or_else(String::new, |port| format!(", starting from {port}"));
        info!(target: "port-allocator", "🔍 Scanning for available port in range {range}{from}");
        let known = declined
            .filter(|declined| !matches!(declined.reason, Reason::OtherFramework(_)))
            .map(|declined| declined.port);
        let order = once_round(range, declined.map(|declined| declined.port));
        let mut probe = std::mem::take(&mut self.probe);
        let mut privileged = None;
        let found = choose(
            order.filter(|&port| Some(port) != known),
            |port| self.claim(request, port),
            |port| match check(&mut probe, port)? {
                Verdict::Free => Ok(true),
                Verdict::InUse => {
                    info!(target: "port-allocator", "❌ Port {port} in use");
                    Ok(false)
                }
                Verdict::Privileged => {
                    privileged.get_or_insert(port);
                    Ok(false)
                }
            },
        )?;
        self.probe = probe;
        match (found, privileged) {
            (Some(port), _) => {
                info!(target: "port-allocator", "✅ Found available port: {port}");
                Ok(port)
            }
            (None, Some(port)) => Err(PortError::Privileged { port }),
            (None, None) => {
                info!(target: "port-allocator", "⚠️  No available ports found");
                Err(PortError::Exhausted { range, occupants: Vec::new() })
            }
        }
    }

    fn claim(&self, request: &PortRequest, port: u16) -> Result<Claim, PortError> {
        if is_blocked(port) || request.exclude.contains(&port) {
            return Ok(Claim::Excluded);
        }
        if self.reserved(port).is_some() {
            info!(target: "port-allocator", "❌ Port {port} in use");
            return Ok(Claim::Excluded);
        }
        let Some((last_used, keeper)) = self.memory.keeper(port)? else { return Ok(Claim::None) };
        if keeper == request.project || is_stale(last_used, self.now) {
            return Ok(Claim::None);
        }
        let exists = self.memory.project(&keeper)?.is_some_and(|row| is_there(&row.dir));
        Ok(if exists { Claim::Remembered(last_used) } else { Claim::None })
    }

    /// Why the project cannot have the port.
    fn obstacle(&mut self, request: &PortRequest, port: u16) -> Result<Option<Reason>, PortError> {
        if request.exclude.contains(&port) {
            return Ok(Some(Reason::Lost));
        }
        if let Some(other) = self.reserved(port) {
            let is_live = other.state == SessionState::Live;
            let reason = if is_live { Reason::Reserved } else { Reason::Ending };
            return Ok(Some(reason(other.name.clone())));
        }
        Ok(match check(&mut self.probe, port)? {
            Verdict::Free => None,
            Verdict::InUse => Some(Reason::InUse),
            Verdict::Privileged => Some(Reason::Privileged),
        })
    }

    fn reserved(&self, port: u16) -> Option<&Reservation> {
        self.own.iter().find(|own| own.port == port).or_else(|| self.snapshot.at(port))
    }
}

/// Whether a project's directory exists. If that cannot be found out, it counts as existing.
pub(super) fn is_there(dir: &Path) -> bool {
    dir.try_exists().unwrap_or(true)
}

fn check(probe: &mut Probe, port: u16) -> Result<Verdict, PortError> {
    probe.check(port).map_err(|source| PortError::Probe { port, source })
}

fn taken(port: u16) -> PortError {
    PortError::Taken { port, occupants: Vec::new() }
}
