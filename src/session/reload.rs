//! A restart that was asked for: the service's files are read again, for its next start.

use super::absent;
use super::backend::SessionBackend;
use super::port_override::{Inquiry, PortOverride};
use super::prepared::Prepared;
use super::{hooks, portless, settings, usual_ports};
use crate::config::ProjectSettings;
use crate::event::{Level, What};
use crate::invocation::Failure;
use crate::launch::{LaunchSpec, Step};
use crate::port::{AllocateOptions, PortChoice, PortRequest};
use crate::supervise::{Backend, Reload};
use crate::visible;

impl SessionBackend<'_> {
    /// Plans the next start of a service by what its files say now. It keeps its port if that is still right.
    ///
    /// # Errors
    /// Those of a start with these files. Everything is as before then.
    pub(super) fn plan_reload(&mut self, service: usize) -> Result<Reload, Failure> {
        let mut prepared = self.prepared[service].reload(self.invocation, self.options)?;
        let others = self.prepared.iter().enumerate().filter(|(other, _)| *other != service);
        let all: Vec<&Prepared<'_>> = others.map(|(_, one)| one).chain([&prepared]).collect();
        let absent = absent::addresses(self.invocation, &self.ports, &all)?;
        portless::check(&prepared, &all, &absent)?;
        prepared.absent = absent;
        let (original_port, was_held) = (self.port(service), self.reservation(service).is_some());
        let own = if let PortChoice::Exact(port) = prepared.request.choice { port } else { original_port };
        let addresses = self.addresses_of(&prepared, (own, self.schemes[service].present));
        hooks::check(&prepared, own, &|text| addresses.fill(text))?;
        let is_other_directory = !self.is_for_present_directory(service);
        self.reserve_for_reload(service, &prepared.request)?;
        self.forget_for_reload(service, &prepared);
        self.record_scheme(service);
        let former = std::mem::replace(&mut self.prepared[service], prepared);
        usual_ports::find(self.invocation, self.options, &mut self.prepared, &self.neighbours);
        let former_spec = self.specs[service].clone();
        self.plan();
        let (spec, new_port) = (&self.specs[service], self.port(service));
        let mut changes = changes((&former, &former_spec), (&self.prepared[service], spec));
        if is_other_directory {
            changes.insert(0, "its directory is another one than before".to_owned());
        }
        let mut news = Vec::new();
        if new_port != original_port {
            changes.push(match new_port {
                0 => "it has no port now".to_owned(),
                _ => format!("its port is now {new_port}"),
            });
        }
        if ![0, original_port].contains(&new_port) && original_port != 0 {
            let why = if was_held {
                "its files have changed".to_owned()
            } else {
                format!("port {original_port} is no longer to be had")
            };
            let message = format!("{why}: port {new_port} is reserved for it now");
            news.push(What::PortReallocated { original_port, new_port, message });
        }
        let fresh = spec.warnings.iter().filter(|warning| !former_spec.warnings.contains(warning));
        news.extend(fresh.map(|message| What::Noted { level: Level::Warning, message: message.clone() }));
        let changes = (!changes.is_empty()).then(|| changes.join("; "));
        Ok(Reload { settings: settings::of(self, service), changes, news })
    }

    fn is_for_present_directory(&self, service: usize) -> bool {
        let dir = &self.prepared[service].request.dir;
        self.reservation(service).is_none_or(|held| held.is_for(dir))
    }

    /// Records the reservation for what the files say now; reserves another port if the present one is wrong, or if
    /// there is none any more.
    fn reserve_for_reload(&mut self, service: usize, request: &PortRequest) -> Result<(), Failure> {
        let (former, port) = (&self.prepared[service].request, self.port(service));
        let is_right = self.reservation(service).is_some() && is_right(port, former, request);
        let is_same = (&former.name, &former.framework, former.evidence)
            == (&request.name, &request.framework, request.evidence)
            && self.is_for_present_directory(service);
        let Some(lease) = self.lease.as_mut().filter(|_| !(is_right && is_same)) else { return Ok(()) };
        let choice = if is_right && port != 0 { PortChoice::Observed(port) } else { request.choice };
        let replaced = lease.replace(&PortRequest { choice, ..request.clone() }, AllocateOptions::default());
        match replaced {
            // The port is held all the same, and what is remembered with it is only out of date.
            Err(error) if is_right => tracing::warn!("what has changed is not remembered: {error}"),
            replaced => replaced?,
        }
        Ok(())
    }

    /// Forgets what was learned of another command; remembers what the store has of it, as a start does.
    fn forget_for_reload(&mut self, service: usize, prepared: &Prepared<'_>) {
        let (former, request) = (&self.prepared[service], &prepared.request);
        let agrees = former.request.evidence.agrees(&request.evidence);
        let previous = agrees.then(|| self.ports().remembered(&request.project)).flatten();
        if !agrees || former.detected().reading.command != prepared.detected().reading.command {
            self.overrides[service] = PortOverride::new(prepared, previous.as_ref(), self.ports().dir());
        }
        self.inquiries[service] = Inquiry::default();
        self.schemes[service] = prepared.detected().scheme(request, previous.as_ref());
    }
}

/// Whether a service can keep the port that it has.
fn is_right(port: u16, former: &PortRequest, request: &PortRequest) -> bool {
    let was_ordered = matches!(former.choice, PortChoice::Exact(_));
    match request.choice {
        PortChoice::Exact(ordered) => ordered == port,
        PortChoice::None => port == 0,
        PortChoice::Any | PortChoice::Preferred(_) | PortChoice::Observed(_) | PortChoice::Followed(_) => {
            // One that lies outside was preferred, or the reservation has followed the service there.
            request.range.contains(port) || (port != 0 && request.range == former.range && !was_ordered)
        }
    }
}

/// What is different for the service, each as a sentence.
fn changes(
    (former, former_spec): (&Prepared<'_>, &LaunchSpec),
    (prepared, spec): (&Prepared<'_>, &LaunchSpec),
) -> Vec<String> {
    let (before, now) = (former.detected(), prepared.detected());
    let manager = |prepared: &Prepared<'_>| prepared.detected().configured.manager.manager.name();
    let (settings_before, settings) = (&before.configured.config.settings, &now.configured.config.settings);
    let rest = |settings: &ProjectSettings| {
        let hooks = (settings.before.clone(), settings.after.clone());
        (settings.restart, settings.grace, settings.ready.clone(), hooks)
    };
    let words = |step: &Option<Step>| step.as_ref().map(|step| step.argv.clone());
    let hooks = |spec: &LaunchSpec| (words(&spec.pre), words(&spec.post));
    let variables = names_of_differences(settings_before, settings).join(", ");
    let command = format!("its command is now `{}`", visible::line(&now.reading.command));
    [
        (
            former.project().name != prepared.project().name,
            format!("its name is now `{}`", prepared.project().name),
        ),
        (before.reading.command != now.reading.command, command),
        (hooks(former_spec) != hooks(spec), "its pre or post script has changed".to_owned()),
        (
            former.request.framework != prepared.request.framework,
            format!("its framework is now {}", prepared.request.framework),
        ),
        (manager(former) != manager(prepared), format!("its package manager is now {}", manager(prepared))),
        (settings_before.env != settings.env, format!("its variables have changed: {variables}")),
        (
            (&settings_before.needs, &settings_before.with) != (&settings.needs, &settings.with),
            "its `needs` and `with` have changed, which counts from the next start of all on".to_owned(),
        ),
        (rest(settings_before) != rest(settings), "its settings in bowline.toml have changed".to_owned()),
    ]
    .into_iter()
    .filter_map(|(is_different, sentence)| is_different.then_some(sentence))
    .collect()
}

/// The names of the variables in bowline.toml that are set, set otherwise, or no longer set.
fn names_of_differences(former: &ProjectSettings, now: &ProjectSettings) -> Vec<String> {
    let names = former.env.keys().chain(now.env.keys().filter(|name| !former.env.contains_key(*name)));
    names.filter(|name| former.env.get(*name) != now.env.get(*name)).cloned().collect()
}
