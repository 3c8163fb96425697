//! An HTTP GET, as a browser on this machine would send it.

use super::PATIENCE;

/// The answer of a server.
#[derive(Debug)]
pub struct Page {
    pub status: u16,
    pub body: String,
}

/// Fetches `/` of the server on this port, on IPv4 or, where nothing listens there, on IPv6.
pub fn get(port: u16) -> Page {
    get_path(port, "/")
}

/// Fetches a path. Panics where no server answers.
pub fn get_path(port: u16, path: &str) -> Page {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .http_status_as_error(false)
        .proxy(None)
        .build()
        .into();
    let mut refused = Vec::new();
    for host in ["127.0.0.1", "[::1]"] {
        match agent.get(format!("http://{host}:{port}{path}")).header("accept", "text/html").call() {
            Ok(mut response) => {
                let body = response.body_mut().read_to_string().expect("a body that is text");
                return Page { status: response.status().as_u16(), body };
            }
            Err(error) => refused.push(format!("{host}: {error}")),
        }
    }
    panic!("no answer on port {port}: {}", refused.join("; "));
}
