//! A host: what is said to it, and what it answers.

pub mod layout;
pub mod observe;
pub mod script;
pub mod stage;
