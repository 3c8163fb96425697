use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn locate(flag: Option<&str>, vars: &[(&str, &str)]) -> StateDir {
    let env = |name: &str| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
    StateDir::locate(flag.map(Path::new), &env)
}

fn runtime(dir: &Path) -> impl Fn(&str) -> Option<OsString> + use<> {
    let dir = dir.to_owned();
    move |name| (name == "XDG_RUNTIME_DIR").then(|| dir.clone().into_os_string())
}

#[test]
fn the_first_source_that_is_set_wins() {
    let home = [("HOME", "/h"), ("XDG_STATE_HOME", "/x"), ("BOWLINE_STATE_DIR", "/b")];
    assert_eq!(locate(Some("/flag"), &home).root(), Path::new("/flag"));
    assert_eq!(locate(None, &home).root(), Path::new("/b"));
    assert_eq!(locate(None, &home[..2]).root(), Path::new("/x/bowline"));
    let convention = if cfg!(target_os = "macos") {
        "/h/Library/Application Support/bowline"
    } else {
        "/h/.local/state/bowline"
    };
    assert_eq!(locate(None, &home[..1]).root(), Path::new(convention));
    assert_eq!(locate(None, &[("HOME", "/h"), ("XDG_STATE_HOME", "rel")]).root(), Path::new(convention));
    assert_eq!(locate(None, &[("HOME", "/h"), ("BOWLINE_STATE_DIR", "")]).root(), Path::new(convention));
    assert!(locate(None, &[]).trouble().is_some(), "without a home something else is used, and said");
}

#[test]
fn a_relative_flag_is_made_absolute() {
    assert!(locate(Some("here"), &[]).root().is_absolute());
}

#[test]
fn configuration_follows_xdg() {
    let env = |name: &str| (name == "HOME").then(|| OsString::from("/h"));
    assert_eq!(config_dir(&env), Some(PathBuf::from("/h/.config/bowline")));
    assert_eq!(config_dir(&|_| None), None);
}

#[test]
fn new_directories_are_private_and_existing_ones_keep_their_mode() {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("a/b");
    let dir = StateDir::create(Some(&root), &|_| None).unwrap();
    assert!(dir.trouble().is_none());
    for path in [&temp.path().join("a"), &root, &dir.run(), &dir.logs()] {
        assert_eq!(mode(path), 0o700, "{}", path.display());
    }
    create_file(&dir.store()).unwrap();
    for path in [dir.store(), root.join("ports.lock")] {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    set_mode(&root, 0o755);
    assert!(StateDir::create(Some(&root), &|_| None).unwrap().trouble().is_none());
    assert_eq!(mode(&root), 0o755);
}

#[test]
fn a_directory_open_to_others_is_left_alone_and_substituted() {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("state");
    let spare = temp.path().join("bowline");
    let create = || StateDir::create(Some(&root), &runtime(temp.path())).unwrap();
    create();
    for (entry, open, hint) in [
        ("", 0o1777, "such as"),
        ("", 0o777, "chmod go= '"),
        ("", 0o720, "chmod go= '"),
        ("run", 0o755, "state/run'"),
        ("run", 0o710, "state/run'"),
        ("logs", 0o777, "state/logs'"),
        ("preload", 0o702, "state/preload'"),
    ] {
        let path = if entry.is_empty() { root.clone() } else { root.join(entry) };
        fs::create_dir_all(&path).unwrap();
        set_mode(&path, open);
        let located = StateDir::locate(Some(&root), &runtime(temp.path()));
        for dir in [create(), located] {
            assert_eq!((dir.root(), &dir.roots()[..]), (&*spare, std::slice::from_ref(&spare)), "{entry}");
            let trouble = dir.trouble().unwrap();
            assert!(trouble.to_string().contains(&format!("mode {open:04o}")), "{trouble}");
            assert!(trouble.hint().unwrap().contains(hint), "{trouble:?}");
            assert!(dir.substitution().unwrap().contains(&format!("`{}` is used", spare.display())));
        }
        assert_eq!(mode(&path), open);
        set_mode(&path, 0o700);
        assert!(create().trouble().is_none());
    }
}

#[test]
fn an_unwritable_directory_of_ours_is_named() {
    if nix::unistd::geteuid().is_root() {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("state");
    fs::create_dir(&root).unwrap();
    set_mode(&root, 0o500);
    let dir = StateDir::create(Some(&root), &runtime(temp.path())).unwrap();
    let trouble = dir.trouble().unwrap();
    assert!(trouble.to_string().contains(&format!("`{}`", root.display())), "{trouble}");
    assert_eq!(mode(&root), 0o500);
    set_mode(&root, 0o700);
}

#[test]
fn a_path_that_is_no_directory_is_substituted_and_reported() {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("file");
    fs::write(&root, "").unwrap();
    let dir = StateDir::create(Some(&root), &runtime(temp.path())).unwrap();
    assert_eq!(dir.root(), temp.path().join("bowline"));
    assert_eq!(dir.roots(), [temp.path().join("bowline")]);
    assert!(dir.trouble().unwrap().to_string().contains("file"));
}

#[test]
fn a_planted_link_is_refused_where_anybody_can_plant_one() {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("file");
    fs::write(&file, "").unwrap();
    fs::create_dir(temp.path().join("elsewhere")).unwrap();
    symlink(temp.path().join("elsewhere"), temp.path().join("bowline")).unwrap();
    assert!(StateDir::create(Some(&file), &runtime(temp.path())).is_err());
}

#[test]
fn directories_of_others_are_not_used_and_not_looked_into() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let [root, spare] = ["state", "bowline"].map(|name| temp.path().join(name));
    let create = || StateDir::create(Some(&root), &runtime(temp.path()));
    create().unwrap().prepare_spare().unwrap();
    assert_eq!(create().unwrap().roots(), [root.clone(), spare.clone()]);
    std::os::unix::fs::chown(&spare, Some(1), None).unwrap();
    assert_eq!(create().unwrap().roots(), std::slice::from_ref(&root));
    std::os::unix::fs::chown(&root, Some(1), None).unwrap();
    assert!(matches!(create(), Err(PathsError::Foreign { owner: 1, .. })));
    std::os::unix::fs::chown(&spare, Some(0), None).unwrap();
    assert_eq!(create().unwrap().roots(), [spare]);
}

#[test]
fn locating_creates_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("state");
    StateDir::locate(Some(&root), &|_| None);
    assert!(!root.exists());
}

#[test]
fn a_socket_path_is_never_too_long() {
    let session = "0123456789abcdef";
    assert_eq!(socket(Path::new("/s/run"), session), Path::new("/s/run/0123456789abcdef.sock"));
    for depth in 60..120 {
        let path = socket(Path::new(&format!("/{}", "d".repeat(depth))), session);
        assert!(path.as_os_str().len() <= SOCKET_PATH_MAX);
    }
}
