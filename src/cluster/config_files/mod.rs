//! `[files]` of a service: which files of the config repository its container gets, and what they hold.
//!
//! ```text
//! read          the table, as it is written
//! expand        each entry -> the files that it names
//! clash         paths in the container that exclude each other
//! surroundings  what a template sees of services and hosts
//! make          the contents: bytes as they are, or what a template makes of them
//! ```

mod clash;
mod expand;
mod make;
mod read;
mod surroundings;
#[cfg(test)]
mod tests;

pub(super) use make::{FileScope, of_service};
pub(super) use read::{FileEntry, owner_shape, read_files, read_mode};
pub(super) use surroundings::Surroundings;
