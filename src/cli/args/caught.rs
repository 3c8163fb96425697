//! The arguments with which the shims of a run call bowline.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::Each;

#[derive(Args, Debug)]
pub struct Caught {
    /// The session of the run
    #[arg(long)]
    pub session: String,
    /// The directory of the script that runs as it is
    #[arg(long)]
    pub root: PathBuf,
    /// The directory of the shims
    #[arg(long)]
    pub shims: PathBuf,
    /// The shell of scripts
    #[arg(long)]
    pub shell: Option<PathBuf>,
    #[command(flatten)]
    pub each: Each,
    /// The program that the shim stands for, with its arguments
    #[arg(last = true, required = true)]
    pub command: Vec<OsString>,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;

    use super::Each;
    use crate::launch::Host;
    use crate::session::Options;
    use crate::supervise::restart::Policy;

    #[derive(Parser)]
    struct Call {
        #[command(flatten)]
        each: Each,
    }

    #[test]
    fn the_options_of_a_run_are_read_as_they_are_written_for_its_scripts() {
        let grace = Some(Duration::from_millis(61_500));
        for host in [None, Some(Host::All), Some(Host::Address("::1".to_owned()))] {
            let restart = Some(Policy::OnFailure);
            let options = Options { host: host.clone(), restart, grace, ..Options::default() };
            let words = ["caught".to_owned()].into_iter().chain(options.of_each());
            let Each { host: read, restart: policy, grace: time } = Call::parse_from(words).each;
            assert_eq!((read, policy, time), (host, restart, grace));
        }
    }
}
