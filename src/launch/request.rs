//! All that decides a launch.

use std::collections::BTreeMap;

use super::preload::Preload;
use super::reading::Reading;
use crate::detect::catalog::{Catalog, HostInput};
use crate::detect::{Detection, ServerInputs};

/// The variable with options for every node program.
pub(super) const NODE_OPTIONS: &str = "NODE_OPTIONS";

/// The address that the user wants the server to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// `--host` alone: every interface.
    All,
    /// `--host ADDR`.
    Address(String),
}

impl Host {
    /// The address in the framework's own words.
    pub(super) fn address_for(&self, input: &HostInput) -> String {
        let all = input.all.as_deref().unwrap_or("0.0.0.0");
        let takes_words_only = all.chars().all(|c| c.is_ascii_alphabetic());
        match self {
            Self::All => all.to_owned(),
            Self::Address(address) if !takes_words_only => address.clone(),
            Self::Address(address) => match address.as_str() {
                "localhost" | "127.0.0.1" | "::1" => "localhost".to_owned(),
                _ => all.to_owned(),
            },
        }
    }
}

/// Another service of the same workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sibling {
    /// The name of its package.
    pub name: String,
    /// Its port.
    pub port: u16,
}

/// The URL at which a server on `port` is reached.
pub fn url(port: u16) -> String {
    format!("http://localhost:{port}")
}

/// All that decides a launch.
#[derive(Clone, Copy, Debug)]
pub struct LaunchRequest<'a> {
    /// The target, with its project, package manager and caller.
    pub reading: &'a Reading<'a>,
    /// The framework that was detected from [`Reading::commands`].
    pub detection: &'a Detection<'a>,
    /// How the server is told its port and address.
    pub inputs: &'a ServerInputs,
    /// All frameworks.
    pub catalog: &'a Catalog,
    /// The reserved port.
    pub port: u16,
    /// The address that the user asks for.
    pub host: Option<&'a Host>,
    /// The supervisor's session.
    pub session: &'a str,
    /// The other services of the workspace.
    pub siblings: &'a [Sibling],
    /// The variables that the project's bowline.toml sets.
    pub environment: &'a BTreeMap<String, String>,
    /// The preload that moves a listener which is known to ignore its port.
    pub preload: Option<&'a Preload>,
}
