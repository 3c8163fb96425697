//! What the loop hears: commands, the supervisors, and signals, each from a thread that does nothing else.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io::{self, BufRead, BufReader, Read};
use std::process::{ChildStdin, ChildStdout};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::output;
use crate::process::Signal;
use crate::process::signals::{Meaning, Signals, stop_group};

/// The longest command, in bytes.
const LONGEST: usize = 1024 * 1024;
/// How much may wait for the loop before whoever speaks has to wait.
const WAITING: usize = 32;

/// How long somebody who has ended the runner may leave unread what it says.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often that is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Something that the loop has to act on.
pub enum Input {
    /// A line that may be a command.
    Command(Vec<u8>),
    /// One that was too long to be read.
    TooLong,
    /// There are no more commands.
    Over,
    /// A signal wants this process to end.
    Signal(Signal),
    /// A supervisor has written this line.
    Said(u64, Vec<u8>),
    /// A supervisor has ended.
    Ended(u64),
}

/// The other ends of the supervisors' standard inputs. A supervisor whose end is closed stops its service.
#[derive(Clone, Debug, Default)]
pub struct Lifelines(Arc<Mutex<Held>>);

/// By the number of the run; nothing once they have been cut.
type Held = Option<BTreeMap<u64, ChildStdin>>;

impl Lifelines {
    /// None yet.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Some(BTreeMap::new()))))
    }

    /// Holds the one of this run, unless all have been cut.
    pub fn hold(&self, run: u64, end: ChildStdin) {
        if let Some(held) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            held.insert(run, end);
        }
    }

    /// Lets go of the one of a run that has ended.
    pub fn release(&self, run: u64) {
        if let Some(held) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            held.remove(&run);
        }
    }

    /// Cuts all of them, and those to come.
    pub fn cut(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Where the loop hears, and where the threads speak.
pub fn inputs() -> (SyncSender<Input>, Receiver<Input>) {
    sync_channel(WAITING)
}

/// Reads lines of a bounded length; longer ones are skipped and said to be so. When they end, the services end too, even while
/// the loop waits for somebody to read what it says.
pub fn listen(input: impl Read + Send + 'static, inputs: SyncSender<Input>, lifelines: Lifelines) {
    thread::spawn(move || {
        read_commands(BufReader::new(input), &inputs);
        lifelines.cut();
        // Beside what follows: the loop may not take it for the same reason.
        thread::spawn(move || give_up(&lifelines));
        let _over = inputs.send(Input::Over);
    });
}

/// Ends the services, and in the end this process, although nobody reads what is said: the loop, which waits for that, cannot.
#[expect(clippy::exit, reason = "the thread that would return from `main` is held up")]
fn give_up(lifelines: &Lifelines) {
    loop {
        thread::sleep(LOOK);
        if output::held_up() >= PATIENCE {
            lifelines.cut();
            thread::sleep(PATIENCE);
            std::process::exit(0);
        }
    }
}

fn read_commands(mut input: impl BufRead, inputs: &SyncSender<Input>) {
    let limit = u64::try_from(LONGEST).unwrap_or(u64::MAX);
    let mut skipping = false;
    loop {
        let mut line = Vec::new();
        let whole = match input.by_ref().take(limit).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => line.ends_with(b"\n"),
        };
        let cut = !whole && line.len() >= LONGEST;
        let said = match (skipping, cut) {
            (false, false) => Some(Input::Command(line)),
            (false, true) => Some(Input::TooLong),
            (true, _) => None,
        };
        skipping = cut;
        if said.is_some_and(|said| inputs.send(said).is_err()) {
            return;
        }
    }
}

/// Passes on what the supervisor of a run writes.
pub fn hear(run: u64, stdout: ChildStdout, inputs: SyncSender<Input>) {
    thread::spawn(move || {
        let lines = BufReader::new(stdout).split(b'\n').map_while(Result::ok);
        for line in lines {
            if inputs.send(Input::Said(run, line)).is_err() {
                return;
            }
        }
        let _over = inputs.send(Input::Ended(run));
    });
}

/// Takes over the signals of this process, so that those that end it come to the loop.
pub fn watch_signals(inputs: SyncSender<Input>, lifelines: Lifelines) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let mut signals = {
        let _entered = runtime.enter();
        Signals::take()?
    };
    thread::spawn(move || {
        runtime.block_on(async {
            loop {
                let caught = poll_fn(|cx| signals.poll_next(cx)).await;
                match caught.meaning() {
                    Meaning::End => {
                        let lifelines = lifelines.clone();
                        thread::spawn(move || give_up(&lifelines));
                        if inputs.send(Input::Signal(caught.signal)).is_err() {
                            return;
                        }
                    }
                    Meaning::Suspend => stop_group(),
                    Meaning::Continue | Meaning::Resize | Meaning::Child => {}
                }
            }
        });
    });
    Ok(())
}
