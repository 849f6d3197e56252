//! `bayplan host`.

use clap::{Args, Subcommand};

use super::arguments::{Parallel, cluster, host};
use crate::cluster::name::{ClusterName, HostName};
use crate::host::fitness::Distribution;

/// Look whether hosts are fit
///
/// What a host needs before the first release, and what helps to find out why one fails.
#[derive(Debug, Clone, Subcommand)]
#[command(after_help = "\
Examples:
  bayplan host pin production                  the hosts' SSH keys, compared and written down
  bayplan host check production                what is missing on which host, and what mends it
  bayplan host prepare production              install that")]
pub enum HostCommands {
    /// Look whether each host is fit, and say what mends it
    ///
    /// Its systemd, its tools, the engine and whether that starts at boot, its registries, what opens secrets, sudo, its clock and
    /// its disks. Nothing is changed there. Problems stop a release, and give exit code 1; warnings do not.
    #[command(after_help = "\
Examples:
  bayplan host check production                all hosts
  bayplan host check production --host docker01
  bayplan host check production --json | jq '.hosts[].findings[] | select(.level == \"problem\")'")]
    Check(HostCheck),
    /// Install what hosts lack: the engine, age and the rest
    ///
    /// Looks as `check` does, shows the commands, asks, and runs them as root there; then looks again. Packages come from the
    /// distribution's repository or docker's, never by a script of the net. What is there already is left alone.
    #[command(after_help = "\
Examples:
  bayplan host prepare production              shows the commands, asks, runs them
  bayplan host prepare production --host docker02 --yes
  bayplan host prepare production --cloud-init debian-13 > user-data
                                               for hosts that are yet to be made")]
    Prepare(HostPrepare),
    /// Write the hosts' SSH keys into the description
    ///
    /// Shows the key of each host with its fingerprint, to be compared with what the host itself says, and asks before it writes them as
    /// `host_key` into cluster.toml. Nobody logs in, and nothing is trusted because it came first.
    #[command(after_help = "\
Examples:
  bayplan host pin production                  shows the keys, asks, writes them
  bayplan host pin production --host docker02 --expect SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA
                                               without asking, if it is this one")]
    Pin(HostPin),
}

/// Which hosts of a cluster.
#[derive(Debug, Clone, Args)]
pub struct HostsOf {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    /// Only this host; may be repeated
    #[arg(long = "host", value_name = "HOST", value_parser = host)]
    pub only: Vec<HostName>,

    #[command(flatten)]
    pub parallel: Parallel,
}

/// What is looked at.
#[derive(Debug, Clone, Args)]
pub struct HostCheck {
    #[command(flatten)]
    pub hosts: HostsOf,

    /// Print JSON, as described in docs/json.md
    #[arg(long)]
    pub json: bool,
}

/// How keys are agreed to.
#[derive(Debug, Clone, Args)]
pub struct HostPin {
    #[command(flatten)]
    pub hosts: HostsOf,

    /// Write without asking what has this fingerprint, as `ssh-keygen -lf` shows it on the host; may be repeated
    #[arg(long, value_name = "SHA256:…", value_parser = fingerprint)]
    pub expect: Vec<String>,

    /// Write whatever hosts show that have no key yet, without asking: only where nobody can be in between
    #[arg(short, long)]
    pub yes: bool,
}

fn fingerprint(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("SHA256:").unwrap_or_default();
    let base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/".contains(&byte);
    if rest.len() == 43 && rest.bytes().all(base64) {
        Ok(text.to_owned())
    } else {
        Err("expected `SHA256:` and 43 characters, as `ssh-keygen -lf` shows it".to_owned())
    }
}

/// How hosts are prepared.
#[derive(Debug, Clone, Args)]
pub struct HostPrepare {
    #[command(flatten)]
    pub hosts: HostsOf,

    /// Run the commands without asking
    #[arg(short, long)]
    pub yes: bool,

    /// Look at no host, and print user-data of cloud-init for new ones with this distribution, as `debian-13`, `ubuntu-24.04`,
    /// `fedora-42`, `rocky-9` or `opensuse-leap-15.6`
    #[arg(long, value_name = "DISTRIBUTION", value_parser = distribution, conflicts_with = "yes")]
    pub cloud_init: Option<Distribution>,
}

fn distribution(text: &str) -> Result<Distribution, String> {
    Distribution::named(text)
        .ok_or_else(|| "expected a distribution and its version, such as `debian-13`".to_owned())
}
