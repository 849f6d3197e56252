//! The description of a cluster: TOML in, a checked model out, with every problem. Pure.
//!
//! ```text
//! Sources ─> load ─> layers ─> description ─> placement ─> variables ─> model
//!            (read: TOML with spans)  (who stands where)  (values)
//! ```
//!
//! Each file is read by itself and gives what can be read of it. Problems are collected on the way, so one run shows all.
//! If a file does not parse, nothing that refers to it is reported: that something in it "does not exist" could be wrong.
//!
//! | file | what |
//! | --- | --- |
//! | `check`, `load` | the whole check; which files a cluster has |
//! | `cluster_file`, `host_table`, `rollout`, `service_file`, `health`, `swap`, `replace`, `secrets_file`, `secret_references`, `job` | a reader for each file or table |
//! | `once` | what is asked of jobs that run once, beyond their own files |
//! | `config_files` | `[files]`: which files containers get, and what they hold |
//! | `layers` | the texts that one service is described in: its file, `from`, `[defaults]`, `[services.NAME]` |
//! | `fields`, `run_flags` | the table of a service's fields, and that of the flags of `docker run` |
//! | `extra_args` | which flags a description may have |
//! | `read`, `shape`, `foreign` | TOML with places; the shapes of texts; the words of other tools |
//! | `placement`, `port_clashes`, `networks`, `service_networks`, `needs`, `proxies`, `circles`, `reach`, `scope`, `variables`, `values`, `template` | what refers from one file to another; values and their templates |
//! | `secret`, `readers` | what a secret is without its key; whom it is encrypted to |
//! | `provenance`, `hosts_alone` | where a value comes from; the hosts of a description with errors |
//! | `here`, `gather` | a description that runs on the machine of a developer |
//! | `pin` | the fingerprint of a host's key, and the key in the text of `cluster.toml` |
//! | `version`, `bump`, `promote` | where the version of an image is written, and another one in its place; what one cluster takes over of another |
//! | `tag_order` | which tag of an image is newer than another one |
//! | `model`, `name`, `ports`, `subnet`, `scalar`, `digest` | what the check gives |
//! | `diagnostic`, `excerpt`, `nearest` | problems, how they are shown, and what was meant |

#[cfg(test)]
mod advice_tests;
pub mod bump;
mod check;
pub(crate) mod circles;
mod cluster_file;
mod config_files;
mod container_tables;
mod description;
pub mod diagnostic;
pub mod digest;
mod excerpt;
mod extra_args;
pub mod fields;
mod flag_advice;
mod foreign;
mod gather;
#[cfg(test)]
mod goldens;
mod health;
pub mod here;
mod host_table;
#[cfg(test)]
mod host_variables_tests;
mod hosts_alone;
pub mod job;
mod job_fields;
mod layers;
mod lint;
mod load;
mod loaded;
pub mod model;
pub mod name;
pub(crate) mod nearest;
mod needs;
mod nesting;
pub(crate) mod networks;
mod notify;
mod once;
pub mod pin;
mod placement;
mod port_clashes;
pub mod ports;
pub mod promote;
#[cfg(test)]
mod properties;
mod provenance;
mod proxies;
mod reach;
mod read;
pub mod readers;
mod replace;
pub(crate) mod reserved;
mod rollout;
pub(crate) mod run_flags;
pub mod scalar;
mod scope;
pub mod secret;
mod secret_references;
mod secrets_file;
mod service_file;
mod service_networks;
mod shape;
mod sources;
pub mod subnet;
mod swap;
pub mod tag_order;
pub(crate) mod template;
mod values;
mod variables;
pub mod version;
mod volumes;

pub use check::{BUILT_IN, BUILT_IN_TEMPLATE, Findings, check, check_here, sort};
#[cfg(test)]
pub(crate) use cluster_file::CLUSTER_KEYS;
pub use description::WrittenIn;
pub use excerpt::{EXCERPT_WIDTH, Paint, TextPosition, excerpt, positions};
pub use hosts_alone::hosts_alone;
pub use lint::is_lint;
pub(crate) use load::unknown_cluster;
pub(crate) use nesting::too_deep;
pub use provenance::{
    Definition, Definitions, FieldDefinition, FieldOrigin, Line, Provenance, definitions,
    provenance,
};
pub(crate) use read::{toml_key, toml_text, truth};
pub use shape::image::{DOCKER_HUB, registry_address, registry_and_path};
pub(crate) use shape::process::{bytes, signal_number};
pub use sources::{Sources, Unfit};
