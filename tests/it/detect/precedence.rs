//! Which framework wins, over the combinations that real projects have.

use bowline::detect::catalog::CatalogText;

use super::{Sample, embedded};

/// Script, packages, files, key.
type Row = (&'static str, &'static [&'static str], &'static [&'static str], &'static str);

fn check(rows: &[Row]) {
    for (script, packages, files, key) in rows {
        let sample = Sample::script(script).packages(packages).files(files);
        assert_eq!(sample.key(), *key, "{script:?} {packages:?} {files:?}");
    }
}

#[test]
fn word_of_the_script_decides_first() {
    check(&[
        ("next dev", &["vite", "astro", "@remix-run/dev"], &["vite.config.ts", "astro.config.mjs"], "next"),
        ("next dev --turbopack", &["next"], &[], "next"),
        ("next", &[], &[], "next"),
        ("./node_modules/.bin/next dev", &[], &[], "next"),
        ("npx next@15 dev", &[], &[], "next"),
        ("vite", &["next", "storybook", "wrangler", "vitest"], &["next.config.js"], "vite"),
        ("vite dev --port 3000", &[], &[], "vite"),
        ("vite --host 0.0.0.0", &[], &[], "vite"),
        ("astro dev", &["vite", "next"], &[], "astro"),
        ("storybook dev -p 6006", &["next", "vite"], &["vite.config.ts"], "storybook"),
        ("start-storybook -p 6006", &["react-scripts"], &[], "storybook"),
        ("wrangler dev", &["vite", "hono"], &["vite.config.ts"], "wrangler"),
        ("wrangler pages dev ./dist", &[], &[], "wrangler"),
        ("ng serve", &["@analogjs/content"], &[], "angular"),
        ("nest start --watch", &["@nestjs/core", "vite"], &[], "nest"),
        ("node ace serve --hmr", &["vite"], &["vite.config.ts"], "adonis"),
        ("deno serve main.ts", &[], &[], "deno"),
        ("keystone dev", &["@keystone-6/core", "next"], &[], "keystone"),
        ("next dev", &["@keystone-6/core", "next"], &[], "next"),
        ("blitz dev", &["blitz", "next"], &[], "blitz"),
        ("fastify start app.js", &["fastify", "vite"], &[], "fastify"),
        ("vitepress dev docs", &["vite", "vue"], &["vite.config.ts"], "vitepress"),
        ("vite", &["vitepress", "vite", "vue"], &["vite.config.ts", ".vitepress"], "vite"),
        ("electron-vite dev", &["vite", "electron"], &[], "electron-vite"),
        ("react-scripts start", &["react-scripts", "@storybook/react"], &[".storybook"], "cra"),
        ("craco start", &["@craco/craco", "react-scripts"], &["craco.config.js"], "cra"),
        ("remix dev", &["@remix-run/dev"], &["remix.config.js"], "remix"),
        ("remix vite:dev", &["@remix-run/dev", "vite"], &["vite.config.ts"], "remix"),
        ("solid-start dev", &["solid-start", "vite"], &[], "solid-start"),
        ("vinxi dev", &["vinxi"], &[], "vinxi"),
    ]);
}

#[test]
fn other_commands_of_a_tool_are_not_its_server() {
    check(&[
        ("vite build --watch", &[], &[], "vite-build"),
        ("next build", &[], &[], "default"),
        ("webpack --watch", &["webpack"], &[], "webpack-watch"),
        ("parcel watch src/index.html", &[], &[], "parcel-watch"),
        ("astro", &[], &[], "default"),
        ("tsc -b & vite build --watch & node server.js", &[], &[], "node"),
        ("rsbuild build -w", &[], &[], "rsbuild-watch"),
    ]);
}

#[test]
fn meta_framework_wins_over_the_tool_it_is_built_on() {
    check(&[
        (
            "vite dev",
            &["@sveltejs/kit", "svelte", "vite"],
            &["svelte.config.js", "vite.config.ts"],
            "sveltekit",
        ),
        ("vite", &["svelte", "@sveltejs/vite-plugin-svelte", "vite"], &["svelte.config.js"], "vite"),
        ("vite dev", &["@tanstack/react-start", "@tanstack/react-router", "vite", "nitro"], &[], "tanstack"),
        ("vite dev", &["@tanstack/solid-start", "vite"], &[], "tanstack"),
        ("vite dev", &["@tanstack/react-router", "vite"], &[], "vite"),
        ("vinxi dev", &["@tanstack/start", "vinxi"], &["app.config.ts"], "tanstack"),
        ("vinxi dev", &["@solidjs/start", "vinxi"], &["app.config.ts"], "solid-start"),
        ("vite dev", &["@solidjs/start", "vite"], &[], "solid-start"),
        ("vite --mode ssr", &["@builder.io/qwik", "@builder.io/qwik-city", "vite"], &[], "qwik"),
        ("vite", &["vike", "vite", "react"], &[], "vike"),
        ("vite", &["@react-router/dev", "vite"], &[], "react-router"),
        ("vite", &["react-router", "vite"], &[], "vite"),
        ("vite", &["@analogjs/platform", "vite"], &[], "analog"),
        ("ng serve", &["@analogjs/platform", "@angular/cli", "vite"], &["angular.json"], "analog"),
        (
            "vite",
            &["ember-cli", "@embroider/vite", "vite"],
            &["vite.config.mjs", "ember-cli-build.js"],
            "ember",
        ),
        ("vite dev", &["rwsdk", "vite", "wrangler"], &["wrangler.jsonc"], "rwsdk"),
        ("vite", &["astro", "vite"], &[], "astro"),
        ("vite", &["nuxt", "vite"], &["nuxt.config.ts"], "nuxt"),
        ("vite", &["@remix-run/dev", "vite"], &[], "remix"),
        ("next dev", &["payload", "next", "@payloadcms/next"], &["next.config.mjs"], "payload"),
        ("react-router dev", &["@shopify/hydrogen", "@react-router/dev", "vite"], &[], "hydrogen"),
        ("vite", &["@builder.io/qwik", "astro", "vite"], &["astro.config.mjs"], "astro"),
    ]);
}

#[test]
fn every_template_of_create_vite_is_vite() {
    let plugins: &[&[&str]] = &[
        &[],
        &["vue", "@vitejs/plugin-vue"],
        &["react", "@vitejs/plugin-react"],
        &["react", "@vitejs/plugin-react-swc"],
        &["preact", "@preact/preset-vite"],
        &["lit"],
        &["svelte", "@sveltejs/vite-plugin-svelte"],
        &["solid-js", "vite-plugin-solid"],
    ];
    for packages in plugins {
        for files in [&["vite.config.ts", "index.html"][..], &["vite.config.js", "svelte.config.js"], &[]] {
            let sample = Sample::script("vite").packages(packages).packages(&["vite ^8.0.0"]).files(files);
            assert_eq!(sample.key(), "vite", "{packages:?} {files:?}");
        }
    }
    // Its template for Qwik without the meta-framework runs the same server.
    let qwik = Sample::script("vite").packages(&["@builder.io/qwik", "vite"]);
    assert_eq!(qwik.key(), "qwik");
}

#[test]
fn files_count_before_dependencies() {
    check(&[
        ("", &[], &["next.config.ts"], "next"),
        ("", &[], &["nuxt.config.js"], "nuxt"),
        ("", &[], &["astro.config.mts"], "astro"),
        ("", &[], &["angular.json"], "angular"),
        ("", &[], &["vite.config.mts"], "vite"),
        ("", &["gatsby"], &["astro.config.mjs"], "astro"),
        ("", &["@tanstack/react-start"], &["vite.config.ts"], "tanstack"),
        ("", &["@sveltejs/kit"], &["vite.config.ts", "svelte.config.js"], "sveltekit"),
        ("", &["next"], &["vite.config.ts"], "next"),
        ("", &["payload", "next"], &["next.config.mjs"], "payload"),
        ("", &["storybook"], &["vite.config.ts", ".storybook"], "vite"),
        ("", &[], &["app.json", "tsconfig.json", "README.md"], "default"),
        ("", &[], &["myvite.config.ts", "vite.configuration"], "default"),
    ]);
}

#[test]
fn dependencies_count_where_the_script_says_nothing() {
    check(&[
        ("turbo run dev", &["next", "react"], &[], "next"),
        ("nx serve web", &["@angular/cli", "nx"], &["nx.json"], "angular"),
        (
            "ionic serve",
            &["@ionic/angular", "@angular/cli"],
            &["angular.json", "ionic.config.json"],
            "angular",
        ),
        ("ionic serve", &["@ionic/react", "vite"], &["ionic.config.json", "vite.config.ts"], "vite"),
        ("tauri dev", &["vite", "@tauri-apps/cli"], &["vite.config.ts"], "vite"),
        ("cap run ios", &["@capacitor/core", "vite"], &[], "vite"),
        ("make", &["expo", "react-native", "react-dom"], &["app.json", "metro.config.js"], "expo"),
        ("make", &["react-native"], &["metro.config.js"], "react-native"),
        ("make", &["@modern-js/app-tools", "@rsbuild/core"], &[], "modern"),
        ("make", &["@rsbuild/core", "@rspack/cli"], &[], "rsbuild"),
        ("make", &["vite", "storybook", "wrangler"], &["wrangler.toml"], "vite"),
        ("make", &["wrangler"], &[], "wrangler"),
        ("make", &["storybook"], &[], "storybook"),
        ("make", &["express", "react"], &[], "default"),
        ("make", &["@keystone-6/core", "next"], &[], "keystone"),
        ("make", &["blitz", "next"], &[], "blitz"),
        ("make", &["sanity", "next", "next-sanity"], &["sanity.config.ts"], "next"),
        ("make", &["fumadocs-core", "fumadocs-ui", "next"], &[], "next"),
        ("make", &["nextra", "next"], &[], "next"),
        ("make", &["@trpc/server", "next", "prisma", "next-auth"], &[], "next"),
        ("make", &["@astrojs/starlight", "astro", "sharp"], &[], "astro"),
        ("make", &["nitropack", "nuxt"], &[], "nuxt"),
        ("make", &["remix", "vite"], &[], "vite"),
    ]);
}

#[test]
fn runtime_is_node_where_nothing_else_is_known() {
    check(&[
        ("node server.js", &["express"], &[], "node"),
        ("node --watch src/index.js", &[], &[], "node"),
        ("nodemon app.js", &["koa"], &[], "node"),
        ("tsx watch src/index.ts", &["hono", "@hono/node-server"], &[], "node"),
        (
            "tsx watch src/index.ts",
            &["storybook", "wrangler", "hono"],
            &[".storybook", "wrangler.toml"],
            "node",
        ),
        ("ts-node-dev src/main.ts", &[], &[], "node"),
        ("bun run server.ts", &[], &[], "node"),
        ("deno run -A main.ts", &[], &[], "node"),
        ("bun run --hot src/index.ts", &["hono", "@types/bun"], &[], "bun"),
        ("bun --watch src/index.ts", &["elysia", "bun-types"], &[], "bun"),
        ("bun server.ts", &[], &["bunfig.toml"], "bun"),
        ("tsx watch src/index.ts", &["@types/bun"], &[], "node"),
        ("node server.js", &["next"], &["next.config.js"], "next"),
        ("node server.js", &["vite", "express"], &["vite.config.js"], "vite"),
        ("make serve", &[], &[], "default"),
        ("", &[], &[], "default"),
    ]);
}

#[test]
fn app_counts_before_what_runs_beside_it() {
    check(&[
        ("concurrently \"node server.js\" \"vite\"", &["vite", "express"], &[], "vite"),
        ("concurrently \"storybook dev -p 6006\" \"next dev\"", &["next", "storybook"], &[], "next"),
        ("wrangler dev & vite dev", &["vite", "wrangler"], &[], "vite"),
        ("convex dev & next dev", &["convex", "next"], &[], "next"),
        ("convex dev", &["convex", "next"], &["next.config.js"], "cloud"),
        ("email dev --port 3003", &["next", "react-email"], &["next.config.js"], "react-email"),
        ("make", &["prisma", "react-email", "vercel"], &[], "default"),
        ("tsc", &["vite"], &["vite.config.ts"], "tsc-once"),
        ("tsc -w", &[], &[], "tsc"),
        ("tsc && node dist/server.js", &[], &[], "node"),
        ("tsc & make", &[], &[], "default"),
        ("tsc -w & node dist/server.js", &[], &[], "node"),
        ("tailwindcss -w & eleventy --serve", &[], &[], "eleventy"),
        ("next dev & astro dev", &[], &[], "next"),
        ("astro dev & next dev", &[], &[], "astro"),
    ]);
}

/// The command that is told the port, and whose flags it takes.
#[test]
fn tool_is_the_one_in_the_script() {
    type Tool = Option<(&'static str, usize, bool)>;
    let catalog = embedded();
    let rows: &[(&str, &[&str], Tool)] = &[
        ("vite dev", &["@sveltejs/kit"], Some(("vite", 0, true))),
        ("tsc && vite", &[], Some(("vite", 1, true))),
        ("node server.js & vite", &[], Some(("vite", 1, true))),
        ("next dev", &["payload"], Some(("next", 0, true))),
        ("vinxi dev", &["@tanstack/start"], Some(("vinxi", 0, true))),
        ("node server.js", &["next"], Some(("node", 0, true))),
        ("remix dev", &["@remix-run/dev"], Some(("remix", 0, false))),
        ("remix vite:dev", &["@remix-run/dev"], Some(("remix", 0, true))),
        ("make", &["next"], None),
    ];
    for (script, packages, expected) in rows {
        let detection = Sample::script(script).packages(packages).detect(&catalog);
        let tool = detection.tool.map(|tool| (&*tool.framework.key, tool.command, tool.takes_flags));
        assert_eq!(tool, *expected, "{script}");
    }
}

#[test]
fn evidence_is_said_in_sentences() {
    let catalog = embedded();
    let sample = Sample::script("vite dev --port 3000").packages(&["@sveltejs/kit ^2.63.0", "vite ^8"]);
    assert_eq!(
        sample.detect(&catalog).evidence,
        ["the dev script runs `vite dev`", "dependency @sveltejs/kit ^2.63.0"]
    );
    let sample = Sample::script("next dev").packages(&["next 16.4.6"]).files(&["next.config.ts"]);
    assert_eq!(
        sample.detect(&catalog).evidence,
        ["the dev script runs `next dev`", "next.config.ts", "dependency next 16.4.6"]
    );
    let sample = Sample::script("make");
    assert_eq!(
        sample.detect(&catalog).evidence,
        ["no known framework in the script, the files or the dependencies"]
    );
}

/// No two entries win over each other, so that the order of the catalog decides only between equals.
#[test]
fn nobody_wins_in_a_circle() {
    let catalog = embedded();
    let below = |key: &str| {
        let rules = &catalog.get(key).expect("a key of the catalog");
        rules.built_on.iter().chain(rules.beats.iter()).map(|key| &**key).collect::<Vec<_>>()
    };
    for framework in catalog.frameworks() {
        let mut open = below(&framework.key);
        let mut seen = Vec::new();
        while let Some(key) = open.pop() {
            assert_ne!(key, framework.key, "{} wins over itself by {seen:?}", framework.key);
            if !seen.contains(&key) {
                seen.push(key);
                open.extend(below(key));
            }
        }
    }
}

/// Every precedence that the catalog declares holds: by packages alone for both columns, and against the word
/// of the script for what a framework is built on.
#[test]
fn declared_winners_win() {
    let catalog = embedded();
    for framework in catalog.frameworks() {
        let Some(package) = framework.dependencies.first() else { continue };
        let needs = framework.needs.first().map(|need| &**need);
        let mine = [&[&**package][..], needs.as_slice()].concat();
        let below = |key: &CatalogText| catalog.get(key).expect("a key of the catalog");
        for base in framework.built_on.iter().chain(framework.beats.iter()).map(below) {
            let theirs: Vec<&str> = base.dependencies.iter().map(|name| &**name).collect();
            let sample = Sample::script("make").packages(&mine).packages(&theirs);
            assert_eq!(
                sample.detect(&catalog).framework.key,
                framework.key,
                "over the packages of {}",
                base.key
            );
        }
        for base in framework.built_on.iter().map(below) {
            for word in base.commands.iter() {
                let sample = Sample::script(word).packages(&mine);
                assert_eq!(sample.detect(&catalog).framework.key, framework.key, "over the word {word}");
            }
        }
    }
}
