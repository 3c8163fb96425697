//! An installation of node.

use std::fs;
use std::path::{Path, PathBuf};

/// `PREFIX` of a node installed as `PREFIX/bin/node`.
pub(super) fn prefix_of(node: &Path) -> Option<PathBuf> {
    Some(node.parent()?.parent()?.to_path_buf())
}

/// The version of a node, from the C header that is installed with it, or from its package.json if it is a
/// package. Running node to ask takes 40 ms.
pub(super) fn version(node: &Path) -> Option<String> {
    let prefix = prefix_of(node)?;
    let Ok(text) = fs::read_to_string(prefix.join("include/node/node_version.h")) else {
        let package: serde_json::Value =
            serde_json::from_slice(&fs::read(prefix.join("package.json")).ok()?).ok()?;
        return package["version"].as_str().map(str::to_owned);
    };
    let part = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix("#define ")?.strip_prefix(name))?;
        line.trim().parse::<u32>().ok()
    };
    let [major, minor, patch] =
        ["MAJOR", "MINOR", "PATCH"].map(|name| part(&format!("NODE_{name}_VERSION ")));
    Some(format!("{}.{}.{}", major?, minor?, patch?))
}
