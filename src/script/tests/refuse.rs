use super::{leaves, rewritten};
use crate::script::{Kind, RewriteError};

#[test]
fn uncertain_changes_are_refused_with_the_reason() {
    let rows = [
        ("vite $ARGS", "vite", RewriteError::Dynamic),
        ("vite \"$@\"", "vite", RewriteError::Dynamic),
        ("vite --port 4000 $ARGS", "vite", RewriteError::Dynamic),
        ("vite --mode=x $(cat flags)", "vite", RewriteError::Dynamic),
        ("vite `cat flags`", "vite", RewriteError::Dynamic),
        ("sh -c \"vite $ARGS\"", "vite", RewriteError::Dynamic),
        ("vite --port auto", "vite", RewriteError::Value),
        ("vite --port=auto", "vite", RewriteError::Value),
        ("nest start -p tsconfig.json", "nest", RewriteError::Value),
        ("dotenv -e .env vite --host", "vite", RewriteError::Swallowed),
        ("npm exec vite --host", "vite", RewriteError::Swallowed),
        ("yarn exec vite", "vite", RewriteError::Swallowed),
        ("nodemon --exec vite app.js", "vite", RewriteError::Assembled),
        ("env -S 'A=1' vite", "vite", RewriteError::Opaque),
        ("bun --bun run ported", "vite", RewriteError::Runtime),
        ("run-p ported api", "vite", RewriteError::Listed),
        ("run-p piped api", "vite", RewriteError::Listed),
        ("PORT=4000 concurrently vite 'node x'", "vite", RewriteError::Shared),
        ("export PORT=4000; vite & node api.js", "vite", RewriteError::Shared),
        ("export PORT=4000; vite | tee log", "vite", RewriteError::Shared),
        ("sh -c 'vite --port 40'\"00\"", "vite", RewriteError::Quoting),
    ];
    for (text, program, reason) in rows {
        assert_eq!(rewritten(text, program), Err(reason), "{program} in `{text}`");
    }
}

#[test]
fn builtins_are_known_and_left_alone() {
    for text in ["echo done", "cd app", "export A=1", "wait", "[ -f x ]", "test -f x", ":", "true"] {
        let all = leaves(text);
        assert_eq!(all.len(), 1, "`{text}`");
        assert_eq!(all[0].kind, Kind::Builtin, "`{text}`");
        assert_eq!(all[0].rewrite(&super::edit()), Err(RewriteError::Builtin), "`{text}`");
    }
}

#[test]
fn every_refusal_says_what_to_do() {
    for reason in [
        RewriteError::Opaque,
        RewriteError::Swallowed,
        RewriteError::Assembled,
        RewriteError::Dynamic,
        RewriteError::Value,
        RewriteError::Shared,
        RewriteError::Quoting,
        RewriteError::Listed,
        RewriteError::OtherPackage,
        RewriteError::Runtime,
    ] {
        assert!(!reason.hint().is_empty(), "{reason:?}");
    }
}
