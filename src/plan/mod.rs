//! Desired × observed → the plan: which steps, in which order, and why. Pure.

pub mod observed;
pub mod reason;
pub mod status;
pub mod step;
mod types;

pub use types::*;
