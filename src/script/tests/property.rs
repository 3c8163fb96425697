//! An edit changes the words that it is meant to change, and no others, wherever the command is.

use super::leaves;
use crate::script::{Edit, Kind, Leaf};

const FRAMES: &[&str] = &[
    "@",
    " @ ",
    "@ && echo done",
    "tsc && @",
    "a; @; b",
    "@ & b",
    "a & @",
    "@ | cat",
    "@ || b",
    "(@)",
    "{ @; }",
    "if a; then @; else b; fi",
    "while a; do @; done",
    "for i in 1; do @; done",
    "case x in x) @;; esac",
    "@ > log",
    "@>log",
    "@ 2>&1 | tee x",
    "2>&1 @",
    "@ # note",
    "# note\n@",
    "@\n",
    "A=1 @",
    "A='x y' B=$C @",
    "cross-env A=1 @",
    "env -u B @",
    "dotenv -e x -- @",
    "npx @",
    "pnpm exec @",
    "time @",
    "exec @",
    "nice -n 3 @",
    "export A=1 && @",
    "sh -c '@'",
    "sh -c \"@\"",
    "sh -c \"sh -c '@'\"",
    "bash -lc '@ && b' x > y",
    "concurrently \"@\" 'b'",
    "concurrently -k 'a' '@'",
    "concurrently \"a 'x y'\" \"@\"",
    "echo 'é' && @ && echo ü",
    "cat <<E && @\nnext dev\nE\n",
    "echo $(b) `c` && @",
    "echo \"a;b\" '&&' && @",
    "op run -- @",
    "nodemon --exec '@'",
    "cd app && @",
    "(cd app && A=1 @) & b",
    "! @",
    "a && (b || @)",
    "sh -c '@' & sh -c 'b'",
];

const COMMANDS: &[&str] = &[
    "vite",
    "vite dev",
    "vite --host",
    "vite --port 4000",
    "vite --port=4000",
    "vite -p 4000",
    "vite -p4000",
    "vite --port 4000 --host",
    "vite --port 1 --port 2",
    "vite --port $PORT",
    "vite --port ${PORT:-3000}",
    "vite --port",
    "vite -- x",
    "vite --port 4000 -- --port 9",
    "vite ./dir --mode dev",
    "vite --mode $MODE",
    "PORT=4000 vite",
    "PORT=4000 vite -p 4000",
    "PORT=$PORT vite",
];

/// Frames that run the command without a shell, to which `PORT=4000` would be a program.
const DIRECT: &[&str] = &["dotenv ", "npx ", "pnpm ", "time ", "exec ", "nice ", "op "];

/// Every command in every frame that can hold it.
fn corpus() -> Vec<String> {
    let fits = |frame: &str, command: &str| {
        command.starts_with("vite") || !DIRECT.iter().any(|program| frame.starts_with(program))
    };
    let all = FRAMES.iter().flat_map(|frame| COMMANDS.iter().map(move |command| (*frame, *command)));
    all.filter(|(frame, command)| fits(frame, command))
        .map(|(frame, command)| frame.replacen('@', command, 1))
        .collect()
}

type Seen = (String, Vec<String>, Vec<(String, Option<String>)>, Kind);

fn seen(leaf: &Leaf) -> Seen {
    let words = leaf.words.iter().map(|word| word.literal().unwrap_or_else(|| "?".to_owned())).collect();
    let assigned = leaf.scope.assignments.iter().map(|one| (one.name.clone(), one.value.clone())).collect();
    (leaf.program.clone(), words, assigned, leaf.kind)
}

/// The words after the edit, worked out from the words alone.
fn expected(words: &[String]) -> Vec<String> {
    let own = words.iter().position(|word| word == "--").unwrap_or(words.len());
    let mut result: Vec<String> = Vec::new();
    let mut ported = false;
    let mut own_words = words[..own].iter().peekable();
    while let Some(word) = own_words.next() {
        match word.as_str() {
            "--port" | "-p" => {
                own_words.next_if(|next| !next.starts_with('-'));
                result.extend([word.clone(), "3101".to_owned()]);
                ported = true;
            }
            word if word.starts_with("--port=") => {
                result.push("--port=3101".to_owned());
                ported = true;
            }
            "-p4000" => {
                result.push("-p3101".to_owned());
                ported = true;
            }
            word => result.push(word.to_owned()),
        }
    }
    if !ported {
        result.extend(["--port".to_owned(), "3101".to_owned()]);
    }
    result.push("--strictPort".to_owned());
    result.extend_from_slice(&words[own..]);
    result
}

#[test]
fn an_edit_changes_only_the_words_that_it_is_meant_to() {
    let edit = Edit { strict: Some("--strictPort"), ..super::edit() };
    for text in corpus() {
        let before = leaves(&text);
        let target = before.iter().position(|leaf| leaf.program == "vite").unwrap();
        let rewritten = rewrite(&text, &edit);
        let after = leaves(&rewritten);
        assert_eq!(before.len(), after.len(), "`{text}` became `{rewritten}`");
        for (index, (before, after)) in before.iter().zip(&after).enumerate() {
            let mut wanted = seen(before);
            if index == target {
                wanted.1 = expected(&wanted.1);
                for (_, value) in wanted.2.iter_mut().filter(|(name, _)| name == "PORT") {
                    *value = Some("3101".to_owned());
                }
            }
            assert_eq!(seen(after), wanted, "`{text}` became `{rewritten}`");
            assert_eq!(after.role, before.role, "`{text}` became `{rewritten}`");
        }
    }
}

#[test]
fn an_edit_is_idempotent() {
    let edit = Edit { strict: Some("--strictPort"), ..super::edit() };
    for text in corpus() {
        let once = rewrite(&text, &edit);
        assert_eq!(rewrite(&once, &edit), once, "`{text}`");
    }
}

fn rewrite(text: &str, edit: &Edit) -> String {
    let leaves = leaves(text);
    let target = leaves.iter().find(|leaf| leaf.program == "vite").unwrap_or_else(|| panic!("`{text}`"));
    target.rewrite(edit).unwrap_or_else(|reason| panic!("`{text}`: {reason}")).text
}
