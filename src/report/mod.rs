//! Plans, states and events → text, JSON and progress: the only room that prints. Whatever comes
//! from a user's file or from a host is shown escaped, so that no value can steer a terminal.

pub mod begun;
pub mod bump;
pub mod check;
pub mod confirm;
pub mod depart;
pub mod description_schema;
mod diff;
pub mod errors;
pub mod files;
pub mod fitness;
pub mod guard;
pub mod history;
pub mod hold;
pub mod hosts;
pub mod html;
pub mod import;
pub mod init;
pub mod json;
mod left;
pub mod local;
pub mod logs;
pub mod markdown;
mod moves;
mod network;
pub mod notification;
pub mod outcome;
pub mod palette;
pub mod pin;
pub mod plan;
pub mod plan_end;
pub mod prepare;
mod problem;
pub mod progress;
pub mod promote;
pub mod prune;
mod reason;
mod refusal;
pub mod review;
#[cfg(test)]
mod samples;
pub mod schema;
pub mod screen;
pub mod secrets;
mod service;
pub mod status;
pub mod stream;
mod text;
mod time;
pub mod top;
pub mod totals;
pub mod view;
pub mod why;

/// How much of values and files is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Long values are shortened around the place where they differ.
    Short,
    /// Values in full, and every changed file as a unified diff.
    Diff,
}

impl Detail {
    /// What `--diff` asks for.
    #[must_use]
    pub fn of(diff: bool) -> Self {
        match diff {
            true => Self::Diff,
            false => Self::Short,
        }
    }
}
