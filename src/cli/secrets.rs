//! `bayplan secrets`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::arguments::{Identities, cluster, variable};
use crate::cluster::name::{ClusterName, VariableName};

/// Keep the secrets of a cluster in git, encrypted
///
/// Each value stands in clusters/CLUSTER/secrets.toml, encrypted by age to everybody below
/// `[recipients]`. A service gets those that it names. No command ever shows a value, but `edit`
/// in your editor.
#[derive(Debug, Clone, Subcommand)]
#[command(after_help = "\
Examples:
  bayplan secrets init production                       start, with your own SSH key
  bayplan secrets set production STRIPE_KEY             asks for the value
  bayplan secrets set production TLS_KEY --file tls.key
  bayplan secrets edit production                       all of them in $EDITOR
  bayplan secrets list production                       who reads and who gets what
  bayplan secrets rekey production                      after [recipients] changed")]
pub enum Secrets {
    /// Start the file of a cluster's secrets
    #[command(after_help = "\
Examples:
  bayplan secrets init production       readable by you, with your own SSH key
  bayplan secrets init production --recipient \"ada=$(cat ~/.ssh/id_ed25519.pub)\"")]
    Init(SecretsInit),
    /// Add a secret or change it
    ///
    /// The value comes from the terminal without echo, from a file, or from standard input; never
    /// from an argument, which everybody on the machine can read.
    #[command(after_help = "\
Examples:
  bayplan secrets set production STRIPE_KEY               asks for the value
  bayplan secrets set production TLS_KEY --file tls.key
  bayplan secrets set production TLS_KEY < tls.key         the same from standard input")]
    Set(SecretsSet),
    /// Change all secrets in $EDITOR, through a file in memory that nobody else can read
    #[command(after_help = "\
Examples:
  bayplan secrets edit production
  bayplan secrets edit production --identity ~/.ssh/id_ed25519   with this key")]
    Edit(SecretsOpen),
    /// Show which secrets there are, who can read them, and which services get them
    #[command(after_help = "\
Examples:
  bayplan secrets list production")]
    List(SecretsCluster),
    /// Encrypt everything anew, after `[recipients]` changed; restarts nothing
    #[command(after_help = "\
Examples:
  bayplan secrets rekey production                   after [recipients] changed
  bayplan secrets rekey staging --from production     after secrets.toml was copied")]
    Rekey(SecretsRekey),
    /// Take a secret away
    #[command(after_help = "\
Examples:
  bayplan secrets remove production STRIPE_KEY")]
    Remove(SecretsScope),
}

/// Arguments of `secrets init`.
#[derive(Debug, Clone, Args)]
pub struct SecretsInit {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    /// Who can read: a name and `age1…`, `ssh-ed25519 …` or `ssh-rsa …`; by default you, by
    /// ~/.ssh/id_ed25519.pub
    #[arg(long = "recipient", value_name = "NAME=KEY", value_parser = recipient)]
    pub recipients: Vec<(String, String)>,
}

/// Arguments of `secrets set`.
#[derive(Debug, Clone, Args)]
pub struct SecretsSet {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    /// The secret's name, which is also that of its variable
    #[arg(value_name = "NAME", value_parser = variable)]
    pub name: VariableName,

    /// Take the value from this file, byte for byte
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,

    #[command(flatten)]
    pub identities: Identities,
}

/// A cluster whose secrets are opened.
#[derive(Debug, Clone, Args)]
pub struct SecretsOpen {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    #[command(flatten)]
    pub identities: Identities,
}

/// A cluster.
#[derive(Debug, Clone, Args)]
pub struct SecretsCluster {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,
}

/// Arguments of `secrets rekey`.
#[derive(Debug, Clone, Args)]
pub struct SecretsRekey {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    /// The secrets are those of this cluster, which was renamed or copied: make them this one's
    #[arg(long, value_name = "CLUSTER", value_parser = cluster)]
    pub from: Option<ClusterName>,

    #[command(flatten)]
    pub identities: Identities,
}

/// One secret of a cluster.
#[derive(Debug, Clone, Args)]
pub struct SecretsScope {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    /// The secret's name
    #[arg(value_name = "NAME", value_parser = variable)]
    pub name: VariableName,
}

pub(super) fn recipient(text: &str) -> Result<(String, String), String> {
    let (name, key) = text
        .split_once('=')
        .filter(|(name, key)| !name.is_empty() && !key.is_empty())
        .ok_or("expected `NAME=KEY`, as `ada=age1…`")?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
    if !name.bytes().all(plain) {
        return Err("expected a name of letters, digits, `_` and `-`".to_owned());
    }
    Ok((name.to_owned(), key.to_owned()))
}
