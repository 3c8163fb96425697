//! The values of templates: the addresses of the services that the texts of bowline.toml name.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::configured::Runnable;
use super::options::Options;
use super::prepared::Prepared;
use crate::launch::{Host, LaunchSpec};
use crate::port::Scheme;
use crate::project::Project;
use crate::template::{self, Field, SELF};

/// Where clients reach a service, but for its host.
type Address = (u16, Scheme);

/// The addresses that one service names, by the names in its texts.
#[derive(Debug)]
pub struct Addresses<'a> {
    named: Vec<(&'a str, Address, String)>,
}

impl<'a> Addresses<'a> {
    /// `known` gives the address of a project that is not the service itself, and whether this session runs it.
    pub fn of(
        prepared: &'a Prepared<'_>,
        own: Address,
        options: &Options,
        known: impl Fn(&Project) -> Option<(Address, bool)>,
    ) -> Self {
        let here = prepared.project();
        let host = |is_ours: bool| if is_ours { host(options) } else { LOCALHOST.to_owned() };
        let named = prepared.detected().configured.named.iter();
        let found = named.filter_map(|(name, project)| {
            let (address, is_ours) = if project.id == here.id { (own, true) } else { known(project)? };
            Some((name.as_str(), address, host(is_ours)))
        });
        let mut named: Vec<_> = found.collect();
        let own_host = host(!prepared.detected().configured.is_added);
        named.push((SELF, own, own_host));
        Self { named }
    }

    pub fn fill(&self, text: &str) -> String {
        template::fill(text, |name, field| {
            let (_, (port, scheme), host) = self.named.iter().find(|(known, ..)| *known == name)?;
            Some(match field {
                Field::Port => port.to_string(),
                Field::Host => host.clone(),
                Field::Url if host == LOCALHOST => scheme.url(*port),
                Field::Url => format!("{}://{host}:{port}", scheme.name()),
            })
        })
    }

    /// The variables that bowline.toml sets.
    pub fn environment(&self, prepared: &Prepared<'_>) -> BTreeMap<String, String> {
        let variables = &prepared.detected().configured.config.settings.env;
        variables.iter().map(|(name, text)| (name.clone(), self.fill(text))).collect()
    }

    /// Puts the directory and the templates of bowline.toml into a launch.
    pub fn apply(&self, prepared: &Prepared<'_>, spec: &mut LaunchSpec) {
        let configured = prepared.detected().configured;
        let dir = configured.config.settings.dir.as_deref();
        if let Some(dir) = dir.filter(|_| configured.project.defined_in.is_none()) {
            for step in spec.scripts_mut() {
                step.cwd = dir.to_path_buf();
                if step.environment.get("PWD").is_some() {
                    step.environment.set("PWD", dir);
                }
            }
        }
        self.fill_command(prepared, spec);
    }

    /// Fills in the command of bowline.toml, or the arguments that it adds to a script. A script itself is as it is.
    fn fill_command(&self, prepared: &Prepared<'_>, spec: &mut LaunchSpec) {
        let configured = prepared.detected().configured;
        let is_script = !matches!(configured.runnable, Runnable::Text { .. });
        if is_script && configured.config.settings.args.is_empty() {
            return;
        }
        spec.command = self.fill(&spec.command);
        for word in &mut spec.main.argv {
            if let Some(text) = word.to_str() {
                *word = self.fill(text).into();
            }
        }
    }
}

const LOCALHOST: &str = "localhost";

/// The host of the services of this session, as clients name it.
fn host(options: &Options) -> String {
    let Some(Host::Address(address)) = &options.host else { return LOCALHOST.to_owned() };
    match address.parse::<IpAddr>() {
        Ok(ip) if ip.is_loopback() || ip.is_unspecified() => LOCALHOST.to_owned(),
        Ok(IpAddr::V6(ip)) => format!("[{ip}]"),
        Ok(IpAddr::V4(_)) | Err(_) => address.clone(),
    }
}
