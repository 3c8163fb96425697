//! Templates that ask for the port of a service which has none.

use super::known_sibling::KnownSibling;
use super::prepared::Prepared;
use crate::invocation::Failure;
use crate::port::PortChoice;
use crate::template::{Field, Reference, SELF};

/// Refuses the templates of one service that ask for a port or URL which there is not. `all` are the services that start
/// with it, `absent` those that do not run.
///
/// # Errors
/// There is such a template.
pub fn check(one: &Prepared<'_>, all: &[&Prepared<'_>], absent: &[KnownSibling]) -> Result<(), Failure> {
    let configured = one.detected().configured;
    let refuse = |reference: &Reference<'_>| {
        if reference.field == Field::Host {
            return None;
        }
        let (name, why) = if reference.name == SELF {
            (&one.project().name, without_port(one)?)
        } else {
            let (_, project) = configured.named.iter().find(|(name, _)| name == reference.name)?;
            let why = match all.iter().find(|other| other.project().is_same(project)) {
                Some(other) => without_port(other)?,
                None => absent
                    .iter()
                    .any(|other| other.project == project.id && other.sibling.port == 0)
                    .then(|| "has no port".to_owned())?,
            };
            (&project.name, why)
        };
        let field = if reference.field == Field::Port { "port" } else { "url" };
        let message = format!("`{{{{{}.{field}}}}}`: `{name}` {why}", reference.name);
        Some((message, format!("leave it out, or set `port = true` for `{name}` if it listens")))
    };
    let refused = configured.config.refused_template(&refuse);
    refused.map_or(Ok(()), |error| Err(error.into()))
}

fn without_port(one: &Prepared<'_>) -> Option<String> {
    let kind = one.detected().kind.name();
    (one.request.choice == PortChoice::None).then(|| format!("is a {kind}, which has no port"))
}
