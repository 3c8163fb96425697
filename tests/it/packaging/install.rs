//! `install.sh` of a release, against a server on this machine.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

use super::{assembled, files, heed_interrupts, platform, targets};
use crate::support::{Finished, Sandbox, run_to_end};

/// A release, and a server of its directory.
struct Release {
    dir: TempDir,
    url: String,
}

impl Release {
    fn served() -> Self {
        let dir = assembled("release");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let root = dir.path().join("out");
        thread::spawn(move || listener.incoming().flatten().for_each(|stream| serve(&root, stream)));
        Self { dir, url }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("out").join(name)
    }

    /// The archive for this machine.
    fn archive(&self) -> PathBuf {
        self.path(&format!("bowline-v{}-{}.tar.gz", env!("CARGO_PKG_VERSION"), targets()[&platform()]))
    }

    fn install(&self, sandbox: &Sandbox, shell: &[&str]) -> Finished {
        let mut command = sandbox.command(shell[0]);
        command.args(&shell[1..]).arg(self.path("install.sh")).env("BOWLINE_DOWNLOAD_URL", &self.url);
        run_to_end(&mut command)
    }
}

/// Answers one request for a file. Whoever asks it as a proxy names the server as well.
fn serve(root: &Path, mut stream: TcpStream) {
    let mut lines = BufReader::new(stream.try_clone().expect("a descriptor")).lines();
    let request = lines.next().and_then(Result::ok).unwrap_or_default();
    lines.map_while(Result::ok).take_while(|line| !line.is_empty()).for_each(drop);
    let address = request.split(' ').nth(1).unwrap_or_default();
    let _ = match fs::read(root.join(address.rsplit('/').next().unwrap_or_default())) {
        Ok(body) => {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len())
                .and_then(|()| stream.write_all(&body))
        }
        Err(_) => write!(stream, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
    };
}

fn shells() -> Vec<Vec<&'static str>> {
    let all = [vec!["sh"], vec!["dash"], vec!["bash"], vec!["busybox", "sh"]];
    all.into_iter().filter(|shell| which::which(shell[0]).is_ok()).collect()
}

/// A directory with links to these programs alone.
fn only(sandbox: &Sandbox, programs: &[&str]) -> PathBuf {
    let dir = sandbox.root().join("only");
    fs::create_dir(&dir).unwrap();
    for program in programs {
        let found = which::which(program).unwrap_or_else(|_| panic!("there is no {program}"));
        std::os::unix::fs::symlink(found, dir.join(program)).unwrap();
    }
    dir
}

const BASIC: [&str; 11] =
    ["sh", "uname", "cut", "sed", "mkdir", "mktemp", "rm", "mv", "tar", "gzip", "sha256sum"];

#[test]
fn it_installs_for_the_user_and_says_where() {
    let release = Release::served();
    for shell in shells() {
        let sandbox = Sandbox::new();
        let Finished { status, stdout, stderr } = release.install(&sandbox, &shell);
        let bin = sandbox.root().join("home/.local/bin");
        let expected = format!(
            "bowline {} is installed: {bin}/bowline\n\
             Add its directory to your PATH, in the file that your shell reads at its start:\n  \
             export PATH=\"{bin}:$PATH\"\n",
            env!("CARGO_PKG_VERSION"),
            bin = bin.display()
        );
        assert_eq!((status.code(), stdout, stderr), (Some(0), expected, String::new()), "{shell:?}");
        assert_eq!(files(&bin), [Path::new("bowline")], "nothing else is left");
        let version = run_to_end(sandbox.command(bin.join("bowline")).arg("--version"));
        assert_eq!(version.stdout, format!("bowline {}\n", env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn it_goes_where_it_is_told_and_replaces_what_is_there() {
    let release = Release::served();
    let mut sandbox = Sandbox::new();
    let bin = sandbox.root().join("my bin");
    fs::create_dir(&bin).unwrap();
    fs::write(bin.join("bowline"), "old").unwrap();
    let mut old = fs::File::open(bin.join("bowline")).unwrap();
    sandbox.env("BOWLINE_INSTALL_DIR", "../my bin");
    sandbox.env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()));
    let finished = release.install(&sandbox, &["sh"]);
    let bin = fs::canonicalize(bin).unwrap();
    let expected = format!("bowline {} is installed: {}/bowline\n", env!("CARGO_PKG_VERSION"), bin.display());
    assert_eq!(finished.stdout, expected, "the PATH has it: {finished:?}");
    let mut text = String::new();
    old.read_to_string(&mut text).unwrap();
    assert_eq!(text, "old", "whoever runs it keeps it");
    let version = run_to_end(sandbox.command("bowline").arg("--version"));
    assert_eq!(version.stdout, format!("bowline {}\n", env!("CARGO_PKG_VERSION")));
}

/// The failure is told in two lines, after what the tool that failed says, and nothing is left.
fn assert_refused(release: &Release, sandbox: &Sandbox, message: &str) {
    let Finished { status, stdout, stderr } = release.install(sandbox, &["sh"]);
    assert_eq!((status.code(), stdout.as_str()), (Some(1), ""), "{stderr}");
    // The tool that downloads says its part first.
    let ours: Vec<&str> = stderr.lines().skip_while(|line| !line.starts_with("error: ")).collect();
    let [error, hint] = ours[..] else { panic!("{stderr}") };
    assert!(error.starts_with(&format!("error: {message}")) && hint.starts_with("hint: "), "{stderr}");
    let home = files(&sandbox.root().join("home"));
    assert!(home.is_empty(), "{home:?}");
}

#[test]
fn a_damaged_archive_is_not_installed() {
    let release = Release::served();
    let mut bytes = fs::read(release.archive()).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(release.archive(), &bytes).unwrap();
    assert_refused(&release, &Sandbox::new(), "the download is damaged: http://");
    fs::write(release.archive(), &bytes[..bytes.len() / 2]).unwrap();
    assert_refused(&release, &Sandbox::new(), "the download is damaged: http://");
    // An archive of another release, which is a good one.
    fs::write(release.archive(), fs::read(release.path("install.sh")).unwrap()).unwrap();
    assert_refused(&release, &Sandbox::new(), "the download is damaged: http://");
}

#[test]
fn a_missing_archive_and_a_machine_without_a_network_are_told() {
    let mut release = Release::served();
    fs::remove_file(release.archive()).unwrap();
    assert_refused(&release, &Sandbox::new(), "this download failed: http://");
    // A port that nobody else can have meanwhile, and on which nobody listens.
    let unused = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    unused.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let port = unused.local_addr().unwrap().as_socket().unwrap().port();
    release.url = format!("http://127.0.0.1:{port}");
    assert_refused(&release, &Sandbox::new(), "this download failed: http://");
}

#[test]
fn wget_does_where_there_is_no_curl() {
    let release = Release::served();
    let mut sandbox = Sandbox::new();
    let dir = only(&sandbox, &BASIC);
    sandbox.env("PATH", &dir);
    assert_refused(&release, &sandbox, "there is neither curl nor wget to download with");
    // GNU's, or else busybox's.
    match which::which("wget") {
        Ok(wget) => std::os::unix::fs::symlink(wget, dir.join("wget")).unwrap(),
        Err(_) => return,
    }
    let finished = release.install(&sandbox, &["sh"]);
    assert_eq!(finished.status.code(), Some(0), "{finished:?}");
}

#[test]
fn a_proxy_is_asked() {
    let mut release = Release::served();
    let proxy = std::mem::replace(&mut release.url, "http://nowhere.invalid/releases".to_owned());
    let mut sandbox = Sandbox::new();
    sandbox.env("http_proxy", proxy);
    let finished = release.install(&sandbox, &["sh"]);
    assert_eq!(finished.status.code(), Some(0), "{finished:?}");
}

#[test]
fn an_interrupted_download_leaves_nothing() {
    let sandbox = Sandbox::new();
    let mut release = Release::served();
    // Its answers never end.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    release.url = format!("http://{}", listener.local_addr().expect("an address"));
    let (tell, asked) = mpsc::channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegin");
            let _ = tell.send(stream);
        }
    });
    let mut command = sandbox.command("sh");
    command.arg(release.path("install.sh")).env("BOWLINE_DOWNLOAD_URL", &release.url);
    let mut child = heed_interrupts(&mut command).process_group(0).spawn().expect("a shell");
    let _stream = asked.recv_timeout(Duration::from_secs(60)).expect("a request");
    // As Ctrl-C does, which reaches the whole group.
    let group = Pid::from_child(&child);
    rustix::process::kill_process_group(group, Signal::INT).expect("a group of our own");
    assert!(!child.wait().expect("a child of our own").success());
    let home = files(&sandbox.root().join("home"));
    assert!(home.is_empty(), "{home:?}");
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let release = Release::served();
    let mut sandbox = Sandbox::new();
    let file = sandbox.root().join("file");
    fs::write(&file, "").unwrap();
    sandbox.env("BOWLINE_INSTALL_DIR", file.join("bin"));
    assert_refused(&release, &sandbox, &format!("this directory cannot be written: {}/bin", file.display()));
    sandbox.env("BOWLINE_INSTALL_DIR", "").env("HOME", "");
    assert_refused(&release, &sandbox, "there is no HOME to install into");
    if cfg!(target_os = "linux") {
        // No user can write there, not even root.
        sandbox.env("BOWLINE_INSTALL_DIR", "/proc");
        assert_refused(&release, &sandbox, "this directory cannot be written: /proc");
    }
}

#[test]
fn a_system_without_an_archive_is_named() {
    let release = Release::served();
    for (system, message) in [
        ("Linux riscv64", "there is no archive of bowline for this system: Linux riscv64"),
        ("MINGW64_NT-10.0 x86_64", "bowline does not run on Windows itself"),
    ] {
        let mut sandbox = Sandbox::new();
        let (name, processor) = system.split_once(' ').unwrap();
        sandbox.program("uname", &format!("[ \"$1\" = -s ] && echo '{name}' || echo '{processor}'"));
        assert_refused(&release, &sandbox, message);
    }
}

#[test]
fn the_scripts_are_clean() {
    let dir = assembled("release");
    let Ok(shellcheck) = which::which("shellcheck") else { return };
    let scripts = ["packaging/build", "packaging/rehearsal", ".ci/run", ".ci/check-macos"].map(PathBuf::from);
    let scripts = scripts.into_iter().chain([dir.path().join("out/install.sh")]);
    let finished = run_to_end(Command::new(shellcheck).args(scripts).current_dir(super::root()));
    assert!(finished.status.success(), "{}", finished.stdout);
}
