//! A host: what is said to it, and what it answers.

pub mod layout;
pub mod observe;
#[cfg(test)]
mod sample;
pub mod script;
pub mod stage;
