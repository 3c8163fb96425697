//! Scripts that run other packages: their binaries, and their scripts.

use bowline::launch::Delivery;

use crate::support::launch::{Tree, Wish, caller, manifest, planned};

#[test]
fn packages_are_known_by_their_binaries() {
    for (script, command) in [
        ("npx @angular/cli@22 serve", "npx @angular/cli@22 serve --port 3111"),
        ("pnpm dlx @angular/cli serve", "pnpm dlx @angular/cli serve --port 3111"),
        ("deno run -A npm:@angular/cli serve", "deno run -A npm:@angular/cli serve --port 3111"),
        ("deno run -A npm:vite@8 --port 4000", "deno run -A npm:vite@8 --port 3111 --strictPort"),
    ] {
        let tree = Tree::new(&[("package.json", &manifest(script, &["@angular/cli", "vite"]))]);
        tree.write(
            "node_modules/@angular/cli/package.json",
            r#"{"version":"22.0.0","bin":{"ng":"./ng.js"}}"#,
        );
        let spec = planned(&tree.project(""), &caller(&tree.dir, &[]), &Wish::default());
        assert_eq!((&*spec.command, spec.delivery), (command, Delivery::Flag), "{script}");
    }
}

#[test]
fn scripts_of_other_packages_are_read() {
    for (script, command) in [
        ("npm --prefix web run dev", "npm --prefix web run dev -- --port 3111 --strictPort"),
        ("cd web && npm run dev", "cd web && npm run dev -- --port 3111 --strictPort"),
        // The calling package has no script of that name.
        ("cd web && npm start", "cd web && npm start -- --port 3111 --strictPort"),
        ("cd web && npm run start", "cd web && npm run start -- --port 3111 --strictPort"),
        ("cd ./web; yarn start", "cd ./web; yarn start --port 3111 --strictPort"),
        ("cd web && pnpm start", "cd web && pnpm start --port 3111 --strictPort"),
        ("cd web && bun run start", "cd web && bun run start --port 3111 --strictPort"),
        ("(cd web && node --run start)", "(cd web && node --run start -- --port 3111 --strictPort)"),
        ("cd none && npm start", "cd none && npm start"),
        ("npm -w @acme/web run dev", "npm -w @acme/web run dev -- --port 3111 --strictPort"),
        ("npm --prefix none run dev", "npm --prefix none run dev"),
        ("npm -w none run dev", "npm -w none run dev"),
    ] {
        let root = format!(r#"{{"workspaces":["web"],"scripts":{{"dev":"{script}"}}}}"#);
        let member = r#"{"name":"@acme/web","scripts":{"dev":"vite","start":"vite"}}"#;
        let tree = Tree::new(&[("package.json", &root), ("web/package.json", member)]);
        let spec = planned(&tree.project(""), &caller(&tree.dir, &[]), &Wish::default());
        assert_eq!(spec.command, command);
    }
}
