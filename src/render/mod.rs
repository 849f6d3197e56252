//! The checked model → what every host should hold: units, inputs directories, manifests. Pure.

pub mod desired;
pub mod digest;
pub mod manifest;
