//! The store's file, whose first wait for the disk is that of the commit.
//!
//! redb marks a file that it opens as one that needs recovery, and waits until the mark is on the disk; so would
//! every script. The mark is in the sector that the commit writes as well, with the new root: they reach the disk
//! together or not at all, and a commit that does not is the only thing lost when the power fails. A new length is
//! waited for, since a root may not be on the disk before the pages behind the old end.

use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::{BackendError, StorageBackend};

type Done<T> = std::io::Result<T>;

/// Whether redb's waits for the disk are made: not at first.
#[derive(Clone, Debug, Default)]
pub struct Syncs(Arc<AtomicBool>);

impl Syncs {
    /// Makes every wait from here on.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[derive(Debug)]
pub struct LateSync<B> {
    file: B,
    syncs: Syncs,
}

impl<B> LateSync<B> {
    pub fn new(file: B, syncs: &Syncs) -> Self {
        Self { file, syncs: syncs.clone() }
    }
}

impl<B: StorageBackend> StorageBackend for LateSync<B> {
    fn sync_data(&self) -> Done<()> {
        if self.syncs.0.load(Ordering::Relaxed) { self.file.sync_data() } else { Ok(()) }
    }

    fn len(&self) -> Done<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Done<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Done<()> {
        self.syncs.begin();
        self.file.set_len(len)
    }

    fn write(&self, offset: u64, data: &[u8]) -> Done<()> {
        self.file.write(offset, data)
    }

    fn close(&self) -> Done<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}
