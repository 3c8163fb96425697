//! `--with-parent` and `BOWLINE_WITH_PARENT`: the process that bowline ends with.

use std::ffi::OsStr;
use std::io;
use std::os::fd::AsFd;

use super::{Failure, Invocation, StartedBy};
use crate::exit_code::USAGE;
use crate::process::caller::{CallerWatch, Parent};
use crate::visible::Visible;

/// Not for the service, in whose script another bowline may run: that one ends with the service.
pub const VARIABLE: &str = "BOWLINE_WITH_PARENT";

impl Invocation {
    /// Looks for the process that started this one, if the option or the variable asks for it. Returns false if it
    /// is gone already.
    pub fn find_parent(&mut self, option: bool) -> Result<bool, Failure> {
        if !option && !self.variable_asks()? {
            return Ok(true);
        }
        match Parent::find() {
            Ok(parent) => {
                self.parent = parent;
                return Ok(self.parent.is_some());
            }
            Err(error) => {
                let hint = "end this bowline yourself, by SIGTERM to it".to_owned();
                self.warn(
                    &format!("the end of the process that started bowline is not noticed: {error}"),
                    Some(hint),
                );
            }
        }
        Ok(true)
    }

    fn variable_asks(&self) -> Result<bool, Failure> {
        let value = self.variable(VARIABLE).unwrap_or_default();
        if value == "1" {
            return Ok(true);
        }
        if value.is_empty() || value == "0" {
            return Ok(false);
        }
        let value = AsRef::<OsStr>::as_ref(&value).visible();
        let message = format!("the variable {VARIABLE} is neither `1` nor `0`: `{value}`");
        Err(Failure::new(USAGE, message, Some("set it to `1`, or unset it".to_owned())))
    }

    /// Watches the caller of a supervisor. Needs a running tokio runtime.
    pub fn watch_caller(&self) -> io::Result<CallerWatch> {
        let (out, err) = (io::stdout(), io::stderr());
        let streams = [out.as_fd(), err.as_fd()];
        let streams = match self.started_by {
            StartedBy::Foreground | StartedBy::Caught => &streams[..],
            // Its standard error is the runner's own.
            StartedBy::Runner => &streams[..1],
            // Its streams lead to `bowline start`, which returns.
            StartedBy::Background => &[],
        };
        CallerWatch::new(streams, self.parent.as_ref())
    }
}
