use super::{edit, package};
use crate::script::{Script, append, port_in, quote};

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// As `@npmcli/promise-spawn` answers for the same words.
#[test]
fn words_are_quoted_as_npm_quotes_them() {
    let rows = [
        ("", "''"),
        ("plain", "plain"),
        ("--port=3000", "--port=3000"),
        ("a b", "'a b'"),
        ("$HOME", "'$HOME'"),
        ("it's", r"'it'\''s'"),
        ("'quoted'", r"\''quoted'\'"),
        ("'", r"\'"),
        ("a\"b", "'a\"b'"),
        ("~", "'~'"),
        ("{a,b}", "{a,b}"),
        ("x\ny", "'x\ny'"),
        ("été", "été"),
    ];
    for (word, expected) in rows {
        assert_eq!(quote(word), expected, "{word:?}");
    }
}

#[test]
fn arguments_are_pasted_at_the_end_and_mean_the_same_there() {
    let rows: &[(&str, &[&str], &str, &str)] = &[
        ("vite", &[], "vite", "vite --port 3101"),
        ("vite", &["--open"], "vite --open", "vite --open --port 3101"),
        ("vite", &["--base", "/a b"], "vite --base '/a b'", "vite --base '/a b' --port 3101"),
        ("vite", &["--port", "9"], "vite --port 9", "vite --port 3101"),
        ("vite --port 4000", &["--open"], "vite --port 4000 --open", "vite --port 3101 --open"),
        ("vite", &["--", "x"], "vite -- x", "vite --port 3101 -- x"),
        ("tsc && vite", &["--open"], "tsc && vite --open", "tsc && vite --open --port 3101"),
        ("vite && tsc", &["--open"], "vite && tsc --open", "vite --port 3101 && tsc --open"),
        ("vite # note", &["--open"], "vite # note --open", "vite --port 3101 # note --open"),
        ("sh -c 'vite'", &["--open"], "sh -c 'vite' --open", "sh -c 'vite --port 3101' --open"),
        ("dotenv -- vite", &["-o"], "dotenv -- vite -o", "dotenv -- vite -o --port 3101"),
        ("npm run web --", &["-o"], "npm run web -- -o", "npm run web -- -o --port 3101"),
        ("pnpm web", &["-o"], "pnpm web -o", "pnpm web -o --port 3101"),
    ];
    for (text, arguments, pasted, edited) in rows {
        let appended = append(text, &owned(arguments));
        assert_eq!(appended, *pasted);
        let leaves = Script::parse(&appended).unwrap().leaves(&package());
        let vite = leaves.iter().find(|leaf| leaf.program == "vite").unwrap();
        assert_eq!(vite.rewrite(&edit()).unwrap().text, *edited, "`{pasted}`");
    }
}

#[test]
fn arguments_pasted_after_an_edit_keep_the_edit() {
    for text in ["vite", "vite --port 4000", "tsc && vite", "vite > log", "pnpm web", "npm run web"] {
        let edited = super::rewritten(text, "vite").unwrap().text;
        let pasted = append(&edited, &owned(&["--open", "a b"]));
        let leaves = Script::parse(&pasted).unwrap().leaves(&package());
        let vite = leaves.iter().find(|leaf| leaf.program == "vite").unwrap();
        let words: Vec<String> = vite.words.iter().filter_map(crate::script::Word::literal).collect();
        assert_eq!(words.join("|"), "vite|--port|3101|--open|a b", "`{pasted}`");
    }
}

#[test]
fn the_port_among_the_arguments_is_found() {
    let flags = &["--port", "-p"];
    let rows: &[(&[&str], Option<u16>)] = &[
        (&[], None),
        (&["--open"], None),
        (&["--port", "9"], Some(9)),
        (&["--port=9"], Some(9)),
        (&["-p", "9"], Some(9)),
        (&["-p9"], Some(9)),
        (&["-p=9"], Some(9)),
        (&["-p", "9", "--port", "10"], Some(10)),
        (&["--", "--port", "9"], None),
        (&["--port"], None),
        (&["--port", "auto"], None),
        (&["--port", "70000"], None),
        (&["--portal", "9"], None),
    ];
    for (arguments, expected) in rows {
        assert_eq!(port_in(&owned(arguments), flags), *expected, "{arguments:?}");
    }
}
