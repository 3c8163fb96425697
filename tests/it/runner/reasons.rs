//! Every reason for a failure that the protocol has, each from a real failure.

use serde_json::json;

use super::stage;
use crate::support::dev_server;

#[test]
fn every_failure_has_its_reason_and_says_what_was_written() {
    let mut stage = stage(1);
    stage.sandbox.file("plain", "no program\n");
    let server = dev_server().display().to_string();
    let here = stage.sandbox.project().to_owned();
    for (number, (reason, command, stderr)) in [
        ("command_not_found", "vite-that-is-not-installed --port 1".to_owned(), "not found"),
        ("permission_denied", "./plain".to_owned(), "ermission denied"),
        ("immediate_crash", "echo 'a bad start' >&2; exit 1".to_owned(), "a bad start"),
        ("immediate_crash", format!("'{server}' --lifetime 200 --lines 1 --exit-code 0"), "line 1"),
        (
            "health_check_timeout",
            format!("echo 'still compiling' >&2; exec '{server}' --lifetime 200 --no-listen"),
            "still compiling",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        if reason == "health_check_timeout" {
            stage.sandbox.file("bowline.toml", "[project.app]\nready = { timeout = \"2s\" }\n");
        }
        let id = number.to_string();
        stage.start_as(&id, &id, &json!({ "runCommand": command, "workingDirectory": here }));
        let exited = stage.answer(&id, "process-exited");
        // A machine that is busy with the other tests may need the three seconds for which a crash is immediate.
        let is_late = reason == "immediate_crash" && exited["durationMs"].as_u64().unwrap() >= 3_000;
        if is_late && exited["exitCode"] == 0 {
            // It was a server by then, and one that ends with 0 has not failed.
            continue;
        }
        let reason = if is_late { "unknown" } else { reason };
        assert_eq!(
            (&exited["failureReason"], &exited["state"]),
            (&reason.into(), &"failed".into()),
            "{exited}"
        );
        assert!(exited["stderr"].as_str().is_some_and(|text| text.contains(stderr)), "{exited}");
        stage.answer(&id, "error");
    }
    stage.end();
}
