//! `bayplan init`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::secrets::recipient;

/// Make a config repository to begin with
///
/// Writes two clusters, `local` (its host is a directory, so it can be released at once) and `production` (with addresses that
/// are examples), two services, the unit template, and JSON Schemas for the editor. No file that is there is changed: what is in
/// the way is listed, and then nothing is written.
///
/// With --from-compose it makes one cluster of a project of compose instead: its services, networks, volumes and variables, with this
/// machine as its host. Files of the project that containers get are copied, and values of names such as POSTGRES_PASSWORD are encrypted as
/// secrets. Each key that is not carried is one line with its place. It reads what compose reads: `.env`, several files over each other,
/// `include`, `extends`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bayplan init config        in a directory of its own, made if it is absent
  mkdir fleet && cd fleet && bayplan init   here
  bayplan init config --from-compose shop/compose.yml              a cluster `shop`
  bayplan init config --from-compose compose.yml compose.prod.yml   the second one over the first
  docker compose config | bayplan init config --from-compose -     what compose itself made of it")]
pub struct Init {
    /// The directory that is to have `clusters/` in it
    #[arg(value_name = "DIR", default_value = ".", value_hint = ValueHint::DirPath)]
    pub into: PathBuf,

    /// Make a cluster of these files of compose, each over those before it; `-` is standard input
    #[arg(long, value_name = "FILE", num_args = 1.., value_hint = ValueHint::FilePath)]
    pub from_compose: Vec<String>,

    /// The project's name, as `docker compose --project-name` has it: of the cluster, and in the names of volumes
    #[arg(long, value_name = "NAME", requires = "from_compose")]
    pub project: Option<String>,

    /// Take the services of this profile along; `*` takes all
    #[arg(long = "profile", value_name = "NAME", requires = "from_compose")]
    pub profiles: Vec<String>,

    /// Read variables from this file instead of `.env`
    #[arg(long = "env-file", value_name = "FILE", requires = "from_compose", value_hint = ValueHint::FilePath)]
    pub env_files: Vec<String>,

    /// Who can read the secrets: a name and `age1…`, `ssh-ed25519 …` or `ssh-rsa …`; by default you, by ~/.ssh/id_ed25519.pub
    #[arg(long = "recipient", value_name = "NAME=KEY", value_parser = recipient, requires = "from_compose")]
    pub recipients: Vec<(String, String)>,

    /// Write the values of secrets as they are, for a description that nobody else reads
    #[arg(long, requires = "from_compose", conflicts_with = "recipients")]
    pub plain_secrets: bool,

    /// Write nothing if a key is not carried
    #[arg(long, requires = "from_compose")]
    pub strict: bool,
}
