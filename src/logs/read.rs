//! Reading.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::older;
use crate::event::Stream;

/// The most that one record can hold: more is a damaged file.
const LONGEST: usize = 64 * 1024 * 1024;

/// What was read from a service at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When.
    pub time: SystemTime,
    /// From which stream.
    pub stream: Stream,
    /// What.
    pub bytes: Vec<u8>,
}

/// All that is kept of a service's output, oldest first. Nothing if it never wrote anything.
///
/// # Errors
/// A file that exists but cannot be read.
pub fn read(file: &Path) -> io::Result<Vec<Record>> {
    let mut records = Vec::new();
    for path in [older(file), file.to_owned()] {
        match File::open(path) {
            Ok(file) => read_file(&mut BufReader::new(file), &mut records)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(records)
}

fn read_file(file: &mut impl BufRead, records: &mut Vec<Record>) -> io::Result<()> {
    let mut head = String::new();
    while file.read_line(&mut head)? > 0 {
        // What does not begin like a record is the rest of one that a crash cut short.
        let Some((time, stream, length)) = parse(&head) else { return Ok(()) };
        let mut bytes = Vec::new();
        file.by_ref().take(u64::try_from(length).unwrap_or(0)).read_to_end(&mut bytes)?;
        let whole = bytes.len() == length;
        records.push(Record { time, stream, bytes });
        if !whole {
            return Ok(());
        }
        let mut end = [0];
        if file.read(&mut end)? == 0 {
            return Ok(());
        }
        head.clear();
    }
    Ok(())
}

fn parse(head: &str) -> Option<(SystemTime, Stream, usize)> {
    let mut words = head.strip_suffix('\n')?.split(' ');
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(words.next()?.parse().ok()?))?;
    let stream = match words.next()? {
        "o" => Stream::Stdout,
        "e" => Stream::Stderr,
        _ => return None,
    };
    let length = words.next()?.parse().ok().filter(|length| *length <= LONGEST)?;
    Some((time, stream, length))
}

#[cfg(test)]
mod tests {
    use super::super::{LIMIT, Recorder, file};
    use super::*;

    fn at(millis: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
    }

    #[test]
    fn what_was_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = file(dir.path(), "/app", "@acme/web");
        assert_eq!(read(&path).unwrap(), []);
        let mut recorder = Recorder::open(path.clone()).unwrap();
        recorder.write(Stream::Stdout, b"a\nb", at(7)).unwrap();
        drop(recorder);
        Recorder::open(path.clone()).unwrap().write(Stream::Stderr, b"\xff\n", at(8)).unwrap();
        let records = [
            Record { time: at(7), stream: Stream::Stdout, bytes: b"a\nb".to_vec() },
            Record { time: at(8), stream: Stream::Stderr, bytes: b"\xff\n".to_vec() },
        ];
        assert_eq!(read(&path).unwrap(), records);
    }

    #[test]
    fn a_record_cut_short_is_read_as_far_as_it_goes() {
        let dir = tempfile::tempdir().unwrap();
        let path = file(dir.path(), "/app", "web");
        for (content, expected) in [
            (&b"7 o 3\nab"[..], vec![&b"ab"[..]]),
            (b"7 o 3\nabc", vec![b"abc"]),
            (b"7 o 3\nabc\n8 e", vec![b"abc"]),
            (b"7 o 3\nabc\nrubbish\n", vec![b"abc"]),
            (b"7 o 99999999999\nabc\n", vec![]),
        ] {
            std::fs::write(&path, content).unwrap();
            let read: Vec<_> = read(&path).unwrap().into_iter().map(|record| record.bytes).collect();
            assert_eq!(read, expected);
        }
    }

    #[test]
    fn two_files_bound_what_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = file(dir.path(), "/app", "web");
        let mut recorder = Recorder::open(path.clone()).unwrap();
        let chunk = vec![b'x'; 1024 * 1024];
        for number in 0..20 {
            recorder.write(Stream::Stdout, &chunk, at(number)).unwrap();
        }
        let kept: u64 =
            std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().metadata().unwrap().len()).sum();
        assert!(kept <= 2 * (LIMIT + 2 * 1024 * 1024), "{kept}");
        assert_eq!(read(&path).unwrap().last().map(|record| record.time), Some(at(19)));
    }

    #[test]
    fn projects_of_one_name_have_files_of_their_own() {
        let logs = Path::new("/logs");
        assert_ne!(file(logs, "/a", "web"), file(logs, "/b", "web"));
        assert!(file(logs, "/a", "../../etc").starts_with(logs));
    }
}
