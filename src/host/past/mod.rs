//! What a host keeps of what was released there, as it is written and read.

pub mod generation;
pub mod history;
pub mod kept;
pub mod runs;
