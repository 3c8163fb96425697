//! The process that bowline ends with.

use clap::Args;

use crate::process::Identity;

#[derive(Args, Debug)]
pub struct WithParent {
    /// End with the process that started bowline, whatever becomes of the output
    #[arg(long)]
    pub with_parent: bool,
    /// The process that started `bowline start`, for the supervisor that this starts
    #[arg(long, hide = true, value_name = "PID:STARTED", value_parser = parse)]
    pub parent: Option<Identity>,
}

/// The value of `--parent` for this process.
pub fn parent_value(Identity { pid, started }: Identity) -> String {
    format!("{pid}:{started}")
}

fn parse(text: &str) -> Result<Identity, String> {
    let numbers = text.split_once(':').map(|(pid, started)| (pid.parse(), started.parse()));
    if let Some((Ok(pid), Ok(started))) = numbers {
        return Ok(Identity { pid, started });
    }
    Err(format!("not a process: `{text}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_survives_the_command_line() {
        let process = Identity { pid: 12, started: u64::MAX };
        assert_eq!(parse(&parent_value(process)), Ok(process));
        assert!(parse("12").is_err() && parse("12:x").is_err());
    }
}
