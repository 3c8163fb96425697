//! Scripts of roots, and what they mean.

use std::collections::BTreeMap;

use super::{FanOut, Meaning, Which, meaning};
use crate::script::{OtherPackage, PackageManager, Scripts, WRAPPERS, Wrapper};

/// A root with the script `dev` and a few others.
struct Root {
    scripts: BTreeMap<&'static str, &'static str>,
}

impl Scripts for Root {
    fn text(&self, name: &str) -> Option<String> {
        self.scripts.get(name).map(|text| (*text).to_owned())
    }
    fn names(&self) -> Vec<String> {
        self.scripts.keys().map(|name| (*name).to_owned()).collect()
    }
    fn text_in(&self, _: &OtherPackage, _: &str) -> Option<String> {
        None
    }
    fn binary(&self, _: &str) -> Option<String> {
        None
    }
    fn manager(&self) -> PackageManager {
        PackageManager::Npm
    }
    fn runs_hooks(&self, _: PackageManager) -> bool {
        true
    }
    fn wrappers(&self) -> &[Wrapper] {
        &WRAPPERS
    }
}

const SCRIPTS: [(&str, &str); 12] = [
    ("build", "turbo run build"),
    ("dev:web", "npm -w web run dev"),
    ("dev:api", "npm run dev --workspace=api"),
    ("dev:all", "turbo run dev"),
    ("css", "tailwindcss -w"),
    ("hooked", "turbo run dev"),
    ("prehooked", "npm run build"),
    ("watch:a", "yarn workspace a watch"),
    ("watch:b", "yarn workspace b watch"),
    ("both", "run-p watch:*"),
    ("env", "FOO=1 turbo run dev"),
    ("postserve", "echo bye"),
];

fn of(name: &str, text: &str) -> Meaning {
    let is_server = || ["vite", "next dev", "astro"].iter().any(|server| text.contains(server));
    meaning(name, text, &Root { scripts: SCRIPTS.into_iter().collect() }, is_server)
}

/// The meaning in a line.
fn shown(meaning: &Meaning) -> String {
    match meaning {
        Meaning::Packages(all) => all.iter().map(of_packages).collect::<Vec<_>>().join(" | "),
        Meaning::Root => "root".to_owned(),
        Meaning::Script { reason } => format!("as it is: {reason}"),
    }
}

fn of_packages(found: &FanOut) -> String {
    let which = match &found.which {
        Which::All => "*".to_owned(),
        Which::Everywhere => "**".to_owned(),
        Which::Filters(filters) => filters.join(" "),
        Which::Globs { include, exclude } => {
            let exclude = exclude.iter().map(|glob| format!("-{glob}"));
            include.iter().map(|glob| format!("+{glob}")).chain(exclude).collect::<Vec<_>>().join(" ")
        }
        Which::Named(name) => format!("+{name}"),
        Which::Workspaces(names) => format!("w:{}", names.join(" w:")),
        Which::Directory(dir) => format!("in {dir}"),
    };
    let mut text = format!("{} {which}", found.script);
    for (is, word) in [(found.with_root, "root"), (found.only_public, "public")] {
        if is {
            text.push_str(&format!(", {word}"));
        }
    }
    if !found.arguments.is_empty() {
        text.push_str(&format!(", -- {}", found.arguments.join(" ")));
    }
    for (name, value) in &found.environment {
        text.push_str(&format!(", {name}={value}"));
    }
    text
}

#[test]
fn the_scripts_of_roots_mean() {
    let mut wrong = Vec::new();
    for (text, expected) in TABLE.iter().chain(AS_THEY_ARE) {
        let found = shown(&of("dev", text));
        if found != *expected {
            wrong.push(format!("{text}\n     found {found}\n  expected {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_command_that_starts_the_tool_again_is_known() {
    for (text, expected, options) in [
        ("turbo dev", "turbo", ""),
        ("npx turbo@2 run dev --env-mode=loose --ui=tui --force", "npx turbo@2", "--env-mode=loose --force"),
        ("FOO=1 cross-env BAR=2 pnpm exec turbo run dev", "pnpm exec turbo", ""),
        ("yarn nx run-many -t dev", "yarn nx", ""),
        ("npm run dev:all", "turbo", ""),
    ] {
        let Meaning::Packages(found) = of("dev", text) else { panic!("{text}") };
        assert_eq!(
            (&*found[0].command.join(" "), &*found[0].options.join(" ")),
            (expected, options),
            "{text}"
        );
    }
}

#[test]
fn the_scripts_that_lead_to_a_tool_are_known() {
    let Meaning::Packages(found) = of("dev", "npm run dev:all") else { panic!("packages") };
    assert_eq!(found[0].chain, ["dev", "dev:all"]);
}

#[test]
fn a_tool_is_told_not_to_run_what_comes_first() {
    for (text, expected) in [
        ("turbo dev", true),
        ("turbo dev --only", false),
        ("nx run-many -t dev", true),
        ("nx run-many -t dev --excludeTaskDependencies", false),
        ("lerna run dev", true),
        ("npm -ws run dev", false),
    ] {
        let Meaning::Packages(found) = of("dev", text) else { panic!("{text}") };
        assert_eq!(found[0].runs_dependencies, expected, "{text}");
    }
}

#[test]
fn a_hook_of_the_script_itself_is_work_that_only_the_manager_does() {
    assert_eq!(shown(&of("serve", "turbo run dev")), "as it is: `postserve` runs, too");
    assert_eq!(shown(&of("serve", "vite")), "root");
}

const TABLE: &[(&str, &str)] = &[
    // turbo
    ("turbo dev", "dev *"),
    ("turbo run dev", "dev *"),
    ("turbo run dev --parallel --no-cache", "dev *"),
    ("turbo run start:dev", "start:dev *"),
    ("turbo dev --filter=web", "dev web"),
    ("turbo dev --filter web", "dev web"),
    ("turbo dev -F web -F api", "dev web api"),
    ("turbo run dev --filter=web... --filter=!docs", "dev web... !docs"),
    ("turbo run dev --filter='!docs'", "dev !docs"),
    ("turbo run dev --filter=./apps/*", "dev ./apps/*"),
    ("turbo run dev --filter=\"@acme/*\"", "dev @acme/*"),
    ("turbo run dev --filter={./apps/web}", "dev {./apps/web}"),
    ("turbo run dev --filter=...^ui", "dev ...^ui"),
    ("turbo run web#dev api#dev", "dev web api"),
    ("turbo run @acme/web#dev", "dev @acme/web"),
    ("turbo dev --ui=tui --concurrency 20 --continue", "dev *"),
    ("turbo dev --env-mode=loose --log-order=stream --output-logs new-only", "dev *"),
    ("turbo --no-daemon run dev", "dev *"),
    ("turbo dev -- --host --open", "dev *, -- --host --open"),
    ("npx turbo dev", "dev *"),
    ("npx --yes turbo@latest run dev", "dev *"),
    ("pnpm turbo dev", "dev *"),
    ("pnpm exec turbo run dev", "dev *"),
    ("yarn turbo run dev --filter=web", "dev web"),
    ("bunx turbo dev", "dev *"),
    ("bun run turbo dev", "dev *"),
    ("./node_modules/.bin/turbo dev", "dev *"),
    ("NODE_ENV=development turbo dev", "dev *, NODE_ENV=development"),
    (
        "cross-env NODE_ENV=development FORCE_COLOR=1 turbo run dev",
        "dev *, FORCE_COLOR=1, NODE_ENV=development",
    ),
    ("cross-env-shell A=1 \"turbo run dev\"", "dev *, A=1"),
    ("env A=1 turbo dev", "dev *, A=1"),
    ("export A=1 && turbo dev", "dev *, A=1"),
    ("A=1 cross-env A=2 turbo dev", "dev *, A=2"),
    ("PORT=3000 turbo dev", "dev *"),
    ("echo starting && turbo dev", "dev *"),
    ("exec turbo dev", "dev *"),
    ("sh -c 'turbo dev'", "dev *"),
    ("npm run dev:all", "dev *"),
    ("npm run dev:all -- --filter=web", "dev web"),
    ("pnpm dev:all --filter=web", "dev web"),
    ("npm run env", "dev *, FOO=1"),
    // nx
    ("nx run-many -t dev", "dev *, root"),
    ("nx run-many --target=serve --all", "serve *, root"),
    ("nx run-many --targets=dev --projects=web,api", "dev +web +api, root"),
    ("nx run-many -t dev -p web api", "dev +web +api, root"),
    ("nx run-many -t dev -p web,api --exclude docs", "dev +web +api -docs, root"),
    ("nx run-many -t dev --exclude=docs,*-e2e", "dev -docs -*-e2e, root"),
    ("nx run-many -t dev -p 'tag:app' '!docs'", "dev +tag:app -docs, root"),
    ("nx run-many -t dev --parallel=10 --outputStyle=stream --tui", "dev *, root"),
    ("nx run-many -t dev --parallel 10 --skip-nx-cache", "dev *, root"),
    ("npx nx run-many -t dev -- --host", "dev *, root, -- --host"),
    ("nx serve shop", "serve +shop, root"),
    ("nx dev shop --port=4000", "dev +shop, root, -- --port=4000"),
    ("nx run shop:serve", "serve +shop, root"),
    ("nx run @acme/shop:dev --verbose", "dev +@acme/shop, root"),
    ("nx run shop:serve & nx run api:serve", "serve +shop, root | serve +api, root"),
    // lerna
    ("lerna run dev", "dev *"),
    ("lerna run dev --parallel --stream", "dev *"),
    ("lerna run --parallel dev", "dev *"),
    ("lerna run dev --scope=web --scope api", "dev +web +api"),
    ("lerna run dev --scope '@acme/*' --ignore docs", "dev +@acme/* -docs"),
    ("lerna run dev --ignore '@acme/{a,b}'", "dev -@acme/{a,b}"),
    ("lerna run dev --no-private --no-bail --concurrency 8", "dev *, public"),
    ("lerna run dev -- --open", "dev *, -- --open"),
    ("npx lerna run start --stream=true", "start *"),
    // npm
    ("npm run dev -ws", "dev *"),
    ("npm run dev --workspaces --if-present", "dev *"),
    ("npm -ws run dev --if-present", "dev *"),
    ("npm run dev -ws --include-workspace-root", "dev *, root"),
    ("npm run dev -w web -w api", "dev w:web w:api"),
    ("npm run dev --workspace=web --workspace packages/api", "dev w:web w:packages/api"),
    ("npm -w web start", "start w:web"),
    ("npm --workspace web run-script dev -- --open", "dev w:web, -- --open"),
    ("npm --prefix apps/web run dev", "dev in apps/web"),
    ("npm -C apps/web start", "start in apps/web"),
    ("npm run dev:web", "dev w:web"),
    ("npm run dev:web & npm run dev:api", "dev w:web | dev w:api"),
    ("npm run dev:web & npm run dev:api & wait", "dev w:web | dev w:api"),
    ("npm run --silent dev:web", "dev w:web"),
    ("cd apps/web && npm run dev", "dev in apps/web"),
    ("cd apps/web; pnpm dev", "dev in apps/web"),
    ("(cd apps/web && npm run dev) & (cd apps/api && npm start)", "dev in apps/web | start in apps/api"),
    // pnpm
    ("pnpm -r dev", "dev *"),
    ("pnpm -r run dev", "dev *"),
    ("pnpm -r --parallel run dev", "dev *"),
    ("pnpm --parallel -r dev", "dev *"),
    ("pnpm run -r dev", "dev *"),
    ("pnpm recursive run dev", "dev *"),
    ("pnpm recursive run dev --host", "dev *, -- --host"),
    ("cd apps/web && yarn start --open", "start in apps/web, -- --open"),
    ("pnpm --stream --recursive --workspace-concurrency=20 dev", "dev *"),
    ("pnpm -r --include-workspace-root dev", "dev *, root"),
    ("pnpm --filter web dev", "dev web"),
    ("pnpm --filter=web... --filter '!docs' run dev", "dev web... !docs"),
    ("pnpm -F './apps/*' --parallel dev", "dev ./apps/*"),
    ("pnpm --filter \"@acme/*\" --parallel --if-present dev --port 1", "dev @acme/*, -- --port 1"),
    ("pnpm -C apps/web dev", "dev in apps/web"),
    ("pnpm --dir apps/web run start", "start in apps/web"),
    ("pnpm --filter web build", "build web"),
    // yarn
    ("yarn workspaces run dev", "dev **"),
    ("yarn workspace web dev", "dev w:web"),
    ("yarn workspace @acme/web run dev --host", "dev w:@acme/web, -- --host"),
    ("yarn --cwd apps/web dev", "dev in apps/web"),
    ("yarn workspaces foreach -Apt run dev", "dev *, root"),
    ("yarn workspaces foreach -pi run dev", "dev *, root"),
    ("yarn workspaces foreach --all --parallel --interlaced --jobs unlimited run dev", "dev *, root"),
    ("yarn workspaces foreach -Api -j 10 --exclude docs run dev", "dev -docs, root"),
    ("yarn workspaces foreach -Api --include '@acme/{web,api}' run dev", "dev +@acme/{web,api}, root"),
    ("yarn workspaces foreach -Rpi --from web run dev", "dev web..., root"),
    (
        "yarn workspaces foreach -Rpi --from web --from api --exclude ui run dev",
        "dev web... api... !ui, root",
    ),
    ("yarn workspaces foreach -Apv --no-private run dev", "dev *, root, public"),
    ("npm run both", "watch w:a | watch w:b"),
    // bun
    ("bun --filter '*' dev", "dev *"),
    ("bun run --filter '*' dev", "dev *"),
    ("bun run --filter=web --filter=api dev", "dev web api"),
    ("bun --filter './apps/*' --elide-lines 0 dev", "dev ./apps/*"),
    ("bun run --workspaces --parallel dev", "dev **"),
    ("bun run --workspaces --if-present dev", "dev *"),
    ("bun --filter '@acme/*' dev -- --host", "dev @acme/*, -- --host"),
    ("bun --cwd apps/web dev", "dev in apps/web"),
    ("cd apps/web && bun run dev", "dev in apps/web"),
    ("bun -F web dev --host", "dev web, -- --host"),
    // several at once
    ("concurrently \"npm run dev:web\" \"npm:dev:api\"", "dev w:web | dev w:api"),
    ("concurrently npm:dev:web npm:dev:api", "dev w:web | dev w:api"),
    (
        "concurrently -k -n web,api -c blue,green \"pnpm --filter web dev\" \"pnpm --filter api dev\"",
        "dev web | dev api",
    ),
    (
        "concurrently --kill-others-on-fail --names=a,b \"yarn workspace a watch\" \"yarn workspace b watch\"",
        "watch w:a | watch w:b",
    ),
    ("npx concurrently 'cd web && npm run dev' 'cd api && npm start'", "dev in web | start in api"),
    ("concurrently 'turbo dev --filter=web' 'FOO=2 turbo start --filter=api'", "dev web | start api, FOO=2"),
    ("run-p dev:web dev:api", "dev w:web | dev w:api"),
    ("run-p -lc dev:web dev:api", "dev w:web | dev w:api"),
    ("npm-run-all --parallel watch:*", "watch w:a | watch w:b"),
    ("npm-run-all -p dev:web dev:api", "dev w:web | dev w:api"),
    ("pnpm --filter web dev & pnpm --filter api dev", "dev web | dev api"),
    // bowline
    ("bowline", " *"),
    ("bowline dev -F web... --restart on-failure", " web..."),
    ("npx bowline web api -- --open", " web api, -- --open"),
    // A root that is the app.
    ("vite", "root"),
    ("next dev -p 4000", "root"),
    ("tsc -b && vite", "root"),
    ("concurrently 'vite' 'tsc -w'", "root"),
    ("dotenv -e .env -- next dev", "root"),
    ("cd apps/web && vite", "root"),
];

const AS_THEY_ARE: &[(&str, &str)] = &[
    ("turbo run dev --affected", "as it is: `--affected` is not understood"),
    ("turbo run build dev", "as it is: it runs several tasks: `build`, `dev`"),
    ("turbo run web#dev lint", "as it is: it runs several tasks: `dev`, `lint`"),
    ("turbo run dev --filter=[HEAD^1]", "as it is: `[HEAD^1]` is not understood"),
    ("turbo run dev --filter=web...[main]", "as it is: `web...[main]` is not understood"),
    ("turbo run dev --filter=//", "as it is: `//` is not understood"),
    ("turbo run dev --dry-run", "as it is: `--dry-run` is not understood"),
    ("turbo run dev --graph", "as it is: `--graph` is not understood"),
    ("turbo watch dev", "as it is: `turbo watch` is no `turbo run`"),
    ("turbo dev --cwd apps", "as it is: `--cwd` is not understood"),
    ("turbo dev --unheard-of", "as it is: `--unheard-of` is not understood"),
    ("turbo dev --filter=$APP", "as it is: only the shell knows what follows `--filter=`"),
    ("turbo $TASK", "as it is: only the shell knows what follows ``"),
    ("turbo dev --filter ./apps/*", "as it is: `./apps/*` is not quoted, and may be the names of files"),
    ("turbo run", "as it is: it names no task"),
    ("cd apps && turbo dev", "as it is: it runs in `apps`"),
    ("npm run build && turbo dev", "as it is: `turbo run build` ends before the next one starts"),
    ("turbo build; turbo dev", "as it is: `turbo build` ends before the next one starts"),
    ("tsc -b && turbo dev", "as it is: `tsc -b` is no script of a package"),
    ("docker compose up -d && turbo dev", "as it is: `docker compose up` is no script of a package"),
    ("turbo dev | pino-pretty", "as it is: `pino-pretty` is no script of a package"),
    ("turbo dev || true", "as it is: `turbo dev` ends before the next one starts"),
    ("turbo dev > log.txt", "as it is: its input or output is redirected"),
    ("(turbo dev) 2>&1", "as it is: its input or output is redirected"),
    ("if true; then turbo dev; fi", "as it is: `turbo dev` runs under a condition"),
    ("dotenv -- turbo dev", "as it is: `dotenv` may change what it starts"),
    (". ./.env && turbo dev", "as it is: `. ./.env` is no script of a package"),
    ("export $(cat .env) && turbo dev", "as it is: it takes variables from elsewhere"),
    ("env -i turbo dev", "as it is: `-i` is not understood"),
    ("FOO=$(date) turbo dev", "as it is: only the shell knows the value of `FOO`"),
    ("nodemon --exec 'turbo dev'", "as it is: `nodemon` may change what it starts"),
    ("doppler run -- turbo dev", "as it is: `doppler` may change what it starts"),
    ("npm run hooked", "as it is: `prehooked` runs, too"),
    ("nx affected -t dev", "as it is: `nx affected` may run anything"),
    ("nx run-many -t build serve", "as it is: it runs several tasks: `build`, `serve`"),
    ("nx run-many -t dev -c production", "as it is: `-c` is not understood"),
    ("nx run shop:serve:production", "as it is: `shop:serve:production` is not understood"),
    ("nx run-many -t dev --port=3000", "as it is: `--port=3000` is not understood"),
    ("lerna run dev --since main", "as it is: `--since` is not understood"),
    ("lerna exec -- npm run dev", "as it is: `lerna exec` runs no script"),
    ("npm run dev -w web --workspaces", "as it is: it names packages in two ways"),
    ("npm run missing", "as it is: there is no script `missing`"),
    ("pnpm --filter web exec vite", "as it is: `pnpm exec` starts no script"),
    ("pnpm -r run '/^dev:.*/'", "as it is: `/^dev:.*/` may be several scripts"),
    ("pnpm --filter '[main]' dev", "as it is: `[main]` is not understood"),
    ("yarn workspaces foreach -Rp run dev", "as it is: it starts from what the root depends on"),
    ("yarn workspace web dev -- --host", "as it is: `--` is not understood"),
    ("lerna run dev --scope '!web'", "as it is: `!web` is not understood"),
    ("npm run dev --workspaces true", "as it is: `true` is not understood"),
    ("bun --filter '*' run dev", "as it is: `run` is not understood"),
    ("bun --filter '*web' dev", "as it is: `*web` is not understood"),
    ("nx run-many -t dev -p '!web,api'", "as it is: `!web` stands before `api`"),
    ("turbo dev --filter='u?il'", "as it is: `u?il` is not understood"),
    ("yarn workspaces foreach -A --since run dev", "as it is: `--since` is not understood"),
    ("concurrently 'turbo dev' 'prisma studio'", "as it is: `prisma studio` is no script of a package"),
    ("concurrently npm:dev:all npm:css", "as it is: `tailwindcss -w` is no script of a package"),
    ("concurrently -m 1 npm:dev:web npm:dev:api", "as it is: `-m` is not understood"),
    (
        "concurrently \"npm run dev:web && npm run dev:api\" npm:dev:all",
        "as it is: `npm -w web` ends before the next one starts",
    ),
    ("wireit", "as it is: `wireit` may start anything"),
    ("moon run :dev", "as it is: `moon run :dev` may start anything"),
    ("node dev.mjs", "as it is: `node dev.mjs` may start anything"),
    ("make dev", "as it is: `make dev` may start anything"),
    ("turbo dev '", "as it is: `'` is not closed, at byte 11 of the script"),
];
