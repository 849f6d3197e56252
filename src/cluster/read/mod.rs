//! Reads TOML with places, and notes problems on the way.

mod advice;
mod file;
mod problem;
mod table;

pub(super) use advice::{list, toml_value, words};
pub(crate) use advice::{toml_key, toml_text, truth};
pub(super) use file::{parse, text};
pub(super) use problem::{At, Misfit, Problems, Spot, parse_all};
pub(super) use table::{Foreign, Item, Merge, Table, TableKind, TableLayer};
