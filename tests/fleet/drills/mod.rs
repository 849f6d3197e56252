//! Bad days, on purpose. Each is followed by one undisturbed release, and then there is nothing left
//! to do.

pub mod cuts;
pub mod deaths;
pub mod gate;
pub mod meddling;
pub mod scarcity;
pub mod steps;
pub mod storm;
