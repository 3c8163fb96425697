//! Manifests, projects and workspaces on a real disk.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use bowline::project::{FileError, Project, ProjectError, lowest_version};
use tempfile::TempDir;

/// A directory tree: paths with their contents.
fn tree(files: &[(&str, &str)]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let root = dir.path().canonicalize().expect("a canonical path");
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        fs::write(path, text).expect("a file");
    }
    (dir, root)
}

fn package(name: &str) -> String {
    format!(r#"{{"name":"{name}","scripts":{{"dev":"vite"}}}}"#)
}

#[test]
fn nearest_manifest_upwards_is_the_project() {
    let (_guard, root) = tree(&[
        ("package.json", r#"{"name":"outer"}"#),
        ("app/package.json", r#"{"name":"@acme/app","scripts":{"dev":"next dev","start":"next start"}}"#),
        ("app/src/deep/file.ts", ""),
        ("nameless/package.json", "{}"),
    ]);
    let project = Project::find(&root.join("app/src/deep")).expect("a project");
    assert_eq!(project.name, "@acme/app");
    assert_eq!(project.dir, root.join("app"));
    assert_eq!(project.id, root.join("app").to_str().expect("text"));
    assert_eq!(project.with_id("p-1".to_owned()).id, "p-1");
    assert_eq!(Project::at(&root.join("nameless")).expect("a project").name, "nameless");
    symlink(root.join("app"), root.join("link")).expect("a link");
    assert_eq!(Project::find(&root.join("link")).expect("a project").dir, root.join("app"));
}

#[test]
fn directory_without_a_manifest_is_said() {
    let (_guard, root) = tree(&[("empty/x", ""), ("broken/package.json/x", "")]);
    assert!(matches!(Project::at(&root.join("empty")), Err(ProjectError::NoManifest { .. })));
    assert!(matches!(Project::find(&root.join("gone")), Err(ProjectError::Gone { .. })));
    assert!(matches!(
        Project::at(&root.join("empty/x")),
        Err(ProjectError::NoManifest { .. } | ProjectError::NotADirectory { .. })
    ));
    assert!(matches!(Project::at(&root.join("empty/x/y")), Err(ProjectError::NotADirectory { .. })));
    let error = Project::find(&root.join("broken")).expect_err("a directory is no manifest");
    assert!(matches!(error, ProjectError::NotAFile { is: "a directory", .. }), "{error}");
}

#[test]
fn broken_manifest_is_shown_where_it_breaks() {
    let rows: &[(&[u8], usize, usize, &str)] = &[
        (
            b"{\n  \"name\": \"x\",\n  \"scripts\": {\n    \"dev\": \"vite\",\n  }\n}\n",
            5,
            3,
            "trailing comma",
        ),
        (b"", 1, 1, "EOF"),
        (b"{", 1, 2, "EOF"),
        (b"[]", 1, 1, "has to hold an object"),
        (b"null", 1, 1, "has to hold an object"),
        (b"\"x\"", 1, 1, "has to hold an object"),
        (b"{\"scripts\":\n [\"dev\"]}", 2, 2, "`scripts` has to be an object"),
        (b"{\"scripts\": {\n  \"dev\": 5\n}}", 2, 10, "the script `dev` has to be a text"),
        (b"{\"name\": 5}", 1, 10, "`name` has to be a text"),
        (b"{\"dependencies\": \"x\"}", 1, 20, "`dependencies` has to be an object"),
        (b"{\n\"name\": \"\xff\"}", 2, 10, "is not UTF-8"),
        (b"{} {}", 1, 4, "trailing characters"),
    ];
    for (bytes, line, column, part) in rows {
        let (_guard, root) = tree(&[]);
        fs::write(root.join("package.json"), bytes).expect("a file");
        let text = String::from_utf8_lossy(bytes);
        let error = Project::at(&root).expect_err(&text);
        let ProjectError::Invalid(FileError { line: at, column: from, ref message, ref excerpt, .. }) = error
        else {
            panic!("{text}: {error}");
        };
        assert!(message.contains(part), "{text}: {message}");
        assert_eq!(at, *line, "{text}: {error}");
        assert!(from.abs_diff(*column) <= 1, "{text}: {error}");
        assert!(excerpt.ends_with('^') && !error.to_string().contains(" at line "), "{error}");
        assert!(error.hint().is_some());
    }
}

#[test]
fn harmless_oddities_are_read() {
    for text in [
        "\u{feff}{\"scripts\":{\"dev\":\"vite\"}}",
        r#"{"name":null,"dependencies":null,"scripts":{"dev":"vite"}}"#,
        r#"{"scripts":{"dev":"x","dev":"vite"},"dependencies":{"odd":{"a":1}}}"#,
        "{\"scripts\":{\"dev\":\"vite\"}}\r\n\r\n",
    ] {
        let (_guard, root) = tree(&[("package.json", text)]);
        let project = Project::at(&root).expect(text);
        assert_eq!(project.script(None).expect("a script"), ("dev", "vite"), "{text}");
    }
}

#[test]
fn excerpt_of_a_minified_file_is_short() {
    let long = format!("{{\"name\":\"{}\",\"scripts\":[]}}", "é".repeat(5000));
    let (_guard, root) = tree(&[("package.json", &long)]);
    let error = Project::at(&root).expect_err("scripts is a list");
    let ProjectError::Invalid(FileError { excerpt, .. }) = error else { panic!("{error}") };
    assert!(excerpt.lines().all(|line| line.chars().count() < 120), "{excerpt}");
    assert!(excerpt.contains("scripts"), "{excerpt}");
}

#[test]
fn script_is_the_first_of_the_usual_ones() {
    let rows = [
        (r#"{"start":"a","dev":"b","serve":"c"}"#, None, Some("dev")),
        (r#"{"serve":"c","start":"a","start:dev":"d"}"#, None, Some("start:dev")),
        (r#"{"develop":"c","start":"a"}"#, None, Some("develop")),
        (r#"{"serve":"c","start":"a"}"#, None, Some("start")),
        (r#"{"serve":"c","build":"a"}"#, None, Some("serve")),
        (r#"{"dev":"  ","start":"a"}"#, None, Some("start")),
        (r#"{"dev":"a","web":"b"}"#, Some("web"), Some("web")),
        (r#"{"dev":"a"}"#, Some("web"), None),
        (r#"{"build":"a","test":"b"}"#, None, None),
        ("{}", None, None),
    ];
    for (scripts, wanted, expected) in rows {
        let (_guard, root) = tree(&[("package.json", &format!("{{\"scripts\":{scripts}}}"))]);
        let project = Project::at(&root).expect("a project");
        assert_eq!(project.script(wanted).ok().map(|(name, _)| name), expected, "{scripts}");
    }
    let (_guard, root) = tree(&[("package.json", r#"{"scripts":{"build":"a","test":"b"}}"#)]);
    let project = Project::at(&root).expect("a project");
    let hint = project.script(Some("web")).expect_err("no such script").hint().expect("a hint");
    assert!(hint.contains("build, test"), "{hint}");
}

#[test]
fn every_form_of_workspace_is_found() {
    let forms: &[(&str, &str)] = &[
        ("package.json", r#"{"workspaces":["packages/*","!packages/old"]}"#),
        ("package.json", r#"{"workspaces":{"packages":["./packages/*/","!packages/old"],"nohoist":["**"]}}"#),
        ("package.json", r#"{"workspaces":["packages/**","!**/old"]}"#),
        ("package.json", r#"{"workspaces":["packages/{web,api}"]}"#),
        ("pnpm-workspace.yaml", "packages:\n  - 'packages/**' # all\n  - \"!packages/old\"\n"),
        ("pnpm-workspace.yaml", "packages: [packages/web, packages/api]\ncatalog:\n  react: ^19\n"),
        ("lerna.json", r#"{"packages":["packages/web","packages/api"]}"#),
    ];
    for (file, text) in forms {
        let (_guard, root) = tree(&[
            ("package.json", "{\"name\":\"root\"}"),
            ("packages/web/package.json", &package("@acme/web")),
            ("packages/api/package.json", &package("api")),
            ("packages/old/package.json", &package("old")),
            ("packages/web/node_modules/dep/package.json", &package("dep")),
            ("packages/web/.hidden/package.json", &package("hidden")),
            ("other/package.json", &package("other")),
            (file, text),
        ]);
        let of =
            |dir: &str| Project::at(&root.join(dir)).expect(dir).workspace.map(|workspace| workspace.root);
        assert_eq!(of("packages/web"), Some(root.clone()), "{text}");
        assert_eq!(of("packages/old"), None, "{text}");
        assert_eq!(of("other"), None, "{text}");
        let project = Project::at(&root).expect("the root");
        assert!(project.is_workspace_root(), "{text}");
        let members = project.workspace.expect("a workspace").members().expect("members");
        let names: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
        assert_eq!(names, ["api", "@acme/web"], "{text}");
    }
}

#[test]
fn nearest_workspace_counts() {
    let (_guard, root) = tree(&[
        ("package.json", r#"{"workspaces":["apps/**"]}"#),
        ("apps/suite/package.json", r#"{"name":"suite","workspaces":["parts/*"]}"#),
        ("apps/suite/parts/a/package.json", &package("a")),
        ("apps/suite/else/package.json", &package("else")),
    ]);
    let root_of = |dir: &str| Project::at(&root.join(dir)).expect(dir).workspace.expect(dir).root;
    assert_eq!(root_of("apps/suite/parts/a"), root.join("apps/suite"));
    assert_eq!(root_of("apps/suite"), root.join("apps/suite"));
    assert_eq!(root_of("apps/suite/else"), root);
}

#[test]
fn settings_of_pnpm_are_no_workspace() {
    let (_guard, root) = tree(&[
        ("package.json", &package("solo")),
        ("pnpm-workspace.yaml", "onlyBuiltDependencies:\n  - esbuild\n"),
    ]);
    assert!(Project::at(&root).expect("a project").workspace.is_none());
}

#[test]
fn broken_workspace_file_is_shown() {
    for (file, text) in [("pnpm-workspace.yaml", "packages:\n  - 'a\n"), ("lerna.json", "{\n]")] {
        let (_guard, root) = tree(&[("package.json", &package("solo")), (file, text)]);
        let error = Project::at(&root).expect_err(file);
        assert!(error.to_string().contains(&format!("{file}:")), "{error}");
    }
}

#[test]
fn package_is_found_by_its_name() {
    let (_guard, root) = tree(&[
        ("package.json", r#"{"name":"root","workspaces":["packages/*","apps/*"]}"#),
        ("packages/web/package.json", &package("@acme/web")),
        ("packages/api/package.json", &package("api")),
        ("packages/one/package.json", &package("@acme/twin")),
        ("packages/two/package.json", &package("@other/twin")),
        ("apps/bad/package.json", "{"),
    ]);
    let dir_of = |name: &str, start: &Path| Project::named(name, start).map(|project| project.dir);
    for start in [root.clone(), root.join("packages/api")] {
        assert_eq!(dir_of("@acme/web", &start).expect("web"), root.join("packages/web"));
        assert_eq!(dir_of("web", &start).expect("web"), root.join("packages/web"));
        assert_eq!(dir_of("api", &start).expect("api"), root.join("packages/api"));
        assert!(matches!(dir_of("twin", &start), Err(ProjectError::Ambiguous { .. })));
        assert!(matches!(dir_of("nothing", &start), Err(ProjectError::Invalid { .. })));
    }
    assert_eq!(dir_of("packages/api", &root).expect("api"), root.join("packages/api"));
    assert_eq!(dir_of("../web", &root.join("packages/api")).expect("web"), root.join("packages/web"));
    assert_eq!(dir_of("root", &root.join("packages/api")).expect("root"), root);
    fs::remove_dir_all(root.join("apps")).expect("apps");
    let error = dir_of("nothing", &root).expect_err("no such package");
    assert!(error.to_string().starts_with("Project not found"), "{error}");
    assert!(error.hint().expect("a hint").contains("@acme/web"));
    let (_guard, lonely) = tree(&[("package.json", &package("solo"))]);
    assert!(matches!(dir_of("nothing", &lonely), Err(ProjectError::Unknown { .. })));
    assert!(matches!(dir_of("./nothing", &lonely), Err(ProjectError::Gone { .. })));
}

#[test]
fn installed_version_counts_before_the_range() {
    let (_guard, root) = tree(&[
        ("package.json", r#"{"workspaces":["app"]}"#),
        ("node_modules/here/package.json", r#"{"version":"2.1.0"}"#),
        (
            "app/package.json",
            r#"{"dependencies":{"here":"^1.0.0","there":"~3.4"},"devDependencies":{"tag":"latest"}}"#,
        ),
    ]);
    let project = Project::at(&root.join("app")).expect("a project");
    let version = |name: &str| project.version_of(name).map(|version| version.to_string());
    assert_eq!(version("here").as_deref(), Some("2.1.0"));
    assert_eq!(version("there").as_deref(), Some("3.4.0"));
    assert_eq!((version("tag"), version("absent")), (None, None));
}

#[test]
fn lowest_version_of_a_range() {
    for (range, expected) in [
        ("^1.7.6", Some("1.7.6")),
        ("~4", Some("4.0.0")),
        ("2.x", Some("2.0.0")),
        (">=4 <6", Some("4.0.0")),
        (">= 4.2", Some("4.2.0")),
        ("15.0.0-canary.3", Some("15.0.0")),
        ("npm:@scope/other@^3.1", Some("3.1.0")),
        ("workspace:^2.0.0", Some("2.0.0")),
        ("v5", Some("5.0.0")),
        ("1.121", Some("1.121.0")),
        ("workspace:*", None),
        ("catalog:", None),
        ("latest", None),
        ("*", None),
        ("", None),
        ("git+ssh://git@host/x.git", None),
        ("file:../x", None),
        ("99999999999999999999.1", None),
    ] {
        assert_eq!(lowest_version(range).map(|version| version.to_string()).as_deref(), expected, "{range}");
    }
}

#[test]
fn locks_are_found_in_any_output_directory() {
    let (_guard, root) = tree(&[
        ("package.json", &package("app")),
        (".next/dev/lock", "{}"),
        ("dist/dev/lock", "{}"),
        ("dist/dev/locked", "{}"),
        ("a/b/dev/lock", "{}"),
    ]);
    let project = Project::at(&root).expect("a project");
    let globs = [".next/dev/lock", ".next/lock", "*/dev/lock"].map(str::to_owned);
    let found = project.present(&globs).expect("a readable directory");
    assert_eq!(found, [root.join(".next/dev/lock"), root.join("dist/dev/lock")]);
}
