//! `frameworks.toml` as `build.rs` has written it, because reading it takes longer than the detection: the
//! frameworks, and the text of each entry, for users' entries to go over.

#![allow(clippy::enum_glob_use, reason = "the generated text names variants alone")]

use std::borrow::Cow;

use super::check::CatalogTexts;
#[allow(clippy::enum_glob_use, reason = "the generated text names variants alone")]
use super::framework::{FlagPosition::*, Framework, HostInput, PortInput, Repeated::*, Role::*, Variant};
use super::resolve::PortsEntry;
use crate::range::Range;

include!(concat!(env!("OUT_DIR"), "/frameworks.rs"));
