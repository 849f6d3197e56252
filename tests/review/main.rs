//! `diff --against`, by the real program, on real git repositories.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod goldens;
mod repo;
