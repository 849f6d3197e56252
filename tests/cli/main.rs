//! The real binary, as its user meets it: what it prints, how it exits, what it leaves behind.
//! Hosts are directories, or an `ssh` that fails; no network, no root, no clock.

#![allow(clippy::unwrap_used, reason = "these are tests")]
#![expect(clippy::disallowed_methods, reason = "a real process on real files")]

mod environment;

mod check;
mod killed;
mod readme;
mod release;
mod render;
