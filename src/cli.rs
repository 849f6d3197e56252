//! The command line: types only.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue};
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

use crate::cluster::model::GuardName;
use crate::cluster::name::{ClusterName, HostName, ServiceName, VariableName};
use crate::cluster::nearest::nearest;

const EXIT_CODES: &str = "\
Exit codes:
   0  nothing to do, or done
   1  failed
   2  there are changes (`diff --exit-code`)
   3  another release holds the lock of a host
   4  the plan is stale: a host changed after it was shown
   5  a host failed and was put back
  64  the command line is wrong
 130  interrupted; what a host had begun it finishes by itself

Examples:
  bayplan check                       every problem of every cluster
  bayplan diff production             what a release would change, and why
  bayplan release production search   release one service
  bayplan status production           what runs, and whether it is as it should be";

/// Containers on a handful of hosts, from a description in git.
///
/// bayplan writes the systemd units and env files of every service on every host of a cluster,
/// shows what that would change, pushes it over SSH, and restarts exactly the containers whose
/// inputs changed. No agent, no state file: what is on a host is plain files.
#[derive(Debug, Clone, Parser)]
#[command(name = "bayplan", version, after_help = EXIT_CODES, subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    /// Work in this directory: the config repository is the nearest one upwards with `clusters/`
    #[arg(short = 'C', value_name = "DIR", global = true, display_order = 100, value_hint = ValueHint::DirPath)]
    pub directory: Option<PathBuf>,

    /// When to use colours; `auto` means on a terminal, unless NO_COLOR is set
    #[arg(
        long,
        value_name = "WHEN",
        global = true,
        display_order = 101,
        default_value = "auto"
    )]
    pub color: Colour,

    #[command(subcommand)]
    pub command: Command,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    Auto,
    Always,
    Never,
}

impl From<Colour> for anstream::ColorChoice {
    fn from(colour: Colour) -> Self {
        match colour {
            Colour::Auto => Self::Auto,
            Colour::Always => Self::Always,
            Colour::Never => Self::Never,
        }
    }
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Find every problem of the description; no host is needed
    ///
    /// Reads the description of the clusters, or of all, and reports every error and warning in
    /// one run: where it is, what was expected, and what to write. Warnings alone are no failure.
    #[command(after_help = "\
Examples:
  bayplan check               every cluster
  bayplan check production    one cluster; fit for a pre-commit hook")]
    Check(Check),

    /// Write the files of every host; no host is needed
    ///
    /// Shows what each host gets: a systemd unit and an inputs directory of env files for each
    /// service. The same description gives the same bytes.
    #[command(after_help = "\
Examples:
  bayplan render production | less     read them
  bayplan render production -o out     write them below out/HOST/
  diff -r before after                 compare two versions of a description")]
    Render(Render),

    /// Show what a release would change, and why
    ///
    /// Looks at every host of the cluster and compares. Every restart is explained, down to the
    /// variable with its old and new value. Nothing is changed anywhere.
    ///
    /// With `--against` two revisions of git are compared instead: what a release does where the
    /// first one runs. That needs no host, no key and no checkout.
    #[command(after_help = "\
Examples:
  bayplan diff production                 the plan in short
  bayplan diff production search --diff   one service, with the lines of its files
  bayplan diff production --exit-code     in CI: exit code 2 if there are changes
  bayplan diff production --json | jq '.totals'
  bayplan diff production -o plan.json    for `release --plan plan.json`
  bayplan diff production --against origin/main
                                          these files against a branch
  bayplan diff --all --against v1.4..v1.5
                                          every cluster, between two tags
  bayplan diff --all --against origin/main... --format markdown > comment.md
                                          in CI: what a merge request does")]
    Diff(Diff),

    /// Push the files and restart what changed
    ///
    /// Shows the plan and asks; then locks every host, stages the files on all of them, checks
    /// them, pulls images, and only when every host is ready makes it effective, host after host.
    /// Waits until what was restarted is healthy. Where that fails, the previous generation of that
    /// host is put back and the release stops: exit code 5. A release that died is finished by the
    /// next one: what a host still does by itself is followed first.
    #[command(after_help = "\
Examples:
  bayplan release production                   everything that changed
  bayplan release production search listing    two services; all others stay
  bayplan release production --yes --lock-wait 5m
                                               in CI: do not ask, wait in line
  bayplan release production --skip docker02   that one is gone: the rest goes on
  bayplan release --plan plan.json             what `diff -o plan.json` showed")]
    Release(Release),

    /// Undo the last release, or go back to a certain generation
    ///
    /// Each host keeps its last five generations, whole. The hosts that the last release changed go
    /// back to what they had before it: the same plan, the same rules, the same reasons; nothing
    /// is read from the services of the description. Images run that ran then.
    #[command(after_help = "\
Examples:
  bayplan rollback production                     undo the last release
  bayplan rollback production --host docker01     only there, by one generation
  bayplan rollback production --to 12 --host docker01
                                                  `bayplan history` shows the numbers")]
    Rollback(Rollback),

    /// Show what was released on every host: when, by whom, and how it ended
    ///
    /// A line an activation, the newest first: `*` is the current generation, `+` one that is kept
    /// and that `rollback --to` can bring back, `✗` one that failed.
    #[command(after_help = "\
Examples:
  bayplan history production
  bayplan history production --json | jq '.hosts[].activations[-1]'")]
    History(History),

    /// Show what runs on every host, and whether it is what it should be
    ///
    /// One look at each host: the running version, since when, and whether the container is in
    /// sync, pending a restart, not running, in a crash loop, edited by hand, or unmanaged.
    #[command(after_help = "\
Examples:
  bayplan status production
  bayplan status production --exit-code        2 if anything is not as described
  bayplan status production --json | jq '.hosts[].services[].state.kind'")]
    Status(Status),

    /// Show where everything that a service runs with comes from
    ///
    /// Each variable with its value, the layer that decides, and the line of the file; what it is
    /// made of; on which hosts the service runs; and which changes would restart it. No host is
    /// needed, but for `--live`.
    #[command(after_help = "\
Examples:
  bayplan why production search                      everything
  bayplan why production search --live               and its last restart on each host
  bayplan why production search | grep MONGODB_URL   one variable")]
    Why(Why),

    /// Print the JSON Schema of what `--json` prints, or of a saved plan
    #[command(after_help = "\
Examples:
  bayplan schema plan > plan.schema.json       of `diff --json`
  bayplan schema review > review.schema.json   of `diff --against REV --json`
  bayplan schema saved-plan                    of the file that `diff -o` writes")]
    Schema(Schema),

    /// Keep the secrets of a cluster in git, encrypted
    ///
    /// Each value stands in clusters/CLUSTER/secrets.toml, encrypted by age to everybody below
    /// `[recipients]`. A service gets those that it names. No command ever shows a value, but `edit`
    /// in your editor.
    #[command(
        subcommand,
        after_help = "\
Examples:
  bayplan secrets init production                       start, with your own SSH key
  bayplan secrets set production STRIPE_KEY             asks for the value
  bayplan secrets set production TLS_KEY --file tls.key
  bayplan secrets edit production                       all of them in $EDITOR
  bayplan secrets list production                       who reads and who gets what
  bayplan secrets rekey production                      after [recipients] changed"
    )]
    Secrets(Secrets),

    /// Print a completion script for a shell
    #[command(after_help = "\
Examples:
  bayplan completions bash > ~/.local/share/bash-completion/completions/bayplan
  bayplan completions zsh > ~/.zfunc/_bayplan
  bayplan completions fish > ~/.config/fish/completions/bayplan.fish")]
    Completions(Completions),
}

/// Arguments of `check`.
#[derive(Debug, Clone, Args)]
pub struct Check {
    /// The clusters, directories below `clusters/`; none means all
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub clusters: Vec<ClusterName>,
}

/// Arguments of `render`.
#[derive(Debug, Clone, Args)]
pub struct Render {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    /// Write the files below this directory, one directory a host, instead of to standard output
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub output: Option<PathBuf>,
}

/// Arguments of `diff`.
#[derive(Debug, Clone, Args)]
pub struct Diff {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster, required_unless_present = "all")]
    pub cluster: Option<ClusterName>,

    /// Only these services; none means all
    #[arg(value_name = "SERVICE", value_parser = service)]
    pub services: Vec<ServiceName>,

    #[command(flatten)]
    pub part: Part,

    /// Compare with git instead of the hosts: these files with a revision, or `REV1..REV2`, or from
    /// where REV2 left REV1, `REV1...REV2`
    #[arg(long, value_name = "REV")]
    pub against: Option<String>,

    /// Every cluster that the change touches
    #[arg(long, requires = "against", conflicts_with = "cluster")]
    pub all: bool,

    /// Show values in full and every changed file line by line
    #[arg(long)]
    pub diff: bool,

    /// How to print it: for people, for programs (docs/json.md), or for a merge request
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,

    /// The same as `--format json`
    #[arg(long, conflicts_with = "format")]
    pub json: bool,

    /// Exit with 2 if there are changes
    #[arg(long)]
    pub exit_code: bool,

    /// Save the plan in this file, for `release --plan`: digests only, no value of any variable
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,

    #[command(flatten)]
    pub parallel: Parallel,
}

/// Which hosts take part.
#[derive(Debug, Clone, Default, Args)]
pub struct Part {
    /// Leave this host out, whether it answers or not: nothing is done there, and what is pending stays
    /// pending; may be repeated
    #[arg(long, value_name = "HOST", value_parser = host, conflicts_with = "only")]
    pub skip: Vec<HostName>,

    /// Only this host, all others are left out; may be repeated
    #[arg(long = "host", value_name = "HOST", value_parser = host)]
    pub only: Vec<HostName>,
}

/// How a plan is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
    Markdown,
}

impl Diff {
    /// What was asked for, by either option.
    #[must_use]
    pub fn format(&self) -> Format {
        if self.json { Format::Json } else { self.format }
    }
}

/// Arguments of `release`.
#[derive(Debug, Clone, Args)]
pub struct Release {
    /// The cluster, a directory below `clusters/`; may be left out with `--plan`
    #[arg(value_name = "CLUSTER", value_parser = cluster, required_unless_present = "plan")]
    pub cluster: Option<ClusterName>,

    /// Only these services; none means all
    #[arg(value_name = "SERVICE", value_parser = service, conflicts_with = "plan")]
    pub services: Vec<ServiceName>,

    /// Do just what this plan says that `diff -o FILE` saved, without asking; exit code 4 if the commit,
    /// the description or a host is not what it was made from
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["skip", "only"])]
    pub plan: Option<PathBuf>,

    /// Do not ask; needed where there is no terminal
    #[arg(short, long)]
    pub yes: bool,

    /// Show values in full and every changed file line by line
    #[arg(long)]
    pub diff: bool,

    #[command(flatten)]
    pub part: Part,

    #[command(flatten)]
    pub patience: Patience,

    /// Let services that are marked `stateful` move to another host or vanish
    #[arg(long)]
    pub allow_move: bool,

    /// Forget what may still run on this machine, which is no longer described: nobody is told of it any more,
    /// and nothing is done there
    #[arg(long, value_name = "HOST", value_parser = host, conflicts_with = "plan")]
    pub dismiss: Vec<HostName>,

    /// Release although this guard of `[guard]` forbids it; may be repeated
    #[arg(long, value_name = "GUARD")]
    pub lift: Vec<Lift>,

    #[command(flatten)]
    pub identities: Identities,

    #[command(flatten)]
    pub parallel: Parallel,
}

/// Arguments of `rollback`.
#[derive(Debug, Clone, Args)]
pub struct Rollback {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    /// The generation to go back to, on every host; without it the last release is undone, on the
    /// hosts that it changed
    #[arg(long, value_name = "N")]
    pub to: Option<u64>,

    /// Only this host, whether or not the last release changed it; others need not answer
    #[arg(long, value_name = "HOST", value_parser = host)]
    pub host: Option<HostName>,

    /// Leave this host out, whether it answers or not; may be repeated
    #[arg(long, value_name = "HOST", value_parser = host, conflicts_with = "host")]
    pub skip: Vec<HostName>,

    /// Do not ask; needed where there is no terminal
    #[arg(short, long)]
    pub yes: bool,

    /// Show values in full and every changed file line by line
    #[arg(long)]
    pub diff: bool,

    #[command(flatten)]
    pub patience: Patience,

    /// Let services that are marked `stateful` move to another host or vanish
    #[arg(long)]
    pub allow_move: bool,

    /// Roll back although this guard of `[guard]` forbids it; may be repeated
    #[arg(long, value_name = "GUARD")]
    pub lift: Vec<Lift>,

    #[command(flatten)]
    pub parallel: Parallel,
}

/// Arguments of `history`.
#[derive(Debug, Clone, Args)]
pub struct History {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    /// Print JSON, as described in docs/json.md
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub parallel: Parallel,
}

/// How long to wait for others, and what to do with what fails.
#[derive(Debug, Clone, Copy, Args)]
pub struct Patience {
    /// Wait this long for a lock that somebody else holds, as `30s` or `5m`; by default fail at once
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub lock_wait: Option<Duration>,

    /// What to do with a host on which a step fails: put its previous generation back, or keep it
    /// as it is
    #[arg(long, value_name = "WHAT", default_value = "put-back")]
    pub on_failure: FailureChoice,
}

/// What becomes of a host on which a step fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailureChoice {
    PutBack,
    Keep,
}

/// A guard that is lifted, by its key in `[guard]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Lift {
    #[value(name = "max_restarts")]
    MaxRestarts,
    Protect,
    Branch,
    Clean,
}

impl From<Lift> for GuardName {
    fn from(lift: Lift) -> Self {
        match lift {
            Lift::MaxRestarts => GuardName::MaxRestarts,
            Lift::Protect => GuardName::Protect,
            Lift::Branch => GuardName::Branch,
            Lift::Clean => GuardName::Clean,
        }
    }
}

/// Arguments of `status`.
#[derive(Debug, Clone, Args)]
pub struct Status {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    /// Print JSON, as described in docs/json.md
    #[arg(long)]
    pub json: bool,

    /// Exit with 2 if not everything runs as described
    #[arg(long)]
    pub exit_code: bool,

    #[command(flatten)]
    pub parallel: Parallel,
}

/// Arguments of `why`.
#[derive(Debug, Clone, Args)]
pub struct Why {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    /// The service
    #[arg(value_name = "SERVICE", value_parser = service)]
    pub service: ServiceName,

    /// Ask its hosts, too: when a release last restarted it there, and for which reasons
    #[arg(long)]
    pub live: bool,

    #[command(flatten)]
    pub parallel: Parallel,
}

/// Arguments of `schema`.
#[derive(Debug, Clone, Args)]
pub struct Schema {
    /// What is described
    #[arg(value_name = "WHAT")]
    pub what: Described,
}

/// What there is a schema of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Described {
    /// `diff --json`
    Plan,
    /// `diff --against REV --json`
    Review,
    /// `diff -o FILE`
    SavedPlan,
}

/// The commands of `secrets`.
#[derive(Debug, Clone, Subcommand)]
pub enum Secrets {
    /// Start the file of a cluster's secrets
    Init(SecretsInit),
    /// Add a secret or change it
    ///
    /// The value comes from the terminal without echo, from a file, or from standard input; never
    /// from an argument, which everybody on the machine can read.
    Set(SecretsSet),
    /// Change all secrets in $EDITOR, through a file in memory that nobody else can read
    Edit(SecretsOpen),
    /// Show which secrets there are, who can read them, and which services get them
    List(SecretsCluster),
    /// Encrypt everything anew, after `[recipients]` changed; restarts nothing
    Rekey(SecretsRekey),
    /// Take a secret away
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

/// What opens secrets.
#[derive(Debug, Clone, Args)]
pub struct Identities {
    /// An age identity or SSH key that opens the secrets; besides, ~/.ssh/id_ed25519 and
    /// ~/.config/bayplan/identity are tried
    #[arg(long = "identity", value_name = "FILE", env = "BAYPLAN_IDENTITY", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
}

/// Arguments of `completions`.
#[derive(Debug, Clone, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

/// How many hosts are worked with at a time.
#[derive(Debug, Clone, Copy, Args)]
pub struct Parallel {
    /// How many hosts to talk to at the same time
    #[arg(long = "parallel", value_name = "N", default_value = "32")]
    pub hosts: NonZeroUsize,
}

/// Commands of other tools, and what does the same here.
const ELSEWHERE: [(&[&str], &str); 16] = [
    (
        &[
            "deploy", "apply", "up", "push", "sync", "ship", "install", "update", "upgrade",
        ],
        "`bayplan release CLUSTER` writes files and restarts what changed",
    ),
    (
        &["plan", "preview", "dry-run", "dryrun", "changes"],
        "`bayplan diff CLUSTER` shows what a release would change",
    ),
    (
        &["start", "restart", "reload"],
        "`systemctl restart CLUSTER-SERVICE` on the host; a release restarts what changed by itself",
    ),
    (
        &[
            "stop",
            "down",
            "kill",
            "rm",
            "remove",
            "delete",
            "destroy",
            "undeploy",
            "uninstall",
        ],
        "take the service out of [place] in cluster.toml and release; `systemctl stop CLUSTER-SERVICE` on the host stops it until the next release",
    ),
    (
        &["logs", "log", "journal", "tail"],
        "`journalctl -u CLUSTER-SERVICE` on the host",
    ),
    (
        &["ps", "ls", "list", "show", "inspect", "info", "state"],
        "`bayplan status CLUSTER` shows what runs on every host",
    ),
    (
        &["exec", "shell", "sh", "run", "attach", "ssh", "console"],
        "`docker exec -it CLUSTER-SERVICE sh` on the host",
    ),
    (
        &["undo", "revert", "back"],
        "`bayplan rollback CLUSTER` undoes the last release",
    ),
    (
        &["validate", "lint", "verify", "test", "fmt"],
        "`bayplan check` finds every problem of the description",
    ),
    (
        &["build", "template", "generate", "compile", "config"],
        "`bayplan render CLUSTER -o DIR` writes the files of every host",
    ),
    (
        &["explain", "where", "env", "vars", "describe"],
        "`bayplan why CLUSTER SERVICE` shows where every value comes from",
    ),
    (
        &["init", "new", "create", "setup", "bootstrap"],
        "write clusters/NAME/cluster.toml and clusters/NAME/services/WEB.toml; `bayplan check` says what is missing",
    ),
    (
        &[
            "host",
            "hosts",
            "node",
            "nodes",
            "server",
            "servers",
            "inventory",
        ],
        "hosts are written as `[hosts.NAME]` in cluster.toml; `bayplan status CLUSTER` shows them all",
    ),
    (
        &["prune", "gc", "clean", "cleanup"],
        "each host keeps its last five generations by itself; `docker image prune -a` on the host removes images that nothing uses",
    ),
    (
        &["pull", "images"],
        "a release pulls images before anything stops",
    ),
    (
        &["lock", "unlock", "force-unlock"],
        "a lock goes with the release that holds it; `bayplan status CLUSTER` shows who holds it",
    ),
];

/// Commands of other tools below `secrets`.
const ELSEWHERE_FOR_SECRETS: [(&[&str], &str); 4] = [
    (
        &["add", "put", "create", "update", "write", "encrypt"],
        "`bayplan secrets set CLUSTER NAME` adds a secret or changes it",
    ),
    (
        &["get", "show", "view", "decrypt", "print", "cat", "read"],
        "no command prints a value; `bayplan secrets edit CLUSTER` opens all of them in $EDITOR",
    ),
    (
        &["rm", "delete", "unset", "del"],
        "`bayplan secrets remove CLUSTER NAME` takes a secret away",
    ),
    (
        &[
            "rotate",
            "reencrypt",
            "re-encrypt",
            "updatekeys",
            "recipients",
        ],
        "`bayplan secrets rekey CLUSTER` encrypts everything anew, after [recipients] changed",
    ),
];

/// A usage error with advice that fits: what does the same here for a command of another tool, and a similar name only if
/// it is one.
#[must_use]
pub fn advised(mut error: clap::Error) -> clap::Error {
    let found = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(found)) => found.to_ascii_lowercase(),
        _ => return error,
    };
    // The usage of a group begins with its name.
    let usage = error.get(ContextKind::Usage).map(ToString::to_string);
    let elsewhere: &[(&[&str], &str)] = match usage.is_some_and(|usage| usage.contains(" secrets "))
    {
        true => &ELSEWHERE_FOR_SECRETS,
        false => &ELSEWHERE,
    };
    let known = elsewhere
        .iter()
        .find(|(words, _)| words.contains(&found.as_str()));
    let similar = match error.get(ContextKind::SuggestedSubcommand) {
        Some(ContextValue::Strings(names)) => {
            nearest(&found, names.iter().map(String::as_str)).is_some()
        }
        _ => false,
    };
    if known.is_some() || !similar {
        error.remove(ContextKind::SuggestedSubcommand);
    }
    if let Some((_, advice)) = known {
        let advice = ContextValue::StyledStrs(vec![StyledStr::from(*advice)]);
        error.insert(ContextKind::Suggested, advice);
    }
    error
}

fn cluster(text: &str) -> Result<ClusterName, String> {
    // Completing a path is how people often find the name.
    let name = text.strip_prefix("clusters/").unwrap_or(text);
    let name = name.strip_suffix('/').unwrap_or(name);
    ClusterName::new(name).map_err(|error| format!("expected {}", error.expected))
}

fn host(text: &str) -> Result<HostName, String> {
    HostName::new(text).map_err(|error| format!("expected {}", error.expected))
}

fn service(text: &str) -> Result<ServiceName, String> {
    ServiceName::new(text).map_err(|error| format!("expected {}", error.expected))
}

fn variable(text: &str) -> Result<VariableName, String> {
    VariableName::new(text).map_err(|error| format!("expected {}", error.expected))
}

fn recipient(text: &str) -> Result<(String, String), String> {
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

fn duration(text: &str) -> Result<Duration, String> {
    let time = text.parse::<jiff::SignedDuration>().ok();
    time.and_then(|time| Duration::try_from(time).ok())
        .ok_or_else(|| "expected a time such as `30s`, `5m` or `1h 30m`".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::error::ErrorKind;
    use insta::assert_snapshot;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_teaches_by_examples() {
        let mut help = Vec::new();
        let mut cli = Cli::command().term_width(80);
        cli.build();
        help.push(cli.render_long_help().to_string());
        for command in cli.get_subcommands_mut() {
            let text = command.render_long_help().to_string();
            if command.get_name() != "help" {
                assert!(text.contains("Examples:\n  "), "{text}");
                help.push(text);
            }
        }
        assert_snapshot!(help.join("\n────\n"));
    }

    #[test]
    fn times_have_units() {
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("1h 30m"), Ok(Duration::from_secs(5400)));
        for wrong in ["5", "", "-5m", "soon", "5 parsecs"] {
            let error = duration(wrong).unwrap_err();
            assert_eq!(
                error, "expected a time such as `30s`, `5m` or `1h 30m`",
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_cluster_may_be_written_as_its_directory() {
        let cli = parse("bayplan check clusters/production/").unwrap();
        let Command::Check(Check { clusters }) = cli.command else {
            panic!("parsed as another command");
        };
        assert_eq!(clusters, [ClusterName::new("production").unwrap()]);
    }

    #[test]
    fn wrong_lines_are_usage_errors() {
        let kind = |line| parse(line).unwrap_err().kind();
        assert_eq!(
            kind("bayplan"),
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        );
        assert_eq!(kind("bayplan frobnicate"), ErrorKind::InvalidSubcommand);
        assert_eq!(kind("bayplan diff"), ErrorKind::MissingRequiredArgument);
        assert_eq!(kind("bayplan diff Production"), ErrorKind::ValueValidation);
        assert_eq!(
            kind("bayplan diff production --parallel 0"),
            ErrorKind::ValueValidation
        );
        assert_eq!(
            kind("bayplan release production --lock-wait 5"),
            ErrorKind::ValueValidation
        );
        assert_eq!(kind("bayplan --version"), ErrorKind::DisplayVersion);
    }

    #[test]
    fn global_options_may_stand_anywhere() {
        let cli = parse("bayplan diff production -C config --color never").unwrap();
        assert_eq!(cli.directory, Some(PathBuf::from("config")));
        assert_eq!(cli.color, Colour::Never);
    }
}
