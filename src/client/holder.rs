//! The processes that hold a port which no service has.

use std::time::SystemTime;

use crate::exit_code::NO_PROJECT;
use crate::invocation::Failure;
use crate::port::listeners::{Holder, holders};
use crate::ui;
use crate::visible::Visible;

/// The failure for a port that no service has. It names the stranger that holds the port, if any.
pub fn stranger(port: u16) -> Failure {
    let Some(holder) = holders(&[port]).into_iter().next() else {
        let hint = Some("see what runs with `bowline ls`".to_owned());
        return Failure::new(NO_PROJECT, format!("nothing listens on port {port}"), hint);
    };
    let hint = holder.pid.map(|pid| format!("if it is yours to end, end it with `kill {pid}`"));
    let message = format!("port {port} is held by {}, which bowline has not started", describe(&holder));
    Failure::new(NO_PROJECT, message, hint)
}

/// A holder with the time of its start and its directory.
pub fn describe(holder: &Holder) -> String {
    let mut text = holder.to_string();
    if let Some(started) = holder.started {
        text.push_str(&format!(" since {}", humantime::format_rfc3339_seconds(started)));
        if let Ok(age) = SystemTime::now().duration_since(started) {
            text.push_str(&format!(" ({} ago)", ui::age(age)));
        }
    }
    if let Some(dir) = &holder.dir {
        text.push_str(&format!(" in `{}`", dir.visible()));
    }
    text
}
