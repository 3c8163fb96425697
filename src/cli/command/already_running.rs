//! `bowline dev` of projects that run already: replace, wait, follow, or refuse.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::client::actions::{self, RestartAnswer, ask, ask_to_restart, await_if_ending, is_gone, stop};
use crate::client::follow::{self, Join, Manner};
use crate::client::{ended, fan_out};
use crate::control::{Status, Verb};
use crate::event::{Event, State, What};
use crate::exit_code::NO_PORT;
use crate::invocation::{Failure, Invocation, StartedBy, WITH_PARENT};
use crate::port::{PortChoice, Ports, Reservation};
use crate::process::caller::while_there;
use crate::process::{Exit, own_executable};
use crate::project::defining_directory;
use crate::session::{Prepared, Session};
use crate::ui;
use crate::visible::Visible;

/// Decides what to do about services of the session that already run. With `replace` they are stopped; otherwise
/// they are left out of the session, or followed if it has no others. `None` if the session can reserve ports now.
pub fn decide(
    invocation: &Invocation,
    replace: bool,
    session: &mut Session<'_>,
    running: &[Reservation],
) -> Result<Option<Exit>, Failure> {
    if !replace {
        session.leave_out_needless(running)?;
    }
    let Session { ports, prepared, .. } = session;
    let parent = invocation.parent.as_ref();
    let outdated =
        if replace { running.to_vec() } else { of_other_directories(invocation, prepared, running) };
    if !outdated.is_empty() {
        keep_moved_ports(prepared, &outdated);
        let by = if replace { "bowline --restart-running" } else { "bowline" };
        let stop = || stop(ports, &outdated, false, by);
        while_there(parent, stop).into_iter().collect::<Result<Vec<_>, _>>()?;
        return Ok(None);
    }
    let ended = while_there(parent, || fan_out::at_once(running, |one| await_if_ending(ports, one)));
    if ended.into_iter().collect::<Result<Vec<_>, _>>()?.contains(&true) {
        return Ok(None);
    }
    if let Some(failure) = port_mismatch(prepared, running) {
        return Err(failure);
    }
    if start_again(invocation, session, running)? {
        return Ok(None);
    }
    let Session { ports, prepared, .. } = session;
    let difference = |status: &Status| difference(prepared, running, status);
    if running.len() < prepared.len() {
        announce(invocation, running, &difference);
        let needed = session.needed(running)?;
        let wait = || fan_out::at_once(&needed, |one| actions::wait(&session.ports, one, None));
        while_there(parent, wait).into_iter().collect::<Result<(), _>>()?;
        forward_beside(invocation, session, running)?;
        session.leave_out(running);
        return Ok(None);
    }
    let wish = |project: &str| {
        let one = prepared.iter().find(|one| one.request.project == project)?;
        wish(invocation, one)
    };
    join(invocation, ports, running, &Join { difference: &difference, wish: &wish })
}

/// Follows services that run, or waits in the background until they are ready. `None` if one has ended instead.
pub fn join(
    invocation: &Invocation,
    ports: &Ports,
    running: &[Reservation],
    join: &Join<'_>,
) -> Result<Option<Exit>, Failure> {
    if invocation.started_by == StartedBy::Background {
        announce(invocation, running, join.difference);
        let wait = || await_ready(ports, running);
        return Ok(while_there(invocation.parent.as_ref(), wait)?.then_some(Exit::Code(0)));
    }
    follow::follow(invocation, ports, running, &Manner::Join(join))
}

/// The port that the caller expects a service on that runs already.
fn wish(invocation: &Invocation, one: &Prepared<'_>) -> Option<u16> {
    // A runner is told the port that the service has.
    let is_foreground = invocation.started_by == StartedBy::Foreground;
    invocation.wished_port(one.place).filter(|_| is_foreground)
}

/// Has other bowlines join the services that run already, and forward the ports that are wanted for them, while this one
/// starts the others. Those end with this one.
fn forward_beside(
    invocation: &Invocation,
    session: &mut Session<'_>,
    running: &[Reservation],
) -> Result<(), Failure> {
    let Session { prepared, joiners, .. } = session;
    for at in 0..prepared.len() {
        let request = &prepared[at].request;
        let held = running.iter().find(|one| one.is_of(&request.project));
        let (Some(held), Some(port)) = (held, wish(invocation, &prepared[at])) else { continue };
        let mut joiner = Command::new(own_executable()?);
        joiner.arg("--state-dir").arg(invocation.ports_to_read().dir().root()).arg("--dir").arg(&request.dir);
        joiner.args(["dev", "--only"]);
        match defining_directory(&request.project) {
            Some(_) => joiner.arg(&request.project),
            None => joiner.args(["--project-id", &request.project]),
        };
        joiner.env("PORT", port.to_string()).env(WITH_PARENT, "1");
        let (output, its_output) = io::pipe()?;
        joiner.arg("--json").stdin(Stdio::null()).stdout(its_output).spawn()?;
        joiners.push((held.clone(), output));
        for Prepared { request, .. } in &mut *prepared {
            if matches!(request.choice, PortChoice::Preferred(wanted) if wanted == port) {
                request.choice = PortChoice::Any;
            }
        }
    }
    Ok(())
}

/// Has a supervisor that runs others of these services start those again that have ended there: the others may wait
/// for them. False if there are none.
fn start_again(
    invocation: &Invocation,
    session: &Session<'_>,
    running: &[Reservation],
) -> Result<bool, Failure> {
    let mut ended = if running.len() < session.prepared.len() { ended::beside(running) } else { Vec::new() };
    ended.retain(|one| requested(&session.prepared, one).is_some());
    start_all(invocation, session, &ended)
}

/// Has other supervisors start those of these services again that have ended there, and that others there wait for.
pub fn start_where_needed(invocation: &Invocation, session: &Session<'_>) -> Result<(), Failure> {
    let roots = session.prepared.iter().filter_map(|one| one.project().workspace.as_ref());
    let roots: Vec<&Path> = roots.map(|workspace| workspace.root.as_path()).collect();
    if roots.is_empty() {
        return Ok(());
    }
    let mut live = session.ports.seen();
    live.retain(|one| roots.iter().any(|root| one.dir.starts_with(root)));
    if live.is_empty()
        || session.prepared.iter().all(|one| live.iter().any(|held| held.is_of(&one.request.project)))
    {
        return Ok(());
    }
    let mut needed = ended::needed_beside(&live);
    needed.retain(|one| requested(&session.prepared, one).is_some());
    start_all(invocation, session, &needed)?;
    Ok(())
}

/// Has their supervisors start these services again. False if there are none.
fn start_all(invocation: &Invocation, session: &Session<'_>, ended: &[Reservation]) -> Result<bool, Failure> {
    let ports = &session.ports;
    let by = if invocation.started_by == StartedBy::Background { "bowline start" } else { "bowline" };
    let start_again = || fan_out::at_once(ended, |one| ask_to_restart(ports, one, by));
    let outcomes = while_there(invocation.parent.as_ref(), start_again);
    let mut is_any = false;
    for (one, outcome) in ended.iter().zip(outcomes) {
        let Some(RestartAnswer { what, .. }) = outcome? else { continue };
        is_any = true;
        if invocation.json && matches!(what, What::ProcessExited { .. }) {
            ui::print(&format!("{}\n", Event::now(&one.project, what.clone()).to_json()))?;
        }
        actions::ready(one, Some(what))?;
    }
    Ok(is_any)
}

/// The services that were started in another directory than the one that is at the path now, with a warning each.
fn of_other_directories(
    invocation: &Invocation,
    prepared: &[Prepared<'_>],
    running: &[Reservation],
) -> Vec<Reservation> {
    let mut outdated = Vec::new();
    for one in running {
        let Some(dir) = requested(prepared, one).map(|prepared| &prepared.request.dir) else { continue };
        if !one.is_for(dir) {
            let message = format!(
                "`{}` (pid {}) was started in another directory than the one that is now at `{}`: it is stopped, and started anew",
                one.name,
                one.pid,
                dir.visible()
            );
            invocation.warn(&message, None);
            outdated.push(one.clone());
        }
    }
    outdated
}

/// Has those whose directory was moved prefer their ports, which are remembered for the former paths.
fn keep_moved_ports(prepared: &mut [Prepared<'_>], outdated: &[Reservation]) {
    for Prepared { request, .. } in prepared {
        let moved = outdated.iter().find(|one| one.has_moved_to(&request.dir));
        if let (PortChoice::Any, Some(moved)) = (request.choice, moved) {
            request.choice = PortChoice::Preferred(moved.port);
        }
    }
}

/// The service that is to be started where this one runs.
fn requested<'a, 'b>(prepared: &'a [Prepared<'b>], running: &Reservation) -> Option<&'a Prepared<'b>> {
    prepared.iter().find(|one| running.is_of(&one.request.project))
}

/// The failure if a service runs on another port than the one that the user demands.
fn port_mismatch(prepared: &[Prepared<'_>], running: &[Reservation]) -> Option<Failure> {
    running.iter().find_map(|one| {
        let PortChoice::Exact(demanded) = requested(prepared, one)?.request.choice else { return None };
        (demanded != one.port).then(|| {
            let message =
                format!("`{}` is already running on port {}, not on port {demanded}", one.name, one.port);
            let hint = "move it there with `--restart-running`, or leave the port out to follow it";
            Failure::new(NO_PORT, message, Some(hint.to_owned()))
        })
    })
}

/// A warning if the running command differs from the requested one.
fn difference(prepared: &[Prepared<'_>], running: &[Reservation], status: &Status) -> Option<String> {
    let running_one = running.iter().find(|one| one.project == status.project_id)?;
    let requested = requested(prepared, running_one)?;
    let (running, requested) = (status.original.as_deref()?, &requested.detected().reading.command);
    (!is_same(running, requested)).then(|| {
        format!(
            "`{}` runs `{running}`, and not `{requested}`: replace it with `--restart-running`, or run both by giving one an id \
             with `--project-id`",
            status.name
        )
    })
}

/// Whether two commands differ at most in quotes, or in a `bowline exec` around one of them.
fn is_same(one: &str, other: &str) -> bool {
    let words = |text| shell_words::split(text).unwrap_or_else(|_| vec![text.to_owned()]);
    let (one, other) = (words(one), words(other));
    let wraps = |outer: &[String], inner: &[String]| {
        outer.first().is_some_and(|program| program == "bowline") && outer.ends_with(inner)
    };
    one == other || wraps(&one, &other) || wraps(&other, &one)
}

fn announce(
    invocation: &Invocation,
    running: &[Reservation],
    difference: &dyn Fn(&Status) -> Option<String>,
) {
    let name = invocation.style.name();
    for one in running.iter().filter(|_| !invocation.quiet) {
        let url = one.url().map_or_else(String::new, |url| format!("   {}", invocation.style.strong(url)));
        ui::eprint_line(&format!("{name}  {} is already running (pid {}){url}", one.name, one.pid));
    }
    let statuses = fan_out::statuses(running).into_iter();
    for warning in statuses.filter_map(|status| difference(&status)) {
        invocation.warn(&warning, None);
    }
}

/// Waits until the services are ready, and prints `port-detected` for each. False if one has ended instead.
fn await_ready(ports: &Ports, running: &[Reservation]) -> Result<bool, Failure> {
    let answers = fan_out::at_once(running, |one| ask(one, Verb::Wait, None));
    for (reservation, answer) in running.iter().zip(answers) {
        match answer {
            Ok(Some(what @ (What::PortDetected { .. } | What::Ready { .. }))) => {
                ui::print(&format!("{}\n", Event::now(&reservation.project, what).to_json()))?;
            }
            Ok(Some(What::ProcessExited { state: State::Done, .. })) => {}
            Ok(Some(what @ What::Blocked { .. })) => {
                ui::print(&format!("{}\n", Event::now(&reservation.project, what.clone()).to_json()))?;
                actions::ready(reservation, Some(what))?;
            }
            Ok(Some(_) | None) => return Ok(false),
            Err(_) if is_gone(ports, reservation) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::is_same;

    #[test]
    fn commands_are_the_same_but_for_quotes_and_a_bowline_around_them() {
        for (one, other, same) in [
            ("vite", "vite", true),
            ("vite --body \"x y\"", "vite --body 'x y'", true),
            ("bowline exec -- vite --body \"x y\"", "vite --body 'x y'", true),
            ("next dev", "next dev --turbo", false),
            ("vitepress", "vite", false),
            ("npm exec -- vite", "vite", false),
            ("echo 'open", "echo 'open", true),
        ] {
            assert_eq!((is_same(one, other), is_same(other, one)), (same, same), "{one} and {other}");
        }
    }
}
