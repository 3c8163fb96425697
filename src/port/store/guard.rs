//! Panics of redb over a damaged file, turned into errors.

use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::thread;

use crate::port::error::{PortError, StoreFault};

/// redb trusts pages that were written cleanly, and may panic if they were altered since. This catches the panic
/// and logs its message: the user gets a warning of a damaged store instead.
pub fn guarded<T>(work: impl FnOnce() -> Result<T, PortError>) -> Result<T, PortError> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if GUARDED.get() {
                tracing::warn!("the store is damaged: {panic}");
            } else {
                usual(panic);
            }
        }));
    });
    let before = GUARDED.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(before);
    outcome.unwrap_or_else(|_| {
        Err(PortError::store(StoreFault::Damaged, "its pages contradict each other".to_owned()))
    })
}

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// A value of redb that is dropped as usual, but leaked while a panic unwinds: its drop would find poisoned locks
/// and panic again, which aborts the program.
pub struct ForgetOnPanic<T>(Option<T>);

impl<T> ForgetOnPanic<T> {
    pub fn new(part: T) -> Self {
        Self(Some(part))
    }

    pub fn into_inner(mut self) -> T {
        self.0.take().expect("it is there until it is dropped")
    }
}

impl<T> Drop for ForgetOnPanic<T> {
    fn drop(&mut self) {
        if thread::panicking() {
            std::mem::forget(self.0.take());
        }
    }
}

impl<T> Deref for ForgetOnPanic<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect("it is there until it is dropped")
    }
}

impl<T> DerefMut for ForgetOnPanic<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().expect("it is there until it is dropped")
    }
}
