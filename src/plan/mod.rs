//! Desired × observed → the plan: which steps, in which order, and why. Pure.

mod changes;
mod explain;
mod make;
#[cfg(test)]
mod model_host;
pub mod observed;
pub mod reason;
pub mod review;
mod service;
pub mod status;
pub mod step;
mod types;

pub use explain::between;
pub use make::{KEPT_GENERATIONS, Moves, Options, plan, target};
pub use types::*;
