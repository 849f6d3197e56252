//! How the steps of a plan are carried out on a host, and how that is followed.

pub mod activity;
pub mod event;
pub mod follow;
pub mod launch;
pub mod record;
pub mod script;
