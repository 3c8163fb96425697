use super::{leaf, leaves};
use crate::script::Kind;
use crate::script::leaf::LeafRole;

/// Scripts, each with the programs of its leaves, builtins left out.
const PROGRAMS: &[(&str, &str)] = &[
    ("vite", "vite"),
    ("  vite  ", "vite"),
    ("next dev -p 3000", "next"),
    ("PORT=4000 next dev", "next"),
    ("A=1 B='x y' C=$D next dev", "next"),
    ("cross-env next dev", "next"),
    ("cross-env PORT=4000 NODE_ENV=development next dev", "next"),
    ("cross-env-shell PORT=4000 next dev", "next"),
    ("cross-env-shell PORT=4000 'next dev && true'", "next"),
    ("./node_modules/.bin/cross-env A=1 vite", "vite"),
    ("env PORT=4000 vite", "vite"),
    ("env -i PATH=/bin vite", "vite"),
    ("env -u PORT A=1 vite", "vite"),
    ("/usr/bin/env vite", "vite"),
    ("env $(cat .env | xargs) vite", "vite"),
    ("env $(cat .env) A=1 npx vite", "vite"),
    ("dotenv -- vite", "vite"),
    ("dotenv -e .env -e .env.local -- vite --host", "vite"),
    ("dotenv -e .env vite", "vite"),
    ("dotenv -c -- vite", "vite"),
    ("dotenv -c development -- vite", "vite"),
    ("dotenv -v PORT=4000 -- vite", "vite"),
    ("dotenv run -- vite", "vite"),
    ("dotenvx run -f .env -- vite", "vite"),
    ("dotenv-flow -- vite", "vite"),
    ("env -uPORT vite", "vite"),
    ("env -Capp vite", "vite"),
    ("env -iu A vite", "vite"),
    ("env -iuA B=1 vite", "vite"),
    ("sudo -Eu me vite", "vite"),
    ("nix develop -c vite", "vite"),
    ("nix develop .#shell --impure --command bash -c 'vite --host'", "vite"),
    ("nix shell nixpkgs#nodejs nixpkgs#git -c vite", "vite"),
    ("nix-shell --run 'cross-env A=1 vite'", "vite"),
    ("nix-shell -p nodejs yarn --run \"vite\"", "vite"),
    ("sst dev vite", "vite"),
    ("sst dev --stage me -- vite", "vite"),
    ("with-env vite", "vite"),
    ("railway run vite", "vite"),
    ("railway run -s web -- vite", "vite"),
    ("vercel env run -e preview -- vite", "vite"),
    ("envchain aws,db vite", "vite"),
    ("firebase emulators:exec --only firestore 'vite'", "vite"),
    ("firebase emulators:exec 'tsc && vite' --ui", "tsc vite"),
    ("script -q /dev/null vite", "vite"),
    ("script -qec vite /dev/null", "vite"),
    ("script /dev/null -c 'vite'", "vite"),
    ("flock -n /tmp/x vite", "vite"),
    ("doppler run --command 'vite'", "vite"),
    ("start-server-and-test web 3000 'echo x'", "start-server-and-test vite"),
    ("npm run web --host 0.0.0.0", "vite"),
    ("godotenv -f .env vite", "vite"),
    ("[[ -f x ]] && vite", "vite"),
    ("exec > log; vite", "vite"),
    ("env-cmd vite", "vite"),
    ("env-cmd -f .env vite", "vite"),
    ("npx vite", "vite"),
    ("npx --yes vite@7 --host", "vite"),
    ("npx -p vite vite", "vite"),
    ("npx --package=@angular/cli ng serve", "ng"),
    ("npx @11ty/eleventy --serve", "eleventy"),
    ("npx @11ty/eleventy@3 --serve", "eleventy"),
    ("npx -c 'vite --host'", "vite"),
    ("npx cross-env A=1 vite", "vite"),
    ("pnpx vite", "vite"),
    ("bunx vite", "vite"),
    ("bunx --bun vite", "vite"),
    ("pnpm exec vite", "vite"),
    ("pnpm dlx vite@latest", "vite"),
    ("yarn exec vite", "vite"),
    ("yarn dlx vite", "vite"),
    ("npm exec -- vite", "vite"),
    ("npm exec vite", "vite"),
    ("npm x -- vite", "vite"),
    ("bun x vite", "vite"),
    ("yarn vite", "vite"),
    ("yarn run vite", "vite"),
    ("yarn -s vite", "vite"),
    ("pnpm vite", "vite"),
    ("bun vite", "vite"),
    ("bun --bun vite", "vite"),
    ("bun run vite", "vite"),
    ("bun run --bun vite", "vite"),
    ("bun --bun run vite", "vite"),
    ("bun --hot src/index.ts", "bun"),
    ("bun run --watch src/index.ts", "bun"),
    ("bun src/index.ts", "bun"),
    ("bun run src/index.ts", "bun"),
    ("bun ./index.html", "bun"),
    ("deno task dev", "deno"),
    ("node server.js", "node"),
    ("node --inspect -r dotenv/config server.js", "node"),
    ("node node_modules/.bin/vite", "vite"),
    ("node ./node_modules/vite/bin/vite.js --host", "vite"),
    ("node --max-old-space-size=4096 ./node_modules/next/dist/bin/next dev", "next"),
    ("node -r dotenv/config node_modules/.bin/next dev", "next"),
    ("node --import tsx node_modules/.bin/next dev", "next"),
    ("node ../../node_modules/@angular/cli/bin/ng.js serve", "ng"),
    ("node node_modules/@11ty/eleventy/cmd.cjs --serve", "eleventy"),
    ("node node_modules/@react-router/dev/bin.js dev", "react-router"),
    ("node node_modules/nuxt/bin/nuxt.mjs dev", "nuxt"),
    ("node_modules/.bin/vite", "vite"),
    ("./node_modules/.bin/vite.cmd", "vite"),
    ("\"./node_modules/.bin/vite\" --host", "vite"),
    ("node ace serve --hmr", "node"),
    ("node --watch app.js", "node"),
    ("nodejs app.js", "node"),
    ("nodemon app.js", "nodemon"),
    ("nodemon --exec 'next dev'", "next"),
    ("nodemon -w src -e ts --exec \"tsx src/index.ts\"", "tsx"),
    ("nodemon --exec tsx src/index.ts", "tsx"),
    ("tsx watch src/index.ts", "tsx"),
    ("ts-node-dev --respawn src/index.ts", "ts-node-dev"),
    ("time vite", "vite"),
    ("time -p vite", "vite"),
    ("exec vite", "vite"),
    ("exec env A=1 npx vite", "vite"),
    ("nice -n 5 vite", "vite"),
    ("nice vite", "vite"),
    ("nohup vite", "vite"),
    ("timeout 60 vite", "vite"),
    ("timeout -s INT 1h vite", "vite"),
    ("stdbuf -oL vite", "vite"),
    ("infisical run --env=dev -- vite", "vite"),
    ("doppler run -p web -c dev -- next dev", "next"),
    ("op run --env-file .env -- vite", "vite"),
    ("bowline exec -- next dev", "next"),
    ("bowline exec --port 4000 -- next dev", "next"),
    ("sh -c 'vite'", "vite"),
    ("sh -c vite", "vite"),
    ("bash -c \"vite --port $PORT\"", "vite"),
    ("bash -lc 'vite'", "vite"),
    ("bash -eo pipefail -c 'vite | cat'", "vite cat"),
    ("/bin/sh -c 'sh -c \"vite\"'", "vite"),
    ("sh -c 'A=1 vite' ignored", "vite"),
    ("tsc && vite", "tsc vite"),
    ("tsc; vite", "tsc vite"),
    ("tsc -w & vite", "tsc vite"),
    ("tsc\nvite", "tsc vite"),
    ("vite | tee log", "vite tee"),
    ("vite || notify", "vite notify"),
    ("! vite", "vite"),
    ("(vite)", "vite"),
    ("( cd app && vite )", "vite"),
    ("{ vite; }", "vite"),
    ("if [ -f x ]; then vite; else next dev; fi", "vite next"),
    ("if a; then vite; elif b; then next dev; fi", "a vite b next"),
    ("while true; do vite; done", "vite"),
    ("until vite; do sleep 1; done", "vite sleep"),
    ("for i in 1 2; do vite; done", "vite"),
    ("for i; do vite; done", "vite"),
    ("case $X in a|b) vite ;; (*) next dev ;; esac", "vite next"),
    ("case $X in a) vite; esac", "vite"),
    ("vite > log 2>&1", "vite"),
    ("> log vite", "vite"),
    ("2>&1 vite --host >>log", "vite"),
    ("cat <<EOF | vite\nnext dev\nEOF\n", "cat vite"),
    ("vite # && next dev", "vite"),
    ("# only a note\nvite", "vite"),
    ("vi\\\nte", "vite"),
    ("'vi'\"te\"", "vite"),
    ("echo $(next dev) && vite", "vite"),
    ("A=`next dev` vite", "vite"),
    ("echo 'a && next dev' && vite", "vite"),
    ("vite \"a;b\"", "vite"),
    ("PORT=$((3000 + 1)) vite", "vite"),
    ("echo ${A:-$(next dev)} ; vite", "vite"),
    ("concurrently \"vite\" \"node api.js\"", "vite node"),
    ("concurrently -k -n web,api -c blue,green 'vite' 'node api.js'", "vite node"),
    ("concurrently \"npm:web\" npm:api", "vite node"),
    ("concurrently npm:dev:*", "tsx tailwindcss vite"),
    ("concurrently \"npm:dev:*\"", "tsx tailwindcss vite"),
    ("concurrently \"npm run web\" \"yarn api\"", "vite node"),
    ("concurrently vite", "vite"),
    ("run-p web api", "vite node"),
    ("run-p dev:*", "tsx tailwindcss vite"),
    ("run-s web api", "vite node"),
    ("npm-run-all -s dev:css -p web api", "tailwindcss vite node"),
    ("npm-run-all --parallel web api", "vite node"),
    ("npm run web", "vite"),
    ("npm run -s web", "vite"),
    ("npm run-script web", "vite"),
    ("npm start", "react-scripts"),
    ("pnpm start", "react-scripts"),
    ("pnpm run web", "vite"),
    ("pnpm web", "vite"),
    ("yarn web", "vite"),
    ("yarn run web", "vite"),
    ("bun run web", "vite"),
    ("bun web", "vite"),
    ("node --run web", "vite"),
    ("npm run outer", "vite"),
    ("pnpm with-env next dev", "next"),
    ("cross-env A=1 npm run web", "vite"),
    ("npm run web & npm run api", "vite node"),
];

#[test]
fn programs_are_found_behind_wrappers_and_in_nested_scripts() {
    for (text, expected) in PROGRAMS {
        let all = leaves(text);
        let opaque: Vec<_> = all.iter().filter(|leaf| leaf.kind == Kind::Opaque).collect();
        assert!(opaque.is_empty(), "`{text}`: {opaque:#?}");
        let programs: Vec<&str> =
            all.iter().filter(|leaf| leaf.kind == Kind::Program).map(|leaf| leaf.program.as_str()).collect();
        assert_eq!(programs.join(" "), *expected, "`{text}`");
    }
}

const OPAQUE: &[&str] = &[
    "turbo run dev",
    "npx turbo dev",
    "nx serve web",
    "lerna run dev",
    "lage dev --continue",
    "wsrun --parallel -c dev",
    "ultra -r dev",
    "process-compose up",
    "mise run dev",
    "npm run missing",
    "npm run loop",
    "npm run broken",
    "npm --prefix web run dev",
    "npm -w web run dev",
    "npm run web --workspace=x",
    "npm run web --prefix=app",
    "npm run web --work x",
    "pnpm --filter web dev",
    "pnpm -r dev",
    "pnpm run '/^dev:.*/'",
    "pnpm -C app web",
    "yarn workspace web dev",
    "yarn --cwd app web",
    "bun run --filter web dev",
    "bun --cwd=app run web",
    "cd app && npm run web",
    "(cd app; npm run web)",
    "env -C app npm run web",
    "$COMMAND",
    "\"$@\"",
    "$(which vite)",
    "eval vite",
    "bash start.sh",
    "sh start.sh",
    "sh -c \"$CMD\"",
    "sh -c 'vite \"'",
    "doppler run vite",
    "env",
    "env $COMMAND",
    "env -i",
    "cross-env A=1",
    "dotenv -e .env",
    "npx",
    "npx --yes",
    "concurrently",
    "concurrently 'npm:nothing:*'",
    "concurrently \"'vite'\"",
    "run-p",
    "run-p missing",
    "run-p 'web -- --port 3000'",
    "docker compose up",
    "make dev",
    "dotenvx run vite",
    "nix develop",
    "nix-shell -p nodejs",
    "sst dev",
    "railway run",
    "firebase emulators:exec",
    "script -q",
    "vercel env run vite",
    "start-server-and-test web",
];

#[test]
fn hidden_programs_are_opaque_and_never_changed() {
    for text in OPAQUE {
        let all = leaves(text);
        assert!(all.iter().all(|leaf| leaf.kind != Kind::Program), "`{text}`: {all:#?}");
        assert!(all.iter().any(|leaf| leaf.kind == Kind::Opaque), "`{text}`: {all:#?}");
        for leaf in all {
            assert!(leaf.rewrite(&super::edit()).is_err(), "`{text}`");
        }
    }
}

#[test]
fn the_role_of_a_command_follows_from_its_place() {
    let rows: &[(&str, &str, LeafRole)] = &[
        ("vite", "vite", LeafRole::Sole),
        ("(vite)", "vite", LeafRole::Sole),
        ("cross-env A=1 vite", "vite", LeafRole::Sole),
        ("sh -c 'vite'", "vite", LeafRole::Sole),
        ("npm run web", "vite", LeafRole::Sole),
        ("concurrently vite", "vite", LeafRole::Sole),
        ("tsc && vite", "vite", LeafRole::Last),
        ("tsc && vite", "tsc", LeafRole::Step),
        ("tsc; vite", "vite", LeafRole::Last),
        ("vite && echo done", "vite", LeafRole::Step),
        ("tsc && sh -c 'a; vite'", "vite", LeafRole::Last),
        ("sh -c 'a; vite'; b", "vite", LeafRole::Step),
        ("vite & wait", "vite", LeafRole::Background),
        ("vite & node api.js", "node", LeafRole::Last),
        ("(a; vite) & wait", "vite", LeafRole::Background),
        ("vite | cat", "vite", LeafRole::Pipe),
        ("(a && vite) | cat", "vite", LeafRole::Pipe),
        ("node x || vite", "vite", LeafRole::Alternative),
        ("vite || node x", "vite", LeafRole::Step),
        ("if true; then vite; fi", "vite", LeafRole::Branch),
        ("concurrently vite 'node x'", "vite", LeafRole::Parallel),
        ("concurrently 'tsc && vite' 'node x'", "vite", LeafRole::Parallel),
        ("run-p web api", "vite", LeafRole::Parallel),
        ("run-s web api", "vite", LeafRole::Step),
        ("run-s web api", "node", LeafRole::Last),
        ("npm-run-all dev:css -p web api", "vite", LeafRole::Parallel),
        ("npm-run-all dev:css -p web api", "tailwindcss", LeafRole::Step),
    ];
    for (text, program, role) in rows {
        assert_eq!(leaf(text, program).role, *role, "{program} in `{text}`");
    }
}

#[test]
fn assignments_and_the_environment_are_those_that_reach_the_leaf() {
    let rows: &[(&str, Option<Option<&str>>)] = &[
        ("vite", None),
        ("PORT=1 vite", Some(Some("1"))),
        ("PORT=1 cross-env PORT=2 vite", Some(Some("2"))),
        ("cross-env PORT=$P vite", Some(None)),
        ("export PORT=1 && vite", Some(Some("1"))),
        ("PORT=1; vite", Some(Some("1"))),
        ("(export PORT=1); vite", None),
        ("export PORT=1 & vite", None),
        ("PORT=1 true; vite", None),
        ("export PORT=1; unset PORT; vite", None),
        ("export PORT=1; (export PORT=2; vite)", Some(Some("2"))),
        ("dotenv -v PORT=1 -- vite", Some(Some("1"))),
        ("env 'PORT=1' vite", Some(Some("1"))),
        ("PORT='1' sh -c 'vite'", Some(Some("1"))),
        ("PORT=1 concurrently 'vite'", Some(Some("1"))),
        ("PORT=1 npm run web", Some(Some("1"))),
        ("npm run assigned; PORT=1 vite", Some(Some("1"))),
    ];
    for (text, expected) in rows {
        let leaf = leaf(text, "vite");
        let last = leaf.scope.assignments.iter().rfind(|assignment| assignment.name == "PORT");
        assert_eq!(last.map(|assignment| assignment.value.as_deref()), *expected, "`{text}`");
    }
    assert!(leaf("env -i vite", "vite").scope.environment.cleared);
    assert!(leaf("sudo vite", "vite").scope.environment.cleared);
    assert_eq!(leaf("env -u PORT vite", "vite").scope.environment.removed, ["PORT"]);
    assert_eq!(leaf("unset PORT; vite", "vite").scope.environment.removed, ["PORT"]);
    assert!(leaf(". ./.env; vite", "vite").scope.environment.files);
    assert!(leaf("export $(cat .env); vite", "vite").scope.environment.files);
    assert!(leaf("env $(cat .env) vite", "vite").scope.environment.files);
    // These wrappers keep variables that are set already, unless an option says otherwise.
    for (text, replaces) in [
        ("vite", false),
        ("dotenv -e .env -- vite", false),
        ("dotenv -o -- vite", true),
        ("dotenv --override -e .env -- vite", true),
        ("dotenvx run -f .env -- vite", false),
        ("dotenvx run --overload -- vite", true),
        ("dotenv-flow -- vite", false),
        ("dotenv run -- vite", true),
        ("env-cmd vite", true),
    ] {
        assert_eq!(leaf(text, "vite").scope.environment.files, replaces, "`{text}`");
    }
}

#[test]
fn leaves_are_compared_with_commands_word_by_word() {
    assert!(leaf("next dev -p 1", "next").is("next"));
    assert!(leaf("next dev -p 1", "next").is("next dev"));
    assert!(leaf("next --turbo dev", "next").is("next dev"));
    assert!(leaf("eleventy --quiet --serve", "eleventy").is("eleventy --serve"));
    assert!(!leaf("next build", "next").is("next dev"));
    assert!(!leaf("next", "next").is("next dev"));
    assert!(!leaf("nextra dev", "nextra").is("next dev"));
    assert!(!leaf("next $SUB", "next").is("next dev"));
    assert!(leaf("vite --host=0", "vite").has_flag(&["--host"]));
    assert!(!leaf("vite -- --host", "vite").has_flag(&["--host"]));
    assert!(!leaf("vite --hosts", "vite").has_flag(&["--host"]));
}

#[test]
fn the_scripts_that_lead_to_a_leaf_are_named() {
    let leaf = leaf("npm run outer", "vite");
    assert_eq!(leaf.scripts(), ["outer", "web"]);
}
