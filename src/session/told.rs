//! What each service was told of its siblings, and which were told something else than what holds now.
//!
//! A service's environment is fixed when it starts. Its reservation records what was in it, so that other bowlines
//! know it as well.

use std::collections::BTreeMap;

use super::absent;
use super::backend::SessionBackend;
use super::known_sibling::KnownSibling;
use super::prepared::Prepared;
use super::siblings::siblings;
use super::usual_ports;
use crate::launch::{LaunchSpec, Sibling};
use crate::port::{Lease, Reservation};
use crate::template::{Field, references};

impl SessionBackend<'_> {
    pub(super) fn siblings(&self, service: usize) -> Vec<KnownSibling> {
        siblings(
            &self.prepared,
            service,
            |other| Some((self.reserved(other)?, self.schemes[other].present)),
            &self.neighbours,
        )
    }

    /// Looks again which services of other sessions run, if any of them could be a sibling of this one.
    pub(super) fn look_around(&mut self, service: usize) {
        let one = &self.prepared[service];
        if one.project().workspace.is_none() && one.detected().configured.named.is_empty() {
            return;
        }
        self.close_store();
        let Some(lease) = &self.lease else { return };
        self.neighbours = self.ports.reservations();
        self.neighbours.retain(|one| one.session != *lease.session());
        let all: Vec<&Prepared<'_>> = self.prepared.iter().collect();
        match absent::addresses(self.invocation, &self.ports, &all) {
            Ok(absent) => self.prepared[service].absent = absent,
            Err(failure) => tracing::warn!("{}", failure.message),
        }
    }

    /// Notes what the service is told at this start.
    pub(super) fn tell(&mut self, service: usize) {
        self.told[service] = self.schemes.iter().map(|scheme| scheme.present).collect();
        let spec = &self.specs[service];
        let one = &self.prepared[service];
        let known = self.siblings(service).into_iter().chain(one.absent.iter().cloned());
        let told = known.filter(|other| one.names(&other.project) || is_told(spec, &other.sibling));
        // Of a script that is caught, the others may start later.
        let by_port = one.by_port.iter().filter(|_| self.options.outer.is_some());
        let usual = by_port.filter_map(|named| Some((named.only()?.to_owned(), named.port)));
        let usual = usual.filter(|(project, _)| *project != one.request.project);
        let told: BTreeMap<String, u16> =
            usual.chain(told.map(|one| (one.project, one.sibling.port))).collect();
        let is_news = self.reservation(service).is_some_and(|held| held.told != told);
        let Some(lease) = &mut self.lease else { return };
        lease.tell(&self.prepared[service].request.project, told);
        // Once for all services of a start.
        if is_news && self.started.iter().all(|started| *started) {
            self.record_told();
        }
    }

    pub(super) fn record_told(&mut self) {
        if let Some(Err(error)) = self.lease.as_mut().map(Lease::record_told) {
            tracing::warn!("what the service was told of others is not recorded: {error}");
        }
    }

    /// The warning that running services were told another port for this one, with what to do about it. Each of
    /// this session is named once, and not if it is restarted, see [`SessionBackend::told_another_address`].
    pub(super) fn told_otherwise(&mut self, service: usize, advice: &str) -> Option<String> {
        let (project, port) = (self.prepared[service].request.project.clone(), self.reserved(service)?);
        let restarted: Vec<String> = self
            .prepared
            .iter()
            .filter(|one| one.names(&project))
            .map(|one| one.request.project.clone())
            .collect();
        let lease = self.lease.as_mut()?;
        let is_warned = |one: &&Reservation| !restarted.contains(&one.project);
        let mut misled: BTreeMap<u16, Vec<String>> = BTreeMap::new();
        // Those of the same run are told, see [`SessionBackend::tell_others`].
        let outer = self.options.outer.as_ref().map(|outer| &outer.session);
        let beside = self.neighbours.iter().filter(|one| outer.is_none() || one.part_of.as_ref() != outer);
        for one in lease.reservations().iter().filter(is_warned).chain(beside) {
            if let Some(told) = one.told_instead_of(&project, port) {
                misled.entry(told).or_default().push(one.name.clone());
            }
        }
        let is_misled = |one: &&Reservation| is_warned(one) && one.told_instead_of(&project, port).is_some();
        let own: Vec<Reservation> = lease.reservations().iter().filter(is_misled).cloned().collect();
        for mut one in own {
            one.told.remove(&project);
            lease.tell(&one.project, one.told);
        }
        let name = &self.prepared[service].project().name;
        let scheme = self.schemes[service].present;
        let sentences = misled.into_iter().map(|(told, names)| {
            let (url, who) = (scheme.url(told), names.join("`, `"));
            let were = if names.len() > 1 { "were" } else { "was" };
            let restart = format!("run `bowline restart {}`", names.join(" "));
            format!("`{who}` {were} told {url} for `{name}`, which is on port {port} now: {advice}{restart}")
        });
        let sentences: Vec<String> = sentences.collect();
        (!sentences.is_empty()).then(|| sentences.join("; "))
    }

    /// The services of this session that name this one, and were told another address of it; and the sentence that
    /// says where it is now.
    pub(super) fn told_another_address(&self, service: usize) -> Option<(Vec<usize>, String)> {
        let (project, port) = (&self.prepared[service].request.project, self.reserved(service)?);
        let another_port = |one: usize| {
            self.reservation(one).is_some_and(|held| held.told_instead_of(project, port).is_some())
        };
        let scheme = self.schemes[service].present;
        let another_url = |one: usize| {
            one != service
                && self.told[one].get(service).is_some_and(|told| *told != scheme)
                && names_url(&self.prepared[one], project)
        };
        let is_misled =
            |&one: &usize| self.prepared[one].names(project) && another_port(one) || another_url(one);
        let misled: Vec<usize> = (0..self.prepared.len()).filter(is_misled).collect();
        let name = &self.prepared[service].project().name;
        let place = if misled.iter().any(|&one| another_port(one)) {
            format!("on port {port}")
        } else {
            format!("at {}", scheme.url(port))
        };
        (!misled.is_empty()).then(|| (misled, format!("`{name}` is {place} now")))
    }

    /// The line of bowline.toml that reserves the port of the service from the beginning.
    pub(super) fn order_in_file(&self, service: usize) -> String {
        let key = usual_ports::key(&self.prepared[service].project().name);
        format!(
            "set `[project.{key}] port = {}` in bowline.toml, or ",
            self.reserved(service).unwrap_or_default()
        )
    }
}

/// Whether a text of bowline.toml has the URL of this project's service.
fn names_url(one: &Prepared<'_>, project: &str) -> bool {
    let configured = one.detected().configured;
    let settings = &configured.config.settings;
    let is_its =
        |name: &str| configured.named.iter().any(|(known, named)| known == name && named.id == project);
    let mut texts = settings.env.values().chain(&settings.args).chain(&settings.command);
    texts.any(|text| {
        let found = references(text).unwrap_or_default();
        found.iter().any(|reference| reference.field == Field::Url && is_its(reference.name))
    })
}

/// Whether the launch has the sibling's address in a variable: not if its name is also another's.
fn is_told(spec: &LaunchSpec, sibling: &Sibling) -> bool {
    let url = sibling.scheme.url(sibling.port);
    let mut additions = spec.main.environment.additions();
    additions.any(|(name, value)| name != "BOWLINE_URL" && name.ends_with("_URL") && value == url.as_str())
}
