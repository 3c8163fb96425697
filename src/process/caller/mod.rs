//! The caller: the process that started this one, seen by the readers of our output, and by its own end.

mod parent;
mod readers;

use std::future::Future;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::thread;
use std::time::Duration;

use tokio::io::Interest;
use tokio::time::{Sleep, sleep};

use self::parent::ParentEnd;
use self::readers::Readers;
use super::async_fd::watch;
use super::{Signal, signals};

pub use parent::Parent;

/// The time between two looks at a caller that seems to be gone. A Ctrl-C reaches the processes at a terminal one after
/// the other: a reader of our output may end of it before we get it ourselves.
pub const SECOND_LOOK: Duration = Duration::from_millis(50);

/// What ties this process to its caller.
#[derive(Debug)]
pub struct CallerWatch {
    readers: Readers,
    parent: Option<ParentEnd>,
    /// When to look again at a caller that was seen to be gone.
    again: Option<Pin<Box<Sleep>>>,
}

impl CallerWatch {
    /// Watches for the loss of the last reader of all of `streams`, and for the end of `parent`. Needs a running
    /// tokio runtime.
    pub fn new(streams: &[BorrowedFd<'_>], parent: Option<&Parent>) -> io::Result<Self> {
        let (readers, parent) = (Readers::of(streams)?, parent.map(Parent::watch).transpose()?);
        Ok(Self { readers, parent, again: None })
    }

    /// To be called at a Ctrl-C, which ends the readers of pipes as well: the user is still there. From now on, of
    /// the streams only terminals are watched.
    pub fn interrupted(&mut self) {
        self.readers.keep_terminals();
        self.again = None;
    }

    /// Is ready once the caller is gone.
    pub fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.poll_missed(cx));
        let again = self.again.get_or_insert_with(|| Box::pin(sleep(SECOND_LOOK)));
        again.as_mut().poll(cx)
    }

    fn poll_missed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(Poll::Ready(())) = self.parent.as_mut().map(|parent| parent.poll_end(cx)) {
            return Poll::Ready(());
        }
        self.readers.poll_lost(cx)
    }
}

/// Runs `act`, and dies of SIGHUP if the caller is gone before it returns. A second thread watches, so `act` must not
/// fork.
pub fn while_there<T>(parent: Option<&Parent>, act: impl FnOnce() -> T) -> T {
    let Ok((over, act_ends)) = io::pipe() else { return act() };
    thread::scope(|scope| {
        // Without the thread, the caller is not missed.
        let _unwatched = thread::Builder::new().spawn_scoped(scope, || hang_up(parent, over));
        let result = act();
        drop(act_ends);
        result
    })
}

/// Dies of SIGHUP when the caller is gone; returns at the end of `over`.
fn hang_up(parent: Option<&Parent>, over: io::PipeReader) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (out, err) = (io::stdout(), io::stderr());
        let mut caller = CallerWatch::new(&[out.as_fd(), err.as_fd()], parent)?;
        let over = watch(over.into(), Interest::READABLE)?;
        tokio::select! {
            _ = over.readable() => {}
            () = std::future::poll_fn(|cx| caller.poll_gone(cx)) => signals::die_by(Signal::SIGHUP),
        }
        Ok(())
    })
}
