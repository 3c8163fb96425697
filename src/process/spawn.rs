//! How a guardian executes a program: as the leader of its own process group, and in the foreground of its
//! terminal if it has one. Signals that the guardian catches are at their default again, even if bowline was
//! started with them ignored: a shell starts background jobs with SIGINT ignored, and a server that inherits this
//! cannot be asked to stop. A SIGHUP that `nohup` has ignored stays so.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

#[cfg(not(target_os = "linux"))]
pub(super) use forked::spawn;
#[cfg(target_os = "linux")]
pub(super) use vforked::spawn;

/// A program with its arguments, directory and whole environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Looked up in the `PATH` of `environment` if it has no slash.
    pub program: PathBuf,
    /// Arguments, the program's own name first.
    pub argv: Vec<OsString>,
    pub dir: PathBuf,
    /// Every variable it gets, and no other.
    pub environment: Vec<(OsString, OsString)>,
}

#[derive(Debug)]
pub struct Stdio {
    pub stdin: OwnedFd,
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
    /// Whether `stdout` is a pseudo-terminal of the service's own, which becomes its controlling terminal.
    pub terminal: bool,
}

/// The child runs in the guardian's memory until it executes, as with vfork(2): copying that memory was among the
/// most expensive parts of a start. posix_spawn(3) does the same, but cannot ask for a signal at the guardian's
/// death.
#[cfg(target_os = "linux")]
mod vforked {
    use std::ffi::{CStr, CString, OsStr, OsString};
    use std::io;
    use std::os::unix::ffi::OsStrExt;
    use std::ptr;
    use std::sync::atomic::{AtomicI32, Ordering};

    use nix::errno::Errno;
    use nix::libc::{self, c_char};
    use nix::sched::{CloneFlags, clone};
    use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal};
    use nix::sys::wait::waitpid;
    use nix::unistd::{
        Pid, chdir, dup2_stderr, dup2_stdin, dup2_stdout, getpid, getppid, setpgid, tcsetpgrp,
    };

    use crate::process::signals::{set_action, simple_action};
    use crate::process::spawn::{Program, Stdio};

    /// More than the child needs for its few calls, and enough for the allocator to map it: untouched pages take
    /// no memory.
    const STACK_BYTES: usize = 256 << 10;
    /// The `PATH` of execvp(3) if there is none.
    const DEFAULT_PATH: &str = "/bin:/usr/bin";
    /// Runs files whose format the kernel does not know, as execvp(3) does.
    const SHELL: &CStr = c"/bin/sh";
    /// Errors on which the search continues in the next directory of the `PATH`, as in execvp(3).
    const ABSENT: [Errno; 7] = [
        Errno::ENOENT,
        Errno::ENOTDIR,
        Errno::ENODEV,
        Errno::ESTALE,
        Errno::ETIMEDOUT,
        Errno::ENAMETOOLONG,
        Errno::ELOOP,
    ];

    pub fn spawn(program: &Program, stdio: &Stdio) -> io::Result<Pid> {
        let dir = c_string(program.dir.as_os_str())?;
        let name = program.program.as_os_str();
        let is_searched = !name.as_bytes().contains(&b'/');
        let paths = if is_searched { search(program)? } else { vec![c_string(name)?] };
        let own_name = [program.argv.first().map_or(name, OsString::as_os_str)];
        let arguments = own_name.into_iter().chain(program.argv.iter().skip(1).map(OsString::as_os_str));
        let arguments = arguments.map(c_string).collect::<io::Result<Vec<_>>>()?;
        let variables = program
            .environment
            .iter()
            .map(|(name, value)| c_string(&[name, OsStr::new("="), value].into_iter().collect::<OsString>()));
        let variables = variables.collect::<io::Result<Vec<_>>>()?;
        // As execve(2) takes them: with a null at the end. `argv` also has a spare first place, for the shell.
        let pointers =
            |texts: &[CString]| texts.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect();
        let (mut argv, environment): (Vec<_>, Vec<_>) = (pointers(&arguments), pointers(&variables));
        argv.insert(0, ptr::null());
        let guardian = getpid();
        let failure = AtomicI32::new(0);
        let child = Box::new(|| {
            let prepared = prepare(&dir, stdio, guardian);
            let errno =
                prepared.err().unwrap_or_else(|| execute(&paths, is_searched, &mut argv, &environment));
            failure.store(errno as i32, Ordering::Relaxed);
            // `failure` says more than an exit code.
            0
        });
        let mut stack = vec![0_u8; STACK_BYTES];
        let flags = CloneFlags::CLONE_VM | CloneFlags::CLONE_VFORK;
        // A handler that ran in the child would write to the guardian's memory.
        let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
        #[expect(unsafe_code, reason = "the child is lent the memory of this process")]
        // SAFETY: the calling thread is the only one, and waits until the child has executed or ended. Until then
        // the child makes system calls on a stack of its own; it allocates nothing, takes no lock and does not
        // panic.
        let cloned = unsafe { clone(child, &mut stack, flags, Some(libc::SIGCHLD)) };
        before.thread_set_mask()?;
        let pid = cloned?;
        let errno = failure.into_inner();
        if errno == 0 {
            return Ok(pid);
        }
        while waitpid(pid, None) == Err(Errno::EINTR) {}
        Err(io::Error::from_raw_os_error(errno))
    }

    /// Runs in the child. With SIGTTOU blocked, a background process may take the foreground.
    fn prepare(dir: &CStr, stdio: &Stdio, guardian: Pid) -> nix::Result<()> {
        dup2_stdin(&stdio.stdin)?;
        dup2_stdout(&stdio.stdout)?;
        dup2_stderr(&stdio.stderr)?;
        chdir(dir)?;
        setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
        if stdio.terminal {
            tcsetpgrp(&stdio.stdout, getpid())?;
        }
        // In case the guardian dies before it has ended the tree.
        nix::sys::prctl::set_pdeathsig(Signal::SIGTERM)?;
        if getppid() != guardian {
            return Err(Errno::ESRCH);
        }
        // execve(2) resets handlers, but a pending SIGTERM would run the guardian's before that, instead of ending
        // the child.
        set_action(Signal::SIGTERM, &simple_action(SigHandler::SigDfl))?;
        SigSet::empty().thread_set_mask()
    }

    /// Executes the first of the paths that can be executed, as execvp(3) does. Returns if there is none.
    fn execute(
        paths: &[CString],
        is_searched: bool,
        argv: &mut [*const c_char],
        environment: &[*const c_char],
    ) -> Errno {
        let mut refused = false;
        for path in paths {
            let errno = execve(path, &argv[1..], environment);
            if errno == Errno::ENOEXEC {
                [argv[0], argv[1]] = [SHELL.as_ptr(), path.as_ptr()];
                return execve(SHELL, argv, environment);
            }
            refused |= errno == Errno::EACCES;
            if !is_searched || !(errno == Errno::EACCES || ABSENT.contains(&errno)) {
                return errno;
            }
        }
        if refused { Errno::EACCES } else { Errno::ENOENT }
    }

    fn execve(path: &CStr, arguments: &[*const c_char], environment: &[*const c_char]) -> Errno {
        #[expect(unsafe_code, reason = "the safe one allocates")]
        // SAFETY: both lists end with a null, and their other pointers are to texts that outlive the call.
        unsafe {
            libc::execve(path.as_ptr(), arguments.as_ptr(), environment.as_ptr());
        }
        Errno::last()
    }

    /// The files of this name in the directories of the `PATH` of the program's own environment.
    fn search(program: &Program) -> io::Result<Vec<CString>> {
        let path = program.environment.iter().find(|(variable, _)| variable == "PATH");
        let path = path.map_or(OsStr::new(DEFAULT_PATH), |(_, value)| value);
        let directories = std::env::split_paths(path).filter(|_| !program.program.as_os_str().is_empty());
        directories.map(|directory| c_string(directory.join(&program.program).as_os_str())).collect()
    }

    fn c_string(text: &OsStr) -> io::Result<CString> {
        CString::new(text.as_bytes()).map_err(io::Error::from)
    }
}

/// The child is a copy of the guardian. Written from the manual pages; it compiles for macOS and has never run.
#[cfg(not(target_os = "linux"))]
mod forked {
    use std::io;
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use nix::errno::Errno;
    use nix::sys::signal::SigSet;
    use nix::unistd::{Pid, getpid, getppid, setpgid, tcsetpgrp};

    use crate::process::spawn::{Program, Stdio};

    pub fn spawn(program: &Program, stdio: &Stdio) -> io::Result<Pid> {
        let mut command = Command::new(&program.program);
        if let Some((name, arguments)) = program.argv.split_first() {
            command.arg0(name).args(arguments);
        }
        command
            .current_dir(&program.dir)
            .env_clear()
            .envs(program.environment.iter().map(|(name, value)| (name, value)))
            .stdin(stdio.stdin.try_clone()?)
            .stdout(stdio.stdout.try_clone()?)
            .stderr(stdio.stderr.try_clone()?);
        let guardian = getpid();
        let terminal = stdio.terminal;
        #[expect(unsafe_code, reason = "only this hook runs between fork and exec")]
        // SAFETY: the hook makes system calls only; it allocates nothing and takes no lock.
        unsafe {
            command.pre_exec(move || prepare(guardian, terminal).map_err(Into::into));
        }
        let child = command.spawn()?;
        Ok(Pid::from_raw(child.id().cast_signed()))
    }

    /// Runs in the child. There is no signal at the guardian's death: only the supervisor notices that.
    fn prepare(guardian: Pid, terminal: bool) -> nix::Result<()> {
        // With SIGTTOU blocked, a background process may take the foreground.
        SigSet::all().thread_set_mask()?;
        setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
        if terminal {
            tcsetpgrp(io::stdout(), getpid())?;
        }
        if getppid() != guardian {
            return Err(Errno::ESRCH);
        }
        SigSet::empty().thread_set_mask()
    }
}
