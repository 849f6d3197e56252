//! The description of a cluster: TOML in, a checked model out, with every problem. Pure.
//!
//! ```text
//! Sources ─> load ─> description ─> placement ─> variables ─> model
//!            (read: TOML with spans)  (who stands where)  (values)
//! ```
//!
//! Each file is read by itself and gives what can be read of it; problems are collected on the
//! way, so one run tells them all. A file that does not parse at all hides what refers to it: that
//! something in it "does not exist" would be wrong.

#![warn(missing_docs)]

#[cfg(test)]
mod advice_tests;
mod check;
mod cluster_file;
mod description;
pub mod diagnostic;
pub mod digest;
mod excerpt;
mod extra_args;
pub mod fields;
mod foreign;
#[cfg(test)]
mod goldens;
mod health;
mod host_table;
mod hosts_alone;
mod load;
pub mod model;
pub mod name;
pub(crate) mod nearest;
mod needs;
mod placement;
#[cfg(test)]
mod properties;
mod provenance;
mod read;
pub mod readers;
mod reserved;
pub(crate) mod run_flags;
pub mod scalar;
mod scope;
pub mod secret;
mod secret_references;
mod secrets_file;
mod service_file;
mod shape;
mod sources;
pub(crate) mod template;
mod values;
mod variables;

pub use check::{BUILT_IN, BUILT_IN_TEMPLATE, Findings, check, sort};
pub use excerpt::{EXCERPT_WIDTH, Paint, excerpt};
pub use hosts_alone::hosts_alone;
pub(crate) use load::unknown_cluster;
pub use provenance::{Definition, Definitions, Line, Provenance, definitions, provenance};
pub use sources::{Sources, Unfit};
