use super::{leaves, rewritten};
use crate::script::{Kind, Unsafe};

#[test]
fn what_is_not_certain_is_refused_with_the_reason() {
    let rows = [
        ("vite $ARGS", "vite", Unsafe::Dynamic),
        ("vite \"$@\"", "vite", Unsafe::Dynamic),
        ("vite --port 4000 $ARGS", "vite", Unsafe::Dynamic),
        ("vite --mode=x $(cat flags)", "vite", Unsafe::Dynamic),
        ("vite `cat flags`", "vite", Unsafe::Dynamic),
        ("sh -c \"vite $ARGS\"", "vite", Unsafe::Dynamic),
        ("vite --port auto", "vite", Unsafe::Value),
        ("vite --port=auto", "vite", Unsafe::Value),
        ("nest start -p tsconfig.json", "nest", Unsafe::Value),
        ("dotenv -e .env vite --host", "vite", Unsafe::Swallowed),
        ("npm exec vite --host", "vite", Unsafe::Swallowed),
        ("yarn exec vite", "vite", Unsafe::Swallowed),
        ("nodemon --exec vite app.js", "vite", Unsafe::Assembled),
        ("env -S 'A=1' vite", "vite", Unsafe::Opaque),
        ("bun --bun run ported", "vite", Unsafe::Runtime),
        ("run-p ported api", "vite", Unsafe::Listed),
        ("run-p piped api", "vite", Unsafe::Listed),
        ("PORT=4000 concurrently vite 'node x'", "vite", Unsafe::Shared),
        ("export PORT=4000; vite & node api.js", "vite", Unsafe::Shared),
        ("export PORT=4000; vite | tee log", "vite", Unsafe::Shared),
        ("sh -c 'vite --port 40'\"00\"", "vite", Unsafe::Quoting),
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
        assert_eq!(all[0].rewrite(&super::EDIT), Err(Unsafe::Builtin), "`{text}`");
    }
}

#[test]
fn every_refusal_says_what_to_do() {
    for reason in [
        Unsafe::Opaque,
        Unsafe::Swallowed,
        Unsafe::Assembled,
        Unsafe::Dynamic,
        Unsafe::Value,
        Unsafe::Shared,
        Unsafe::Quoting,
        Unsafe::Listed,
        Unsafe::Elsewhere,
        Unsafe::Runtime,
    ] {
        assert!(reason.hint().is_some_and(|hint| !hint.is_empty()), "{reason:?}");
    }
}
