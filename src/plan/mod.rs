//! Desired × observed → the plan: which steps, in which order, and why. Pure.

mod changes;
mod draft;
mod explain;
pub mod guard;
mod held;
mod hidden;
pub mod kept;
mod make;
#[cfg(test)]
mod model_host;
pub mod observed;
mod options;
mod order;
mod placement;
mod put_back;
pub mod reason;
pub mod review;
#[cfg(test)]
mod sample;
pub mod saved;
mod service;
mod show;
pub mod status;
pub mod step;
pub mod trust;
mod types;

pub use explain::between;
pub use held::{held, held_service};
pub use hidden::HIDDEN;
pub use make::plan;
pub use options::{KEPT_GENERATIONS, Moves, Options, Origin, target};
pub use placement::{Left, LeftService, Progress, placement, says};
pub use put_back::{BackStep, PutBack, put_back};
pub use types::*;
