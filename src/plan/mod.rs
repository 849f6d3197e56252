//! Desired × observed → the plan: which steps, in which order, and why. Pure.

mod approved;
pub mod begun;
mod changes;
pub mod guard;
mod held;
mod hidden;
mod host_draft;
mod host_networks;
mod host_plan;
mod host_refusals;
mod host_steps;
mod known;
mod make;
#[cfg(test)]
mod model_host;
#[cfg(test)]
mod model_world;
mod needs;
mod networks_draft;
pub mod observed;
mod once;
mod options;
mod placement;
pub mod proven;
pub mod reason;
pub mod reasons;
pub mod recorded;
mod restart_steps;
pub mod review;
mod rule;
#[cfg(test)]
mod sample;
pub mod saved;
#[cfg(test)]
mod slots_tests;
pub mod status;
pub mod step;
mod target;
mod touched;
pub mod trust;
mod types;
mod waves;
mod way_back;
mod way_draft;

pub use approved::Approved;
pub use held::{held, held_service};
pub use hidden::HIDDEN;
pub use known::{LeftMachine, LeftService};
pub use make::plan;
pub use once::lacking;
pub use options::{AskedRestart, KEPT_GENERATIONS, Moves, Options, Origin, RolloutPolicy};
pub use placement::{HostProgress, placement, says};
pub use reasons::between;
pub use target::target;
pub use types::*;
pub use way_back::{WayBack, way_back, whole_way_back};
pub use way_draft::BackStep;
