//! Services that listen on another port than the reserved one: the evidence, and what to try next (ADR 12).
//!
//! A node program is started once more with its listener moved by a preload; otherwise the reservation follows the
//! listener. The decisions are pure: [`super::flow`] asks the kernel, and [`super::backend`] writes the preload.
//!
//! - `decisions`: what is known · `redirect`: what to try next · `review`: what is unlearned once it is ready
//! - `facts`: what is known before the start, and how long a listener waits to be believed
//! - `evidence`: what is known of a run · `inquiry`: how it is found out · `sources`, `servers`,
//!   `conflict_hints`, `place`: parts of it

mod conflict_hints;
mod decisions;
mod evidence;
mod facts;
mod inquiry;
mod place;
mod redirect;
mod review;
mod servers;
mod sources;
#[cfg(test)]
mod tests;

pub use decisions::{Note, PortOverride};
pub use evidence::Evidence;
pub use inquiry::Inquiry;
pub use place::{Place, list};
pub use review::Judgement;
pub use sources::Sources;
