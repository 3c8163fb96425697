//! `docs/frameworks.md` is made of the catalog: `UPDATE=1 cargo test --test it detect::docs` writes it anew.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

use bowline::detect::ServiceKind;
use bowline::detect::catalog::{Catalog, CatalogText, Framework, Role};

use super::embedded;

const INTRODUCTION: &str = include_str!("frameworks.intro.md");

fn code(list: &[CatalogText]) -> String {
    let quoted: Vec<String> = list.iter().map(|text| format!("`{text}`")).collect();
    if quoted.is_empty() { "–".to_owned() } else { quoted.join(" ") }
}

fn port(framework: &Framework) -> String {
    let mut ways = Vec::new();
    if let Some(flag) = framework.port.flags.first() {
        ways.push(format!("`{flag}`"));
    }
    ways.extend(framework.port.strict.iter().map(|flag| format!("`{flag}`")));
    if framework.port.reads_port_variable {
        ways.push("`PORT`".to_owned());
    }
    ways.extend(framework.port.environment.iter().map(|name| format!("`{name}`")));
    if ways.is_empty() { "–".to_owned() } else { ways.join(" ") }
}

fn page() -> String {
    let catalog = embedded();
    let is_server = |framework: &&Framework| framework.kind == ServiceKind::Server;
    let (servers, watches): (Vec<_>, Vec<_>) = catalog.frameworks().iter().partition(is_server);
    let mut page = INTRODUCTION.to_owned();
    let _ = writeln!(page, "\n## The {} servers\n", servers.len());
    let _ = writeln!(page, "[matrix.md](matrix.md) has real projects of many of them, started by bowline.\n");
    let _ = writeln!(
        page,
        "| key | name | ports | command | dependency | file | is told its port by | without a script |"
    );
    let _ = writeln!(page, "| --- | --- | --- | --- | --- | --- | --- | --- |");
    for framework in servers {
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} | {} | {} | {} | {} |",
            framework.key,
            framework.label,
            framework.range,
            code(&framework.commands),
            code(&framework.dependencies),
            code(&framework.files),
            port(framework),
            code(framework.dev.as_slice())
        );
    }
    page.push_str(&table_of_watches(&watches));
    let _ = writeln!(
        page,
        "\n## Who wins\n\n| key | wins even over the word in the script | wins over files and dependencies |"
    );
    let _ = writeln!(page, "| --- | --- | --- |");
    for framework in catalog.frameworks() {
        if !framework.built_on.is_empty() || !framework.beats.is_empty() {
            let _ = writeln!(
                page,
                "| `{}` | {} | {} |",
                framework.key,
                code(&framework.built_on),
                code(&framework.beats)
            );
        }
    }
    let _ = writeln!(page, "\nOnly where no app is found: {}.", of_role(Role::Side));
    let _ = writeln!(page, "Programs that run any code: {}.", of_role(Role::Runtime));
    page.push_str(&lists_of_other_programs(&catalog));
    let _ = writeln!(page, "\n## Notes\n");
    for framework in catalog.frameworks() {
        for text in notes(framework) {
            let _ = writeln!(page, "- **{}**: {text}", framework.label);
        }
    }
    let _ = writeln!(
        page,
        "\n## Marks of coding agents\n\nRemoved from every server's environment: {}.",
        code(catalog.agent_variables())
    );
    page
}

fn lists_of_other_programs(catalog: &Catalog) -> String {
    let mut list = String::new();
    let _ = writeln!(list, "\n## Known wrappers\n");
    for wrapper in catalog.wrappers() {
        let _ = writeln!(list, "- `{}`: {}", wrapper.key, code(&wrapper.commands));
    }
    let _ = writeln!(list, "\n## Known companions\n");
    for companion in catalog.companions() {
        let forms =
            if companion.ports.is_empty() { String::new() } else { format!("; {}", code(&companion.ports)) };
        let _ = writeln!(list, "- `{}`: {}{forms}", companion.key, code(&companion.commands));
    }
    list
}

fn table_of_watches(watches: &[&Framework]) -> String {
    let mut table = format!("\n## The {} watches\n\n", watches.len());
    table.push_str("They have no port, and are ready with the first line of their output that matches.\n\n");
    table.push_str(
        "| key | name | command | but not | line | not printed by |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for one in watches {
        let line = one.ready.iter().map(|ready| ready.replace('|', "\\|").into()).collect::<Vec<_>>();
        let quiet = code(&one.quiet_commands);
        let repeats = one.repeaters.iter().map(|name| format!("{name} …").into());
        let commands: Vec<CatalogText> = one.commands.iter().cloned().chain(repeats).collect();
        let (commands, exceptions) = (code(&commands), code(&one.not_commands));
        let _ = writeln!(
            table,
            "| `{}` | {} | {commands} | {exceptions} | {} | {quiet} |",
            one.key,
            one.label,
            code(&line)
        );
    }
    table
}

fn of_role(role: Role) -> String {
    let catalog = embedded();
    let of_role = catalog.frameworks().iter().filter(|framework| framework.role == role);
    code(&of_role.map(|framework| framework.key.clone()).collect::<Vec<_>>())
}

fn notes(framework: &Framework) -> Vec<String> {
    let mut notes: Vec<String> = framework.note.iter().map(ToString::to_string).collect();
    if let Some(address) = &framework.host.loopback {
        let flag = framework.host.flag.as_ref().or(framework.host.environment.first());
        let by = flag.map(|flag| format!(" with `{flag}`")).unwrap_or_default();
        notes.push(format!(
            "It would listen on every address; bowline passes `{address}`{by} unless you use `--host`."
        ));
    }
    for (name, value) in framework.environment.iter() {
        notes.push(format!("`{name}={value}` is set, unless your environment has it."));
    }
    for variant in framework.versions.iter() {
        let bound = |word: &str, (major, minor, patch)| format!(" {word} {major}.{minor}.{patch}");
        let from = variant.from.map(|release| bound("from", release)).unwrap_or_default();
        let below = variant.below.map(|release| bound("below", release)).unwrap_or_default();
        let actual = framework.for_versions(|package| {
            let (major, minor, patch) = variant.from.unwrap_or((0, 0, 1));
            (package == variant.package).then_some(semver::Version::new(major, minor, patch))
        });
        let set = actual.environment.iter().filter(|one| !framework.environment.contains(one));
        let set: Vec<String> = set.map(|(name, value)| format!("`{name}={value}`")).collect();
        let set = if set.is_empty() { String::new() } else { format!("; {} is set", set.join(", ")) };
        notes.push(format!(
            "With {}{from}{below}: ports {}, passed by {}{set}.",
            variant.package,
            actual.range,
            port(&actual)
        ));
    }
    if !framework.extra_ports.is_empty() {
        let ports: Vec<String> = framework.extra_ports.iter().map(u16::to_string).collect();
        notes.push(format!("It also opens port {}, if it is free.", ports.join(", ")));
    }
    notes
}

#[test]
fn page_is_made_of_the_catalog() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/frameworks.md");
    if env::var_os("UPDATE").is_some() {
        fs::create_dir_all(path.parent().expect("docs/")).expect("docs/");
        fs::write(&path, page()).expect("docs/frameworks.md can be written");
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, page(), "stale: run `UPDATE=1 cargo test --test it detect::docs`");
}
