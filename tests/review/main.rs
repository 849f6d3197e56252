//! `diff --against`, by the real program, on real git repositories.

#![allow(clippy::unwrap_used, reason = "these are tests")]
#![expect(clippy::disallowed_methods, reason = "a real process on real files")]

mod goldens;
mod guards;
mod lines;
mod links;
mod recipes;
mod repo;
mod spellings;
