//! The destinations of output and events, and the first lines about each service.

use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use super::backend::SessionBackend;
use super::caught::{Reporting, Telling};
use super::options::Options;
use super::report::StartReport;
use crate::control::Status;
use crate::event::{Level, What};
use crate::invocation::{Invocation, StartedBy};
use crate::launch::LaunchSpec;
use crate::logs::{self, Recorder, RecordingSink};
use crate::port::listeners::holders;
use crate::port::{Declined, Grant, PortChoice, Reason};
use crate::supervise::{Console, SharedTerminal, Sink};
use crate::ui::{Human, JsonLines, Prefixed};
use crate::visible::Visible;

/// Where output goes, and where keys come from.
pub struct Outlets {
    pub sink: RecordingSink,
    /// For a single service at a terminal.
    pub console: Option<Console>,
    /// For several services at a terminal.
    pub terminal: Option<SharedTerminal>,
}

/// Opens the sink, and the user's terminal if there is one. Needs a running tokio runtime.
pub fn open(
    invocation: &Invocation,
    options: &Options,
    services: &[Status],
    (session, logs): (&str, &Path),
) -> io::Result<Outlets> {
    let (style, quiet) = (invocation.style, invocation.quiet);
    let (mut console, mut terminal) = (None, None);
    let sink: Box<dyn Sink> = if let (Some(outer), [only]) = (&options.outer, services) {
        // Without the keyboard: others read it too, and keys that end a program must reach all of them.
        if let Some((screen, _)) = user_terminal()? {
            console = Some(Console::open(screen, None)?);
        }
        let outer = Telling::new(outer, &only.name, &only.project_id);
        Box::new(Reporting { inner: Box::new(Human::new(style, true)?), outer })
    } else if invocation.started_by == StartedBy::Background {
        Box::new(StartReport::new(services, session, style, quiet)?)
    } else if invocation.json {
        let named = |service: &Status| (service.project_id.clone(), service.name.clone());
        let projects = services.iter().map(named).collect();
        Box::new(JsonLines::new(projects, session, style, quiet)?)
    } else if services.len() > 1 {
        let names: Vec<_> =
            services.iter().map(|service| (service.name.clone(), service.dir.clone())).collect();
        let sink = Prefixed::new(&names, invocation.prefix, style, quiet)?;
        if let Some((screen, keyboard)) = user_terminal()? {
            // What keys ask for is answered on stderr.
            let keyboard = keyboard.filter(|_| io::stderr().is_terminal());
            terminal = Some(SharedTerminal::open(screen, keyboard)?);
        }
        Box::new(sink)
    } else {
        if let Some((screen, keyboard)) = user_terminal()? {
            console = Some(Console::open(screen, keyboard)?);
        }
        Box::new(Human::new(style, quiet)?)
    };
    let recorder = |service: &Status| {
        let file = logs::file(logs, &service.project_id, &service.name);
        let failed = |error: &io::Error| {
            tracing::warn!("the output is not recorded in `{}`: {error}", file.visible());
        };
        Recorder::open(file.clone(), session).inspect_err(failed).ok()
    };
    let recorders = services.iter().map(recorder).collect();
    Ok(Outlets { sink: RecordingSink::new(sink, recorders), console, terminal })
}

/// The terminal that is the standard output, and the standard input if that is a terminal too.
fn user_terminal() -> io::Result<Option<(OwnedFd, Option<OwnedFd>)>> {
    let (stdin, stdout) = (io::stdin(), io::stdout());
    if !stdout.is_terminal() {
        return Ok(None);
    }
    let keyboard = if stdin.is_terminal() { Some(stdin.as_fd().try_clone_to_owned()?) } else { None };
    Ok(Some((stdout.as_fd().try_clone_to_owned()?, keyboard)))
}

/// Tells the user how each service starts: framework and port, and whatever may be unexpected.
pub fn announce(sink: &mut impl Sink, backend: &mut SessionBackend<'_>, grants: &[Grant]) {
    for (service, grant) in grants.iter().enumerate() {
        if let Some(declined) = grant.declined.as_ref().filter(|declined| declined.is_missed()) {
            let wish = backend.prepared[service].wish().filter(|named| named.port == declined.port);
            let by = wish.map_or_else(String::new, |named| format!(", and `{}` names it", named.by));
            let before = match grant.request.choice {
                PortChoice::Followed(_) => whose(declined),
                PortChoice::Any
                | PortChoice::None
                | PortChoice::Preferred(_)
                | PortChoice::Exact(_)
                | PortChoice::Observed(_) => declined.to_string(),
            };
            let message = format!("{before}{by}; using port {} instead", grant.port);
            sink.notify(
                service,
                What::PortReallocated { original_port: declined.port, new_port: grant.port, message },
            );
        }
        let plain = if backend.invocation.started_by == StartedBy::Caught {
            [None, None]
        } else {
            [Some(backend.headline(service)), backend.override_reminder(service)]
        };
        let plain = plain.into_iter().flatten().map(|message| (Level::Plain, message));
        let mut warnings = backend.specs[service].warnings.clone();
        warnings.extend(backend.told_otherwise(service, ""));
        for (level, message) in plain.chain(warnings.into_iter().map(|message| (Level::Warning, message))) {
            sink.notify(service, What::Noted { level, message });
        }
    }
}

/// Why a service whose own port is known does not get it. Without that port it hardly runs, so the holder is named.
fn whose(declined: &Declined) -> String {
    let port = declined.port;
    let holder = holders(&[port]).into_iter().next().filter(|_| declined.reason == Reason::InUse);
    let by = holder.map_or_else(String::new, |holder| format!(" by {holder}"));
    format!("it listened on port {port} by itself before, but {declined}{by}")
}

/// Logs a launch, without the values of its variables: they may be secret.
pub fn log_spec(spec: &LaunchSpec) {
    for step in spec.steps() {
        let words: Vec<_> = step.argv.iter().map(|word| word.to_string_lossy()).collect();
        tracing::debug!("runs {} in {}", words.join(" "), step.cwd.visible());
        let names: Vec<_> = step.environment.additions().map(|(name, _)| name).collect();
        tracing::debug!("with the variables {}", names.join(", "));
    }
    for note in spec.notes.iter().chain(&spec.doubt) {
        tracing::debug!("{note}");
    }
}
