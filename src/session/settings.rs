//! The state machine of each service, with its settings from options, configuration and defaults.

use std::time::Duration;

use tokio::time::Instant;

use super::backend::SessionBackend;
use super::kind::may_only_build;
use super::prepared::Prepared;
use crate::config::Ready;
use crate::detect::ServiceKind;
use crate::invocation::StartedBy;
use crate::port::PortChoice;
use crate::supervise::service::{Overdue, ReadyAt, Service, Settings};

/// Time in which a service should be ready, unless configured.
const READY_TIMEOUT: Duration = Duration::from_secs(60);
/// How many times a service moves to another port after a stranger has taken its own.
const RELOCATIONS: u32 = 3;
/// Extra starts of a service that listens elsewhere: one with its listener moved, one without if that fails.
const REDIRECTS: u32 = 2;

pub fn services(backend: &SessionBackend<'_>, now: Instant) -> Vec<Service> {
    (0..backend.prepared.len()).map(|service| Service::new(of(backend, service), now)).collect()
}

/// The settings of one service, by its options and files.
pub fn of(backend: &SessionBackend<'_>, service: usize) -> Settings {
    let (options, prepared, spec) = (backend.options, &backend.prepared[service], &backend.specs[service]);
    let is_background = matches!(backend.invocation.started_by, StartedBy::Background | StartedBy::Runner);
    let configured = &prepared.detected().configured.config.settings;
    let before = usize::from(spec.before.is_some()) + usize::from(spec.pre.is_some());
    let after = usize::from(spec.post.is_some());
    let is_exact = matches!(prepared.request.choice, PortChoice::Exact(_) | PortChoice::None);
    let delegates = prepared.delegates();
    Settings {
        steps: before + 1 + after,
        main: before,
        policy: options.restart.or(configured.restart).unwrap_or_default(),
        grace: prepared.grace,
        ready_timeout: configured.ready.timeout.unwrap_or(READY_TIMEOUT),
        overdue: overdue(backend, prepared, is_background),
        relocations: if is_exact { 0 } else { RELOCATIONS },
        // Another start would be one of everything beneath it.
        redirects: if delegates { 0 } else { REDIRECTS },
        // Its server may be one that bowline has not caught.
        follows: !is_exact || delegates,
        ready_at: ready_at(prepared),
        finishes: finishes(backend, prepared),
    }
}

fn ready_at(prepared: &Prepared<'_>) -> ReadyAt {
    match prepared.detected().kind {
        ServiceKind::Server => ReadyAt::Listener,
        ServiceKind::Watch if !is_awaited(prepared) => ReadyAt::Start,
        ServiceKind::Watch => ReadyAt::FirstBuild,
        ServiceKind::Task => ReadyAt::End,
    }
}

/// What becomes of a service that is not ready in time. A caller must not wait for ever for one in the background: a
/// watch whose line does not come, and a program that may be no server, are accepted there, any other service is ended.
/// So is each with a `ready` in bowline.toml.
fn overdue(backend: &SessionBackend<'_>, prepared: &Prepared<'_>, is_background: bool) -> Overdue {
    let is_runner = matches!(backend.invocation.started_by, StartedBy::Runner);
    let detected = prepared.detected();
    let ready = &detected.configured.config.settings.ready;
    let may_be_late = match ready_at(prepared) {
        ReadyAt::Listener => {
            !is_runner
                && detected.has_port()
                && may_only_build(detected.configured, &detected.reading, &detected.detection)
        }
        ReadyAt::FirstBuild => true,
        ReadyAt::Start | ReadyAt::End => false,
    };
    if !is_background && ready.timeout.is_none() {
        Overdue::Warned
    } else if may_be_late && *ready == Ready::default() {
        Overdue::Accepted
    } else {
        Overdue::Ended
    }
}

/// Whether there is anything by which a watch is known to be ready.
fn is_awaited(prepared: &Prepared<'_>) -> bool {
    let ready = &prepared.detected().configured.config.settings.ready;
    let has_conditions = ready.log.is_some() || ready.exec.is_some() || ready.file.is_some();
    has_conditions || !prepared.detected().detection.first_builds.is_empty()
}

/// Scripts of a workspace may be no servers, whoever runs them all.
fn finishes(backend: &SessionBackend<'_>, prepared: &Prepared<'_>) -> bool {
    prepared.detected().kind != ServiceKind::Server
        || backend.prepared.len() > 1
        || prepared.project().workspace.is_some()
}
