//! The messages between supervisor and guardian: frames of three native integers over a socket pair that only the
//! two of them hold.

use nix::sys::signal::Signal;

use crate::process::Exit;

/// Bytes of every frame. Frames this small are written and read whole.
pub(super) const FRAME: usize = 12;

pub(super) type Frame = [u8; FRAME];

/// Orders to the guardian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Start the step with this index.
    Run(usize),
    /// Send this signal to the leader's process group while the leader lives, to the whole tree afterwards.
    Signal(Signal),
    /// Send this signal to the tree outside of the leader's process group, which has had it already.
    SignalRest(Signal),
    /// Kill the whole tree, and go on until it is empty.
    Kill,
}

/// Reports to the supervisor. `step` is an index of [`super::GuardianSpec::steps`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields' names say it")]
pub enum Report {
    /// A step runs. `pid` is also its process group.
    Started { step: usize, pid: i32 },
    /// A step could not be started.
    Failed { step: usize, errno: i32 },
    /// A step could not be started, as the directory that it runs in is gone.
    NoDirectory { step: usize },
    /// The leader was stopped by a signal, as by Ctrl-Z.
    Stopped,
    /// The leader of a step has ended; others of the tree may live.
    Left { step: usize, exit: Exit },
    /// No process of the tree is left. `step` is the last that was started.
    Empty { step: usize },
}

impl Order {
    pub(super) fn encode(self) -> Frame {
        match self {
            Self::Run(step) => encode(0, step_number(step), 0),
            Self::Signal(signal) => encode(1, signal as i32, 0),
            Self::SignalRest(signal) => encode(2, signal as i32, 0),
            Self::Kill => encode(3, 0, 0),
        }
    }

    /// `None` for a frame that no supervisor writes.
    pub(super) fn decode(frame: Frame) -> Option<Self> {
        match decode(frame) {
            (0, step, _) => Some(Self::Run(usize::try_from(step).ok()?)),
            (1, signal, _) => Some(Self::Signal(Signal::try_from(signal).ok()?)),
            (2, signal, _) => Some(Self::SignalRest(Signal::try_from(signal).ok()?)),
            (3, _, _) => Some(Self::Kill),
            _ => None,
        }
    }
}

impl Report {
    pub(super) fn encode(self) -> Frame {
        match self {
            Self::Started { step, pid } => encode(0, step_number(step), pid),
            Self::Failed { step, errno } => encode(1, step_number(step), errno),
            Self::Stopped => encode(2, 0, 0),
            Self::Left { step, exit: Exit::Code(code) } => encode(3, step_number(step), i32::from(code)),
            Self::Left { step, exit: Exit::Signal(signal) } => encode(4, step_number(step), signal as i32),
            Self::Empty { step } => encode(5, step_number(step), 0),
            Self::NoDirectory { step } => encode(6, step_number(step), 0),
        }
    }

    /// `None` for a frame that no guardian writes.
    pub(super) fn decode(frame: Frame) -> Option<Self> {
        let (kind, step, value) = decode(frame);
        let step = usize::try_from(step).ok()?;
        match kind {
            0 => Some(Self::Started { step, pid: value }),
            1 => Some(Self::Failed { step, errno: value }),
            2 => Some(Self::Stopped),
            3 => Some(Self::Left { step, exit: Exit::Code(u8::try_from(value).ok()?) }),
            4 => Some(Self::Left { step, exit: Exit::Signal(Signal::try_from(value).ok()?) }),
            5 => Some(Self::Empty { step }),
            6 => Some(Self::NoDirectory { step }),
            _ => None,
        }
    }
}

/// A service has at most three steps.
fn step_number(step: usize) -> i32 {
    i32::try_from(step).unwrap_or(i32::MAX)
}

fn encode(kind: i32, first: i32, second: i32) -> Frame {
    let mut frame = Frame::default();
    frame.as_chunks_mut().0.copy_from_slice(&[kind, first, second].map(i32::to_ne_bytes));
    frame
}

fn decode(frame: Frame) -> (i32, i32, i32) {
    let number = |index: usize| i32::from_ne_bytes(frame.as_chunks().0[index]);
    (number(0), number(1), number(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_survives_the_wire() {
        for order in
            [Order::Run(2), Order::Signal(Signal::SIGHUP), Order::SignalRest(Signal::SIGTERM), Order::Kill]
        {
            assert_eq!(Order::decode(order.encode()), Some(order));
        }
        assert_eq!(Order::decode([0xff; FRAME]), None);
    }

    #[test]
    fn every_report_survives_the_wire() {
        for report in [
            Report::Started { step: 1, pid: 4711 },
            Report::Failed { step: 0, errno: 2 },
            Report::Stopped,
            Report::Left { step: 1, exit: Exit::Code(255) },
            Report::Left { step: 1, exit: Exit::Signal(Signal::SIGKILL) },
            Report::Empty { step: 2 },
            Report::NoDirectory { step: 0 },
        ] {
            assert_eq!(Report::decode(report.encode()), Some(report));
        }
        assert_eq!(Report::decode([0xff; FRAME]), None);
    }
}
