//! The JSON schema of `bowline.toml`, from the types that read it.

use schemars::JsonSchema;

/// The schema of a port.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
pub enum Port {
    /// One of its own, or none.
    Own(bool),
    /// Exactly this one.
    Exact(std::num::NonZeroU16),
}
