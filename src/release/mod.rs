//! Many hosts, in order: observe, plan, stage, check, activate.

pub mod event;
