//! Descriptors that one test alone has.

/// Gives the test's thread, and those that it starts, a table of descriptors of their own. A process that
/// another test starts would have a copy of this test's locks, sockets and pipes until its `exec`, and so keep
/// them when they are let go here. What uses descriptors calls this first.
#[cfg(target_os = "linux")]
pub fn own_descriptors() {
    use std::cell::Cell;
    use std::thread;

    thread_local!(static DONE: Cell<bool> = const { Cell::new(false) });
    // Only the threads of tests have names. A lone test may run on the main thread.
    let is_test = thread::current().name().is_some_and(|name| name != "main");
    if !is_test || DONE.replace(true) {
        return;
    }
    #[expect(unsafe_code, reason = "no safe wrapper of close_range")]
    // SAFETY: what is closed is this thread's copy of what others have, and nothing of this test is among it yet.
    unsafe {
        nix::libc::syscall(nix::libc::SYS_close_range, 3, u32::MAX, nix::libc::CLOSE_RANGE_UNSHARE);
    }
}

/// Nothing like it is there. What was just let go may be held a little longer by a child of another test.
#[cfg(not(target_os = "linux"))]
pub fn own_descriptors() {}
