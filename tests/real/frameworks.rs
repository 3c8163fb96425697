//! Real frameworks from the npm registry, as their own `create` tools set them up: started, fetched,
//! restarted, moved, refused and killed. The first run installs them into `target/npm`, some 1.2 GB in a
//! minute or two; later ones take about ten seconds a framework.

use std::time::Duration;

use crate::support::{Ended, Ports, Sandbox, Session, Test, http, is_free, npm};

/// More than the ten seconds that a service has to end in.
const AFTER_A_KILL: Duration = Duration::from_secs(30);

/// A project and what it is expected to be.
struct App {
    /// The directory below `fixtures/`.
    fixture: &'static str,
    framework: &'static str,
    /// Part of the page it serves.
    page: &'static str,
    /// Whether its packages have to be installed.
    packages: bool,
}

impl App {
    /// A sandbox around the project, with a range of its own, for as long as the value lives.
    fn stage(&self, count: u16) -> Stage {
        let ports = Ports::claim(count);
        let installed = self.packages.then(|| npm::installed(&format!("fixtures/{}", self.fixture)));
        let mut sandbox = match &installed {
            Some(installed) => Sandbox::with_project(&installed.dir),
            None => Sandbox::with_fixture(self.fixture),
        };
        sandbox.range(self.framework, &ports);
        // Nothing here may depend on the network once the packages are there.
        sandbox.env("NEXT_TELEMETRY_DISABLED", "1").env("ASTRO_TELEMETRY_DISABLED", "1");
        Stage { sandbox, ports, _installed: installed }
    }

    /// Waits until the server is ready, and fetches its page.
    fn fetch(&self, session: &mut Session, ports: &Ports) -> u16 {
        let event = session.event("port-detected");
        assert_eq!(event["framework"], self.framework, "{event}");
        let port = event["port"].as_u64().and_then(|port| u16::try_from(port).ok()).unwrap();
        assert!(ports.contains(port), "{port} is outside {:?}", ports.all());
        let page = http::get(port);
        assert!(page.status == 200 && page.body.contains(self.page), "{}: {page:?}", self.fixture);
        port
    }

    fn is_detected(&self) {
        let stage = self.stage(3);
        let finished = stage.sandbox.run(["detect", "--json"]);
        let answer: serde_json::Value =
            serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {finished:?}"));
        assert_eq!(answer["framework"], self.framework, "{answer}");
        assert_eq!(answer["range"]["start"], stage.ports.first(), "{answer}");
        assert_eq!(answer["range"]["end"], stage.ports.last(), "{answer}");
        assert_eq!(answer["packageManager"], "npm", "{answer}");
        assert_eq!(answer["script"], "dev", "{answer}");
    }

    fn keeps_its_port_moves_and_leaves_nothing(&self) {
        let Stage { sandbox, ports, _installed } = &self.stage(3);

        let mut first = sandbox.start(["dev"]);
        let port = self.fetch(&mut first, ports);
        assert_eq!(port, ports.first(), "a new project gets the first free port");
        ended_as_told(&first.stop());
        assert!(is_free(port), "port {port} is held after a stop");

        let mut restarted = sandbox.start(["dev"]);
        assert_eq!(self.fetch(&mut restarted, ports), port, "a restart changed the port");
        restarted.kill(AFTER_A_KILL);
        assert!(is_free(port), "port {port} is held after a kill");

        let stranger = ports.stranger(port);
        let mut moved = sandbox.start(["dev"]);
        let told = moved.event("port-reallocated");
        let new = self.fetch(&mut moved, ports);
        assert_ne!(new, port);
        assert_eq!((&told["originalPort"], &told["newPort"]), (&port.into(), &new.into()), "{told}");
        ended_as_told(&moved.stop());
        drop(stranger);
    }

    fn is_refused_when_its_range_is_full(&self) {
        let Stage { sandbox, ports, _installed } = self.stage(3);
        let strangers = ports.fill();
        let text = format!(
            "All ports ({}-{}) are currently in use. Please stop other dev servers to free up ports.",
            ports.first(),
            ports.last()
        );
        let sandbox = Test::within(sandbox).args(["dev"]).status(3).stdout("").stderr_contains(&text).run();
        let mut refused = sandbox.start(["dev"]);
        let conflict = refused.event("port-conflict");
        assert!(conflict["message"].as_str().is_some_and(|message| message.contains(&text)), "{conflict}");
        let ended = refused.wait();
        assert_eq!(ended.status.code(), Some(3), "{ended:?}");
        assert!(ended.of("port-detected").is_empty(), "{ended:?}");
        drop(strangers);
    }
}

struct Stage {
    sandbox: Sandbox,
    ports: Ports,
    _installed: Option<npm::Installed>,
}

/// bowline ends as the service ended, and says so.
fn ended_as_told(ended: &Ended) {
    use std::os::unix::process::ExitStatusExt;
    let [exited] = ended.of("process-exited")[..] else { panic!("not one `process-exited`: {ended:#?}") };
    let code = exited["exitCode"].as_i64();
    assert_eq!(ended.status.code().map(i64::from), code, "{ended:#?}");
    assert_eq!(ended.status.signal().is_some(), exited["signal"].is_string(), "{ended:#?}");
}

macro_rules! real {
    ($name:ident: $app:expr) => {
        mod $name {
            use super::App;

            const APP: App = $app;

            #[test]
            fn is_detected() {
                APP.is_detected();
            }

            #[test]
            fn keeps_its_port_moves_and_leaves_nothing() {
                APP.keeps_its_port_moves_and_leaves_nothing();
            }

            #[test]
            fn is_refused_when_its_range_is_full() {
                APP.is_refused_when_its_range_is_full();
            }
        }
    };
}

real!(hello: App { fixture: "hello", framework: "node", page: "Hello from port", packages: false });
real!(express: App { fixture: "real/express", framework: "node", page: "Hello from Express", packages: true });
real!(vite: App { fixture: "real/vite", framework: "vite", page: "/@vite/client", packages: true });
real!(astro: App { fixture: "real/astro", framework: "astro", page: "Hello from Astro", packages: true });
real!(tanstack: App { fixture: "real/tanstack", framework: "tanstack", page: "Hello from TanStack Start", packages: true });
real!(next: App { fixture: "real/next", framework: "next", page: "Hello from Next.js", packages: true });
