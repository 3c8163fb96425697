//! The embedded entries, and what users' files may say.

use std::path::Path;

use bowline::detect::catalog::{Catalog, CatalogError, FlagPosition, Layer, Repeated};
use bowline::project::FileError;
use semver::Version;

use super::{Sample, embedded};

fn load(text: &str) -> Result<Catalog, CatalogError> {
    Catalog::load(&[Layer::parse(Path::new("frameworks.toml"), text.to_owned())?])
}

#[test]
fn ranges_are_the_documented_ones() {
    let catalog = embedded();
    let range = |key: &str| catalog.get(key).expect(key).range.to_string();
    let exact = [
        ("next", "3101-3200"),
        ("tanstack", "3101-3200"),
        ("node", "3101-3200"),
        ("vite", "5173-5273"),
        ("astro", "4321-4421"),
        ("default", "6000-6100"),
        ("angular", "4200-4299"),
        ("nuxt", "3101-3200"),
        ("storybook", "6006-6105"),
        ("sveltekit", "5173-5272"),
        ("wrangler", "8787-8886"),
        ("payload", "3101-3200"),
    ];
    for (key, expected) in exact {
        assert_eq!(range(key), expected, "{key}");
    }
    for framework in catalog.frameworks() {
        assert!(!framework.range.contains(3000), "{}: 3000 belongs to the user", framework.key);
        assert!(framework.range.end - framework.range.start >= 99, "{}", framework.key);
    }
    let default_port = |key: &str| catalog.get(key).map(|framework| framework.default_port);
    for (key, expected) in [("node", 3000), ("next", 3000), ("angular", 4200), ("vite", 5173), ("cra", 3000)]
    {
        assert_eq!(default_port(key), Some(expected), "{key}");
    }
}

#[test]
fn every_entry_has_a_name_and_a_way_to_be_found() {
    for framework in embedded().frameworks() {
        let rules = [&framework.commands, &framework.repeaters, &framework.dependencies, &framework.files];
        let found = rules.iter().any(|rule| !rule.is_empty());
        assert!(found || framework.key == "default", "{}", framework.key);
        assert!(!framework.label.is_empty(), "{}", framework.key);
        for flag in framework.port.flags_for.iter() {
            assert!(framework.commands.contains(flag), "{}: {flag}", framework.key);
        }
    }
}

#[test]
fn variables_of_the_seed_are_there() {
    let catalog = embedded();
    for (key, variable) in [
        ("next", "NEXT_PUBLIC_PORT"),
        ("vite", "VITE_PORT"),
        ("tanstack", "VITE_PORT"),
        ("astro", "ASTRO_PORT"),
    ] {
        let framework = catalog.get(key).expect(key);
        assert!(framework.port.environment.iter().any(|name| name == variable), "{key}");
    }
}

#[test]
fn inputs_are_those_of_the_tool_and_the_framework() {
    let catalog = embedded();
    let unknown = |_: &str| None;
    let inputs =
        Sample::script("vite dev").packages(&["@analogjs/platform"]).detect(&catalog).inputs(unknown);
    assert_eq!(*inputs.port.flags, ["--port"]);
    assert_eq!(inputs.port.strict.as_deref(), Some("--strictPort"));
    assert_eq!(inputs.environment["NG_CLI_ANALYTICS"], "false");

    let inputs = Sample::script("node server.js").packages(&["next"]).detect(&catalog).inputs(unknown);
    assert_eq!(*inputs.port.flags, [""; 0]);
    assert_eq!(*inputs.port.environment, ["NEXT_PUBLIC_PORT"]);
    assert_eq!(inputs.host.flag, None);

    let inputs = Sample::script("remix dev").packages(&["@remix-run/dev"]).detect(&catalog).inputs(unknown);
    assert_eq!((inputs.port.flags.len(), inputs.port.strict), (0, None));

    let inputs = Sample::script("make").packages(&["vite"]).detect(&catalog).inputs(unknown);
    assert_eq!((inputs.port.flags.len(), inputs.port.strict), (0, None));
}

#[test]
fn versions_decide_where_they_differ() {
    let catalog = embedded();
    let strict = |key: &str, version: Option<&str>| {
        let version = version.map(|text| Version::parse(text).expect(text));
        catalog.get(key).expect(key).for_versions(|_| version.clone()).port.strict
    };
    for (key, version, expected) in [
        ("rsbuild", None, Some("--strict-port")),
        ("rsbuild", Some("2.3.2"), Some("--strict-port")),
        ("rsbuild", Some("2.0.0-beta.3"), Some("--strict-port")),
        ("rsbuild", Some("1.7.6"), None),
        ("nuxt", None, None),
        ("nuxt", Some("3.37.0"), None),
        ("nuxt", Some("4.0.3"), Some("--strictPort")),
        ("storybook", Some("6.5.0"), None),
        ("storybook", Some("9.1.21"), Some("--exact-port")),
    ] {
        assert_eq!(strict(key, version).as_deref(), expected, "{key} {version:?}");
    }
    let solid = catalog.get("solid-start").expect("solid-start");
    let old = solid.for_versions(|name| (name == "@solidjs/start").then(|| Version::new(1, 2, 0)));
    assert_eq!((solid.range.start, old.range.start), (5173, 3101));
}

#[test]
fn users_change_an_entry_field_by_field() {
    let catalog = load("[framework.vite]\ndefault-port = 7000\nport = { strict = \"\" }\n").expect("sound");
    let (vite, original) = (catalog.get("vite").expect("vite"), embedded());
    let original = original.get("vite").expect("vite");
    assert_eq!(vite.range.to_string(), "7000-7099");
    assert_eq!(vite.port.strict, None);
    assert_eq!(vite.port.flags, original.port.flags);
    assert_eq!((&vite.commands, &vite.beats), (&original.commands, &original.beats));
    // Those that are like it follow, where they say nothing of their own.
    let kit = catalog.get("sveltekit").expect("sveltekit");
    assert_eq!((kit.port.strict.as_deref(), kit.range.start), (None, 5173));
}

/// A user's entry holds for every installed version of the framework.
#[test]
fn users_change_all_versions_of_an_entry() {
    let old = |catalog: &Catalog, key: &str| {
        catalog.get(key).unwrap().for_versions(|_| Some(Version::new(1, 0, 0)))
    };
    assert_eq!(old(&embedded(), "solid-start").range.to_string(), "3101-3200");
    let users =
        load("[framework.solid-start]\nrange = \"4000-4010\"\n[framework.rsbuild.port]\nstrict = \"--s\"\n");
    let users = users.unwrap();
    assert_eq!(old(&users, "solid-start").range.to_string(), "4000-4010");
    assert_eq!(old(&users, "rsbuild").port.strict.as_deref(), Some("--s"));
    assert_eq!(
        old(&users, "rsbuild").host.loopback.as_deref(),
        Some("localhost"),
        "what the user leaves open"
    );
}

/// Storybook 9 starts a program of the name in `BROWSER`, and fails where there is none.
#[test]
fn versions_differ_in_variables() {
    let variable = |catalog: &Catalog, major| {
        let actual = catalog.get("storybook").unwrap().for_versions(|_| Some(Version::new(major, 1, 0)));
        actual
            .environment
            .iter()
            .find(|(name, _)| name == "BROWSER")
            .map(|(_, value)| value.to_string())
            .unwrap_or_default()
    };
    assert_eq!([6, 9, 10].map(|major| variable(&embedded(), major)), ["true", "true", "none"]);
    let without = "[[framework.storybook.versions]]\npackage = \"storybook\"\nbelow = \"10\"\nenvironment = { BROWSER = \"\" }\n";
    assert_eq!([9, 10].map(|major| variable(&load(without).unwrap(), major)), ["", "none"]);
    let users = "[framework.storybook]\nenvironment = { BROWSER = \"firefox\" }\n";
    assert_eq!([9, 10].map(|major| variable(&load(users).unwrap(), major)), ["firefox", "firefox"]);
}

#[test]
fn users_add_entries() {
    let text = r#"
        [framework.shiny]
        label = "Shiny"
        default-port = 3000
        commands = ["shiny dev"]
        dependencies = ["shiny"]
        files = ["shiny.config.*"]
        built-on = ["vite"]
        port = { flags = ["--listen="], place = "after-command", repeated = "both-ignored", environment = ["SHINY_PORT"] }
        host = { flag = "--address" }
        environment = { SHINY_QUIET = "1" }

        [framework.bare]
        commands = ["bare"]
    "#;
    let catalog = load(text).expect("sound");
    let shiny = catalog.get("shiny").expect("shiny");
    assert_eq!(shiny.range.to_string(), "3101-3200");
    assert_eq!((shiny.port.place, shiny.port.repeated), (FlagPosition::AfterCommand, Repeated::BothIgnored));
    let bare = catalog.get("bare").expect("bare");
    assert_eq!((&*bare.label, bare.range.to_string().as_str()), ("bare", "6000-6100"));
    let key = |sample: Sample| sample.detect(&catalog).framework.key.clone();
    assert_eq!(key(Sample::script("vite").packages(&["shiny", "@sveltejs/kit"])), "shiny");
    assert_eq!(key(Sample::script("bare --fast")), "bare");
    assert_eq!(key(Sample::script("make").files(&["shiny.config.ts"])), "shiny");
}

#[test]
fn stronger_layers_come_last() {
    let layer = |port: u16| {
        let text = format!("[framework.mine]\ndefault-port = {port}\n[framework.vite]\nlabel = \"{port}\"\n");
        Layer::parse(Path::new("frameworks.toml"), text).expect("sound")
    };
    let catalog = Catalog::load(&[layer(7000), layer(7100)]).expect("sound");
    assert_eq!(catalog.get("mine").expect("mine").range.start, 7100);
    assert_eq!(catalog.get("vite").expect("vite").label, "7100");
}

#[test]
fn mistakes_are_shown_where_they_stand() {
    let rows = [
        ("[framework.x]\nlabel = 5\n", 2, "invalid type: integer"),
        ("[framework.x]\ncolour = \"red\"\n", 2, "unknown field `colour`"),
        ("[framework.x]\nrange = \"50-40\"\n", 2, "`50-40` is not a range of ports"),
        ("[framework.x]\nrange = \"0-40\"\n", 2, "is not a range of ports"),
        ("[framework.x]\nrange = \"1-70000\"\n", 2, "is not a range of ports"),
        ("[framework.x]\ndefault-port = 0\n", 2, "nonzero"),
        ("[framework.x]\ndefault-port = 70000\n", 2, "70000"),
        ("[framework.x]\n\nport = { flags = [\"port\"] }\n", 3, "`port` is not a flag"),
        ("[framework.x]\nport = { environment = [\"A B\"] }\n", 2, "`A B` is not the name of an environment"),
        ("[framework.x]\nport = { repeated = \"maybe\" }\n", 2, "unknown variant `maybe`"),
        ("[framework.x]\nrole = \"boss\"\n", 2, "unknown variant `boss`"),
        ("[framework.x]\ncommands = [\"\"]\n", 2, "is not a name"),
        ("[framework.x]\nversions = [{ package = \"x\", below = \"new\" }]\n", 2, "`new` is not a version"),
        ("[framework.\"A b\"]\n", 1, "`A b` is not a framework key"),
        ("[framework.x]\nlike = \"viet\"\n", 2, "`framework.x.like`: there is no framework `viet`"),
        ("[framework.x]\nlike = \"x\"\n", 2, "goes round in a circle"),
        ("[framework.x]\nbuilt-on = [\"viet\"]\n", 2, "there is no framework `viet`"),
        ("[framework.vite]\nbeats = [\"viet\"]\n", 2, "there is no framework `viet`"),
        ("[frameworks.x]\n", 1, "unknown field `frameworks`"),
        ("[framework.x\n", 1, "unclosed"),
        ("framework = 5\n", 1, "tables named by keys"),
        ("[wrapper.x]\ncommands = [\" \"]\n", 2, "at least one word"),
        ("[wrapper.x]\n\nvalues = [\"cpus\"]\n", 3, "`cpus` is not an option"),
        ("[wrapper.x]\ncolour = 1\n", 2, "unknown field `colour`"),
        ("[companion.x]\nports = [\"port\"]\n", 2, "with `{port}`"),
    ];
    for (text, expected, part) in rows {
        let error = load(text).expect_err(text);
        let CatalogError::Invalid(FileError { line, ref message, ref excerpt, .. }) = error else {
            panic!("{text:?}: {error:?}");
        };
        assert_eq!(line, expected, "{text:?}: {error}");
        assert!(message.contains(part), "{text:?}: {message}");
        assert!(excerpt.contains('^'), "{error}");
    }
}

#[test]
fn near_keys_are_named() {
    let catalog = embedded();
    for (typed, expected) in [
        ("nxt", "did you mean `next`"),
        ("Next.js", "did you mean `next`"),
        ("svelte", "did you mean `sveltekit`"),
        ("react-scripts", "did you mean `cra`"),
        ("zzzzzz", "docs/frameworks.md"),
        ("", "docs/frameworks.md"),
    ] {
        let error = catalog.find(typed).expect_err(typed);
        let hint = error.hint().expect("a hint");
        assert!(hint.contains(expected), "{typed}: {hint}");
    }
    assert_eq!(catalog.find("vite").expect("vite").key, "vite");
}

#[test]
fn wrappers_and_companions_of_users_come_first() {
    let text = "[wrapper.in-vm]\ncommands = [\"vm run\"]\n[wrapper.cross-env]\nskips = 1\n[companion.tray]\ncommands = [\"tray\"]\n";
    let catalog = load(text).expect("sound");
    assert_eq!(catalog.wrappers()[0].key, "in-vm");
    let changed = catalog.wrappers().iter().find(|wrapper| wrapper.key == "cross-env").expect("cross-env");
    assert_eq!((changed.skips, &changed.commands[..]), (1, &["cross-env".into()][..]), "field by field");
    assert_eq!(catalog.companions()[0].key, "tray");
    assert_eq!(catalog.wrappers().len(), embedded().wrappers().len() + 1);
}
