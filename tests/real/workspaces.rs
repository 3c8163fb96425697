//! Workspaces with real tools: what builds, what serves, and what starts them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Ports, Sandbox, Session, http, npm};

/// The name, directory and further files of a package, and its `package.json` without its name.
pub(crate) struct Package {
    pub dir: &'static str,
    pub manifest: Value,
    pub files: &'static [(&'static str, &'static str)],
}

/// A workspace whose `node_modules` has the packages of the fixture and links to its own.
pub(crate) struct Stage {
    pub sandbox: Sandbox,
    pub servers: Ports,
    pub pages: Ports,
    _installed: npm::Installed,
}

impl Stage {
    pub fn new(root: &Value, packages: &[Package]) -> Self {
        let installed = npm::packages("fixtures/real/workspaces");
        let mut sandbox = Sandbox::new();
        let (servers, pages) = (Ports::claim(4), Ports::claim(4));
        let text = format!(
            "[framework.node]\nrange = \"{}-{}\"\n[framework.vite]\nrange = \"{}-{}\"\n",
            servers.first(),
            servers.last(),
            pages.first(),
            pages.last()
        );
        sandbox.user_file("frameworks.toml", &text);
        for (name, value) in [("TURBO_TELEMETRY_DISABLED", "1"), ("NX_DAEMON", "false"), ("NX_TUI", "false")]
        {
            sandbox.env(name, value);
        }
        let mut manifest = json!({
            "name": "acme", "private": true, "packageManager": "npm@11.19.1", "workspaces": ["apps/*", "packages/*"],
        });
        merge(&mut manifest, root);
        sandbox.file("package.json", &manifest.to_string());
        link_all(&installed.dir.join("node_modules"), &sandbox.project().join("node_modules"));
        for package in packages {
            let name = package.dir.rsplit('/').next().unwrap();
            let mut manifest =
                json!({ "name": format!("@acme/{name}"), "version": "1.0.0", "type": "module" });
            merge(&mut manifest, &package.manifest);
            sandbox.file(format!("{}/package.json", package.dir), &manifest.to_string());
            for (file, text) in package.files {
                sandbox.file(format!("{}/{file}", package.dir), text);
            }
            let link = sandbox.project().join("node_modules/@acme").join(name);
            fs::create_dir_all(link.parent().unwrap()).unwrap();
            symlink(sandbox.project().join(package.dir), link).unwrap();
        }
        Self { sandbox, servers, pages, _installed: installed }
    }

    /// Reads events until this package is ready, and returns the port of a server.
    pub fn ready(&self, session: &mut Session, dir: &str) -> Option<u16> {
        let id = self.sandbox.project().canonicalize().unwrap().join(dir);
        let is_it = |event: &&Value| {
            event["projectId"] == id.to_str().unwrap()
                && ["ready", "port-detected"].iter().any(|kind| event["type"] == *kind)
        };
        let seen = session.seen().iter().find(is_it).cloned();
        let event = seen.unwrap_or_else(|| session.until(&format!("{dir} ready"), |event| is_it(&event)));
        event["port"].as_u64().map(|port| u16::try_from(port).unwrap())
    }
}

fn merge(manifest: &mut Value, more: &Value) {
    for (key, value) in more.as_object().into_iter().flatten() {
        manifest[key] = value.clone();
    }
}

/// Links to all packages and programs, in directories of the workspace's own.
fn link_all(from: &Path, to: &Path) {
    fs::create_dir_all(to.join(".bin")).unwrap();
    for dir in [Path::new(""), Path::new(".bin")] {
        for entry in fs::read_dir(from.join(dir)).unwrap().map(|entry| entry.unwrap()) {
            if !entry.file_name().to_string_lossy().starts_with('.') {
                symlink(entry.path(), to.join(dir).join(entry.file_name())).unwrap();
            }
        }
    }
}

const TYPESCRIPT: (&str, &str) = (
    "tsconfig.json",
    r#"{ "compilerOptions": { "outDir": "dist", "rootDir": "src", "module": "nodenext", "types": [] }, "include": ["src"] }"#,
);

const SOURCE: (&str, &str) = ("src/index.ts", "export const a: string = 'from the library';\n");

/// An API that imports what the library has built, as a Vite app does in its configuration and its page.
fn apps() -> [Package; 2] {
    let depends = json!({ "@acme/lib": "*" });
    [
        Package {
            dir: "apps/api",
            manifest: json!({ "scripts": { "dev": "tsx src/index.ts" }, "dependencies": depends }),
            files: &[(
                "src/index.ts",
                "import { createServer } from 'node:http'; import { a } from '@acme/lib';
                 createServer((_, answer) => answer.end(a)).listen(Number(process.env.PORT ?? 3000), '127.0.0.1');",
            )],
        },
        Package {
            dir: "apps/web",
            manifest: json!({ "scripts": { "dev": "vite --host 127.0.0.1" }, "dependencies": depends }),
            files: &[
                ("index.html", "<script type=module src=/main.js></script>"),
                ("main.js", "import { a } from '@acme/lib'; document.title = a;"),
                (
                    "vite.config.js",
                    "import { a } from '@acme/lib'; export default { define: { A: JSON.stringify(a) } };",
                ),
            ],
        },
    ]
}

fn library(dev: &str) -> Package {
    let scripts = json!({ "dev": dev, "build": "tsc" });
    Package {
        dir: "packages/lib",
        manifest: json!({ "exports": "./dist/index.js", "scripts": scripts }),
        files: &[TYPESCRIPT, SOURCE],
    }
}

/// Starts all, and ends it with Ctrl-C when both apps have answered.
fn serves(stage: &Stage) -> Vec<Value> {
    let mut session = stage.sandbox.start(["dev"]);
    stage.ready(&mut session, "packages/lib");
    let started = |event: &Value| {
        event["projectId"].as_str().is_some_and(|id| id.contains("/apps/")) && event["type"] != "waiting"
    };
    assert!(!session.seen().iter().any(started), "too early: {:#?}", session.seen());
    let api = stage.ready(&mut session, "apps/api").unwrap();
    let web = stage.ready(&mut session, "apps/web").unwrap();
    assert_eq!((stage.servers.contains(api), stage.pages.contains(web)), (true, true), "{api} {web}");
    assert_eq!(http::get(api).body, "from the library");
    assert!(http::get_path(web, "/main.js").body.contains("document.title"));
    session.signal(Signal::INT);
    let ended = session.wait();
    assert!(ended.of("process-moved").is_empty(), "{:#?}", ended.events);
    ended.events
}

#[test]
fn a_library_is_built_before_a_vite_app_and_an_api_that_import_it() {
    let [api, web] = apps();
    let root = json!({ "scripts": { "dev": "turbo run dev" } });
    let mut stage = Stage::new(&root, &[api, web, library("tsc --watch")]);
    stage.sandbox.file("turbo.json", r#"{ "tasks": { "dev": { "cache": false, "persistent": true } } }"#);
    let events = serves(&stage);
    let of = |kind: &str| events.iter().filter(|event| event["type"] == kind).collect::<Vec<_>>();
    assert_eq!(of("port-detected").len(), 2, "no port for a watch: {events:#?}");
    assert_eq!(of("ready")[0]["by"], "first-build");
    assert!(!of("log-chunk").iter().any(|event| event["data"].as_str().unwrap().contains("turbo")));
}

#[test]
fn what_turbo_and_nx_would_build_before_is_built_by_them_once() {
    let tasks = json!({
        "dev": { "dependsOn": ["^build"], "cache": false, "persistent": true },
        "build": { "dependsOn": ["^build"], "outputs": ["dist/**"] },
    });
    let targets = json!({
        "dev": { "dependsOn": ["^build"], "continuous": true },
        "build": { "dependsOn": ["^build"], "outputs": ["{projectRoot}/dist"], "cache": true },
    });
    for (script, file, text, done) in [
        ("turbo run dev", "turbo.json", json!({ "tasks": tasks }), "1 successful, 1 total"),
        (
            "nx run-many -t dev",
            "nx.json",
            json!({ "targetDefaults": targets }),
            "Successfully ran target build",
        ),
    ] {
        let [api, web] = apps();
        let stage =
            &mut Stage::new(&json!({ "scripts": { "dev": script } }), &[api, web, library("tsc --watch")]);
        stage.sandbox.file(file, &text.to_string());
        let events = serves(stage);
        let said = |text: &str| {
            events.iter().position(|event| event["data"].as_str().is_some_and(|data| data.contains(text)))
        };
        let built = said(done).unwrap_or_else(|| panic!("{script}: {events:#?}"));
        let served = events.iter().position(|event| event["type"] == "port-detected").unwrap();
        assert!(built < served, "{script}: {events:#?}");
    }
}

/// A watcher that empties `dist` when it starts, with what was built the last time still in it.
#[test]
fn an_app_waits_for_a_watcher_that_deletes_what_was_built_before() {
    let [api, web] = apps();
    let mut lib = library("tsdown --watch");
    lib.manifest["exports"] = json!("./dist/index.mjs");
    let mut stage = Stage::new(&json!({ "scripts": { "dev": "pnpm -r dev" } }), &[api, web, lib]);
    for _ in 0..5 {
        stage.sandbox.file("packages/lib/dist/index.mjs", "export const a = 'of the last time';");
        serves(&stage);
    }
}

/// A watch of each tool that has a first-build line, by its usual command.
#[test]
fn watches_are_ready_at_their_first_build() {
    const WEBPACK: (&str, &str) = (
        "webpack.config.cjs",
        "module.exports = { mode: 'development', entry: './src/index.js', output: { path: __dirname + '/dist' } };",
    );
    const PLAIN: (&str, &str) = ("src/index.js", "export const a = 'built';\n");
    const PAGE: (&str, &str) = ("index.html", "<script type=module src=/src/index.js></script>");
    const STYLES: (&str, &str) = ("in.css", "@import 'tailwindcss';");
    let watch =
        |dir, script: &str, files| Package { dir, manifest: json!({ "scripts": { "dev": script } }), files };
    let watches = [
        watch("packages/tsc", "tsc -w", &[TYPESCRIPT, SOURCE][..]),
        watch("packages/tsc-build", "tsc --build --watch --preserveWatchOutput", &[TYPESCRIPT, SOURCE]),
        watch("packages/tsup", "tsup src/index.ts --watch", &[SOURCE]),
        watch("packages/tsdown", "tsdown --watch", &[SOURCE]),
        watch("packages/esbuild", "esbuild src/index.js --bundle --outdir=dist --watch", &[PLAIN]),
        watch("packages/tailwind", "tailwindcss -i in.css -o dist/out.css --watch", &[STYLES]),
        watch("packages/rollup", "rollup src/index.js -d dist -w", &[PLAIN]),
        watch("packages/vite", "vite build --watch", &[PAGE, PLAIN]),
        watch("packages/swc", "swc src -d dist --watch", &[PLAIN]),
        watch("packages/webpack", "webpack --watch", &[WEBPACK, PLAIN]),
    ];
    let stage = Stage::new(&json!({}), &watches);
    let mut session = stage.sandbox.start(["dev"]);
    for watch in &watches {
        assert_eq!(stage.ready(&mut session, watch.dir), None, "{}", watch.dir);
        let dist = stage.sandbox.project().join(watch.dir).join("dist");
        let built = fs::read_dir(&dist).is_ok_and(|mut files| files.next().is_some());
        assert!(built, "{} is ready before it has built", watch.dir);
    }
    let by: Vec<_> =
        session.seen().iter().filter(|event| event["type"] == "ready").map(|event| &event["by"]).collect();
    assert_eq!(by, vec!["first-build"; watches.len()]);
    session.signal(Signal::INT);
    session.wait();
}

/// What waits for a watch is started when its first build has failed, too.
#[test]
fn a_first_build_with_errors_is_a_first_build() {
    const WRONG: (&str, &str) = ("src/index.ts", "export const a: string = ;\n");
    const PLAIN: (&str, &str) = ("src/index.js", "export const a = ;\n");
    const PAGE: (&str, &str) = ("index.html", "<script type=module src=/src/index.js></script>");
    let watch =
        |dir, script: &str, files| Package { dir, manifest: json!({ "scripts": { "dev": script } }), files };
    let watches = [
        watch("packages/tsc", "tsc -w", &[TYPESCRIPT, WRONG][..]),
        watch("packages/tsdown", "tsdown --watch", &[WRONG]),
        watch("packages/esbuild", "esbuild src/index.js --bundle --outdir=dist --watch", &[PLAIN]),
        watch("packages/rollup", "rollup src/index.js -d dist -w", &[PLAIN]),
        watch("packages/vite", "vite build --watch", &[PAGE, PLAIN]),
        watch("packages/swc", "swc src -d dist --watch", &[PLAIN]),
    ];
    let stage = Stage::new(&json!({}), &watches);
    let mut session = stage.sandbox.start(["dev"]);
    for watch in &watches {
        assert_eq!(stage.ready(&mut session, watch.dir), None, "{}", watch.dir);
    }
    let ready = session.seen().iter().filter(|event| event["type"] == "ready");
    assert!(ready.clone().all(|event| event["by"] == "first-build"), "{:?}", ready.collect::<Vec<_>>());
    session.signal(Signal::INT);
    session.wait();
}
