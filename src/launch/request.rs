//! The inputs of a plan.

use std::collections::BTreeMap;
use std::path::Path;

use super::named_port::NamedPort;
use super::preload::Preload;
use super::reading::Reading;
use crate::detect::catalog::{Catalog, HostInput};
use crate::detect::{Detection, ServerInputs, ServiceKind};
use crate::port::Scheme;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// `--host` alone: every interface.
    All,
    Address(String),
}

impl Host {
    /// The address in the framework's own words.
    pub(super) fn address_for(&self, input: &HostInput) -> String {
        let all = input.all.as_deref().unwrap_or("0.0.0.0");
        let takes_words_only = all.chars().all(|c| c.is_ascii_alphabetic());
        match self {
            Self::Address(address) if !takes_words_only => address.clone(),
            Self::Address(address) if ["localhost", "127.0.0.1", "::1"].contains(&&**address) => {
                "localhost".to_owned()
            }
            Self::All | Self::Address(_) => all.to_owned(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sibling {
    pub name: String,
    pub port: u16,
    pub scheme: Scheme,
}

/// The usual port of another service, by which a text names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiblingPort {
    pub usual: u16,
    /// Where the service is now.
    pub port: u16,
    pub name: String,
}

#[derive(Clone, Copy, Debug)]
pub struct LaunchRequest<'a> {
    pub reading: &'a Reading<'a>,
    /// The framework that was detected from [`Reading::commands`].
    pub detection: &'a Detection<'a>,
    pub inputs: &'a ServerInputs,
    pub catalog: &'a Catalog,
    /// 0 for a service without a port.
    pub port: u16,
    pub kind: ServiceKind,
    /// What the server is expected to speak.
    pub scheme: Scheme,
    pub host: Option<&'a Host>,
    pub session: &'a str,
    pub siblings: &'a [Sibling],
    /// The usual ports of other services by which the script names them.
    pub sibling_ports: &'a [SiblingPort],
    /// The variables that the project's bowline.toml sets.
    pub environment: &'a BTreeMap<String, String>,
    /// The preload that moves a listener which is known to ignore its port.
    pub preload: Option<&'a Preload>,
    /// The port by which another command of the script names the server.
    pub named: Option<&'a NamedPort>,
    /// The file for a shell of nested scripts, if one may be written.
    pub script_shell: Option<&'a Path>,
    /// Whether the server is known to listen on `port` of its own accord.
    pub is_followed: bool,
}

impl LaunchRequest<'_> {
    pub(super) fn has_port(&self) -> bool {
        self.port != 0
    }
}

/// The variables with the port.
pub(super) fn port_variables(inputs: &ServerInputs) -> impl Iterator<Item = &str> {
    ["PORT", "DEV_SERVER_PORT"].into_iter().chain(inputs.port.environment.iter().map(|name| &**name))
}
