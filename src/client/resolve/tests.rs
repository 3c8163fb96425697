//! The services that words mean.

use serde_json::json;

use super::*;

fn service(project: &str, name: &str, dir: &str) -> Reservation {
    let row = json!({
        "port": 3101, "project": project, "name": name, "dir": dir, "framework": "next",
        "session": "0123456789abcdef", "pid": 1, "startedAt": 0,
    });
    serde_json::from_value(row).unwrap()
}

#[test]
fn a_word_means_an_id_a_directory_a_name_or_its_last_part() {
    let live = [
        service("/a/web", "@acme/web", "/a/web"),
        service("/a/api", "api", "/a/api"),
        service("second", "api-two", "/a/api"),
        service("/b/site", "@acme/site", "/b/site"),
        service("/c/site", "@other/site", "/c/site"),
        service("/c/old", "site-old", "/c/old"),
    ];
    let ids = |word: &str, path: Option<&str>, root: Option<&str>| {
        let ids = |found: Vec<Reservation>| found.into_iter().map(|one| one.project).collect::<Vec<_>>();
        matches(&live, word, Path::new(path.unwrap_or("/nowhere")), || root).map(ids).map_err(ids)
    };
    let several = || Err(vec!["/b/site", "/c/site"]);
    for (word, path, root, expected) in [
        ("second", None, None, Ok(vec!["second"])),
        ("x", Some("/a/api"), None, Ok(vec!["/a/api", "second"])),
        ("@acme/web", None, None, Ok(vec!["/a/web"])),
        ("web", None, None, Ok(vec!["/a/web"])),
        ("api", None, None, Ok(vec!["/a/api"])),
        ("old", None, None, Ok(vec!["/c/old"])),
        ("site", None, None, several()),
        ("site", None, Some("/b"), Ok(vec!["/b/site"])),
        ("site", None, Some("/"), several()),
        ("nothing", None, None, Ok(vec![])),
    ] {
        let owned = |ids: Vec<&str>| ids.into_iter().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(ids(word, path, root), expected.map(owned).map_err(owned), "{word} {path:?} {root:?}");
    }
}
