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
  bayplan local up search --rest integration
                                       one; it finds the others in that cluster
  bayplan local up --process search    one runs outside, in an IDE
  bayplan local up --engine podman     not docker, which is the default where both are")]
    Up(LocalUpArguments),
    /// Show what runs here
    #[command(after_help = "\
Examples:
  bayplan local status                 services, their state and their ports
  bayplan local status --name main     of another branch
  bayplan local status --json | jq -r '.services[].ports[].at'")]
    Status(LocalStatus),
    /// Show what containers say, by time
    ///
    /// Without -n the last 100 lines of each service, with -f the last 10 and what comes, also of containers that take the place
    /// of others. What could steer a terminal is shown escaped.
    #[command(after_help = "\
Examples:
  bayplan local logs                   the last lines of all services
  bayplan local logs search -n 20      of one")]
    Logs(LocalLogs),
    /// Run a command in the container of a service, with your terminal
    ///
    /// Without a command: a shell. The exit code is that of the command.
    #[command(after_help = "\
Examples:
  bayplan local exec search            a shell
  bayplan local exec search -- ls -l /data")]
    Exec(LocalExec),
    /// Print the variables of a service, for a process outside of containers
    ///
    /// What the container gets, but where it finds other services: at their ports of this machine. Values of secrets are among them: they
    /// are for the process, not for a log.
    #[command(after_help = "\
Examples:
  bayplan local env search > .env      for whoever reads such files
  eval \"$(bayplan local env search --export)\"
                                       for this shell")]
    Env(LocalEnv),
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

/// How what runs is shown.
#[derive(Debug, Clone, Args)]
pub struct LocalStatus {
    /// Print JSON, as described in docs/json.md
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub scope: LocalScope,
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

    /// Services that are not named are not started: they are found where they are in this cluster
    #[arg(long, value_name = "CLUSTER", value_parser = cluster, requires = "services")]
    pub rest: Option<ClusterName>,

    /// This service runs outside of containers, on its port of this machine: whoever needs it is pointed there. May be repeated;
    /// `local env` prints what the process gets
    #[arg(long = "process", value_name = "SERVICE", value_parser = service)]
    pub processes: Vec<ServiceName>,

    /// Stay, and do it again after each edit of the description, until Ctrl-C
    #[arg(short, long)]
    pub watch: bool,

    /// Give services the values of the description's secrets.toml, and not made-up ones; so it is anyway if the description is
    /// clusters/local
    #[arg(long)]
    pub decrypt: bool,

    #[command(flatten)]
    pub identities: Identities,

    #[command(flatten)]
    pub scope: LocalScope,
}

/// Whose lines are shown.
#[derive(Debug, Clone, Args)]
pub struct LocalLogs {
    /// Only these services; none means all
    #[arg(value_name = "SERVICE", value_parser = service)]
    pub services: Vec<ServiceName>,

    /// Go on with what comes, until Ctrl-C
    #[arg(short, long)]
    pub follow: bool,

    /// Only the last lines of each service, so many
    #[arg(short = 'n', long, value_name = "N")]
    pub lines: Option<usize>,

    #[command(flatten)]
    pub scope: LocalScope,
}

/// What runs in which container.
#[derive(Debug, Clone, Args)]
pub struct LocalExec {
    /// The service
    #[arg(value_name = "SERVICE", value_parser = service)]
    pub service: ServiceName,

    /// The command and its arguments
    #[arg(value_name = "CMD", last = true)]
    pub command: Vec<String>,

    #[command(flatten)]
    pub scope: LocalScope,
}

/// Whose variables are printed, and how.
#[derive(Debug, Clone, Args)]
pub struct LocalEnv {
    /// The service
    #[arg(value_name = "SERVICE", value_parser = service)]
    pub service: ServiceName,

    /// As commands of a shell, in place of a dotenv file
    #[arg(long)]
    pub export: bool,

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
