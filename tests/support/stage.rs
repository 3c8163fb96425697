//! Projects with ports of their own.

use super::{Ports, Sandbox, dev_server};

/// A project whose dev script becomes the stand-in server with these arguments.
pub fn stage(arguments: &str, count: u16) -> (Sandbox, Ports) {
    stage_of(&format!("exec '{}' --lifetime 200 {arguments}", dev_server().display()), count)
}

/// The same with a shell that waits for the server.
pub fn stage_in_shell(arguments: &str, count: u16) -> (Sandbox, Ports) {
    Sandbox::with_dev_server(arguments).with_ports("default", count)
}

/// A project with this dev script.
pub fn stage_of(script: &str, count: u16) -> (Sandbox, Ports) {
    Sandbox::with_script(script).with_ports("default", count)
}
