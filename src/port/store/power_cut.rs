//! The power is cut after every write of the store, and what is left is read.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use redb::StorageBackend;

use super::late_sync::Syncs;
use super::{Memory, OpenStore, WriteTables, attempt_in, builder, open};
use crate::port::error::PortError;
use crate::port::remembered::Remembered;

/// The bytes that a disk writes at once.
const SECTOR: usize = 512;

/// How often each cut is tried. With 60, which take minutes, none was found that does damage.
const TRIES: usize = 1;

#[derive(Clone, Debug)]
enum Step {
    Write(usize, Vec<u8>),
    Length(usize),
    /// Every step before this one is on the disk.
    Sync,
    /// This many projects were committed.
    Committed(usize),
}

/// A disk that remembers in which order it was written.
#[derive(Clone, Debug, Default)]
struct Disk(Arc<Mutex<(Vec<u8>, Vec<Step>)>>);

impl Disk {
    fn new(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new((bytes, Vec::new()))))
    }

    fn lock(&self) -> MutexGuard<'_, (Vec<u8>, Vec<Step>)> {
        self.0.lock().unwrap()
    }

    fn place(offset: u64) -> usize {
        usize::try_from(offset).unwrap()
    }

    fn note(&self, step: Step) {
        let (bytes, steps) = &mut *self.lock();
        apply(bytes, &step);
        steps.push(step);
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.lock().0.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let start = Self::place(offset);
        let bytes = &self.lock().0;
        let part = bytes.get(start..start + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(part);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.note(Step::Length(Self::place(len)));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.note(Step::Sync);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.note(Step::Write(Self::place(offset), data.to_vec()));
        Ok(())
    }
}

/// Does a step. What is written behind the end of a file that was not made longer is lost.
fn apply(bytes: &mut Vec<u8>, step: &Step) {
    match step {
        Step::Write(offset, data) => {
            let end = bytes.len().min(offset + data.len());
            if let Some(room) = bytes.get_mut(*offset..end) {
                room.copy_from_slice(&data[..room.len()]);
            }
        }
        Step::Length(length) => bytes.resize(*length, 0),
        Step::Sync | Step::Committed(_) => {}
    }
}

/// Numbers that are the same at each run, by xorshift.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// The disk after a cut: what was synced is on it, and of the rest any part, sector by sector.
fn after_cut(first: &[u8], steps: &[Step], numbers: &mut Numbers) -> Vec<u8> {
    let synced = steps.iter().rposition(|step| matches!(step, Step::Sync)).unwrap_or(0);
    let mut bytes = first.to_vec();
    steps[..synced].iter().for_each(|step| apply(&mut bytes, step));
    // Of some cuts nearly all is on the disk, of others nearly nothing.
    let share = numbers.below(5);
    for step in &steps[synced..] {
        let Step::Write(offset, data) = step else {
            if numbers.below(4) < share {
                apply(&mut bytes, step);
            }
            continue;
        };
        for (nth, sector) in data.chunks(SECTOR).enumerate() {
            if numbers.below(4) < share {
                apply(&mut bytes, &Step::Write(offset + nth * SECTOR, sector.to_vec()));
            }
        }
    }
    bytes
}

fn project(nth: usize) -> (String, Remembered) {
    // Every third one is large, so that the file grows and shrinks.
    let name = "n".repeat(if nth.is_multiple_of(3) { 9000 } else { 10 });
    (
        format!("/project/{nth}"),
        Remembered { name, port: u16::try_from(4000 + nth).ok(), ..Remembered::default() },
    )
}

/// Does one transaction, as a start of bowline does, and returns its store for the commit.
fn transaction(
    disk: &Disk,
    mut work: impl FnMut(&mut WriteTables<'_>) -> Result<usize, PortError>,
) -> Result<(usize, OpenStore), PortError> {
    let syncs = Syncs::default();
    attempt_in(open(disk.clone(), &syncs)?, syncs, &mut work)
}

fn remember(tables: &mut WriteTables<'_>, nth: usize) -> Result<usize, PortError> {
    let (id, row) = project(nth);
    tables.remember(&id, &row, row.port)?;
    // An old project is forgotten, so that pages become free.
    if let Some(old) = nth.checked_sub(4) {
        tables.forget(&project(old).0)?;
    }
    Ok(nth)
}

/// How many projects had been remembered; each is whole, and the four newest ones are there.
fn remembered(tables: &WriteTables<'_>) -> Result<usize, PortError> {
    let projects = tables.projects()?;
    let number = |id: &str| id.rsplit_once('/').unwrap().1.parse::<usize>().unwrap();
    let newest = projects.iter().map(|(id, _)| number(id)).max();
    let count = newest.map_or(0, |newest| newest + 1);
    let mut expected: Vec<_> = (count.saturating_sub(4)..count).map(project).collect();
    expected.sort_by(|one, other| one.0.cmp(&other.0));
    assert!(projects == expected, "the last of {count} projects are there, and whole");
    Ok(count)
}

#[test]
fn a_power_cut_loses_nothing_that_was_committed_and_damages_nothing() {
    let fresh = Disk::default();
    drop(builder().create_with_backend(fresh.clone()).unwrap());
    let first = fresh.lock().0.clone();
    let disk = Disk::new(first.clone());
    for nth in 0..9 {
        let (_, mut store) = transaction(&disk, |tables| remember(tables, nth)).unwrap();
        store.try_commit().unwrap();
        disk.note(Step::Committed(nth + 1));
        drop(store);
        // One is begun and given up, as where no port is free.
        drop(transaction(&disk, |tables| remember(tables, nth + 1)).unwrap());
    }
    let steps = disk.lock().1.clone();
    let mut numbers = Numbers(0x2545_F491_4F6C_DD1D);
    for cut in 0..=steps.len() {
        let committed = steps[..cut].iter().rev().find_map(|step| match step {
            Step::Committed(count) => Some(*count),
            Step::Write(..) | Step::Length(_) | Step::Sync => None,
        });
        let committed = committed.unwrap_or(0);
        for _ in 0..TRIES {
            let left = Disk::new(after_cut(&first, &steps[..cut], &mut numbers));
            let (count, mut store) = transaction(&left, |tables| {
                let count = remembered(tables)?;
                remember(tables, count)?;
                Ok(count)
            })
            .unwrap_or_else(|error| panic!("cut after {cut} of {} steps: {error:?}", steps.len()));
            assert!(
                (committed..=committed + 1).contains(&count),
                "cut after {cut} steps: {committed} were committed, and {count} are there"
            );
            store.try_commit().unwrap();
            drop(store);
            let (again, _) = transaction(&left, |tables| remembered(tables)).unwrap();
            assert_eq!(again, count + 1, "the store goes on after the cut");
        }
    }
    assert!(steps.iter().any(|step| matches!(step, Step::Length(_))), "the file has grown");
}

#[test]
fn a_start_waits_for_the_disk_once() {
    let disk = Disk::default();
    drop(builder().create_with_backend(disk.clone()).unwrap());
    for nth in [1; 6] {
        // The last one finds its rows there, and the file needs no more room.
        disk.lock().1.clear();
        let (_, mut store) = transaction(&disk, |tables| remember(tables, nth)).unwrap();
        store.try_commit().unwrap();
        disk.note(Step::Committed(nth));
    }
    let steps = disk.lock().1.clone();
    let commit = steps.iter().position(|step| matches!(step, Step::Committed(_))).unwrap();
    let waits = steps[..commit].iter().filter(|step| matches!(step, Step::Sync)).count();
    assert_eq!(waits, 1, "the commit's");
}
