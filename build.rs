//! Turns `frameworks.toml` into Rust, so that no start has to read it, and links the unwinder into the program
//! where possible, because loading it as a shared library would take longer than a start may.

#![expect(dead_code, reason = "the modules of the program do more than this script needs")]

#[path = "src/detect/check.rs"]
mod check;
#[path = "src/detect/companion.rs"]
mod companion;
#[path = "src/detect/framework.rs"]
mod framework;
#[path = "src/detect/kind.rs"]
mod kind;
#[path = "build/literal.rs"]
mod literal;
#[path = "src/range.rs"]
mod range;
#[path = "src/detect/resolve.rs"]
mod resolve;
#[path = "src/project/version.rs"]
mod version;
#[path = "src/script/wrapper.rs"]
mod wrapper;

use std::path::Path;
use std::process::Command;
use std::{env, error, fs};

use serde::Deserialize;
use toml::{Table, Value};

/// The path by which the modules above import `version`.
mod project {
    pub use crate::version::lowest_version;
}

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    agent_variables: check::CatalogTexts,
    ports: resolve::PortsEntry,
    https: framework::HttpsSigns,
    framework: Table,
    names: companion::Names,
    wrapper: Table,
    companion: Table,
}

fn main() -> Result<(), Box<dyn error::Error>> {
    println!("cargo:rerun-if-changed=frameworks.toml");
    let text = fs::read_to_string("frameworks.toml")?;
    let Settings { agent_variables, ports, https, framework, names, wrapper, companion } =
        toml::from_str(&text)?;
    let frameworks = resolve::frameworks(&resolve::entries(&text, "framework"), &ports, |_| false);
    let frameworks = frameworks.map_err(|mistake| format!("{mistake:?}"))?;
    let entries: Vec<String> = framework.values().map(fields).collect();
    let wrappers = plain(&text, "wrapper", |key, wrapper| wrapper::Wrapper { key, ..wrapper })?;
    let companions = plain(&text, "companion", |key, companion| companion::Companion { key, ..companion })?;
    let source = format!(
        "pub static AGENT_VARIABLES: CatalogTexts = {};\n\
         pub static PORTS: PortsEntry = {};\n\
         pub static HTTPS: HttpsSigns = {};\n\
         pub static ENTRIES: &str = {:?};\n\
         pub static FRAMEWORKS: Cow<'static, [Framework]> = {};\n\
         pub static NAMES: Names = {};\n\
         pub static WRAPPER_ENTRIES: &str = {:?};\n\
         pub static COMPANION_ENTRIES: &str = {:?};\n\
         pub static COMPANIONS: Cow<'static, [Companion]> = {};\n",
        literal::of(&agent_variables),
        literal::of(&ports),
        literal::of(&https),
        entries.join("\0"),
        literal::of(&frameworks),
        literal::of(&names),
        tables("wrapper", &wrapper),
        tables("companion", &companion),
        literal::of(&companions),
    );
    let out = env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?;
    fs::write(Path::new(&out).join("frameworks.rs"), source)?;
    let source = format!("pub static WRAPPERS: Cow<'static, [Wrapper]> = {};\n", literal::of(&wrappers));
    fs::write(Path::new(&out).join("wrappers.rs"), source)?;
    if has_static_unwinder() {
        // Linked before the shared one of the standard library, which is then not needed and not loaded.
        println!("cargo:rustc-link-lib=static:-bundle=gcc_eh");
    }
    Ok(())
}

fn fields(entry: &Value) -> String {
    let fields = entry.as_table().into_iter().flatten();
    fields.map(|(field, value)| format!("{field}={value}")).collect::<Vec<_>>().join("\n")
}

/// The tables of one kind as text again, without comments.
fn tables(kind: &str, entries: &Table) -> String {
    let tables: Vec<String> =
        entries.iter().map(|(key, entry)| format!("[{kind}.{key}]\n{}", fields(entry))).collect();
    tables.join("\n")
}

/// The entries of a kind that inherits nothing.
fn plain<T: for<'de> Deserialize<'de>>(
    text: &str,
    kind: &str,
    with_key: impl Fn(check::CatalogText, T) -> T,
) -> Result<Vec<T>, toml::de::Error> {
    let entries = resolve::entries(text, kind).into_iter();
    entries.map(|(key, entry)| Ok(with_key(key, resolve::plain(&entry)?))).collect()
}

/// Whether the linker finds GCC's unwinder as an archive. It comes with GCC, so nearly always.
fn has_static_unwinder() -> bool {
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    let native = env::var("HOST").ok() == env::var("TARGET").ok();
    if !native || !is("CARGO_CFG_TARGET_OS", "linux") || !is("CARGO_CFG_TARGET_ENV", "gnu") {
        return false;
    }
    let linker = env::var_os("RUSTC_LINKER").unwrap_or_else(|| "cc".into());
    let asked = Command::new(linker).arg("-print-file-name=libgcc_eh.a").output();
    // The linker answers with a path, or with the bare name if it has no such file.
    asked.is_ok_and(|answer| answer.stdout.starts_with(b"/"))
}
