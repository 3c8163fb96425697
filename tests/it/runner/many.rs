//! Many projects in one runner.

use serde_json::json;

use super::stage;
use crate::support::{dev_server, is_free};

#[test]
fn a_hundred_projects_at_once_have_ports_of_their_own() {
    let mut stage = stage(100);
    for number in 0..100 {
        stage.start(&number.to_string(), &format!("p{number}"), "", None);
    }
    let mut ports: Vec<u64> =
        (0..100).map(|_| stage.runner.event("port-detected")["port"].as_u64().unwrap()).collect();
    ports.sort_unstable();
    assert_eq!(ports, stage.ports.all().map(u64::from).collect::<Vec<_>>());
    let range = stage.ports.all();
    let ended = stage.end();
    let states: Vec<_> = ended.of("process-exited").iter().map(|event| event["state"].clone()).collect();
    assert_eq!(states, vec![json!("stopped"); 100]);
    assert_eq!(ended.of("error"), Vec::<&serde_json::Value>::new());
    assert!(range.into_iter().all(is_free));
}

#[test]
fn a_hundred_projects_that_wish_for_one_port_get_a_hundred() {
    let mut stage = stage(100);
    let wish = stage.ports.first();
    let line = format!("'{}' --lifetime 200", dev_server().display());
    for number in 0..100 {
        let payload = json!({
            "runCommand": line, "workingDirectory": stage.sandbox.project(),
            "env": { "PORT": wish.to_string() }, "preferredPort": wish,
        });
        stage.start_as(&number.to_string(), &format!("p{number}"), &payload);
    }
    let mut ports: Vec<u64> =
        (0..100).map(|_| stage.runner.event("port-detected")["port"].as_u64().unwrap()).collect();
    ports.sort_unstable();
    assert_eq!(ports, stage.ports.all().map(u64::from).collect::<Vec<_>>());
    let ended = stage.end();
    assert_eq!(ended.of("port-reallocated").len(), 99, "all but one are told that theirs is another");
}
