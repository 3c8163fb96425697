use super::{assert_rewrites, edit, leaf, leaves};
use crate::script::Edit;

#[test]
fn a_port_in_the_script_is_replaced() {
    assert_rewrites(&[
        ("next dev -p 4000", "next", "next dev -p 3101"),
        ("next dev -p4000", "next", "next dev -p3101"),
        ("next dev -p=4000", "next", "next dev -p=3101"),
        ("next dev --port 4000", "next", "next dev --port 3101"),
        ("next dev --port=4000", "next", "next dev --port=3101"),
        ("next dev --port  4000  --turbo", "next", "next dev --port  3101  --turbo"),
        ("next dev --port '4000'", "next", "next dev --port 3101"),
        ("next dev \"--port=4000\"", "next", "next dev --port=3101"),
        ("next dev --port=\"4000\"", "next", "next dev --port=3101"),
        ("next dev '--port' 4000", "next", "next dev '--port' 3101"),
        ("next dev -p $PORT", "next", "next dev -p 3101"),
        ("next dev -p ${PORT:-3000}", "next", "next dev -p 3101"),
        ("next dev -p \"${PORT:-3000}\"", "next", "next dev -p 3101"),
        ("next dev -p${PORT:-3000}", "next", "next dev -p3101"),
        ("next dev -p=$PORT", "next", "next dev -p=3101"),
        ("next dev --port=$PORT --turbo", "next", "next dev --port=3101 --turbo"),
        ("next dev --port=\"$PORT\"", "next", "next dev --port=3101"),
        ("next dev --port $((3000 + 1))", "next", "next dev --port 3101"),
        ("next dev --port $(cat .port)", "next", "next dev --port 3101"),
        ("next dev --port `cat .port`", "next", "next dev --port 3101"),
        ("next dev -p 1 --port 2 -p3", "next", "next dev -p 3101 --port 3101 -p3101"),
        ("next dev -p 4000 -p $PORT", "next", "next dev -p 3101 -p 3101"),
        ("next dev --port", "next", "next dev --port 3101"),
        ("next dev --port --turbo", "next", "next dev --port 3101 --turbo"),
        ("next dev --port 0", "next", "next dev --port 3101"),
        ("serve -sp 4000", "serve", "serve -sp 3101"),
        ("vite --port 4000>log", "vite", "vite --port 3101 4000>log"),
        ("vite --port '4000'>log", "vite", "vite --port 3101 >log"),
        ("vite --port $PORT>log", "vite", "vite --port 3101 >log"),
        ("vite --port=$PORT>log", "vite", "vite --port=3101 >log"),
        ("vite --port 4000 # mine", "vite", "vite --port 3101 # mine"),
        ("vite --port \\\n 4000", "vite", "vite --port \\\n 3101"),
    ]);
}

#[test]
fn a_shell_script_that_runs_its_arguments_is_a_wrapper() {
    assert_rewrites(&[
        ("./env.sh vite", "vite", "./env.sh vite --port 3101"),
        ("A=1 sh ./env.sh next dev -p 3000", "next", "A=1 sh ./env.sh next dev -p 3101"),
        ("bash -e ./env.sh npm run web", "vite", "bash -e ./env.sh npm run web -- --port 3101"),
    ]);
    for (text, program) in
        [("./env.sh", "env.sh"), ("./env.sh -q vite", "env.sh"), ("./run.sh vite", "run.sh")]
    {
        leaf(text, program);
    }
    for text in ["sh ./run.sh vite", "cd web && ./env.sh vite"] {
        assert!(leaves(text).iter().all(|leaf| leaf.program != "vite"), "{text}");
    }
}

#[test]
fn a_port_is_added_after_the_commands_own_arguments() {
    assert_rewrites(&[
        ("vite", "vite", "vite --port 3101"),
        (" vite ", "vite", " vite --port 3101 "),
        ("vite dev --host", "vite", "vite dev --host --port 3101"),
        ("vite\n", "vite", "vite --port 3101\n"),
        ("vite && echo done", "vite", "vite --port 3101 && echo done"),
        ("vite&&echo done", "vite", "vite --port 3101&&echo done"),
        ("vite; echo done", "vite", "vite --port 3101; echo done"),
        ("vite;echo done", "vite", "vite --port 3101;echo done"),
        ("vite & node api.js", "vite", "vite --port 3101 & node api.js"),
        ("vite& node api.js", "vite", "vite --port 3101& node api.js"),
        ("vite & node api.js", "node", "vite & node api.js --port 3101"),
        ("vite | cat", "vite", "vite --port 3101 | cat"),
        ("vite || echo failed", "vite", "vite --port 3101 || echo failed"),
        ("vite # note", "vite", "vite --port 3101 # note"),
        ("vite > log 2>&1", "vite", "vite --port 3101 > log 2>&1"),
        ("vite>log", "vite", "vite --port 3101 >log"),
        ("vite 2>&1 | tee log", "vite", "vite --port 3101 2>&1 | tee log"),
        ("vite > log --host", "vite", "vite > log --host --port 3101"),
        ("> log vite", "vite", "> log vite --port 3101"),
        ("vite -- extra", "vite", "vite --port 3101 -- extra"),
        ("vite --host -- --port 4000", "vite", "vite --host --port 3101 -- --port 4000"),
        ("(vite)", "vite", "(vite --port 3101)"),
        ("{ vite; }", "vite", "{ vite --port 3101; }"),
        ("if true; then vite; fi", "vite", "if true; then vite --port 3101; fi"),
        ("case a in a) vite;; esac", "vite", "case a in a) vite --port 3101;; esac"),
        ("a && (b; vite) && c", "vite", "a && (b; vite --port 3101) && c"),
        ("cat <<E | vite\nvite\nE\n", "vite", "cat <<E | vite --port 3101\nvite\nE\n"),
        ("vite <<E\nvite\nE\n", "vite", "vite --port 3101 <<E\nvite\nE\n"),
        ("vite --mode $MODE", "vite", "vite --mode $MODE --port 3101"),
        ("vite --config=$C \"$ROOT\"", "vite", "vite --config=$C \"$ROOT\" --port 3101"),
        ("parcel src/*.html", "parcel", "parcel src/*.html --port 3101"),
        ("vite 'été' && ls", "vite", "vite 'été' --port 3101 && ls"),
        ("vitepress dev docs", "vitepress", "vitepress dev docs --port 3101"),
        ("time vite", "vite", "time vite --port 3101"),
        ("npx vite", "vite", "npx vite --port 3101"),
        ("npx vite@7 --host", "vite", "npx vite@7 --host --port 3101"),
        ("npm exec -- vite", "vite", "npm exec -- vite --port 3101"),
        ("npm exec vite", "vite", "npm exec -- vite --port 3101"),
        ("pnpm exec vite", "vite", "pnpm exec vite --port 3101"),
        ("yarn vite", "vite", "yarn vite --port 3101"),
        ("bun --bun vite", "vite", "bun --bun vite --port 3101"),
        ("node node_modules/vite/bin/vite.js", "vite", "node node_modules/vite/bin/vite.js --port 3101"),
        ("cross-env A=1 next dev", "next", "cross-env A=1 next dev --port 3101"),
        ("dotenv -- vite", "vite", "dotenv -- vite --port 3101"),
        ("dotenv -e .env vite", "vite", "dotenv -e .env -- vite --port 3101"),
        ("dotenv -e .env cross-env A=1 vite", "vite", "dotenv -e .env -- cross-env A=1 vite --port 3101"),
        ("op run -- vite", "vite", "op run -- vite --port 3101"),
        ("bowline exec -- next dev", "next", "bowline exec -- next dev --port 3101"),
    ]);
}

#[test]
fn assignments_get_the_port_too() {
    assert_rewrites(&[
        ("PORT=4000 vite", "vite", "PORT=3101 vite --port 3101"),
        ("PORT='4000' vite", "vite", "PORT=3101 vite --port 3101"),
        ("PORT=${PORT:-4000} vite", "vite", "PORT=3101 vite --port 3101"),
        ("PORT= vite", "vite", "PORT=3101 vite --port 3101"),
        ("APORT=1 PORT=4000 vite", "vite", "APORT=1 PORT=3101 vite --port 3101"),
        ("VITE_PORT=1 PORT=4000 vite", "vite", "VITE_PORT=3101 PORT=3101 vite --port 3101"),
        ("cross-env PORT=4000 vite", "vite", "cross-env PORT=3101 vite --port 3101"),
        ("cross-env \"PORT=4000\" vite", "vite", "cross-env PORT=3101 vite --port 3101"),
        ("env -u A PORT=4000 vite", "vite", "env -u A PORT=3101 vite --port 3101"),
        ("export PORT=4000 && vite", "vite", "export PORT=3101 && vite --port 3101"),
        ("export A=1 PORT=4000; tsc && vite", "vite", "export A=1 PORT=3101; tsc && vite --port 3101"),
        ("PORT=4000; vite", "vite", "PORT=3101; vite --port 3101"),
        ("PORT=4000 sh -c 'vite'", "vite", "PORT=3101 sh -c 'vite --port 3101'"),
        ("sh -c 'PORT=4000 vite'", "vite", "sh -c 'PORT=3101 vite --port 3101'"),
        ("PORT=4000 npm run web", "vite", "PORT=3101 npm run web -- --port 3101"),
        ("PORT=4000 node api.js & vite", "vite", "PORT=4000 node api.js & vite --port 3101"),
        ("PORT=1 vite & PORT=2 node api.js", "vite", "PORT=3101 vite --port 3101 & PORT=2 node api.js"),
        ("dotenv -v PORT=4000 -- vite", "vite", "dotenv -v PORT=3101 -- vite --port 3101"),
    ]);
}

#[test]
fn quoted_commands_are_edited_within_their_quotes() {
    assert_rewrites(&[
        ("sh -c 'vite'", "vite", "sh -c 'vite --port 3101'"),
        ("sh -c \"vite\"", "vite", "sh -c \"vite --port 3101\""),
        ("sh -c vite", "vite", "sh -c vite\\ --port\\ 3101"),
        ("sh -c vite\\ dev", "vite", "sh -c vite\\ dev\\ --port\\ 3101"),
        ("sh -c 'vite --port 4000 | cat' x", "vite", "sh -c 'vite --port 3101 | cat' x"),
        ("sh -c \"vite --port $PORT\"", "vite", "sh -c \"vite --port 3101\""),
        ("sh -c \"vite --port \\$PORT\"", "vite", "sh -c \"vite --port 3101\""),
        ("sh -c 'vite --port $PORT'", "vite", "sh -c 'vite --port 3101'"),
        ("sh -c \"vite --port \\\"$PORT\\\" # x\"", "vite", "sh -c \"vite --port 3101 # x\""),
        ("sh -c \"sh -c 'vite'\"", "vite", "sh -c \"sh -c 'vite --port 3101'\""),
        ("sh -c 'sh -c \"vite -p $PORT\"'", "vite", "sh -c 'sh -c \"vite -p 3101\"'"),
        ("sh -c 'echo '\\''x'\\'' && vite'", "vite", "sh -c 'echo '\\''x'\\'' && vite --port 3101'"),
        (
            "concurrently \"vite\" \"node api.js\"",
            "vite",
            "concurrently \"vite --port 3101\" \"node api.js\"",
        ),
        ("concurrently -k 'vite -p 4000' 'node x'", "vite", "concurrently -k 'vite -p 3101' 'node x'"),
        (
            "concurrently \"PORT=4000 vite\" \"PORT=1 node x\"",
            "vite",
            "concurrently \"PORT=3101 vite --port 3101\" \"PORT=1 node x\"",
        ),
        ("cross-env-shell A=1 'vite && true'", "vite", "cross-env-shell A=1 'vite --port 3101 && true'"),
        ("npx -c 'vite'", "vite", "npx -c 'vite --port 3101'"),
        ("sh -c 'vite --port '4000", "vite", "sh -c 'vite --port '3101"),
        ("nodemon --exec 'vite --port 4000'", "vite", "nodemon --exec 'vite --port 3101'"),
    ]);
}

#[test]
fn further_arguments_are_added_once_and_quoted() {
    let host = ["--host".to_owned(), "a b".to_owned()];
    let edit = Edit { strict: Some("--strictPort"), insert: host.to_vec(), flags: vec!["--port"], ..edit() };
    let rows = [
        ("vite", "vite --port 3101 --strictPort --host 'a b'"),
        ("vite --port 4000", "vite --port 3101 --strictPort --host 'a b'"),
        ("vite --port 4000 --mode x", "vite --port 3101 --mode x --strictPort --host 'a b'"),
        ("vite --strictPort", "vite --strictPort --port 3101 --host 'a b'"),
        ("vite --strictPort=false", "vite --strictPort=false --port 3101 --host 'a b'"),
        ("sh -c 'vite'", r"sh -c 'vite --port 3101 --strictPort --host '\''a b'\'''"),
        ("sh -c \"vite\"", "sh -c \"vite --port 3101 --strictPort --host 'a b'\""),
        ("sh -c vite", r"sh -c vite\ --port\ 3101\ --strictPort\ --host\ \'a\ b\'"),
        ("npm run web", "npm run web -- --port 3101 --strictPort --host 'a b'"),
        ("concurrently npm:web", r"concurrently 'npm run web -- --port 3101 --strictPort --host '\''a b'\'"),
    ];
    for (text, expected) in rows {
        assert_eq!(leaf(text, "vite").rewrite(&edit).map(|r| r.text).as_deref(), Ok(expected), "`{text}`");
    }
}

#[test]
fn a_program_without_a_port_flag_keeps_its_arguments() {
    let edit = Edit { flags: Vec::new(), ..edit() };
    let rows = [
        ("node server.js --port 4000", "node", "node server.js --port 4000"),
        ("PORT=4000 node server.js", "node", "PORT=3101 node server.js"),
        ("nest start -p tsconfig.json", "nest", "nest start -p tsconfig.json"),
        ("cross-env PORT=4000 run-s api", "node", "cross-env PORT=3101 run-s api"),
        ("PORT=4000 nodemon --exec tsx src/index.ts", "tsx", "PORT=3101 nodemon --exec tsx src/index.ts"),
        ("node $ARGS", "node", "node $ARGS"),
        ("cross-env PORT=4000 turbo run dev", "turbo", "cross-env PORT=3101 turbo run dev"),
        ("PORT=4000 $COMMAND", "", "PORT=3101 $COMMAND"),
        ("PORT=4000 vite $ARGS", "vite", "PORT=3101 vite $ARGS"),
        ("sh -c 'PORT=4000 npm run missing'", "npm", "sh -c 'PORT=3101 npm run missing'"),
    ];
    for (text, program, expected) in rows {
        let all = leaves(text);
        let leaf = all.iter().find(|leaf| leaf.program == program).unwrap();
        assert_eq!(leaf.rewrite(&edit).map(|r| r.text).as_deref(), Ok(expected), "`{text}`");
    }
}
