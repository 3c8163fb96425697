//! The three steps of an allocation: the project's own port, the scan, the reservation.

use std::fmt;
use std::path::Path;

use tracing::info;

use super::candidates::{Claim, choose, once_round};
use super::error::{Error, Occupant};
use super::listeners::holders;
use super::probe::{Probe, Verdict};
use super::store::{Fault, Former, Memory, Remembered, Trouble};
use super::world::World;
use super::{Choice, Life, Request, Reservation, is_blocked, is_stale};
use crate::range::Range;

/// A port for a project.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The project's id.
    pub project: String,
    /// Its port.
    pub port: u16,
    /// The port that it was to have, and why it got another.
    pub declined: Option<Declined>,
    /// What was remembered of the project until now.
    pub previous: Option<Remembered>,
    /// Whether this is the port that it had last.
    pub reused: bool,
}

/// A port that could not be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declined {
    /// The port.
    pub port: u16,
    /// Why not.
    pub reason: Reason,
}

/// Why a port could not be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Somebody has it; [`holders`] finds out who.
    InUse,
    /// A service of bowline's has it: its name.
    Reserved(String),
    /// Its last service is still being ended.
    Ending(String),
    /// It is not one of the framework's.
    OutOfRange(Range),
    /// It was remembered for another framework.
    OtherFramework(String),
    /// Browsers refuse to open it.
    Blocked,
    /// This user may not bind it.
    Privileged,
    /// It was lost to a stranger a moment ago.
    Lost,
}

impl fmt::Display for Declined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.port;
        match &self.reason {
            Reason::InUse => write!(f, "port {port} is in use"),
            Reason::Reserved(name) => write!(f, "port {port} is reserved for `{name}`"),
            Reason::Ending(name) => write!(f, "port {port} is still held by `{name}`, which is ending"),
            Reason::OutOfRange(range) => write!(f, "port {port} is not in the range {range}"),
            Reason::OtherFramework(framework) => write!(f, "port {port} was used as a {framework} project"),
            Reason::Blocked => write!(f, "browsers refuse to open port {port}"),
            Reason::Privileged => write!(f, "port {port} may only be bound by a privileged user"),
            Reason::Lost => write!(f, "port {port} was taken by another process"),
        }
    }
}

/// Why nothing was allocated, before it is found out who is to blame: that takes a look at every
/// process, which must not happen while others wait for the lock.
pub(super) enum Refusal {
    Error(Error),
    Taken(u16),
    Exhausted(Range),
}

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Self {
        Self::Error(trouble.into())
    }
}

impl Refusal {
    pub fn into_error(self, world: &World, own: &[Reservation]) -> Error {
        match self {
            Self::Error(error) => error,
            Self::Taken(port) => {
                let range = Range { start: port, end: port };
                Error::Taken { port, occupants: occupants(range, world, own) }
            }
            Self::Exhausted(range) => Error::Exhausted { range, occupants: occupants(range, world, own) },
        }
    }
}

fn occupants(range: Range, world: &World, own: &[Reservation]) -> Vec<Occupant> {
    let mut services: Vec<&Reservation> =
        world.reservations().chain(own).filter(|reservation| range.contains(reservation.port)).collect();
    services.sort_by_key(|reservation| reservation.port);
    let foreign: Vec<u16> = (range.start..=range.end)
        .filter(|&port| services.iter().all(|service| service.port != port))
        .collect();
    let strangers = if foreign.is_empty() { Vec::new() } else { holders(&foreign) };
    let services = services.into_iter().map(|service| Occupant::Service(Box::new(service.clone())));
    services.chain(strangers.into_iter().map(Occupant::Stranger)).collect()
}

/// Chooses ports, with everything in view that there is to know.
pub(super) struct Chooser<'a> {
    pub world: &'a World,
    /// Our own session's reservations, those just chosen included.
    pub own: Vec<Reservation>,
    pub memory: &'a dyn Memory,
    pub probe: Probe,
    /// Seconds since 1970.
    pub now: u64,
}

type Step<T> = Result<T, Fault<Refusal>>;

impl Chooser<'_> {
    /// The port for one project.
    pub fn choose(&mut self, request: &Request) -> Step<Grant> {
        info!(target: "port-allocator", "🎯 Allocating port for project {}", request.project);
        info!(target: "port-allocator", "   Framework: {}, Range: {}", request.framework, request.range);
        let mut previous = self.memory.project(&request.project)?;
        if let Some(row) = &mut previous {
            if self.is_stale(row.last_used) {
                row.port = None;
            }
            row.forget_unused(self.now);
        }
        let remembered = previous.as_ref().and_then(|row| row.last_as(&request.framework));
        let (port, declined, reused) = match request.choice {
            Choice::Order(port) => (self.order(request, port)?, None, false),
            Choice::Adopt(port) => match self.reserved(port) {
                Some(_) => return refuse(Refusal::Taken(port)),
                None => (port, None, false),
            },
            Choice::Wish(port) => match self.wish(request, port)? {
                None => (port, None, false),
                // A wish that says nothing about where to look does not make the port drift.
                Some(declined) if !request.range.contains(port) => {
                    let (port, _, reused) = self.own_or_scan(request, remembered)?;
                    (port, Some(declined), reused)
                }
                Some(declined) => (self.scan(request, Some(port), Some(&declined))?, Some(declined), false),
            },
            Choice::Any => self.own_or_scan(request, remembered)?,
        };
        let declined = declined.filter(|declined| declined.port != port);
        Ok(Grant { project: request.project.clone(), port, declined, previous, reused })
    }

    fn order(&mut self, request: &Request, port: u16) -> Step<u16> {
        match self.obstacle(request, port)? {
            None => Ok(port),
            Some(Reason::Privileged) => refuse(Refusal::Error(Error::Privileged { port })),
            Some(_) => {
                info!(target: "port-allocator", "❌ Port {port} in use");
                refuse(Refusal::Taken(port))
            }
        }
    }

    fn wish(&mut self, request: &Request, port: u16) -> Step<Option<Declined>> {
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
        request: &Request,
        remembered: Option<(u16, String)>,
    ) -> Step<(u16, Option<Declined>, bool)> {
        let Some((port, framework)) = remembered else {
            return Ok((self.scan(request, None, None)?, None, false));
        };
        info!(target: "port-allocator", "📋 Found existing allocation: port {port}");
        let reason = if !request.range.contains(port) {
            Some(Reason::OutOfRange(request.range))
        } else if framework != request.framework {
            Some(Reason::OtherFramework(framework))
        } else if is_blocked(port) {
            Some(Reason::Blocked)
        } else {
            info!(target: "port-allocator", "🔍 Checking if port {port} still available...");
            self.obstacle(request, port)?
        };
        let Some(reason) = reason else {
            info!(target: "port-allocator", "✅ Reusing port {port} (still available)");
            return Ok((port, None, true));
        };
        info!(target: "port-allocator", "❌ Port {port} no longer available, will reallocate");
        let declined = Declined { port, reason };
        let found = self.scan(request, None, Some(&declined))?;
        Ok((found, Some(declined), found == port))
    }

    /// Step two: `wish` is where the user wants the scan to begin, `declined` what is known already.
    fn scan(&mut self, request: &Request, wish: Option<u16>, declined: Option<&Declined>) -> Step<u16> {
        let range = request.range;
        let from = wish.map_or_else(String::new, |wish| format!(", starting from {wish}"));
        info!(target: "port-allocator", "🔍 Scanning for available port in range {range}{from}");
        let known = declined
            .filter(|declined| !matches!(declined.reason, Reason::OtherFramework(_)))
            .map(|declined| declined.port);
        let order = once_round(range, wish.or(declined.map(|declined| declined.port)));
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
            (None, Some(port)) => refuse(Refusal::Error(Error::Privileged { port })),
            (None, None) => {
                info!(target: "port-allocator", "⚠️  No available ports found");
                refuse(Refusal::Exhausted(range))
            }
        }
    }

    fn claim(&self, request: &Request, port: u16) -> Step<Claim> {
        if is_blocked(port) || request.exclude.contains(&port) {
            return Ok(Claim::Excluded);
        }
        if self.reserved(port).is_some() {
            info!(target: "port-allocator", "❌ Port {port} in use");
            return Ok(Claim::Excluded);
        }
        let Some((last_used, keeper)) = self.memory.keeper(port)? else { return Ok(Claim::None) };
        if keeper == request.project || self.is_stale(last_used) {
            return Ok(Claim::None);
        }
        let exists = self.memory.project(&keeper)?.is_some_and(|row| is_there(&row.dir));
        Ok(if exists { Claim::Remembered(last_used) } else { Claim::None })
    }

    /// Why the port cannot be had, if it cannot.
    fn obstacle(&mut self, request: &Request, port: u16) -> Step<Option<Reason>> {
        if request.exclude.contains(&port) {
            return Ok(Some(Reason::Lost));
        }
        if let Some(other) = self.reserved(port) {
            return Ok(Some(match other.life {
                Life::Live => Reason::Reserved(other.name.clone()),
                Life::Ending | Life::Orphaned | Life::Over => Reason::Ending(other.name.clone()),
            }));
        }
        Ok(match check(&mut self.probe, port)? {
            Verdict::Free => None,
            Verdict::InUse => Some(Reason::InUse),
            Verdict::Privileged => Some(Reason::Privileged),
        })
    }

    fn reserved(&self, port: u16) -> Option<&Reservation> {
        self.own.iter().find(|own| own.port == port).or_else(|| self.world.at(port))
    }

    fn is_stale(&self, last_used: u64) -> bool {
        is_stale(last_used, self.now)
    }
}

/// Whether a project's directory exists, as far as can be told.
pub(super) fn is_there(dir: &Path) -> bool {
    dir.try_exists().unwrap_or(true)
}

fn check(probe: &mut Probe, port: u16) -> Step<Verdict> {
    probe.check(port).map_err(|source| Fault::Refused(Refusal::Error(Error::Probe { port, source })))
}

fn refuse<T>(refusal: Refusal) -> Step<T> {
    Err(Fault::Refused(refusal))
}

/// What is to be remembered of a project that got `grant`.
///
/// A port outside the range is no use to a later start, so the one from before is kept then.
pub(super) fn memory_of(request: &Request, grant: &Grant, now: u64) -> Remembered {
    let previous = grant.previous.as_ref();
    let mut former = previous.map(|row| row.former.clone()).unwrap_or_default();
    if let Some(row) = previous
        && let Some(port) = row.port
    {
        former.insert(row.framework.clone(), Former { port, last_used: row.last_used });
    }
    let before = former.remove(&request.framework).map(|former| former.port);
    let ours = request.range.contains(grant.port) && !is_blocked(grant.port);
    let port = if ours { Some(grant.port) } else { before };
    // Where ranges overlap, a port may have become that of another framework.
    former.retain(|_, former| Some(former.port) != port);
    Remembered {
        port,
        framework: request.framework.clone(),
        evidence: request.evidence.to_string(),
        name: request.name.clone(),
        dir: request.dir.clone(),
        last_used: now,
        notes: previous
            .filter(|row| request.agrees_with(row))
            .map(|row| row.notes.clone())
            .unwrap_or_default(),
        former,
    }
}
