use super::{Package, assert_rewrites, leaf, package, rewritten};
use crate::script::{Method, OtherPackage, PackageManager, RewriteError, Script};

#[test]
fn arguments_are_forwarded_as_each_manager_wants_them() {
    let rows = [
        ("npm run web", "npm run web -- --port 3101"),
        ("npm run web --", "npm run web -- --port 3101"),
        ("npm run web -- --host", "npm run web -- --host --port 3101"),
        ("npm run -s web", "npm run -s web -- --port 3101"),
        ("npm run web && echo x", "npm run web -- --port 3101 && echo x"),
        ("npm run web > log", "npm run web -- --port 3101 > log"),
        ("npm run web>log", "npm run web -- --port 3101 >log"),
        ("pnpm web", "pnpm web --port 3101"),
        ("pnpm run web --host", "pnpm run web --host --port 3101"),
        ("yarn web", "yarn web --port 3101"),
        ("bun run web", "bun run web --port 3101"),
        ("bun run web -- --host", "bun run web --port 3101 -- --host"),
        ("bun --bun run web", "bun --bun run web --port 3101"),
        ("node --run web", "node --run web -- --port 3101"),
        ("exec npm run web", "exec npm run web -- --port 3101"),
        ("cross-env A=1 npm run web", "cross-env A=1 npm run web -- --port 3101"),
        ("dotenv -e .env npm run web", "dotenv -e .env -- npm run web -- --port 3101"),
        ("sh -c 'npm run web'", "sh -c 'npm run web -- --port 3101'"),
        ("concurrently 'npm run web' 'x'", "concurrently 'npm run web -- --port 3101' 'x'"),
        ("concurrently npm:web x", "concurrently 'npm run web -- --port 3101' x"),
        ("concurrently pnpm:web x", "concurrently 'pnpm run web --port 3101' x"),
        ("npm run outer:marked", "npm run outer:marked -- --port 3101"),
        ("npm run outer:pnpm", "npm run outer:pnpm -- --port 3101"),
    ];
    for (text, expected) in rows {
        let rewrite = rewritten(text, "vite").unwrap();
        assert_eq!(rewrite.text, expected, "`{text}`");
        assert_eq!(rewrite.method, Method::Forwarded, "`{text}`");
    }
}

#[test]
fn a_nested_script_replaces_its_call_where_forwarding_is_not_enough() {
    assert_rewrites(&[
        ("npm run ported", "vite", "env npm_lifecycle_event=ported sh -c 'vite --port 3101'"),
        (
            "A=1 npm run ported > log",
            "vite",
            "A=1 env npm_lifecycle_event=ported sh -c 'vite --port 3101' > log",
        ),
        (
            "cross-env A=1 yarn ported",
            "vite",
            "cross-env A=1 env npm_lifecycle_event=ported sh -c 'vite --port 3101'",
        ),
        ("npm run web -- --port 4000", "vite", "env npm_lifecycle_event=web sh -c 'vite --port 3101'"),
        ("npm run web -- --port $P", "vite", "env npm_lifecycle_event=web sh -c 'vite --port 3101'"),
        (
            "npm run assigned",
            "next",
            "env npm_lifecycle_event=assigned sh -c 'PORT=3101 next dev --port 3101'",
        ),
        ("npm run piped", "vite", "env npm_lifecycle_event=piped sh -c 'vite --port 3101 | cat'"),
        ("npm run noted", "vite", "env npm_lifecycle_event=noted sh -c 'vite --port 3101 # the app'"),
        (
            "npm run outer",
            "vite",
            r"env npm_lifecycle_event=outer sh -c 'env npm_lifecycle_event=web sh -c '\''vite --port 3101'\'",
        ),
        (
            "pnpm with-env vite --port 4000",
            "vite",
            "env npm_lifecycle_event=with-env sh -c 'dotenv -e ../../.env -- vite --port 3101'",
        ),
        ("pnpm with-env vite", "vite", "pnpm with-env vite --port 3101"),
        (
            "sh -c 'npm run ported'",
            "vite",
            r"sh -c 'env npm_lifecycle_event=ported sh -c '\''vite --port 3101'\'''",
        ),
        (
            "concurrently npm:ported x",
            "vite",
            r"concurrently 'env npm_lifecycle_event=ported sh -c '\''vite --port 3101'\' x",
        ),
        (
            "dotenv -e .env npm run ported",
            "vite",
            "dotenv -e .env -- env npm_lifecycle_event=ported sh -c 'vite --port 3101'",
        ),
    ]);
}

#[test]
fn lists_of_names_are_written_out() {
    assert_rewrites(&[
        ("run-p web api", "vite", "run-p 'web -- --port 3101' api"),
        ("run-s api web", "vite", "run-s api 'web -- --port 3101'"),
        ("npm-run-all -l -p web api -s piped", "node", "npm-run-all -l -p web 'api -- --port 3101' -s piped"),
        ("run-p dev:*", "vite", "run-p dev:api dev:css 'dev:web -- --port 3101'"),
        ("run-p 'dev:*' -r", "tsx", "run-p 'dev:api -- --port 3101' dev:css dev:web -r"),
        ("A=1 run-p \"dev:*\" && x", "vite", "A=1 run-p dev:api dev:css 'dev:web -- --port 3101' && x"),
        (
            "concurrently npm:dev:*",
            "vite",
            "concurrently npm:dev:api npm:dev:css 'npm:dev:web -- --port 3101'",
        ),
        ("concurrently \"pnpm:dev:w*\" x", "vite", "concurrently 'pnpm:dev:web --port 3101' x"),
        (
            "concurrently 'npm run dev:*'",
            "tsx",
            "concurrently 'npm run dev:api -- --port 3101' 'npm run dev:css' 'npm run dev:web'",
        ),
        (
            "concurrently 'yarn:port*' x",
            "vite",
            r"concurrently 'env npm_lifecycle_event=ported sh -c '\''vite --port 3101'\' x",
        ),
        (
            "npm run both",
            "vite",
            r"env npm_lifecycle_event=both sh -c 'run-p dev:api dev:css '\''dev:web -- --port 3101'\'",
        ),
    ]);
}

fn with_others() -> Package {
    let others = |package: &OtherPackage, name: &str| match (package, name) {
        (OtherPackage::Directory(dir), "dev") if dir == "app" => Some("vite".to_owned()),
        (OtherPackage::Named(package), "dev") if package == "web" => Some("vite --host".to_owned()),
        (OtherPackage::Named(package), "dev") if package == "ported" => Some("vite --port 4000".to_owned()),
        (OtherPackage::Named(package), "dev") if package == "calling" => Some("npm run web".to_owned()),
        (_, _) => None,
    };
    let more = |name: &str| (name == "dev").then(|| "npm run other".to_owned());
    Package { more, others, ..package() }
}

#[test]
fn scripts_of_other_packages_get_arguments_and_nothing_else() {
    let rows = [
        ("npm --prefix app run dev", Ok("npm --prefix app run dev -- --port 3101")),
        ("npm run dev --prefix=app -s", Ok("npm run dev --prefix=app -s -- --port 3101")),
        ("npm -C app run dev -- --open", Ok("npm -C app run dev -- --open --port 3101")),
        ("npm -w web run dev", Ok("npm -w web run dev -- --port 3101")),
        ("npm run dev --workspace=web", Ok("npm run dev --workspace=web -- --port 3101")),
        ("pnpm -C app dev --open", Ok("pnpm -C app dev --open --port 3101")),
        ("pnpm --filter web run dev", Ok("pnpm --filter web run dev --port 3101")),
        ("pnpm -F=web dev", Ok("pnpm -F=web dev --port 3101")),
        ("yarn --cwd app dev", Ok("yarn --cwd app dev --port 3101")),
        ("yarn workspace web run dev", Ok("yarn workspace web run dev --port 3101")),
        ("bun --cwd=app run dev", Ok("bun --cwd=app run dev --port 3101")),
        (
            "concurrently 'npm --prefix app run dev' 'node x'",
            Ok("concurrently 'npm --prefix app run dev -- --port 3101' 'node x'"),
        ),
        ("cd app && npm run dev", Ok("cd app && npm run dev -- --port 3101")),
        ("(cd app; pnpm dev) & node x", Ok("(cd app; pnpm dev --port 3101) & node x")),
        ("cd app && cd .. && npm run dev", Err(RewriteError::Opaque)),
        ("cd $DIR && npm run dev", Err(RewriteError::Opaque)),
        ("npm -w ported run dev", Err(RewriteError::OtherPackage)),
        ("pnpm -F web dev -- --open", Err(RewriteError::Opaque)),
        ("pnpm -F web -F app dev", Err(RewriteError::Opaque)),
        ("pnpm -F 'web*' dev", Err(RewriteError::Opaque)),
        ("npm -w calling run dev", Err(RewriteError::Opaque)),
        ("cd x && npm --prefix app run dev", Err(RewriteError::Opaque)),
    ];
    for (text, expected) in rows {
        let leaves = Script::parse(text).unwrap().leaves(&with_others());
        let leaf = leaves.iter().find(|leaf| leaf.program == "vite").or(leaves.last()).unwrap();
        let rewritten = leaf.rewrite(&super::edit()).map(|rewrite| rewrite.text);
        assert_eq!(rewritten.as_deref(), expected.as_ref().map(|text| *text), "`{text}`");
    }
}

#[test]
fn lists_of_names_are_run_by_the_projects_manager() {
    let pnpm = Package { manager: PackageManager::Pnpm, ..package() };
    let leaves = Script::parse("run-p web api").unwrap().leaves(&pnpm);
    assert_eq!(leaves[0].rewrite(&super::edit()).unwrap().text, "run-p 'web --port 3101' api");
}

#[test]
fn hooks_run_around_an_inlined_script_where_its_manager_runs_them() {
    let with = rewritten("npm run hooked", "next").unwrap();
    let expected = "env npm_lifecycle_event=prehooked sh -c 'echo '\\''before it'\\' && \
                    env npm_lifecycle_event=hooked sh -c 'next dev -p 3101' && \
                    env npm_lifecycle_event=posthooked sh -c 'echo after'";
    assert_eq!(with.text, format!("sh -c {}", crate::script::quote(expected)));
    let no_hooks = Package { npm_runs_hooks: false, ..package() };
    let leaves = Script::parse("npm run hooked").unwrap().leaves(&no_hooks);
    let without = leaves[0].rewrite(&super::edit()).unwrap();
    assert_eq!(without.text, "env npm_lifecycle_event=hooked sh -c 'next dev -p 3101'");
    let node = rewritten("node --run hooked", "next").unwrap();
    assert_eq!(node.text, "env npm_lifecycle_event=hooked sh -c 'next dev -p 3101'");
}

#[test]
fn a_value_that_only_the_caller_knows_is_never_written_into_a_script() {
    let refused = rewritten("npm run ported -- --mode $MODE", "vite");
    assert_eq!(refused, Err(RewriteError::Dynamic));
    assert_eq!(
        rewritten("npm run web -- --mode $MODE", "vite").unwrap().text,
        "npm run web -- --mode $MODE --port 3101"
    );
}

#[test]
fn scripts_that_call_each_other_do_not_recurse_for_ever() {
    for text in ["npm run loop", "npm run loop && npm run pool", "run-p loop pool"] {
        assert!(super::leaves(text).len() <= 4, "`{text}`");
    }
    let bomb = |name: &str| {
        let depth: usize = name.strip_prefix('s')?.parse().ok()?;
        Some(format!("npm run s{0} && npm run s{0}", depth + 1))
    };
    let leaves = Script::parse("npm run s0").unwrap().leaves(&Package { more: bomb, ..package() });
    assert!(leaves.len() <= 128, "{}", leaves.len());
}

#[test]
fn pasted_arguments_are_part_of_the_innermost_text() {
    for (text, innermost) in [
        ("npm run web -- --open 'a b'", "vite --open 'a b'"),
        ("npm run web x", "vite x"),
        ("pnpm web -- x", "vite -- x"),
        ("bun web -- x", "vite x"),
        ("node --run web x", "vite"),
    ] {
        assert_eq!(leaf(text, "vite").scope.frames.last().unwrap().text, innermost, "`{text}`");
    }
}
