//! Broken, full and foreign state: a server starts wherever that is possible.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::SystemTime;

use bowline::port::{PortChoice, PortError, PortRequest, Warning};

use super::support::{Place, allocate, block, port};

#[test]
fn a_damaged_store_is_set_aside_and_the_living_are_put_back() {
    let (place, block) = (Place::new(), block(4));
    let living = place.allocate(&place.request("a", block.range)).unwrap();
    fs::write(place.dir().store(), "this is no database").unwrap();
    let lease = place.allocate(&place.request("b", block.range)).unwrap();
    assert_eq!(port(&lease), block.range.start + 1, "the living one keeps its port");
    let [Warning::StoreDamaged { kept, .. }] = lease.warnings() else { panic!("{:?}", lease.warnings()) };
    assert_eq!(fs::read_to_string(kept).unwrap(), "this is no database");
    assert!(kept.file_name().unwrap().to_str().unwrap().starts_with("ports.redb.damaged-"));
    assert!(lease.warnings()[0].to_string().contains(kept.to_str().unwrap()));
    assert_eq!(place.ports().reservations().len(), 2);
    living.release(SystemTime::now()).unwrap();
}

#[test]
fn a_store_whose_making_was_cut_short_is_made_anew() {
    let (place, block) = (Place::new(), block(2));
    let unfinished = place.root().join("ports.redb.new");
    fs::create_dir_all(place.root()).unwrap();
    fs::write(&unfinished, [1_u8; 5000]).unwrap();
    let lease = place.allocate(&place.request("a", block.range)).unwrap();
    assert!(lease.warnings().is_empty(), "{:?}", lease.warnings());
    lease.release(SystemTime::now()).unwrap();
    assert!(place.ports().remembered("a").is_some());
    assert!(!unfinished.exists());
    assert_eq!(fs::metadata(place.dir().store()).unwrap().permissions().mode() & 0o777, 0o600);
}

/// A bowline that is killed lets go of its locks one after the other: of the next one's turn before the store.
#[cfg(target_os = "linux")]
#[test]
fn a_store_that_a_dying_bowline_still_has_open_is_waited_for() {
    use rustix::fs::inotify;

    let (place, block) = (Place::new(), block(2));
    let request = place.request("a", block.range);
    place.visit(&request);
    let dying = fs::File::open(place.dir().store()).unwrap();
    dying.lock().unwrap();
    let opened = inotify::init(inotify::CreateFlags::CLOEXEC).unwrap();
    inotify::add_watch(&opened, place.dir().store(), inotify::WatchFlags::OPEN).unwrap();
    let lease = std::thread::scope(|scope| {
        scope.spawn(move || {
            // Until somebody who has the turn comes to the store.
            rustix::io::read(&opened, &mut [0; 512]).unwrap();
            drop(dying);
        });
        place.allocate(&request).unwrap()
    });
    assert!(lease.warnings().is_empty(), "{:?}", lease.warnings());
    assert!(lease.grants()[0].reused, "it is remembered");
    lease.release(SystemTime::now()).unwrap();
}

/// Bytes all over the store are altered in turn, stretches of it emptied, and every length cut.
#[test]
fn no_damage_keeps_a_server_from_starting() {
    let (place, block) = (Place::new(), block(4));
    let request = place.request("a", block.range);
    place.visit(&request);
    let store = place.dir().store();
    let sound = fs::read(&store).unwrap();
    let in_use = sound.iter().rposition(|&byte| byte != 0).unwrap();
    let cuts = (0..sound.len()).step_by(sound.len() / 40).map(|at| sound[..at].to_vec());
    let flips = (0..=in_use).step_by(in_use / 120 + 1).map(|at| {
        let mut bytes = sound.clone();
        bytes[at] ^= 0xff;
        bytes
    });
    let holes = (0..=in_use).step_by(256).map(|at| {
        let mut bytes = sound.clone();
        bytes[at..][..64].fill(0);
        bytes
    });
    for (number, bytes) in cuts.chain(flips).chain(holes).enumerate() {
        fs::write(&store, bytes).unwrap();
        let lease = place.allocate(&request).unwrap_or_else(|error| panic!("{number}: {error}"));
        assert!(block.range.contains(port(&lease)), "{number}");
        place.ports().remembered("a");
        lease.release(SystemTime::now()).unwrap();
        for entry in fs::read_dir(place.root()).unwrap() {
            let path = entry.unwrap().path();
            if path.to_string_lossy().contains("damaged") {
                fs::remove_file(path).unwrap();
            }
        }
    }
}

#[test]
fn a_store_of_another_version_is_left_alone() {
    let (place, block) = (Place::new(), block(4));
    place.visit(&place.request("a", block.range));
    let store = place.dir().store();
    {
        let database = redb::Database::create(&store).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction
            .open_table(redb::TableDefinition::<&str, u32>::new("meta"))
            .unwrap()
            .insert("schema", 2)
            .unwrap();
        transaction.commit().unwrap();
    }
    let first = place.allocate(&place.request("b", block.range)).unwrap();
    assert!(matches!(first.warnings(), [Warning::StoreForeign { .. }]), "{:?}", first.warnings());
    let second = place.allocate(&place.request("c", block.range)).unwrap();
    assert_ne!(port(&first), port(&second), "locks still tell who has what");
    assert!(matches!(place.allocate(&place.request("b", block.range)), Err(PortError::AlreadyRunning(_))));
    first.release(SystemTime::now()).unwrap();
    assert!(matches!(place.ports().forget("a"), Err(PortError::Store { .. })));
    let entries: Vec<_> = fs::read_dir(place.root()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!entries.iter().any(|name| name.to_string_lossy().contains("damaged")), "{entries:?}");
}

#[test]
fn a_store_that_is_no_file_is_done_without() {
    let (place, block) = (Place::new(), block(4));
    fs::create_dir_all(place.dir().store()).unwrap();
    let first = place.allocate(&place.request("a", block.range)).unwrap();
    assert!(matches!(first.warnings(), [Warning::StoreUnusable { .. }]), "{:?}", first.warnings());
    let second = place.allocate(&place.request("b", block.range)).unwrap();
    assert_ne!(port(&first), port(&second));
    second.release(SystemTime::now()).unwrap();
    assert!(first.warnings()[0].hint().is_some());
}

#[test]
fn a_state_directory_that_cannot_be_used_is_replaced_for_all_alike() {
    let (place, block) = (Place::new(), block(4));
    fs::write(place.root(), "a file").unwrap();
    let dir = place.dir();
    assert_eq!(dir.root(), place.spare());
    assert!(dir.trouble().unwrap().hint().is_some());
    let first = place.allocate(&place.request("a", block.range)).unwrap();
    let second = place.allocate(&place.request("b", block.range)).unwrap();
    assert_ne!(port(&first), port(&second));
    // The directory becomes usable meanwhile: whoever uses it still sees the others.
    fs::remove_file(place.root()).unwrap();
    let third = place.allocate(&place.request("c", block.range)).unwrap();
    assert_eq!(port(&third), block.range.start + 2);
    assert!(matches!(place.allocate(&place.request("a", block.range)), Err(PortError::AlreadyRunning(_))));
    assert_eq!(place.ports().reservations().len(), 3);
}

#[test]
fn a_run_directory_that_takes_no_files_is_replaced() {
    let (place, block) = (Place::new(), block(4));
    let ports = place.ports();
    // Not even root can create a file in a directory that is gone.
    fs::remove_dir(place.root().join("run")).unwrap();
    let first = allocate(&ports, &[place.request("a", block.range)]).unwrap();
    let [Warning::Elsewhere { instead, .. }] = first.warnings() else { panic!("{:?}", first.warnings()) };
    assert!(instead.starts_with(place.spare()));
    assert!(first.socket().starts_with(place.spare()));
    let second = place.allocate(&place.request("b", block.range)).unwrap();
    assert_ne!(port(&first), port(&second));
}

#[test]
fn stale_and_broken_lock_files_are_cleared_away() {
    let (place, block) = (Place::new(), block(4));
    let run = place.dir().run();
    fs::write(run.join("0123456789abcdef.lock"), "garbage\n{\"port\":").unwrap();
    fs::write(run.join("0123456789abcdee.guard"), "").unwrap();
    fs::write(run.join("notes.txt"), "not ours").unwrap();
    let lease = place.allocate(&place.request("a", block.range)).unwrap();
    assert_eq!(port(&lease), block.range.start);
    lease.release(SystemTime::now()).unwrap();
    assert_eq!(place.run_files(), ["notes.txt"]);
}

#[test]
fn a_transaction_cut_short_is_repaired() {
    let (place, block) = (Place::new(), block(4));
    let request = place.request("a", block.range);
    place.visit(&PortRequest { choice: PortChoice::Preferred(block.range.start + 1), ..request.clone() });
    let store = place.dir().store();
    let database = redb::Database::create(&store).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction
        .open_table(redb::TableDefinition::<u16, &str>::new("reservations"))
        .unwrap()
        .insert(1, "{}")
        .unwrap();
    let torn = fs::read(&store).unwrap();
    drop(transaction);
    drop(database);
    fs::write(&store, torn).unwrap();
    assert_eq!(place.ports().remembered("a").unwrap().port, Some(block.range.start + 1));
    let lease = place.allocate(&request).unwrap();
    assert_eq!((port(&lease), lease.warnings().len()), (block.range.start + 1, 0));
}

/// A file system of a few pages, where there is the right to mount one.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_does_not_keep_a_server_from_starting() {
    let (place, block) = (Place::new(), block(4));
    let disk = place.temp.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=256k,mode=0700", "tmpfs"])
        .arg(&disk)
        .stderr(std::process::Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !mounted {
        return;
    }
    let _unmount = Unmount(disk.clone());
    let ports = || {
        bowline::port::Ports::new(std::sync::Arc::new(super::support::open(
            &disk.join("state"),
            place.temp.path(),
        )))
    };
    let a = place.request("a", block.range);
    allocate(&ports(), std::slice::from_ref(&a)).unwrap().release(SystemTime::now()).unwrap();
    // The rest is filled to the last byte.
    let filler = fs::File::create(disk.join("filler")).unwrap();
    let mut filler = std::io::BufWriter::with_capacity(1, filler);
    while std::io::Write::write_all(&mut filler, &[1; 512]).is_ok() {}
    drop(filler);

    let first = allocate(&ports(), &[place.request("b", block.range)]).unwrap();
    assert!(!first.warnings().is_empty());
    let second = allocate(&ports(), &[place.request("c", block.range)]).unwrap();
    assert_ne!(port(&first), port(&second));
    assert!(matches!(
        allocate(&ports(), &[place.request("b", block.range)]),
        Err(PortError::AlreadyRunning(_))
    ));
    first.release(SystemTime::now()).unwrap();
    second.release(SystemTime::now()).unwrap();
    fs::remove_file(disk.join("filler")).unwrap();
    let again = allocate(&ports(), &[a]).unwrap();
    assert_eq!(port(&again), block.range.start);
    assert!(again.warnings().is_empty(), "its memory has survived: {:?}", again.warnings());
}

#[cfg(target_os = "linux")]
struct Unmount(std::path::PathBuf);

#[cfg(target_os = "linux")]
impl Drop for Unmount {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_read_only_store_is_done_without() {
    let (place, block) = (Place::new(), block(4));
    place.visit(&place.request("a", block.range));
    fs::set_permissions(place.dir().store(), fs::Permissions::from_mode(0o000)).unwrap();
    let lease = place.allocate(&place.request("b", block.range)).unwrap();
    if nix::unistd::geteuid().is_root() {
        assert!(lease.warnings().is_empty(), "root may do anything");
    } else {
        assert!(matches!(lease.warnings(), [Warning::StoreUnusable { .. }]));
    }
}
