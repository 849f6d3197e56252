//! `bayplan schema WHAT`.

use super::{Exit, Failure};
use crate::cli::{Schema, SchemaOf};
use crate::report::{description_schema, schema, stream};

pub(super) fn run(arguments: &Schema) -> Result<Exit, Failure> {
    let text = match arguments.what {
        SchemaOf::Plan => schema::plan(),
        SchemaOf::Review => schema::review(),
        SchemaOf::SavedPlan => schema::saved_plan(),
        SchemaOf::Check => schema::check(),
        SchemaOf::Status => schema::status(),
        SchemaOf::History => schema::history(),
        SchemaOf::HostCheck => schema::host_check(),
        SchemaOf::Top => schema::top(),
        SchemaOf::Prune => schema::prune(),
        SchemaOf::Event => schema::event(),
        SchemaOf::Why => schema::why(),
        SchemaOf::Logs => schema::logs(),
        SchemaOf::LocalStatus => schema::local_status(),
        SchemaOf::Cluster => description_schema::cluster(),
        SchemaOf::Service => description_schema::service(),
        SchemaOf::ServiceConfig => description_schema::service_config(),
    };
    stream::stdout(&text)?;
    Ok(Exit::Done)
}
