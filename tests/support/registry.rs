//! A registry for npm packages on this machine: verdaccio. It asks the one that npm is set up for about everything
//! that was not published here.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::managers::installed;
use super::{Finished, Ports, run_within};

/// The newest node that it runs on is newer than that of some machines.
const NODE: &str = "node@22";

/// One of its dependencies is asked for by a tag that not every mirror has.
const MANIFEST: &str = r#"{ "overrides": { "node-fetch": "2" } }"#;

/// Serves as long as the value lives.
#[derive(Debug)]
pub struct Registry {
    server: Child,
    port: u16,
    dir: TempDir,
    _ports: Ports,
}

impl Registry {
    /// With no package of its own.
    pub fn start() -> Self {
        let bin = installed("verdaccio@6", "verdaccio", Some(NODE), MANIFEST);
        let dir = TempDir::new().expect("a temporary directory");
        let asked = Command::new("npm").args(["config", "get", "registry"]).output().expect("npm");
        let upstream = String::from_utf8(asked.stdout).expect("an address");
        let configuration = format!(
            "storage: ./storage\n\
             auth: {{ htpasswd: {{ file: ./htpasswd }} }}\n\
             uplinks: {{ upstream: {{ url: {} }} }}\n\
             packages:\n  \
               'bowline': {{ access: $all, publish: $anonymous }}\n  \
               '@bowline/*': {{ access: $all, publish: $anonymous }}\n  \
               '**': {{ access: $all, proxy: upstream }}\n\
             max_body_size: 200mb\n\
             log: {{ type: stdout, format: json, level: warn }}\n",
            upstream.trim()
        );
        fs::write(dir.path().join("config.yaml"), configuration).expect("a directory of our own");
        let ports = Ports::claim(1);
        let port = ports.first();
        let mut server = Command::new(bin.join("node"))
            .arg(bin.join("verdaccio"))
            .args(["--config", "config.yaml", "--listen", &format!("127.0.0.1:{port}")])
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node");
        let mut lines = BufReader::new(server.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
        assert!(lines.any(|line| line.contains("http address")), "verdaccio did not start");
        // It would stop at a full pipe.
        thread::spawn(move || lines.for_each(drop));
        Self { server, port, dir, _ports: ports }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Publishes the package in this directory.
    pub fn publish(&self, package: &Path) {
        // npm wants a token; anybody may publish.
        let settings = format!("registry={}\n//127.0.0.1:{}/:_authToken=none\n", self.url(), self.port);
        let file = self.dir.path().join("npmrc");
        fs::write(&file, settings).expect("a directory of our own");
        let mut npm = Command::new("npm");
        npm.args(["publish", "--loglevel=error", "--userconfig"])
            .arg(file)
            .current_dir(package)
            .stdin(Stdio::null());
        let Finished { status, stderr, .. } = run_within(&mut npm, Duration::from_secs(120));
        assert!(status.success(), "npm publish of {}: {stderr}", package.display());
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
