//! A host: how bayplan gets a `sh` on it, what it says to it, and what it answers.
//!
//! Whatever the transport, a host is one running `sh` ([`session::Session`]): behind the system's
//! `ssh`, on this machine, or on this machine but looking at a root directory. There is no agent.
//! [`connect::connect`] opens it and looks around in the same round trip; what can go wrong is a
//! [`error::HostError`]. What is said are POSIX scripts, written by [`observe`], [`stage`],
//! [`script`] and [`watch`], which are pure: text in, text out.

pub mod ability;
#[cfg(test)]
mod answers_tests;
pub mod connect;
pub mod deliver;
pub mod descriptors;
pub mod error;
mod failure;
pub mod generation;
pub mod history;
pub mod interrupt;
pub mod layout;
pub mod observe;
pub mod parallel;
pub mod placement;
mod process;
mod protocol;
mod runtime;
#[cfg(test)]
mod sample;
pub mod script;
#[cfg(test)]
mod sealed_tests;
pub mod session;
mod ssh;
pub mod stage;
pub mod version;
pub mod watch;
mod watched;
