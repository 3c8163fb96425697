//! Who holds a port: the answer to those who would kill its holder.

use serde_json::{Value, json};

use super::answer::result;
use super::server::View;
use crate::port::listeners::holders;

pub fn holder(view: &View<'_>, port: u16) -> Value {
    let mut answer = json!({ "port": port, "free": false, "ours": false });
    if let Some(one) = view.ports.reservations().into_iter().find(|one| one.port == port) {
        answer["ours"] = json!(true);
        (answer["holder"], answer["pid"]) = (json!(one.name), json!(one.pid));
        answer["dir"] = json!(one.dir.to_string_lossy());
        answer["advice"] = json!(if view.is_in_scope(&one.dir) {
            "it is a dev server of this workspace: use it, or end it with bowline_stop"
        } else {
            "it is a dev server of another project: leave it alone; bowline_start takes a port of its own"
        });
    } else if let Some(holder) = holders(&[port]).into_iter().next() {
        answer["holder"] = json!(holder.name);
        if let Some(pid) = holder.pid {
            answer["pid"] = json!(pid);
        }
        if let Some(dir) = &holder.dir {
            answer["dir"] = json!(dir.to_string_lossy());
        }
        answer["advice"] =
            json!("bowline has not started it: do not kill it; bowline_start takes a port of its own");
    } else {
        (answer["free"], answer["advice"]) = (json!(true), json!("nothing listens there"));
    }
    result(answer, false)
}
