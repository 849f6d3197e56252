//! `bayplan schema`.

use clap::{Args, ValueEnum};

/// Print the JSON Schema of what `--json` prints, of a saved plan, or of a file of the description
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bayplan schema plan > plan.schema.json       of `diff --json`
  bayplan schema review > review.schema.json   of `diff --against REV --json`
  bayplan schema saved-plan                    of the file that `diff -o` writes
  bayplan schema status                        of `status --json`
  bayplan schema service > service.schema.json
                                               for an editor, as `init` writes it")]
pub struct Schema {
    /// What is described
    #[arg(value_name = "WHAT")]
    pub what: SchemaOf,
}

/// What there is a schema of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// `diff --json`
    Plan,
    /// `diff --against REV --json`
    Review,
    /// `diff -o FILE`
    SavedPlan,
    /// `check --json`
    Check,
    /// `status --json`
    Status,
    /// `history --json`
    History,
    /// `why --json`
    Why,
    /// `host check --json`
    HostCheck,
    /// `top --json`
    Top,
    /// `prune --json`
    Prune,
    /// A line of `logs --json`
    Logs,
    /// `local status --json`
    LocalStatus,
    /// An event of `[notify]`
    Event,
    /// `cluster.toml`
    Cluster,
    /// `services/NAME.toml`
    Service,
    /// `service-config.toml`
    ServiceConfig,
}
