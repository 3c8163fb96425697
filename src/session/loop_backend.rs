//! What the loop in [`crate::supervise`] does with a service: spawn, verify, move, follow and release it.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use regex_lite::Regex;

use super::backend::{SessionBackend, descendants, describe};
use super::port_override::{Evidence, Place, list};
use super::server_scheme::{Finding, ask, printed};
use super::{browser, hooks};
use crate::event::{Level, Refusal, What};
use crate::port::page::{self, Page};
use crate::port::{PortChoice, Scheme};
use crate::process::{Stdio, memory};
use crate::supervise::service::FailedRun;
use crate::supervise::{
    Backend, Conditions, Description, Misled, Observation, PageQuestion, PortOwner, ProcessTree, Reload,
    Review, SchemeAnswer,
};

impl Backend for SessionBackend<'_> {
    fn stdin(&self) -> Option<OwnedFd> {
        self.shares_input().then(|| io::stdin().as_fd().try_clone_to_owned().ok()).flatten()
    }

    fn spawn(&mut self, service: usize, stdio: Stdio) -> io::Result<Box<dyn ProcessTree>> {
        let tree = self.start_guardian(service, stdio);
        // The guardian sets itself up meanwhile.
        if let Some(lease) = &mut self.lease {
            self.invocation.warn_all(&lease.commit());
        }
        Ok(Box::new(tree?))
    }

    fn reload(&mut self, service: usize) -> Result<Reload, (String, Refusal)> {
        self.close_store();
        self.plan_reload(service).map_err(|failure| {
            let exit_code = failure.code();
            (failure.message, Refusal { exit_code, hint: failure.hint })
        })
    }

    fn open(&mut self, service: usize) -> What {
        let port = Some(self.port(service)).filter(|port| *port != 0);
        browser::show(port.map(|port| self.scheme(service).url(port)))
    }

    fn first_builds(&self, service: usize) -> Vec<Regex> {
        let addresses = self.addresses(service);
        hooks::first_builds(&self.prepared[service], &|text| addresses.fill(text))
    }

    fn description(&self, service: usize) -> Description {
        describe(&self.prepared[service], &self.specs[service])
    }

    fn verify(&mut self, service: usize, root: i32) -> PortOwner {
        let port = self.port(service);
        let me = nix::unistd::getuid().as_raw();
        let owner = match self.listeners.seen(port, || descendants(root)).unwrap_or_default() {
            _ if port == 0 => PortOwner::Nobody,
            (Some(held), _) => PortOwner::Ours { socket: held.listener.socket, pid: held.pid },
            (None, seen) if seen.is_empty() => PortOwner::Nobody,
            (None, seen) if seen.iter().all(|listener| listener.user == me) => PortOwner::Stranger,
            (None, _) => PortOwner::Hidden,
        };
        let has_stand_in = || self.stands_in[service] && self.inner_sessions().next().is_some();
        let serves_it = match owner {
            PortOwner::Ours { .. } => false,
            PortOwner::Nobody => has_stand_in(),
            PortOwner::Stranger | PortOwner::Hidden => {
                has_stand_in() || self.prepared[service].detected().reading.starts_containers()
            }
        };
        if serves_it { PortOwner::Ours { socket: 0, pid: 0 } } else { owner }
    }

    fn may_listen(&mut self, service: usize) -> bool {
        self.stands_in[service] || self.listeners.may_have(self.port(service))
    }

    fn observe(&mut self, service: usize, root: i32, output: &str) -> Option<Observation> {
        let held = self.listeners.of(&self.own_processes(service, root)).ok()?;
        let reserved = self.port(service);
        let (port_override, inquiry) = (&self.overrides[service], &mut self.inquiries[service]);
        let listeners = inquiry.places(&held, |port| port_override.ask_after(port, reserved));
        let evidence = self.evidence(service, output);
        let inquiry = &mut self.inquiries[service];
        let evidence = Evidence { listeners, sources: inquiry.sources(), ..evidence };
        let observation = self.overrides[service].observe(&evidence);
        let is_refused = observation.as_ref().is_some_and(|seen| seen.ports.is_empty());
        if is_refused || inquiry.has_asked() {
            inquiry.search(&self.prepared[service].project().dir);
        }
        observation
    }

    fn elsewhere(&self, service: usize) -> Option<String> {
        let others = self.overrides[service].others();
        (!others.is_empty()).then(|| list(others))
    }

    fn obstacle(&mut self, service: usize, age: Duration, output: &str) -> Option<String> {
        SessionBackend::obstacle(self, service, age, output)
    }

    fn is_redirectable(&mut self, service: usize, run: FailedRun, output: &str) -> bool {
        let evidence = self.evidence(service, output);
        evidence.reserved != 0 && self.overrides[service].is_redirectable(run, &evidence)
    }

    fn redirect(&mut self, service: usize) -> What {
        let reserved = self.port(service);
        let message = self.overrides[service].redirect(reserved);
        if let Some(note) = self.overrides[service].forget() {
            self.store(service, &note);
        }
        tracing::info!("{message}");
        What::Noted { level: Level::Plain, message }
    }

    fn follow(&mut self, service: usize, root: i32) -> Result<What, What> {
        let original_port = self.port(service);
        let error = |error: String| Err(What::Error { error });
        let Some(places) = self.overrides[service].elsewhere() else {
            return error(format!("nothing of the service listens on port {original_port}"));
        };
        let (listed, new_port) = (list(places), places.first().map_or(0, |place| place.port));
        if self.is_shared(new_port, root) {
            return error(format!("it listens on {listed}, and so does another program"));
        }
        if let Err(reason) = self.reserve_instead(service, PortChoice::Observed(new_port)) {
            return error(format!("it listens on {listed}: {reason}"));
        }
        let servers = list(&self.overrides[service].servers());
        if let Some(note) = self.overrides[service].follow(new_port, original_port) {
            self.store(service, &note);
        }
        let advice = self.order_in_file(service);
        let misled =
            self.told_otherwise(service, &advice).map_or_else(String::new, |misled| format!("; {misled}"));
        if original_port == 0 {
            let message = format!(
                "it listens on {servers}, although it was given no port; \
                 port {new_port} is reserved for it now, and may be taken the next time{misled}"
            );
            tracing::warn!("{message}");
            return Ok(What::Noted { level: Level::Warning, message });
        }
        let message = format!(
            "it listens on {listed}, not on its reserved port {original_port}; \
             port {new_port} is reserved for it instead, and may be taken the next time: let it read `PORT`{misled}"
        );
        tracing::warn!("{message}");
        Ok(What::PortReallocated { original_port, new_port, message })
    }

    fn became_ready(&mut self, service: usize) -> Option<What> {
        memory::unmap_start_code();
        let reserved = Some(self.port(service)).filter(|port| *port != 0)?;
        let Evidence { claimed, remark, .. } = self.evidence(service, "");
        for note in self.overrides[service].succeed(reserved, claimed, remark) {
            self.store(service, &note);
        }
        self.inquiries[service].reviews = 0;
        self.tell_others(service);
        if let Some(note) = self.schemes[service].note() {
            self.store(service, &note);
        }
        self.show_first(&self.scheme(service).url(reserved))
    }

    fn told_another_address(&self, service: usize) -> Option<(Vec<usize>, String)> {
        SessionBackend::told_another_address(self, service)
    }

    fn is_added(&self, service: usize) -> bool {
        self.prepared[service].detected().configured.is_added
    }

    fn misled_by(&mut self, service: usize, project: &str) -> Option<Misled> {
        SessionBackend::misled_by(self, service, project)
    }

    fn review(&mut self, service: usize, root: i32, output: &str) -> Review {
        self.look_again(service, root, output)
    }

    fn relocate(&mut self, service: usize) -> Result<What, What> {
        let original_port = self.port(service);
        self.lost_ports[service].push(original_port);
        if let Err(message) = self.reserve_instead(service, PortChoice::Any) {
            return Err(What::PortConflict { port: original_port, message });
        }
        let new_port = self.port(service);
        let misled =
            self.told_otherwise(service, "").map_or_else(String::new, |misled| format!("; {misled}"));
        let message = format!(
            "port {original_port} was taken by another process; trying port {new_port} instead{misled}"
        );
        tracing::warn!("{message}");
        Ok(What::PortReallocated { original_port, new_port, message })
    }

    fn release(&mut self, service: usize) {
        self.give_back(service);
    }

    fn find_scheme(&mut self, service: usize, root: i32, output: &str) -> SchemeAnswer {
        let port = self.port(service);
        let Ok((Some(held), _)) = self.listeners.seen(port, || descendants(root)) else {
            return SchemeAnswer::Assumed;
        };
        let scheme = &self.schemes[service];
        let (finding, answer) = match scheme.find(&printed(output, port), Place::of(&held, None).is_quiet()) {
            Finding::Known(scheme) => (scheme, SchemeAnswer::Known),
            Finding::Assumed(scheme) => (scheme, SchemeAnswer::Assumed),
            Finding::Ask { otherwise, patience } => {
                let question = Box::pin(ask(held.listener.address));
                (otherwise, SchemeAnswer::Asked { question, patience })
            }
        };
        self.set_scheme(service, finding);
        answer
    }

    fn conditions(&self, service: usize) -> Conditions {
        let addresses = self.addresses(service);
        let dir = &self.specs[service].main.cwd;
        hooks::conditions(&self.prepared[service], dir, &|text| addresses.fill(text))
    }

    fn ask_page(&mut self, service: usize, root: i32, page: Page) -> Option<PageQuestion> {
        let (port, scheme) = (self.port(service), self.scheme(service));
        let (held, _) = self.listeners.seen(port, || descendants(root)).ok()?;
        let address = held?.listener.address;
        Some(Box::pin(async move { page::ask(address, scheme, &page).await }))
    }

    fn hook_before(&self, service: usize) -> Option<&str> {
        let before = self.specs.get(service)?.before.as_ref()?;
        before.argv.last()?.to_str()
    }

    fn set_scheme(&mut self, service: usize, scheme: Scheme) {
        let before = std::mem::replace(&mut self.schemes[service].present, scheme);
        if before != scheme {
            self.record_scheme(service);
        }
    }

    fn scheme(&self, service: usize) -> Scheme {
        self.schemes[service].present
    }

    fn port(&self, service: usize) -> u16 {
        let held = self.reservation(service).map(|held| held.port);
        // A service that has ended keeps its last port.
        held.or_else(|| self.specs.get(service).map(|spec| spec.port)).unwrap_or_default()
    }

    fn orchestrates(&self, service: usize) -> bool {
        self.prepared[service].orchestrates()
    }

    fn has_server_beneath(&self) -> bool {
        self.inner_sessions().any(|one| one.has_port())
    }

    fn stand_in(&mut self, service: usize, url: Option<&str>) -> Option<What> {
        self.stands_in[service] = true;
        self.show_first(url?)
    }

    fn framework(&self, service: usize) -> String {
        self.prepared[service].request.framework.clone()
    }
}
