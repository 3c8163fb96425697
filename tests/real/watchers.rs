//! Programs that end with their standard input, where nobody has a keyboard for them.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Stdio;

use serde_json::json;

use crate::support::{Ports, Sandbox, Session, http, npm};

const ESBUILD: &str = "esbuild app.js --bundle --outdir=public --servedir=public --serve=PORT";
const ESBUILD_WATCHES: &str = "esbuild app.js --bundle --outdir=public --servedir=public --watch --serve=PORT";
const TAILWIND: &str = "tailwindcss -i in.css -o public/out.css --watch";

/// A workspace of real watchers and a server of esbuild's, whose port is in its script.
struct Stage {
    sandbox: Sandbox,
    own: Ports,
    _ports: Ports,
    _installed: npm::Installed,
}

impl Stage {
    fn new(script: &str) -> Self {
        let installed = npm::packages("fixtures/real/watchers");
        let own = Ports::claim(1);
        let script = script.replace("PORT", &own.first().to_string());
        let (mut sandbox, ports) = Sandbox::with_script(&script).with_ports("default", 3);
        symlink(installed.dir.join("node_modules"), sandbox.project().join("node_modules")).unwrap();
        sandbox.file("app.js", "console.log('first')").file("in.css", "@import \"tailwindcss\";");
        sandbox.file("public/index.html", "<h1 class=\"p-4\">A page</h1>");
        Self { sandbox, own, _ports: ports, _installed: installed }
    }

    /// Changes a source, and waits for what is built of it: nobody but a living watcher would.
    fn builds(&mut self) {
        self.sandbox.file("app.js", "console.log('second')");
        let built = (0..600).any(|_| {
            std::thread::park_timeout(std::time::Duration::from_millis(50));
            http::get_path(self.own.first(), "/app.js").body.contains("second")
        });
        assert!(built, "{}", self.sandbox.run(["logs"]).stdout);
    }
}

#[test]
fn a_server_of_esbuild_lives_on_in_the_background() {
    for script in [ESBUILD, ESBUILD_WATCHES] {
        let mut stage = Stage::new(script);
        let started = stage.sandbox.run(["start"]);
        assert!(started.status.success(), "{script}: {started:?}");
        stage.builds();
        let stopped = stage.sandbox.run(["stop"]);
        assert!(stopped.status.success(), "{script}: {stopped:?}");
    }
}
