//! bayplan: a small fleet of container hosts from a description in git.
//!
//! Data walks through the rooms once, left to right; no room names one to its right:
//!
//! ```text
//! cluster  ─>  render  ─>  plan  ─>  host  <─ release ─>  report
//! (TOML ->     (files of   (steps     (script, ssh,        (text, JSON,
//!  model)       a host)     and why)   what was seen)       progress)
//! ```

pub mod cli;
pub mod cluster;
pub mod command;
pub mod host;
pub mod plan;
pub mod release;
pub mod render;
pub mod report;
pub mod repository;
pub mod secret;
