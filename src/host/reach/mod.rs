//! How a host is reached: one `sh` on it, by the system's `ssh`, here, or before a root directory.

pub mod connect;
pub mod descriptors;
pub mod error;
pub mod facts;
mod failure;
pub mod interrupt;
pub mod keyscan;
pub mod parallel;
mod process;
pub(super) mod protocol;
mod runtime;
pub mod session;
mod ssh;
pub(super) mod watched;
