//! `bayplan local`.

use clap::{Args, Subcommand, ValueEnum};

use super::arguments::{Identities, cluster, service};
use crate::cluster::name::{ClusterName, ServiceName};
use crate::local::name::LocalName;

/// Run a cluster on this machine, by docker or podman alone
///
/// For developers: no systemd, no root, no ssh. Each branch has a cluster of its own, with its own containers, network, volumes and
/// ports, so several run side by side. docs/local.md tells what is different from a host.
#[derive(Debug, Clone, Subcommand)]
#[command(after_help = "\
Examples:
  bayplan local up                     all of clusters/local; again after each edit
  bayplan local up search --from integration
                                       a service of another cluster, and what it needs
  bayplan local status                 what runs, and at which ports
  bayplan local down                   the end; volumes stay")]
pub enum LocalCommands {
    /// Start what is described, and restart what changed
    ///
    /// Without --from it is clusters/local, else the only cluster, else clusters/integration. All hosts become this machine, and each
    /// service is one container. A container restarts if its inputs changed, and not otherwise: its image, arguments, variables, secrets
    /// and files. Ports are published on 127.0.0.1; one that is taken is moved, and told. Ends when all that started is healthy.
    #[command(after_help = "\
Examples:
  bayplan local up                     all services
  bayplan local up search              one, with what it needs; others stay as they are
  bayplan local up --from integration   another description
  bayplan local up --engine podman     not docker, which is the default where both are")]
    Up(LocalUpArguments),
    /// Show what runs here
    #[command(after_help = "\
Examples:
  bayplan local status                 services, their state and their ports
  bayplan local status --name main     of another branch")]
    Status(LocalScope),
    /// Remove the containers and the network
    ///
    /// Volumes stay, and so do made-up secrets: what is in a database goes with its password.
    #[command(after_help = "\
Examples:
  bayplan local down                   volumes stay: `up` finds its data again
  bayplan local down --volumes         nothing stays
  bayplan local down --name main       of another branch")]
    Down(LocalDown),
}

/// Which cluster of this machine.
#[derive(Debug, Clone, Args)]
pub struct LocalScope {
    /// The name of the cluster on this machine; by default that of the branch
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub name: Option<LocalName>,

    /// The engine; by default docker if it is there, else podman
    #[arg(long, value_name = "ENGINE")]
    pub engine: Option<EngineChoice>,
}

/// A container engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EngineChoice {
    Docker,
    Podman,
}

impl From<EngineChoice> for crate::cluster::model::Engine {
    fn from(choice: EngineChoice) -> Self {
        match choice {
            EngineChoice::Docker => Self::Docker,
            EngineChoice::Podman => Self::Podman,
        }
    }
}

/// What is started.
#[derive(Debug, Clone, Args)]
pub struct LocalUpArguments {
    /// Only these services and what they need; none means all
    #[arg(value_name = "SERVICE", value_parser = service)]
    pub services: Vec<ServiceName>,

    /// The description, a directory below `clusters/`
    #[arg(long, value_name = "CLUSTER", value_parser = cluster)]
    pub from: Option<ClusterName>,

    /// Give services the values of the description's secrets.toml, and not made-up ones; so it is anyway if the description is
    /// clusters/local
    #[arg(long)]
    pub decrypt: bool,

    #[command(flatten)]
    pub identities: Identities,

    #[command(flatten)]
    pub scope: LocalScope,
}

/// What is removed.
#[derive(Debug, Clone, Args)]
pub struct LocalDown {
    /// Remove volumes and made-up secrets, too
    #[arg(long)]
    pub volumes: bool,

    #[command(flatten)]
    pub scope: LocalScope,
}

fn name(text: &str) -> Result<LocalName, String> {
    LocalName::new(text).map_err(|expected| format!("expected {expected}"))
}
