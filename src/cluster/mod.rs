//! The description of a cluster: TOML in, a checked model out, with every problem. Pure.

pub mod diagnostic;
pub mod model;
pub mod name;
