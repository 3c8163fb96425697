//! Ports in the source of programs that stand on real packages: frameworks, runners of TypeScript, watchers.
//! The first run installs them into `target/npm`, some 120 MB and Next.js.

use std::os::unix::fs::symlink;

use crate::support::{Ended, Ports, Sandbox, Session, http, is_free, npm};

/// A project of one file that asks for a port of its own.
struct Stage {
    sandbox: Sandbox,
    ports: Ports,
    own: Ports,
    page: Option<&'static str>,
    _installed: npm::Installed,
}

impl Stage {
    /// `OWN` in the program stands for the port that it asks for. `page` is part of its page, if that does not show
    /// the port.
    fn new(script: &str, program: (&str, &str), page: Option<&'static str>) -> Self {
        Self::on("fixtures/real/hard-coded", script, program, page)
    }

    /// The same with the packages of a fixture.
    fn on(fixture: &str, script: &str, (file, program): (&str, &str), page: Option<&'static str>) -> Self {
        let installed = npm::packages(fixture);
        let (ports, own) = (Ports::claim(2), Ports::claim(1));
        let mut sandbox = Sandbox::with_script(script);
        symlink(installed.dir.join("node_modules"), sandbox.project().join("node_modules")).unwrap();
        sandbox.file(file, &program.replace("OWN", &own.first().to_string()));
        sandbox.file("index.html", "<h1>A page</h1>");
        sandbox.range("node", &ports);
        Self { sandbox, ports, own, page, _installed: installed }
    }

    fn serves(&self) -> Session {
        let mut session = self.sandbox.start(["dev"]);
        let port = self.ports.first();
        assert_eq!(session.ready(), port);
        let body = http::get(port).body;
        match self.page {
            Some(page) => assert!(body.contains(page), "{body}"),
            None => assert_eq!(body, format!("port {port}")),
        }
        session
    }

    /// Found out, known, and known in spite of a stranger.
    fn is_moved(&self) {
        let own = self.own.first();
        assert!(says(&self.serves().stop(), own), "it did not ask for a port of its own");
        assert!(!says(&self.serves().stop(), own), "the second start is right at once");
        let stranger = self.own.stranger(own);
        self.serves().stop();
        drop(stranger);
        assert!(is_free(own));
    }

    /// Found out though a stranger has the port that it asks for.
    fn is_moved_past_a_stranger(&self) {
        let stranger = self.own.stranger(self.own.first());
        self.serves().stop();
        assert!(stranger.local_addr().is_ok());
    }
}

/// Whether the output speaks of this port.
fn says(ended: &Ended, port: u16) -> bool {
    let chunks = ended.of("log-chunk");
    let text: String = chunks.iter().filter_map(|event| event["data"].as_str()).collect();
    text.contains(&port.to_string())
}

/// Express 5 tells the callback of an error too, which then says that it listens.
const EXPRESS: &str = "
    const app = require('express')();
    const server = app.listen(OWN, '127.0.0.1', () => console.log('listening on ' + (server.address()?.port ?? OWN)));
    app.get('/', (_, answer) => answer.send(`port ${server.address().port}`));
";

const FASTIFY: &str = "
    import Fastify from 'fastify';
    const app = Fastify({ logger: true });
    app.get('/', async () => `port ${app.server.address().port}`);
    app.listen({ port: OWN }).catch((error) => { app.log.error(error); process.exit(1); });
";

const TYPESCRIPT: &str = "
    import { createServer, type Server } from 'node:http';
    const port: number = OWN;
    const server: Server = createServer((_, answer) => answer.end(`port ${(server.address() as any).port}`));
    server.listen(port, '127.0.0.1', () => console.log('listening on', (server.address() as any).port));
";

const VITE: &str = "
    import { createServer } from 'vite';
    const server = await createServer({ cacheDir: '.vite', server: { port: OWN, strictPort: true, host: '127.0.0.1' } });
    await server.listen();
    server.printUrls();
";

macro_rules! moved {
    ($($name:ident: $script:expr, $file:expr, $program:expr, $page:expr;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn is_moved() {
                Stage::new($script, ($file, $program), $page).is_moved();
            }

            #[test]
            fn is_moved_past_a_stranger() {
                Stage::new($script, ($file, $program), $page).is_moved_past_a_stranger();
            }
        }
    )*};
}

moved! {
    express: "node server.js", "server.js", EXPRESS, None;
    express_under_nodemon: "nodemon server.js", "server.js", EXPRESS, None;
    fastify: "node server.mjs", "server.mjs", FASTIFY, None;
    tsx: "tsx server.mts", "server.mts", TYPESCRIPT, None;
    tsx_watch: "tsx watch server.mts", "server.mts", TYPESCRIPT, None;
    nodemon: "nodemon --quiet server.mjs", "server.mjs", FASTIFY, None;
    vite_in_a_program: "node dev.mjs", "dev.mjs", VITE, Some("/@vite/client");
}

/// A server of one's own around Vite, whose HMR socket listens long before the server does.
const MIDDLEWARE: &str = "
    import express from 'express';
    import { createServer } from 'vite';
    const hmr = { port: OWN };
    const vite = await createServer({ cacheDir: '.vite', server: { middlewareMode: true, hmr }, appType: 'custom' });
    const app = express();
    app.use(vite.middlewares);
    app.use((_, answer) => answer.send('<h1>a page</h1>'));
    console.log('connecting');
    await new Promise((resolve) => setTimeout(resolve, 7000));
    app.listen(process.env.PORT, '127.0.0.1');
";

#[test]
fn a_server_around_vite_that_obeys_late_is_waited_for() {
    let stage = Stage::new("node server.mjs", ("server.mjs", MIDDLEWARE), Some("a page"));
    for _ in 0..2 {
        let ended = stage.serves().stop();
        let printed: Vec<_> =
            ended.of("log-chunk").iter().filter_map(|event| event["data"].as_str()).collect();
        assert_eq!(printed.concat().matches("connecting").count(), 1, "{ended:#?}");
    }
}

#[test]
fn a_port_in_the_configuration_gives_way_to_the_flag() {
    let config = "export default { cacheDir: '.vite', server: { port: OWN, strictPort: true } }";
    let mut stage = Stage::new("vite", ("vite.config.mjs", config), None);
    let ports = Ports::claim(2);
    stage.sandbox.range("vite", &ports);
    let mut session = stage.sandbox.start(["dev"]);
    assert_eq!(session.ready(), ports.first());
    assert!(!says(&session.stop(), stage.own.first()));
}

/// A server of one's own around Next.js, as its documentation shows it.
const NEXT: &str = "
    const app = require('next')({ dev: true, webpack: true, hostname: 'localhost', port: OWN });
    app.prepare().then(() => {
        const server = require('http').createServer(app.getRequestHandler());
        server.listen(OWN, () => console.log('listening on', server.address().port));
    });
";

#[test]
fn a_server_around_next_is_moved() {
    let page = Some("A page of its own");
    let mut stage = Stage::on("fixtures/real/next", "node server.js", ("server.js", NEXT), page);
    stage.sandbox.file("pages/index.js", "export default () => 'A page of its own';");
    stage.is_moved();
}

/// Its strict mode hands on hardly any variable.
#[test]
fn a_server_under_turbo_is_moved() {
    let mut stage = Stage::new("turbo run serve", ("server.js", EXPRESS), None);
    let manifest = r#"{"name":"app","packageManager":"npm@11.0.0","scripts":{"dev":"turbo run serve","serve":"node server.js"}}"#;
    stage.sandbox.file("package.json", manifest);
    stage.sandbox.range("default", &stage.ports).env("TURBO_TELEMETRY_DISABLED", "1");
    stage.sandbox.file("turbo.json", r#"{"tasks":{"serve":{"cache":false,"persistent":true}}}"#);
    stage.sandbox.file(
        "package-lock.json",
        "{\"name\":\"app\",\"lockfileVersion\":3,\"packages\":{\"\":{\"name\":\"app\"}}}",
    );
    stage.is_moved();
}
