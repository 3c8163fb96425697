//! Bun and Deno, with a port in the program's code. The first run installs both from the npm registry, some 200 MB.

use std::env;

use crate::support::managers::package_manager;
use crate::support::{Ended, Ports, Sandbox, Session, http, is_free};

struct Stage {
    sandbox: Sandbox,
    ports: Ports,
    own: Ports,
}

impl Stage {
    /// `OWN` in the program stands for the port that it asks for.
    fn new(script: &str, (file, program): (&str, &str)) -> Self {
        let (ports, own) = (Ports::claim(2), Ports::claim(1));
        let mut sandbox = Sandbox::with_script(script);
        let programs =
            [package_manager("bun@1.4.5", "bun", None), package_manager("deno@2.9.6", "deno", None)];
        let others = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths(programs.into_iter().chain(env::split_paths(&others))).unwrap();
        sandbox.env("PATH", path).file(
            file,
            &format!("console.log('begun');\n{}", program.replace("OWN", &own.first().to_string())),
        );
        sandbox.range("node", &ports);
        Self { sandbox, ports, own }
    }

    fn serves(&self) -> Session {
        let mut session = self.sandbox.start(["dev"]);
        assert_eq!(session.ready(), self.ports.first());
        assert_eq!(http::get(self.ports.first()).body, "served");
        session
    }

    /// Found out, and known.
    fn is_moved(&self) {
        assert_eq!(starts(&self.serves().stop()), 2, "it asks for a port of its own");
        assert_eq!(starts(&self.serves().stop()), 1, "it is right at once");
    }
}

/// How often the program was started.
fn starts(ended: &Ended) -> usize {
    printed(ended).matches("begun").count()
}

fn printed(ended: &Ended) -> String {
    ended.of("log-chunk").iter().filter_map(|event| event["data"].as_str()).collect()
}

/// Whether the program printed that it was refused its port.
fn was_refused(ended: &Ended) -> bool {
    let text = printed(ended);
    ["EADDRINUSE", "AddrInUse", "in use"].iter().any(|words| text.contains(words))
}

const BUN: (&str, &str) = ("server.ts", "Bun.serve({ port: OWN, fetch: () => new Response('served') })");
const BUNS_EXPORT: (&str, &str) =
    ("server.ts", "export default { port: OWN, fetch: () => new Response('served') }");
const BUNS_IMPORT: (&str, &str) = (
    "server.ts",
    "import { serve } from 'bun'; serve({ port: OWN, routes: { '/': new Response('served') } })",
);
const DENO: (&str, &str) = ("server.ts", "Deno.serve({ port: OWN }, () => new Response('served'))");
const NODES: (&str, &str) = (
    "server.mjs",
    "import { createServer } from 'node:http'; createServer((_, answer) => answer.end('served')).listen(OWN, '127.0.0.1')",
);

macro_rules! moved {
    ($($name:ident: $script:expr, $program:expr;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn is_moved() {
                let stage = Stage::new($script, $program);
                stage.is_moved();
                assert!(is_free(stage.own.first()));
            }

            #[test]
            fn is_moved_past_a_stranger() {
                let stage = Stage::new($script, $program);
                let stranger = stage.own.stranger(stage.own.first());
                assert!(was_refused(&stage.serves().stop()));
                assert!(!was_refused(&stage.serves().stop()));
                drop(stranger);
            }
        }
    )*};
}

moved! {
    bun: "bun server.ts", BUN;
    bun_export: "bun run server.ts", BUNS_EXPORT;
    bun_import: "bun server.ts", BUNS_IMPORT;
    bun_watch: "bun --watch server.ts", BUN;
    bun_hot: "bun --hot server.ts", BUN;
    bun_with_node: "bun server.mjs", NODES;
    deno: "deno run -A server.ts", DENO;
    deno_watch: "deno run -A --watch server.ts", DENO;
    deno_with_node: "deno run -A server.mjs", NODES;
}

/// It is refused the reserved port by its own permissions, and so is followed.
#[test]
fn deno_that_may_listen_on_its_own_port_alone_is_followed() {
    let stage = Stage::new("deno run --allow-net=0.0.0.0:OWN server.ts", DENO);
    let mut sandbox = stage.sandbox;
    let own = stage.own.first();
    let manifest =
        format!(r#"{{"name":"app","scripts":{{"dev":"deno run --allow-net=0.0.0.0:{own} server.ts"}}}}"#);
    sandbox.file("package.json", &manifest);
    let mut session = sandbox.start(["dev"]);
    assert_eq!(session.ready(), own);
    session.stop();
}

/// Two servers: which of them is the first is not known, so none is moved.
#[test]
fn the_page_of_a_deno_program_with_two_servers_is_followed() {
    let program = "
        const html = { headers: { 'content-type': 'text/html' } };
        Deno.serve({ port: OWN + 1 }, () => Response.json({}));
        Deno.serve({ port: OWN }, () => new Response('<p>served', html));
    ";
    let (ports, own) = (Ports::claim(2), Ports::claim(2));
    let mut stage =
        Stage::new("deno run -A server.ts", ("server.ts", &program.replace("OWN", &own.first().to_string())));
    stage.sandbox.range("node", &ports);
    let mut session = stage.sandbox.start(["dev"]);
    assert_eq!(session.ready(), own.first());
    session.stop();
}
