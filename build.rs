//! Turns `frameworks.toml` into JSON, which the program reads faster at every start.

use std::path::Path;
use std::{env, error, fs};

fn main() -> Result<(), Box<dyn error::Error>> {
    println!("cargo:rerun-if-changed=frameworks.toml");
    let catalog: toml::Table = toml::from_str(&fs::read_to_string("frameworks.toml")?)?;
    let out = env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?;
    fs::write(Path::new(&out).join("frameworks.json"), serde_json::to_string(&catalog)?)?;
    Ok(())
}
