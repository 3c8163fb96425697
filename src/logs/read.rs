//! Reading the files.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::file::{of_id, older};
use crate::event::{Event, Output, Stream, parse_cursor};

/// The longest record of a valid file, in bytes.
const LONGEST_RECORD: u64 = 64 * 1024 * 1024;

/// The result of one read from a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub time: SystemTime,
    pub stream: Stream,
    pub bytes: Vec<u8>,
    pub session: String,
    /// The length of the session's output before it, in bytes.
    pub start: u64,
}

/// The events of this output, split between characters, as when it was written.
pub fn to_events(records: Vec<Record>, project: &str) -> impl Iterator<Item = Event> {
    let mut output = Output::new("");
    records.into_iter().filter_map(move |Record { time, stream, bytes, session, start }| {
        output.seek(&session, start);
        let what = output.take(stream, &bytes)?;
        Some(Event { timestamp: time, ..Event::now(project, what) })
    })
}

/// The output that is kept of the project with this id, under whatever names it had; oldest first.
pub fn of_project(logs: &Path, project: &str) -> io::Result<Vec<Record>> {
    let files = of_id(logs, project);
    let mut records = Vec::new();
    for file in &files {
        records.extend(read(file)?);
    }
    if files.len() > 1 {
        records.sort_by_key(|record| record.time);
    }
    Ok(records)
}

/// The output of a session after its first `bytes`, and all later sessions; all records if none of the session is
/// kept.
pub fn from(records: Vec<Record>, session: &str, bytes: u64) -> Vec<Record> {
    let Some(first) = records.iter().position(|record| record.session == session) else { return records };
    let mut rest: Vec<Record> = records.into_iter().skip(first).collect();
    for record in rest.iter_mut().filter(|record| record.session == session && record.start < bytes) {
        let known = usize::try_from(bytes - record.start).unwrap_or(usize::MAX).min(record.bytes.len());
        record.bytes.drain(..known);
        record.start = bytes;
    }
    rest.retain(|record| !record.bytes.is_empty());
    rest
}

/// The records of a service that are kept, oldest first; none if it never wrote anything.
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
    let (mut session, mut start) = (String::new(), 0);
    loop {
        let (mut head, mut bytes) = (Vec::new(), Vec::new());
        file.by_ref().take(64).read_until(b'\n', &mut head)?;
        // Not the head of a record: a crash cut one short.
        let Some((time, stream, length)) = parse_head(&head) else { return Ok(()) };
        file.by_ref().take(length).read_to_end(&mut bytes)?;
        let read = u64::try_from(bytes.len()).unwrap_or(0);
        if let Some(stream) = stream {
            records.push(Record { time, stream, bytes, session: session.clone(), start });
            start += read;
        } else if let Some((name, place)) = std::str::from_utf8(&bytes).ok().and_then(parse_cursor) {
            (session, start) = (name.to_owned(), place);
        }
        if read < length || file.read(&mut [0])? == 0 {
            return Ok(());
        }
    }
}

/// The time of a record, its stream (`None`: it holds a cursor) and its length in bytes.
fn parse_head(line: &[u8]) -> Option<(SystemTime, Option<Stream>, u64)> {
    let mut words = std::str::from_utf8(line).ok()?.strip_suffix('\n')?.split(' ');
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(words.next()?.parse().ok()?))?;
    let stream = match words.next()? {
        "o" => Some(Stream::Stdout),
        "e" => Some(Stream::Stderr),
        "s" => None,
        _ => return None,
    };
    Some((time, stream, words.next()?.parse().ok().filter(|length| *length <= LONGEST_RECORD)?))
}

#[cfg(test)]
mod tests {
    use super::super::file::{LIMIT, file, named};
    use super::super::record::Recorder;
    use super::*;
    use crate::event::What;

    fn at(millis: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
    }

    #[test]
    fn what_was_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = file(dir.path(), "/app", "@acme/web");
        assert_eq!(read(&path).unwrap(), []);
        let mut recorder = Recorder::open(path.clone(), "one").unwrap();
        recorder.write(Stream::Stdout, b"a\nb", at(7)).unwrap();
        recorder.write(Stream::Stderr, b"\xff\n", at(8)).unwrap();
        drop(recorder);
        Recorder::open(path.clone(), "two").unwrap().write(Stream::Stdout, b"c", at(9)).unwrap();
        let records = [
            record(7, Stream::Stdout, b"a\nb", "one", 0),
            record(8, Stream::Stderr, b"\xff\n", "one", 3),
            record(9, Stream::Stdout, b"c", "two", 0),
        ];
        assert_eq!(read(&path).unwrap(), records);
    }

    fn record(millis: u64, stream: Stream, bytes: &[u8], session: &str, start: u64) -> Record {
        Record { time: at(millis), stream, bytes: bytes.to_vec(), session: session.to_owned(), start }
    }

    #[test]
    fn recorded_output_becomes_the_events_of_its_time() {
        let euro = "€".as_bytes();
        let records = vec![
            record(1, Stream::Stdout, b"a", "one", 0),
            record(2, Stream::Stdout, &euro[..2], "one", 1),
            record(3, Stream::Stderr, b"\xff", "one", 3),
            record(4, Stream::Stdout, &euro[2..], "one", 4),
            record(5, Stream::Stdout, &euro[..2], "one", 5),
            // The output between the two is left out.
            record(6, Stream::Stdout, b"b", "one", 99),
            record(7, Stream::Stdout, b"c", "two", 0),
        ];
        let events: Vec<_> = to_events(records, "/app").map(|event| (event.timestamp, event.what)).collect();
        let chunk = |millis, stream, data: &str, cursor: &str| {
            (at(millis), What::LogChunk { stream, data: data.to_owned(), cursor: cursor.to_owned() })
        };
        let expected = [
            chunk(1, Stream::Stdout, "a", "one:1"),
            chunk(3, Stream::Stderr, "\u{fffd}", "one:4"),
            chunk(4, Stream::Stdout, "€", "one:5"),
            chunk(6, Stream::Stdout, "b", "one:100"),
            chunk(7, Stream::Stdout, "c", "two:1"),
        ];
        assert_eq!(events, expected);
    }

    #[test]
    fn reading_continues_from_any_cursor() {
        let records = || {
            vec![
                record(1, Stream::Stdout, b"abc", "one", 0),
                record(2, Stream::Stdout, b"de", "one", 3),
                record(3, Stream::Stdout, b"f", "two", 0),
            ]
        };
        for (session, bytes, expected) in [
            ("one", 0, "abcdef"),
            ("one", 2, "cdef"),
            ("one", 3, "def"),
            ("one", 5, "f"),
            ("one", 9, "f"),
            ("two", 0, "f"),
            ("two", 1, ""),
            ("gone", 4, "abcdef"),
        ] {
            let rest: Vec<u8> =
                from(records(), session, bytes).into_iter().flat_map(|record| record.bytes).collect();
            assert_eq!(String::from_utf8(rest).unwrap(), expected, "{session}:{bytes}");
        }
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
    fn a_new_session_is_read_whatever_a_crash_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = file(dir.path(), "/app", "web");
        std::fs::write(&path, b"7 o 3\nab").unwrap();
        Recorder::open(path.clone(), "two").unwrap().write(Stream::Stdout, b"new", at(9)).unwrap();
        let read: Vec<_> = read(&path).unwrap().into_iter().map(|record| record.bytes).collect();
        assert_eq!(read, [&b"ab"[..], b"new"]);
    }

    #[test]
    fn two_files_bound_what_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = file(dir.path(), "/app", "web");
        let mut recorder = Recorder::open(path.clone(), "one").unwrap();
        let chunk = vec![b'x'; 1024 * 1024];
        for number in 0..20 {
            recorder.write(Stream::Stdout, &chunk, at(number * 1000)).unwrap();
        }
        let kept: u64 =
            std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().metadata().unwrap().len()).sum();
        assert!(kept <= 2 * (LIMIT + 2 * 1024 * 1024), "{kept}");
        let last = read(&path).unwrap().pop().unwrap();
        assert_eq!((last.time, last.start), (at(19_000), 19 * 1024 * 1024));
    }

    #[test]
    fn the_end_of_a_flood_is_kept_at_its_position() {
        let dir = tempfile::tempdir().unwrap();
        let path = file(dir.path(), "/app", "web");
        let mut recorder = Recorder::open(path.clone(), "one").unwrap();
        let chunk = vec![b'x'; 1024 * 1024];
        for _ in 0..99 {
            recorder.write(Stream::Stdout, &chunk, at(7)).unwrap();
        }
        recorder.write(Stream::Stderr, b"the end", at(8)).unwrap();
        let size = |path: &Path| std::fs::metadata(path).unwrap().len();
        let before = size(&path);
        recorder.flush(at(9)).unwrap();
        assert!(size(&path) < before + 1024);
        recorder.write(Stream::Stdout, b"calm", at(2000)).unwrap();
        let records = read(&path).unwrap();
        let [.., end, calm] = &records[..] else { panic!("{records:?}") };
        assert_eq!(
            (&end.bytes[..], end.start, end.stream),
            (&b"the end"[..], 99 * 1024 * 1024, Stream::Stderr)
        );
        assert_eq!((&calm.bytes[..], calm.start), (&b"calm"[..], 99 * 1024 * 1024 + 7));
    }

    #[test]
    fn projects_of_one_name_have_files_of_their_own() {
        let logs = Path::new("/logs");
        assert_ne!(file(logs, "/a", "web"), file(logs, "/b", "web"));
        assert!(file(logs, "/a", "../../etc").starts_with(logs));
    }

    #[test]
    fn files_are_found_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = file(dir.path(), "/a", "@acme/web");
        std::fs::write(&path, "").unwrap();
        std::fs::write(dir.path().join("bowline.log"), "").unwrap();
        assert_eq!(named(dir.path(), "@acme/web"), [path]);
        assert!(named(dir.path(), "acme").is_empty());
    }

    #[test]
    fn the_output_of_a_project_is_read_under_all_its_names() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name, session, text: &[u8], millis| {
            let mut recorder = Recorder::open(file(dir.path(), "p", name), session).unwrap();
            recorder.write(Stream::Stdout, text, at(millis)).unwrap();
        };
        write("b", "1", b"first", 1);
        write("a", "2", b"second", 2);
        write("b", "3", b"third", 3);
        std::fs::write(file(dir.path(), "q", "b"), "1 o 1\nx\n").unwrap();
        let texts: Vec<_> =
            of_project(dir.path(), "p").unwrap().into_iter().map(|record| record.bytes).collect();
        assert_eq!(texts, [&b"first"[..], b"second", b"third"]);
    }
}
