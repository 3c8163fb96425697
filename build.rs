//! Turns `frameworks.toml` into Rust, so that no start has to read it, and makes the unwinder a part of the
//! program where that can be, as a shared library takes longer to load than a start has time for.

#[path = "build/catalog.rs"]
mod catalog;

use std::path::Path;
use std::process::Command;
use std::{env, error, fs};

fn main() -> Result<(), Box<dyn error::Error>> {
    println!("cargo:rerun-if-changed=frameworks.toml");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=build");
    let frameworks: toml::Table = toml::from_str(&fs::read_to_string("frameworks.toml")?)?;
    let out = env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?;
    fs::write(Path::new(&out).join("frameworks.rs"), catalog::source(&frameworks)?)?;
    if has_static_unwinder() {
        // Before the standard library's own, which then has nothing left to do and is not loaded.
        println!("cargo:rustc-link-lib=static:-bundle=gcc_eh");
    }
    Ok(())
}

/// Whether the linker knows GCC's unwinder as an archive. It comes with GCC, so nearly always.
fn has_static_unwinder() -> bool {
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    let native = env::var("HOST").ok() == env::var("TARGET").ok();
    if !native || !is("CARGO_CFG_TARGET_OS", "linux") || !is("CARGO_CFG_TARGET_ENV", "gnu") {
        return false;
    }
    let linker = env::var_os("RUSTC_LINKER").unwrap_or_else(|| "cc".into());
    let asked = Command::new(linker).arg("-print-file-name=libgcc_eh.a").output();
    // It answers with a path, or with the bare name.
    asked.is_ok_and(|answer| answer.stdout.starts_with(b"/"))
}
