//! Desired × observed → the plan: which steps, in which order, and why. Pure.

mod changes;
mod explain;
mod make;
#[cfg(test)]
mod model_host;
pub mod observed;
mod put_back;
pub mod reason;
mod service;
pub mod status;
pub mod step;
mod types;

pub use explain::between;
pub use make::{KEPT_GENERATIONS, Moves, Options, plan, target};
pub use put_back::{BackStep, PutBack, put_back};
pub use types::*;
