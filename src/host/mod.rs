//! A host: how bayplan gets a `sh` on it and talks to it.
//!
//! Whatever the transport, a host is one running `sh` ([`session::Session`]): behind the system's
//! `ssh`, on this machine, or on this machine but looking at a root directory. There is no agent.
//! [`connect::connect`] opens it and looks around in the same round trip; what can go wrong is a
//! [`error::HostError`].

pub mod connect;
pub mod error;
mod failure;
pub mod parallel;
mod process;
mod protocol;
mod runtime;
pub mod session;
mod ssh;
