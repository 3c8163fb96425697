//! Scripts of several programs, run by the real packages that start them: one is told the port, and the others name it.

use std::os::unix::fs::symlink;

use crate::support::{Ports, Sandbox, Session, http, npm};

/// A project with Vite and two node programs. `OWN` in its files stands for a port that is its own.
struct Stage {
    sandbox: Sandbox,
    ports: Ports,
    own: Ports,
    _installed: npm::Installed,
}

/// Serves its name on `PORT`, else on a port of its own.
const SERVER: &str = "
    const { createServer } = require('node:http');
    const name = process.argv[2];
    const server = createServer((_, answer) => answer.end(name));
    server.listen(process.env.PORT || OTHER, () => console.log(name + ' told ' + process.env.PORT));
";

/// Stands for electron: shows what its address serves.
const DESKTOP: &str = "
    fetch(process.env.DEV_URL).then((answer) => answer.text()).then(
        (page) => console.log('window shows ' + (/OUR APP/.test(page) ? 'OUR APP' : page)),
        (error) => console.log('window fails ' + error),
    ).finally(() => setInterval(() => {}, 1000));
";

const CONFIG: &str =
    "export default { cacheDir: '.vite', server: { port: OWN, strictPort: true, host: 'localhost' } }";

impl Stage {
    fn new(dev: &str) -> Self {
        let installed = npm::packages("fixtures/real/scripts");
        let (ports, own) = (Ports::claim(2), Ports::claim(2));
        let text = |text: &str| {
            let text = text.replace("OWN", &own.first().to_string());
            text.replace("OTHER", &own.last().to_string())
        };
        let scripts = serde_json::json!({
            "dev": dev, "web": "vite", "page": "node server.js page", "api": "node server.js api",
            "nested": "npm run page",
            "desk": "wait-on -t 60000 http-get://localhost:OWN/ && cross-env DEV_URL=http://localhost:OWN/ node desktop.js",
        });
        let package = serde_json::json!({ "name": "app", "version": "1.0.0", "scripts": scripts });
        let mut sandbox = Sandbox::new();
        symlink(installed.dir.join("node_modules"), sandbox.project().join("node_modules")).unwrap();
        sandbox.file("package.json", &text(&package.to_string()));
        sandbox.file("server.js", &text(SERVER)).file("desktop.js", DESKTOP);
        sandbox.file("vite.config.mjs", &text(CONFIG)).file("index.html", "<h1>OUR APP</h1>");
        for framework in ["node", "vite"] {
            sandbox.range(framework, &ports);
        }
        Self { sandbox, ports, own, _installed: installed }
    }

    fn shows_the_app(&self, port: u16) -> Session {
        let mut session = self.sandbox.start(["dev"]);
        assert_eq!(session.ready(), port);
        session.output("window shows OUR APP");
        session
    }

    /// On the port that the script names, and on another one while a stranger has that.
    fn is_found_by_its_window(&self) {
        self.shows_the_app(self.own.first()).stop();
        let stranger = self.own.stranger(self.own.first());
        self.shows_the_app(self.ports.first()).stop();
        drop(stranger);
    }

    /// The page on the reserved port, and the API on its own.
    fn tells_the_page_alone(&self) {
        let mut session = self.sandbox.start(["dev"]);
        assert_eq!(session.ready(), self.ports.first());
        session.output("api told undefined");
        session.output(&format!("page told {}", self.ports.first()));
        assert_eq!(http::get(self.ports.first()).body, "page");
        assert_eq!(http::get(self.own.last()).body, "api");
        session.stop();
    }
}

macro_rules! staged {
    ($check:ident, $($name:ident $script:expr;)*) => {$(
        #[test]
        fn $name() {
            Stage::new($script).$check();
        }
    )*};
}

staged! { is_found_by_its_window,
    concurrently_with_a_window "concurrently -k vite \"npm run desk\"";
    names_side_by_side_with_a_window "run-p web desk";
    background_with_a_window "vite & npm run desk";
    shorthands_with_a_window "concurrently npm:web npm:desk";
    server_and_test "start-server-and-test web http://localhost:OWN desk";
}

staged! { tells_the_page_alone,
    two_servers_by_name "run-p api page";
    two_servers_by_shorthand "concurrently npm:api npm:nested";
    two_servers_in_one_shell "npm run api & npm run page";
    two_servers_watched "concurrently \"nodemon server.js api\" \"npm run page\"";
}
