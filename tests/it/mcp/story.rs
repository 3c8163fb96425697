//! The examples of `docs/agents.md`, as they stand there.

use super::Stage;
use crate::support::run_to_end;

const PAGE: &str = include_str!("../../../docs/agents.md");

/// The texts between three backticks and this language, and three backticks.
fn blocks(language: &str) -> Vec<&'static str> {
    let start = format!("```{language}\n");
    PAGE.split(&start).skip(1).map(|rest| rest.split("```\n").next().unwrap_or_default()).collect()
}

#[test]
fn each_example_prints_what_the_page_says() {
    let (programs, outputs) = (blocks("js"), blocks("text"));
    assert_eq!((programs.len(), outputs.len()), (2, 2));
    for (program, output) in programs.into_iter().zip(outputs) {
        assert!(!program.contains("setTimeout") && !program.contains("sleep") && !program.contains("RegExp"));
        let mut stage = Stage::new();
        stage.sandbox.program("bowline", &format!("exec '{}' \"$@\"", env!("CARGO_BIN_EXE_bowline")));
        stage.sandbox.file("agent.mjs", program);
        let finished = run_to_end(stage.sandbox.command("node").arg("agent.mjs"));
        assert_eq!(finished.stdout, output, "{program}{finished:?}");
        assert!(finished.status.success(), "{finished:?}");
    }
}
