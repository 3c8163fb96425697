use crate::script::{ParseError, Script};

#[test]
fn scripts_that_the_shell_rejects_are_rejected() {
    for text in [
        "vite '", "vite \"", "vite &&", "vite |", "&& vite", "| vite", "; vite", "vite ;; x", "(vite",
        "vite)", "{ vite", "if true; then vite", "if true; fi", "while true; vite; done", "for; do x; done",
        "fi", "done", "then vite", "case x in a) vite", "echo $(vite", "echo `vite", "echo ${A",
        "cat <<E\nx\n", "vite >", "a && && b", "()", "vite & && x", "esac", "}", "for x in a; vite",
        "a | | b",
    ] {
        let error = Script::parse(text).expect_err(text);
        assert!(
            matches!(error, ParseError::Unclosed { .. } | ParseError::Unexpected { .. }),
            "`{text}`: {error:?}"
        );
        assert!(!error.hint().is_empty());
    }
}

#[test]
fn constructs_that_shells_read_differently_are_refused() {
    for text in [
        "vite &> log",
        "vite |& cat",
        "cat <<< x",
        "diff <(a) b",
        "((1))",
        "f() { vite; }",
        "function f { vite; }",
        "echo $'a'",
        "[[ a && b ]]",
        "echo $\"a\"",
        "select x in a; do b; done",
    ] {
        assert!(matches!(Script::parse(text), Err(ParseError::Unsupported { .. })), "`{text}`");
    }
}

#[test]
fn odd_but_valid_scripts_are_accepted() {
    for text in [
        "",
        " ",
        "# note",
        "\n\n",
        "vite;",
        "vite &",
        "a;\n\nb",
        "a &&\n\n b",
        "a |\n b",
        "! a",
        "a\\\n b",
        "echo $",
        "echo \"$\"",
        "echo a#b",
        "echo \\# x",
        "echo {a,b}",
        "echo [x]",
        "x=1",
        "> log",
        "echo \"a `b \\`c\\`` d\"",
        "echo \"${A:-\"b c\"}\"",
        "echo ${A:-'}'}",
        "echo $(case a in (a) b;; esac)",
        "echo $( (a) )",
        "echo $((1+(2)))",
        "cat <<E\n'\nE\n",
        "cat <<'E' <<F\n$(\nE\nx\nF\n",
        "cat <<-E\n\tx\n\tE\n",
        "(a; b) > log 2>&1",
        "{ a; } | b",
        "if a; then b; fi > x",
        "for x in *; do a; done",
        "echo if then fi",
        "echo ok) # x".trim_end_matches(") # x"),
        "é && ü",
        "a 2>&1 >&2 3<&- <> f >| g",
        "while a; do b; done < f",
        "case $x in esac",
        "case x in a | b) ;; esac",
    ] {
        assert!(Script::parse(text).is_ok(), "`{text}`: {:?}", Script::parse(text));
    }
}

#[test]
fn no_input_panics_or_overflows() {
    let alphabet = [
        "(", ")", "$(", "${", "}", "{", "`", "'", "\"", "\\", "\n", " ", "&", "|", ";", "<", ">", "<<E", "#",
        "$", "((", "vite", "if ", "case ", "é", "=", "--port", "sh -c ", "\0", "2",
    ];
    let mut seed = 0x2545_F491_4F6C_DD1D_u64;
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..(seed % 12) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            let index = usize::try_from(seed % alphabet.len() as u64).unwrap();
            text.push_str(alphabet[index]);
        }
        seed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        if let Ok(script) = Script::parse(&text) {
            for leaf in script.leaves(&super::package()) {
                drop(leaf.rewrite(&super::edit()));
            }
        }
    }
    for opening in ["(", "$(", "${a-", "`", "{ ", "$((", "if ", "\"$(", "case x in a) ", "! ", "sh -c "] {
        drop(Script::parse(&opening.repeat(20_000)).map(|script| script.leaves(&super::package())));
    }
}

#[test]
fn the_program_can_replace_a_shell_that_would_only_run_it() {
    for (text, place) in [
        ("vite", Some(0)),
        ("  vite --port $PORT # now", Some(2)),
        ("vite > log.txt 2>&1;", Some(0)),
        ("'my server' x", Some(0)),
        ("A=1 vite", None),
        ("! vite", None),
        ("> log vite", None),
        ("vite &", None),
        ("vite && echo", None),
        ("vite | cat", None),
        ("(vite)", None),
        ("cd app", None),
        ("time vite", None),
        ("exec vite", None),
        ("$TOOL dev", None),
        ("", None),
    ] {
        assert_eq!(Script::parse(text).unwrap().exec_position(), place, "{text}");
    }
}
