//! Ports by which other commands of a script name its server.

use crate::support::launch::{Tree, Wish, caller, named, planned};

type File = (&'static str, &'static str);

const VITE: File = ("vite.config.mjs", "export default { server: { port: 3334, strictPort: true } }");

/// The dev script, files, and the port that is wished for.
const WISHES: &[(&str, &[File], Option<u16>)] = &[
    // The port in the configuration, in the command, by default, in the program.
    ("concurrently vite 'wait-on -t 8000 tcp:3334 && node desktop.js'", &[VITE], Some(3334)),
    ("concurrently vite 'wait-on tcp:localhost:3334'", &[VITE], Some(3334)),
    ("vite & wait-on http-get://localhost:3334/x && electron .", &[VITE], Some(3334)),
    ("vite & ELECTRON_START_URL=http://127.0.0.1:3334 electron .", &[VITE], Some(3334)),
    ("vite & cross-env URL=http://0.0.0.0:3334/ node desktop.js", &[VITE], Some(3334)),
    ("vite & chromium --app=http://localhost:3334", &[VITE], Some(3334)),
    ("vite & cypress open --config baseUrl=http://localhost:3334", &[VITE], Some(3334)),
    ("vite & lt --port 3334", &[VITE], Some(3334)),
    ("vite & ngrok http 3334", &[VITE], Some(3334)),
    ("vite & wait-on ws://[::1]:3334", &[VITE], Some(3334)),
    ("vite --port 4100 & open-cli http://localhost:4100", &[], Some(4100)),
    ("PORT=4100 react-scripts start & open-cli localhost:4100", &[], Some(4100)),
    ("react-scripts start & electron http://localhost:3000", &[], Some(3000)),
    ("cross-env AUTH_URL=http://localhost:3000 next dev", &[], Some(3000)),
    (
        "node server.js & wait-on tcp:4200 && ./open",
        &[("server.js", "app.listen(process.env.PORT || 4200)")],
        Some(4200),
    ),
    ("URL=http://localhost:4200 node server.js", &[("server.js", "const port = 4200")], Some(4200)),
    ("node server.js & wait-on tcp:4200 && ./open", &[("server.js", "start({ port: 4200 })")], Some(4200)),
    ("run-p web desk", &[VITE], Some(3334)),
    ("concurrently npm:web npm:desk", &[VITE], Some(3334)),
    ("npm run web & npm run desk", &[VITE], Some(3334)),
    ("start-server-and-test web http://localhost:4300 e2e", &[], Some(4300)),
    ("start-server-and-test web :4300 e2e", &[], Some(4300)),
    ("server-test web 'http://localhost:4300|http://localhost:4300/x' e2e", &[], Some(4300)),
    // The only port that is named, and nothing else can be a server.
    ("node server.js & wait-on tcp:4200 && electron .", &[], Some(4200)),
    // Others' ports.
    ("URL=http://localhost:3000 node client.js", &[], None),
    ("URL=http://localhost:4200 node client.js", &[("client.js", "log({ port: other.port || 4200 })")], None),
    ("concurrently 'node api.js' 'wait-on tcp:5000 && react-scripts start'", &[], None),
    ("wait-on tcp:3334 && vite", &[VITE], None),
    ("node --inspect=0.0.0.0:3334 server.js", &[], None),
    ("NODE_OPTIONS=--inspect=localhost:3334 node server.js", &[], None),
    ("node --inspect --inspect-port 3334 server.js", &[], None),
    ("concurrently 'wait-on tcp:5173 && vite' 'node x.js'", &[], None),
    ("vite & wait-on tcp:5000 && node worker.js", &[VITE], None),
    ("vite --port 4100 & open-cli http://localhost:5173", &[], None),
    ("vite & node api.js", &[VITE], None),
    ("API_URL=http://localhost:4000 vite & electron .", &[VITE], None),
    (
        "DB=postgres://me@localhost:5432/x node server.js & wait-on tcp:5432",
        &[("server.js", "listen(5432)")],
        None,
    ),
    ("vite & open-cli http://example.com:3334", &[VITE], None),
    ("vite --port 3334", &[], None),
    ("kill-port 3334 && vite", &[VITE], None),
];

fn manifest(dev: &str) -> String {
    serde_json::json!({ "name": "app", "scripts": {
        "dev": dev, "web": "vite", "desk": "wait-on tcp:3334 && DEV_URL=http://localhost:3334 node desktop.js",
        "e2e": "node check.js",
    }})
    .to_string()
}

fn tree(dev: &str, files: &[(&str, &str)]) -> Tree {
    let tree = Tree::new(&[("package.json", &manifest(dev))]);
    tree.write_all(files);
    tree
}

#[test]
fn a_port_of_the_server_that_another_command_names_is_wished_for() {
    for (script, files, expected) in WISHES {
        let tree = tree(script, files);
        let found = named(&tree.project(""), &caller(&tree.dir, &[]));
        assert_eq!(found.as_ref().map(|named| named.port), *expected, "{script}: {found:?}");
    }
}

/// `@` stands for the variables of Vite.
const RENAMED: &[(&str, &str)] = &[
    (
        "concurrently 'vite' 'wait-on -t 3334 tcp:3334 http-get://localhost:3334/x && node desktop.js'",
        "concurrently '@vite --port 3111 --strictPort' 'wait-on -t 3334 tcp:3111 http-get://localhost:3111/x && node desktop.js'",
    ),
    (
        "vite & cross-env URL=http://localhost:3334/ electron . & lt -p 3334",
        "@vite --port 3111 --strictPort & cross-env URL=http://localhost:3111/ electron . & lt -p 3111",
    ),
    (
        "vite & chromium \"--app=http://127.0.0.1:3334/$X\"",
        "@vite --port 3111 --strictPort & chromium \"--app=http://127.0.0.1:3111/$X\"",
    ),
    ("run-p web desk", "run-p 'web -- --port 3111 --strictPort' desk"),
    (
        "npm run web & npm run desk",
        "@npm run web -- --port 3111 --strictPort & env npm_lifecycle_event=desk sh -c 'wait-on tcp:3111 && DEV_URL=http://localhost:3111 node desktop.js'",
    ),
    (
        "start-server-and-test web http://localhost:3334 e2e",
        "start-server-and-test 'npm run web -- --port 3111 --strictPort' http://localhost:3111 e2e",
    ),
    (
        "wait-on tcp:3334 && vite & open-cli http://localhost:3334",
        "wait-on tcp:3334 && @vite --port 3111 --strictPort & open-cli http://localhost:3111",
    ),
];

#[test]
fn the_server_is_named_by_the_port_that_it_has() {
    for (script, command) in RENAMED {
        let tree = tree(script, &[VITE]);
        let spec = planned(&tree.project(""), &caller(&tree.dir, &[]), &Wish::default());
        let expected = command.replace('@', "PORT=3111 DEV_SERVER_PORT=3111 VITE_PORT=3111 ");
        assert_eq!((&*spec.command, &spec.warnings[..]), (&*expected, &[][..]), "{script}");
        // On the port that is named, nothing changes but the server's own command.
        let wish = Wish { port: Some(3334), ..Wish::default() };
        let spec = planned(&tree.project(""), &caller(&tree.dir, &[]), &wish);
        assert!(!spec.command.contains("3111") && spec.warnings.is_empty(), "{script}: {}", spec.command);
    }
}

#[test]
fn a_number_in_an_unknown_command_is_told() {
    for (command, is_told) in
        [("./tray 3334", true), ("./tray --at=3334", true), ("./tray 3334s", false), ("sleep 3334", false)]
    {
        let tree = tree(&format!("vite & open-cli http://localhost:3334 & {command}"), &[VITE]);
        let spec = planned(&tree.project(""), &caller(&tree.dir, &[]), &Wish::default());
        let told = spec.warnings.iter().any(|warning| warning.starts_with("`tray` names port 3334, but"));
        assert_eq!(
            (told, spec.warnings.len()),
            (is_told, usize::from(is_told)),
            "{command}: {:?}",
            spec.warnings
        );
        assert!(spec.command.contains(command), "{}", spec.command);
    }
}
