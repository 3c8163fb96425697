//! The messages between supervisor and guardian: frames of three native integers over their socket pair.

use nix::sys::signal::Signal;

use crate::process::Exit;

/// A frame this small is written and read whole.
pub(super) type Frame = [u8; 12];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Run(usize),
    /// Send this signal to the leader's process group while the leader lives, to the whole tree afterwards.
    Signal(Signal),
    /// Send this signal to the tree outside of the leader's process group, which has had it already.
    SignalRest(Signal),
    /// Kill the whole tree, and go on until it is empty.
    Kill,
    /// Run [`super::GuardianSpec::probe`].
    Probe,
    /// Kill the probe that runs.
    EndProbe,
    /// Run [`super::GuardianSpec::after`], as the service has ended.
    Conclude,
}

/// Reports to the supervisor. `step` is an index of [`super::GuardianSpec::steps`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// A step could not be started, perhaps because the directory that it runs in is gone.
    Failed { step: usize, errno: i32, no_directory: bool },
    /// The leader was stopped by a signal, as by Ctrl-Z.
    Stopped,
    /// The leader of a step has ended; others of the tree may live.
    Left { step: usize, exit: Exit },
    /// The probe has ended.
    Probed { exit: Exit },
    /// What runs after the service has ended. The report that the tree is empty follows.
    Concluded { exit: Exit },
    /// No process of the tree is left. `step` is the last that was started.
    Empty { step: usize },
}

impl Order {
    pub(super) fn encode(self) -> Frame {
        match self {
            Self::Run(step) => frame(0, step, 0),
            Self::Signal(signal) => frame(1, 0, signal as i32),
            Self::SignalRest(signal) => frame(2, 0, signal as i32),
            Self::Kill => frame(3, 0, 0),
            Self::Probe => frame(4, 0, 0),
            Self::EndProbe => frame(5, 0, 0),
            Self::Conclude => frame(6, 0, 0),
        }
    }

    /// `None` for a frame that no supervisor writes.
    pub(super) fn decode(frame: Frame) -> Option<Self> {
        let (kind, step, value) = parse(frame)?;
        Some(match kind {
            0 => Self::Run(step),
            1 => Self::Signal(Signal::try_from(value).ok()?),
            2 => Self::SignalRest(Signal::try_from(value).ok()?),
            3 => Self::Kill,
            4 => Self::Probe,
            5 => Self::EndProbe,
            6 => Self::Conclude,
            _ => return None,
        })
    }
}

impl Report {
    pub(super) fn encode(self) -> Frame {
        match self {
            Self::Failed { step, errno, no_directory } => frame(no_directory.into(), step, errno),
            Self::Stopped => frame(2, 0, 0),
            Self::Left { step, exit: Exit::Code(code) } => frame(3, step, code.into()),
            Self::Left { step, exit: Exit::Signal(signal) } => frame(4, step, signal as i32),
            Self::Empty { step } => frame(5, step, 0),
            Self::Probed { exit: Exit::Code(code) } => frame(6, 0, code.into()),
            Self::Probed { exit: Exit::Signal(signal) } => frame(7, 0, signal as i32),
            Self::Concluded { exit: Exit::Code(code) } => frame(8, 0, code.into()),
            Self::Concluded { exit: Exit::Signal(signal) } => frame(9, 0, signal as i32),
        }
    }

    /// `None` for a frame that no guardian writes.
    pub(super) fn decode(frame: Frame) -> Option<Self> {
        let (kind, step, value) = parse(frame)?;
        Some(match kind {
            0 | 1 => Self::Failed { step, errno: value, no_directory: kind == 1 },
            2 => Self::Stopped,
            3 => Self::Left { step, exit: Exit::Code(u8::try_from(value).ok()?) },
            4 => Self::Left { step, exit: Exit::Signal(Signal::try_from(value).ok()?) },
            5 => Self::Empty { step },
            6 => Self::Probed { exit: Exit::Code(u8::try_from(value).ok()?) },
            7 => Self::Probed { exit: Exit::Signal(Signal::try_from(value).ok()?) },
            8 => Self::Concluded { exit: Exit::Code(u8::try_from(value).ok()?) },
            9 => Self::Concluded { exit: Exit::Signal(Signal::try_from(value).ok()?) },
            _ => return None,
        })
    }
}

fn frame(kind: i32, step: usize, value: i32) -> Frame {
    // A service has at most four steps.
    let numbers = [kind, i32::try_from(step).unwrap_or(i32::MAX), value];
    let mut frame = Frame::default();
    frame.as_chunks_mut().0.copy_from_slice(&numbers.map(i32::to_ne_bytes));
    frame
}

fn parse(frame: Frame) -> Option<(i32, usize, i32)> {
    let number = |index: usize| i32::from_ne_bytes(frame.as_chunks().0[index]);
    Some((number(0), usize::try_from(number(1)).ok()?, number(2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_survives_the_wire() {
        for order in [
            Order::Run(2),
            Order::Signal(Signal::SIGHUP),
            Order::SignalRest(Signal::SIGTERM),
            Order::Kill,
            Order::Probe,
            Order::EndProbe,
            Order::Conclude,
        ] {
            assert_eq!(Order::decode(order.encode()), Some(order));
        }
        assert_eq!(Order::decode([0xff; 12]), None);
    }

    #[test]
    fn every_report_survives_the_wire() {
        for report in [
            Report::Failed { step: 0, errno: 2, no_directory: false },
            Report::Failed { step: 0, errno: 2, no_directory: true },
            Report::Stopped,
            Report::Left { step: 1, exit: Exit::Code(255) },
            Report::Left { step: 1, exit: Exit::Signal(Signal::SIGKILL) },
            Report::Empty { step: 2 },
            Report::Probed { exit: Exit::Code(3) },
            Report::Probed { exit: Exit::Signal(Signal::SIGKILL) },
            Report::Concluded { exit: Exit::Code(0) },
            Report::Concluded { exit: Exit::Signal(Signal::SIGTERM) },
        ] {
            assert_eq!(Report::decode(report.encode()), Some(report));
        }
        assert_eq!(Report::decode([0xff; 12]), None);
    }
}
