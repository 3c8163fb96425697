//! Which scripts are watches: by their command words and flags.

use serde_json::Value;

use super::answer;
use crate::support::Sandbox;

/// The kind of a project with this dev script, and its framework.
fn kind_of(sandbox: &mut Sandbox, script: &str, settings: &str) -> (String, String) {
    let manifest = serde_json::json!({
        "name": "app",
        "scripts": {
            "dev": script, "watch:types": "tsc -w", "watch:styles": "sass --watch src:dist", "serve:api": "node server.js",
            "build": "tsc", "bundle": "tsup src/index.ts",
        },
    });
    sandbox.file("package.json", &manifest.to_string());
    sandbox.file("bowline.toml", settings);
    let detected = answer(&sandbox.run(["detect", "--json"]));
    let text = |field: &str| detected[field].as_str().unwrap().to_owned();
    (text("kind"), text("framework"))
}

/// Scripts that are watches, and the entry of the catalog that each is.
const WATCHES: &[(&str, &str)] = &[
    ("tsc -w", "tsc"),
    ("tsc --watch", "tsc"),
    ("tsc --build --watch", "tsc"),
    ("tsc -b -w", "tsc"),
    ("tsc -p tsconfig.build.json -w --preserveWatchOutput", "tsc"),
    ("tsc --watch=true", "tsc"),
    ("vue-tsc -w --noEmit", "tsc"),
    ("tspc -p x -w", "tsc"),
    ("ngc -w", "tsc"),
    ("tsc-watch --noClear", "tsc"),
    ("tsup --watch", "tsup"),
    ("tsup src/index.ts --dts --watch src", "tsup"),
    ("tsdown --watch", "tsdown"),
    ("esbuild src/a.ts --bundle --outdir=dist --watch", "esbuild"),
    ("esbuild src/a.ts --outdir=dist --watch=forever", "esbuild"),
    ("tailwindcss -i a.css -o b.css --watch", "tailwindcss"),
    ("npx tailwindcss -i a.css -o b.css --watch=always", "tailwindcss"),
    ("rollup -c -w", "rollup"),
    ("rollup -cw", "rollup"),
    ("rolldown --watch -c", "rolldown"),
    ("vite build --watch", "vite-build"),
    ("vite --mode development build --watch", "vite-build"),
    ("vite build -w --mode development", "vite-build"),
    ("swc src -d dist -w", "swc"),
    ("webpack --watch --mode development", "webpack-watch"),
    ("webpack watch", "webpack-watch"),
    ("webpack -c config.js -w", "webpack-watch"),
    ("rspack build -w", "rspack-watch"),
    ("rslib build --watch", "rslib"),
    ("svelte-package -w", "svelte-package"),
    ("unbuild --stub", "unbuild"),
    ("unbuild --watch", "unbuild"),
    ("ng build --watch --configuration development", "angular-build"),
    ("babel src -d dist --watch", "babel"),
    ("graphql-codegen --config codegen.ts -w", "graphql-codegen"),
    ("prisma generate --watch", "prisma"),
    ("sass --watch src:dist", "sass"),
    ("postcss a.css -o b.css -w", "postcss"),
    ("microbundle watch", "microbundle"),
    ("parcel watch src/index.html", "parcel-watch"),
    ("bun build ./a.ts --outdir dist --watch", "bun-build"),
    ("tsc-alias -w", "generators"),
    ("npm run build && tshy --watch", "generators"),
    ("convex dev", "cloud"),
    ("npx trigger.dev@latest dev", "cloud"),
    ("tsc & tsup --watch", "tsup"),
    ("tsc --w", "tsc"),
    ("tsc -watch", "tsc"),
    ("npx @tailwindcss/cli -i a.css -o b.css --watch", "tailwindcss"),
    ("pkgroll --watch", "pkgroll"),
    ("ng-packagr -p ng-package.json -w", "generators"),
    ("stencil build --dev --watch", "stencil-watch"),
    ("ncc build src/index.ts -w", "ncc"),
    ("jest --watchAll --coverage", "tests"),
    ("bun test --watch", "tests"),
    // What repeats it.
    ("nodemon --exec tsc", "nodemon"),
    ("npx nodemon -w src -e ts -x 'tsc -b'", "nodemon"),
    ("nodemon --exec 'npm run build'", "nodemon"),
    ("onchange -i 'src/**' -- npm run build", "repeaters"),
    ("chokidar 'src/**' --initial -c 'tsc && tsc-alias'", "repeaters"),
    ("watchexec -w src -e ts tsc", "repeaters"),
    ("watch 'npm run build' src --wait=0.2", "repeaters"),
    ("npm run build && watch unbuild src", "repeaters"),
    // What it runs after a build.
    ("tsup --watch --onSuccess 'tsc --emitDeclarationOnly'", "tsup"),
    ("tsc-watch --onSuccess tsc-alias", "tsc"),
    ("tsc -w --pretty | grep -v TS5", "tsc"),
    // What leads to it.
    ("npx tsc -w", "tsc"),
    ("cross-env NODE_ENV=development tsc -w", "tsc"),
    ("./node_modules/.bin/tsc -w", "tsc"),
    ("npm run build -- --watch", "tsc"),
    ("npm run watch:types", "tsc"),
    ("bowline exec -- tsc -w", "tsc"),
    // What comes before it.
    ("rm -rf dist && tsc -w", "tsc"),
    ("rimraf dist && tsup --watch", "tsup"),
    ("tsc && tsc -w", "tsc"),
    ("tsc && tsc-alias && concurrently 'tsc -w' 'tsc-alias -w'", "tsc"),
    ("node scripts/clean.js && tsc -w", "tsc"),
    ("npm run build && tsup --watch", "tsup"),
    ("make proto && tsc -w", "tsc"),
    ("docker compose up -d; . ./env; tsc -w", "tsc"),
    // Several.
    ("run-p watch:*", "tsc"),
    ("npm-run-all --parallel watch:types watch:styles", "tsc"),
    ("concurrently \"tsc -w\" \"sass --watch src:dist\"", "tsc"),
    ("concurrently npm:watch:*", "tsc"),
    ("tsc -w & tsup --watch & wait", "tsc"),
];

#[test]
fn a_watch_is_known_by_command_and_flags() {
    let mut sandbox = Sandbox::new();
    for (script, framework) in WATCHES {
        let found = kind_of(&mut sandbox, script, "");
        assert_eq!(found, ("watch".to_owned(), (*framework).to_owned()), "{script}");
    }
}

#[test]
fn what_serves_or_runs_a_program_is_a_server() {
    let mut sandbox = Sandbox::new();
    for script in [
        "vite",
        "vite --watch",
        "vite --mode build",
        "next dev",
        "esbuild src/a.ts --outdir=public --servedir=public --watch",
        "esbuild src/a.ts --outdir=public --serve=8000 --watch",
        "webpack serve --watch",
        "webpack-dev-server --watch-files src",
        "ng serve --watch",
        "parcel src/index.html",
        "nodemon src/index.js",
        "nodemon --exec 'tsx src/index.ts'",
        "nodemon --exec 'tsc && node dist/index.js'",
        "tsx watch src/index.ts",
        "node --watch src/index.js",
        "bun --watch src/index.ts",
        "nest start --watch",
        "tsup --watch --onSuccess 'node dist/index.js'",
        "tsc-watch --onSuccess 'node dist/index.js'",
        "tsup --watch --onSuccess 'npm run serve:api'",
        "tsdown --watch --on-success 'make run'",
        "nodemon src/index.js --exec tsx",
        "nodemon --exec 'tsc && make run'",
        "onchange -i 'src/**' -- node server.js",
        "chokidar 'src/**' -c 'make build'",
        "vitest --ui",
        "wp-scripts start --hot",
        "eleventy --serve --watch",
        "stencil build --watch --serve",
        "rollup -c",
        "vite build",
        "webpack",
        "swc src -d dist",
        // A server and a watch.
        "concurrently \"tsc -w\" \"node --watch dist/index.js\"",
        "tsc -w & vite",
        "run-p watch:* serve:*",
        "concurrently \"tsc -w\" \"./bin/server\"",
        "esbuild a.js --outdir=public --servedir=public & tsc -w",
        "tsc && node dist/index.js",
        "make watch",
        // A watch, and what nobody knows.
        "concurrently 'tsc -w' 'make serve'",
        "tsc -w & docker compose up",
        "tsc -w & $SERVER",
        "npm --prefix ../server run dev & tsc -w",
    ] {
        let (kind, framework) = kind_of(&mut sandbox, script, "");
        assert_eq!(kind, "server", "{script}: {framework}");
    }
}

#[test]
fn what_only_compiles_is_a_task() {
    let mut sandbox = Sandbox::new();
    for (script, kind) in [
        ("tsc", "task"),
        ("tsc -p tsconfig.build.json", "task"),
        ("tsc --watch false", "task"),
        ("tsc --watch=false", "task"),
        ("rm -rf dist && npx tsc && cp a b", "task"),
        ("tsc && node dist/index.js", "server"),
        ("tsc & make serve", "server"),
        ("tsc & vite", "server"),
        ("tsc && eslint . && vite", "server"),
        ("watch 'node server.js' src", "server"),
    ] {
        assert_eq!(kind_of(&mut sandbox, script, "").0, kind, "{script}");
    }
}

#[test]
fn the_user_knows_better() {
    let mut sandbox = Sandbox::new();
    for (script, settings, expected) in [
        ("make watch", "[project.app]\nkind = \"watch\"\n", "watch"),
        ("tsc -w", "[project.app]\nkind = \"server\"\n", "server"),
        ("tsc", "[project.app]\nkind = \"task\"\n", "task"),
        ("vite", "[project.app]\nkind = \"task\"\n", "task"),
        // A port is for a server.
        ("tsc -w", "[project.app]\nport = 4500\n", "server"),
        ("shiny watch", "[framework.shiny]\nkind = \"watch\"\ncommands = [\"shiny watch\"]\n", "watch"),
        ("shiny all", "[framework.shiny]\nkind = \"task\"\ncommands = [\"shiny all\"]\n", "task"),
        ("tsup -w", "[framework.tsup]\nnot-commands = [\"tsup\"]\n", "server"),
    ] {
        let (kind, _) = kind_of(&mut sandbox, script, settings);
        assert_eq!(kind, expected, "{script} {settings}");
    }
}

#[test]
fn a_flag_more_makes_another_kind_of_the_same_project() {
    let mut sandbox = Sandbox::new();
    assert_eq!(kind_of(&mut sandbox, "tsc -w", "").0, "watch");
    let (ports_of, _ports) = Sandbox::with_script("tsc -w").with_ports("default", 1);
    let planned: Value = answer(&ports_of.run(["--dry-run", "--json"]));
    assert_eq!((&planned["kind"], &planned["port"]), (&"watch".into(), &Value::Null), "{planned}");
}
