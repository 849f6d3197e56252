//! How the steps of a plan are carried out on a host, and how that is followed.

pub mod follow;
pub mod script;
