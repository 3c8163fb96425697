//! The variables that bowline itself sets and removes.

use bowline::launch::{Caller, Host, Inherited, Sibling};
use bowline::port::Scheme;

use crate::support::launch::{Tree, Wish, caller, manifest, planned, set};

fn sibling(name: &str, port: u16) -> Sibling {
    Sibling { name: name.to_owned(), port, scheme: Scheme::Http }
}

#[test]
fn every_service_knows_itself_and_its_siblings() {
    let tree = Tree::new(&[("package.json", &manifest("vite", &["vite"]))]);
    let secure = Sibling { scheme: Scheme::Https, ..sibling("api-v2", 2) };
    let siblings = [sibling("@acme/web", 1), secure, sibling("@a/x", 3), sibling("@b/x", 4)];
    let wish = Wish { siblings: &siblings, ..Wish::default() };
    let project = tree.project("");
    let step = planned(&project, &caller(&tree.dir, &[]), &wish).main;
    for (name, value) in [
        ("BOWLINE", "1"),
        ("BOWLINE_PROJECT_ID", &*project.id),
        ("BOWLINE_PROJECT_DIR", project.dir.to_str().unwrap()),
        ("BOWLINE_SESSION", "session-mark"),
        ("BOWLINE_URL", "http://localhost:3111"),
        ("VITE_PORT", "3111"),
        ("BOWLINE_WEB_PORT", "1"),
        ("BOWLINE_ACME_WEB_URL", "http://localhost:1"),
        ("BOWLINE_API_V2_PORT", "2"),
        ("BOWLINE_API_V2_URL", "https://localhost:2"),
        ("BOWLINE_A_X_PORT", "3"),
        ("BOWLINE_B_X_PORT", "4"),
    ] {
        assert_eq!(set(&step, name), Some(value), "{name}");
    }
    assert_eq!(set(&step, "BOWLINE_X_PORT"), None, "two packages are called so");
    assert_eq!(set(&step, "CI"), None);
}

#[test]
fn the_seed_systems_variables() {
    for (script, dependency, variable) in [
        ("next dev", "next", "NEXT_PUBLIC_PORT"),
        ("vite", "vite", "VITE_PORT"),
        ("vite dev", "@tanstack/react-start", "VITE_PORT"),
        ("astro dev", "astro", "ASTRO_PORT"),
        ("node server.js", "astro", "PORT"),
    ] {
        let tree = Tree::new(&[("package.json", &manifest(script, &[dependency]))]);
        let step = planned(&tree.project(""), &caller(&tree.dir, &[("PORT", "1")]), &Wish::default()).main;
        assert_eq!(set(&step, variable), Some("3111"), "{script}");
    }
}

#[test]
fn the_shells_own_address_does_not_leak() {
    let tree = Tree::new(&[("package.json", &manifest("react-scripts start", &["react-scripts"]))]);
    let exposed = caller(&tree.dir, &[("HOST", "0.0.0.0")]);
    let project = tree.project("");
    let step = planned(&project, &exposed, &Wish::default()).main;
    assert_ne!(step.environment.get("HOST"), Some("0.0.0.0".as_ref()));
    assert!(set(&step, "HOST").is_some() || step.environment.removals().any(|name| name == "HOST"));
    let wish = Wish { host: Some(Host::All), environment: &[("HOST", "x")], ..Wish::default() };
    assert_eq!(set(&planned(&project, &exposed, &wish).main, "HOST"), Some("0.0.0.0"));
    let wish = Wish { environment: &[("HOST", "127.0.0.9")], ..Wish::default() };
    assert_eq!(set(&planned(&project, &exposed, &wish).main, "HOST"), Some("127.0.0.9"));
}

#[test]
fn an_address_that_the_flag_does_not_outweigh_is_removed() {
    let tree = Tree::new(&[("package.json", &manifest("nuxt dev", &["nuxt"]))]);
    let exposed = caller(&tree.dir, &[("HOST", "0.0.0.0"), ("NUXT_HOST", "0.0.0.0")]);
    let step = planned(&tree.project(""), &exposed, &Wish::default()).main;
    let removed: Vec<&str> = step.environment.removals().collect();
    assert!(removed.contains(&"HOST") && removed.contains(&"NUXT_HOST"), "{removed:?}");
}

#[test]
fn marks_of_agents_are_scrubbed() {
    let tree = Tree::new(&[("package.json", &manifest("astro dev", &["astro"]))]);
    let agent = caller(&tree.dir, &[("CLAUDECODE", "1"), ("EDITOR", "ed")]);
    let step = planned(&tree.project(""), &agent, &Wish::default()).main;
    assert!(step.environment.removals().any(|name| name == "CLAUDECODE"));
    assert_eq!(set(&step, "ASTRO_DEV_BACKGROUND"), Some("1"));
    let own = caller(&tree.dir, &[("ASTRO_DEV_BACKGROUND", "0")]);
    assert_eq!(set(&planned(&tree.project(""), &own, &Wish::default()).main, "ASTRO_DEV_BACKGROUND"), None);
}

#[test]
fn a_bowline_within_a_bowline_takes_the_port_over() {
    let tree = Tree::new(&[("package.json", "{}")]);
    let project = tree.project("");
    let inside = |variables: &[(&str, &str)]| Inherited::from(&caller(&tree.dir, variables), &project);
    let dir = project.dir.to_str().unwrap();
    let url = "http://localhost:4567";
    let whole = [
        ("BOWLINE", "1"),
        ("BOWLINE_PROJECT_DIR", dir),
        ("BOWLINE_SESSION", "s"),
        ("BOWLINE_URL", url),
        ("BOWLINE_PROJECT_ID", "mine"),
        ("PORT", "1"),
    ];
    assert_eq!(
        inside(&whole),
        Some(Inherited { port: 4567, scheme: Scheme::Http, session: "s".to_owned(), id: "mine".to_owned() })
    );
    for missing in 0..5 {
        let mut part = whole.to_vec();
        part.remove(missing);
        assert_eq!(inside(&part), None, "{part:?}");
    }
    let mut other = whole;
    other[3].1 = "https://localhost:4567";
    assert_eq!(inside(&other).map(|inherited| inherited.scheme), Some(Scheme::Https));
    other = whole;
    other[1].1 = "/another/project";
    assert_eq!(inside(&other), None);
    other = whole;
    other[3].1 = "http://localhost:x";
    assert_eq!(inside(&other), None);
}

#[test]
fn npm_variables_of_an_outer_script_do_not_leak() {
    let tree = Tree::new(&[("package.json", &manifest("vite", &["vite"])), ("pnpm-lock.yaml", "")]);
    let outer = caller(
        &tree.dir,
        &[
            ("npm_config_user_agent", "npm/11.0.0 node/v24.0.0 linux x64 workspaces/false"),
            ("npm_package_config_secret", "outer"),
            ("npm_execpath", "/outer/npm-cli.js"),
            ("npm_config_registry", "kept"),
        ],
    );
    let step = planned(&tree.project(""), &outer, &Wish::default()).main;
    let removed: Vec<&str> = step.environment.removals().collect();
    assert!(removed.contains(&"npm_package_config_secret"), "{removed:?}");
    assert_ne!(set(&step, "npm_execpath"), Some("/outer/npm-cli.js"));
    assert!(!removed.contains(&"npm_config_registry"));
    assert!(set(&step, "npm_config_user_agent").is_some_and(|agent| agent.starts_with("pnpm/")));
}

#[test]
fn the_invoking_managers_own_words_are_kept() {
    let tree = Tree::new(&[("package.json", &manifest("vite", &["vite"])), ("pnpm-lock.yaml", "")]);
    let outer = caller(
        &tree.dir,
        &[
            ("npm_config_user_agent", "pnpm/8.15.9 npm/? node/v18.0.0 linux x64"),
            ("npm_execpath", "/somewhere/pnpm.cjs"),
        ],
    );
    let step = planned(&tree.project(""), &outer, &Wish::default()).main;
    assert_eq!(set(&step, "npm_config_user_agent"), None, "it is inherited");
    assert_eq!(set(&step, "npm_execpath"), Some("/somewhere/pnpm.cjs"));
    assert_eq!(set(&step, "npm_package_scripts_dev"), Some("vite"), "as pnpm 8 does");
}

#[test]
fn odd_surroundings_do_not_matter() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    let tree = Tree::new(&[(
        "package.json",
        r#"{"scripts":{"dev":"x"},"config":{"a=b":"c","d":"e\u0000f"},"name":7e3}"#,
    )]);
    tree.write("package.json", r#"{"scripts":{"dev":"x"},"config":{"a=b":"c","d":"e\u0000f"}}"#);
    let mut variables = caller(&tree.dir, &[]).variables;
    let bytes = || OsString::from_vec(vec![0xff, b'/', 0xfe]);
    variables.insert(bytes(), bytes());
    variables.insert("PATH".into(), bytes());
    variables.insert("npm_config_user_agent".into(), bytes());
    let odd = Caller { directory: "/does/not/exist".into(), variables, terminal: true };
    let step = planned(&tree.project(""), &odd, &Wish::default()).main;
    assert_eq!(set(&step, "COLOR"), Some("1"));
    assert_eq!(set(&step, "npm_package_config_d"), None);
    let empty = Caller::default();
    let step = planned(&tree.project(""), &empty, &Wish::default()).main;
    assert!(set(&step, "PATH").is_some_and(|path| path.ends_with("/node_modules/.bin")));
}
