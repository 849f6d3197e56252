//! `bayplan schema WHAT`.

use super::{Exit, Failure};
use crate::cli::{Described, Schema};
use crate::report::{schema, stream};

pub(super) fn run(arguments: &Schema) -> Result<Exit, Failure> {
    let text = match arguments.what {
        Described::Plan => schema::plan(),
        Described::Review => schema::review(),
        Described::SavedPlan => schema::saved_plan(),
    };
    stream::stdout(&text)?;
    Ok(Exit::Done)
}
