//! A service without a terminal.

use std::fs;
use std::process::Stdio;

use crate::support::{Gate, Sandbox, dev_server, stage_of};

/// Every byte there is, in an order that no text has, and no line's end at the end.
fn blob(length: u32) -> Vec<u8> {
    (0..length)
        .map(|number| (number.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0])
        .chain([0xff, 0])
        .collect()
}

#[test]
fn output_is_passed_on_byte_for_byte_and_apart() {
    let (sandbox, _ports) = stage_of("cat out; cat err >&2; exit 3", 1);
    let (out, err) = (blob(700_001), blob(300_003));
    fs::write(sandbox.project().join("out"), &out).unwrap();
    fs::write(sandbox.project().join("err"), &err).unwrap();
    let output = sandbox.bowline(["-q", "dev"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(output.stdout == out, "{} of {} bytes", output.stdout.len(), out.len());
    // After the service's own there are bowline's words on why it failed.
    assert!(output.stderr.starts_with(&err), "{} of {} bytes", output.stderr.len(), err.len());
}

#[test]
fn a_reader_that_goes_away_neither_kills_nor_stalls_the_service() {
    let mut sandbox = Sandbox::new();
    let gate = Gate::create(&sandbox.root().join("gate"));
    let script = format!(
        "read go < '{}'; '{server}' --produce 9000000; '{server}' --produce 9000000 >&2; touch done; exit 0",
        gate.0.display(),
        server = dev_server().display()
    );
    let package = serde_json::json!({ "name": "app", "scripts": { "dev": script } });
    sandbox.file("package.json", &package.to_string());
    for arguments in [&["dev"][..], &["--json", "dev"]] {
        let mut bowline =
            sandbox.bowline(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // With both readers gone it would end.
        drop(bowline.stdout.take());
        let mut errors = bowline.stderr.take().unwrap();
        gate.open();
        std::io::copy(&mut errors, &mut std::io::sink()).unwrap();
        assert_eq!(bowline.wait().unwrap().code(), Some(4), "{arguments:?}");
        fs::remove_file(sandbox.project().join("done")).expect("the service came to its end");
    }
}
