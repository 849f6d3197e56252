//! The checked model of a cluster: what the description means, with every reference resolved and
//! every value evaluated. Only [`check`](super::check()) makes one, so later rooms need no checks.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::job::Run;
use super::name::{ClusterName, HostName, ServiceName, VariableName};
use super::ports::{HostPorts, Publish};
use super::secret::Secret;
use super::subnet::Subnet;

mod container;

pub use super::shape::hours::ReleaseHours;
pub use container::{Dns, Logging, Security};

/// A cluster whose description has no errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Its name.
    pub name: ClusterName,
    /// Every described host, also one without a service.
    pub hosts: BTreeMap<HostName, Host>,
    /// Every described service, also those that are placed nowhere (`hosts` is empty then).
    pub services: BTreeMap<ServiceName, Service>,
    /// What a release must not do unasked.
    pub guard: Guard,
    /// How a release goes about it.
    pub rollout: Rollout,
    /// Whom a release tells what it does.
    pub notify: Notify,
    /// Who is asked before a release.
    pub hooks: Hooks,
}

impl Cluster {
    /// What runs the containers of a host. One that is no longer described ran them by systemd, as far as
    /// anybody knows.
    #[must_use]
    pub fn supervisor(&self, host: &HostName) -> Supervisor {
        self.hosts
            .get(host)
            .map(Host::supervisor)
            .unwrap_or_default()
    }
}

/// Whom a release tells what it does: `[notify]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Notify {
    /// A program on the releaser's machine and its arguments; nothing if there is none.
    pub command: Vec<String>,
    /// The secret that is the URL of a webhook.
    pub webhook: Option<VariableName>,
}

/// Who is asked before a release: `[hooks]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hooks {
    /// A program on the releaser's machine and its arguments, which may refuse a plan; nothing if there is none.
    pub before: Vec<String>,
}

/// How a release goes about it: `[rollout]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollout {
    /// What of the journal is shown.
    pub journal: Excerpts,
    /// How many restarts are side by side on a host at most; `None` for twice as many as it has cores.
    pub parallel: Option<NonZeroUsize>,
    /// How many hosts go at a time; `None` is as many as the services allow.
    pub batch: Option<HostCount>,
    /// Hosts that go first, each of them alone.
    pub canary: Vec<HostName>,
    /// What a release waits for after the canary.
    pub pause: Option<Pause>,
    /// How long what a release started is watched after it is healthy.
    pub soak: Duration,
    /// How long the starts and restarts of a visit to a host may take together; `None` is as long as their units say.
    pub deadline: Option<Duration>,
    /// What becomes of the hosts if one of them fails.
    pub on_failure: OnFailure,
}

/// What a release waits for after its canary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// So much time.
    For(Duration),
    /// Somebody who says that it may go on.
    Ask,
}

/// What becomes of the hosts if a step fails on one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// That host goes back to how it was; those that were done stay done.
    Host,
    /// All stay as they are.
    Keep,
    /// That host goes back, and then those that were done.
    #[default]
    Back,
}

/// How long what a release started is watched if nobody says otherwise.
pub const SOAK: Duration = Duration::from_secs(10);

impl Default for Rollout {
    fn default() -> Self {
        Self {
            journal: Excerpts::default(),
            parallel: None,
            batch: None,
            canary: Vec::new(),
            pause: None,
            soak: SOAK,
            deadline: None,
            on_failure: OnFailure::default(),
        }
    }
}

/// Whether the last lines of a unit's journal are shown where that unit fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Excerpts {
    /// The last lines, with known secrets masked.
    #[default]
    Shown,
    /// No lines: whoever releases may not see what containers print.
    Hidden,
}

/// What a release must not do unasked: `[guard]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Guard {
    /// At most so many restarts, possible ones among them.
    pub max_restarts: Option<usize>,
    /// Services that neither restart nor stop.
    pub protect: BTreeSet<ServiceName>,
    /// Only commits of this branch, here or on a remote.
    pub branch: Option<String>,
    /// Whether all files have to be committed.
    pub clean: CleanOnly,
    /// Whether the commit needs a signature.
    pub signed: SignedOnly,
    /// Only at these hours.
    pub hours: Option<ReleaseHours>,
}

/// Whether only committed files are released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CleanOnly {
    /// All files have to be committed.
    Yes,
    /// Uncommitted files are released, too.
    #[default]
    No,
}

/// Whether only signed commits are released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignedOnly {
    /// `git verify-commit` has to accept the commit.
    Yes,
    /// Nobody asks.
    #[default]
    No,
}

/// A guard, by its key in `[guard]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GuardName {
    /// [`Guard::max_restarts`].
    MaxRestarts,
    /// [`Guard::protect`].
    Protect,
    /// [`Guard::branch`].
    Branch,
    /// [`Guard::clean`].
    Clean,
    /// [`Guard::signed`].
    Signed,
    /// [`Guard::hours`].
    Hours,
}

impl GuardName {
    /// The key.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            GuardName::MaxRestarts => "max_restarts",
            GuardName::Protect => "protect",
            GuardName::Branch => "branch",
            GuardName::Clean => "clean",
            GuardName::Signed => "signed",
            GuardName::Hours => "hours",
        }
    }
}

impl fmt::Display for GuardName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.key())
    }
}

/// A host, and how to reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Its name in the description.
    pub name: HostName,
    /// What other hosts call it: an IP address or a DNS name. Always there for
    /// [`Transport::Ssh`].
    pub address: Option<String>,
    /// How it is reached.
    pub transport: Transport,
    /// Its container engine.
    pub client: EngineClient,
    /// The address on which ports are published that name none: `listen`. `None` is every address.
    pub listen: Option<IpAddr>,
    /// How its secrets get there.
    pub secrets: Delivery,
}

impl Host {
    /// What runs its containers.
    #[must_use]
    pub fn supervisor(&self) -> Supervisor {
        self.transport.supervisor()
    }

    /// Where it is, for readers: its address, `this machine`, or the root directory as described.
    #[must_use]
    pub fn location(&self) -> Cow<'_, str> {
        match &self.transport {
            Transport::Ssh(_) => self.address.as_deref().unwrap_or_default().into(),
            Transport::Local { .. } => "this machine".into(),
            Transport::Directory { root } => root.to_string_lossy(),
        }
    }
}

/// What starts the containers of a host, restarts them, and stops them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Supervisor {
    /// systemd, by a unit for each service.
    #[default]
    Systemd,
    /// Nothing: the host is a root directory, which has files and no processes.
    None,
}

impl Supervisor {
    /// Whether containers run there at all. If not, files are all that there is to compare.
    #[must_use]
    pub const fn runs_containers(self) -> bool {
        match self {
            Supervisor::Systemd => true,
            Supervisor::None => false,
        }
    }
}

/// The container engine of a host, by its client.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EngineClient {
    /// Docker or podman.
    pub engine: Engine,
    /// The absolute path of the client, as units run it. Its file name is [`Engine::program`].
    pub program: String,
}

impl EngineClient {
    /// The client where packages put it.
    #[must_use]
    pub fn usual(engine: Engine) -> Self {
        Self {
            engine,
            program: engine.usual_path().to_owned(),
        }
    }

    /// What a shell calls it: by its name where it is in every PATH.
    #[must_use]
    pub fn called(&self) -> &str {
        match self.program == self.engine.usual_path() {
            true => self.engine.program(),
            false => &self.program,
        }
    }
}

/// How secrets get to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Delivery {
    /// Staged encrypted to the host's own key, and opened there. Such a host has a pinned key that
    /// age can encrypt to, if a service of it has secrets.
    #[default]
    Sealed,
    /// Sent over the connection beside their place, when they are put there: nothing of them is
    /// staged or kept.
    Plain,
}

/// How files and commands get to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// The system's `ssh` to the host's address.
    Ssh(Ssh),
    /// This machine, through its own `sh`.
    Local {
        /// Become root by `sudo -n`.
        sudo: bool,
    },
    /// A root directory on this machine, offline: files, links and enablement, no processes.
    Directory {
        /// Absolute, or relative to the root of the config repository.
        root: PathBuf,
    },
}

impl Transport {
    /// What runs containers at its end.
    #[must_use]
    pub const fn supervisor(&self) -> Supervisor {
        match self {
            Transport::Ssh(_) | Transport::Local { .. } => Supervisor::Systemd,
            Transport::Directory { .. } => Supervisor::None,
        }
    }
}

/// The settings of `[ssh]`; what is unset comes from the user's own `ssh_config(5)`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ssh {
    /// Who logs in.
    pub user: Option<String>,
    /// The port of sshd.
    pub port: Option<u16>,
    /// Become root by `sudo -n`.
    pub sudo: bool,
    /// The pinned public key, `<type> <base64>`. The connection accepts no other one. Without it
    /// the user's known hosts decide, strictly.
    pub host_key: Option<String>,
}

/// The container engine of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Engine {
    /// `docker`, a client of dockerd.
    Docker,
    /// `podman`, without a daemon.
    Podman,
}

impl Engine {
    /// The program's name, which is also what the description says.
    #[must_use]
    pub fn program(self) -> &'static str {
        match self {
            Engine::Docker => "docker",
            Engine::Podman => "podman",
        }
    }

    /// The engine of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let mut all = [Engine::Docker, Engine::Podman].into_iter();
        all.find(|engine| engine.program() == name)
    }

    /// Where packages put its client.
    #[must_use]
    pub fn usual_path(self) -> &'static str {
        match self {
            Engine::Docker => "/usr/bin/docker",
            Engine::Podman => "/usr/bin/podman",
        }
    }
}

/// A service: one container image with its settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its name, that of its file.
    pub name: ServiceName,
    /// Where it is placed, in the order in which `[place]` says so. The first one is `X_HOST` for
    /// the services that need it.
    pub hosts: Vec<HostName>,
    /// The image of its container.
    pub image: Image,
    /// The port that the service listens on in the container.
    pub port: Option<u16>,
    /// What is published; `None` is `port`.
    pub publish: Option<Vec<Publish>>,
    /// The networks of the cluster that its container is in.
    pub networks: Vec<Network>,
    /// Further names under which it is found there.
    pub aliases: Vec<String>,
    /// The services that it uses, as written: they start before it.
    pub needs: Vec<ServiceName>,
    /// Further services that start before it, as written.
    pub after: Vec<ServiceName>,
    /// What the container's environment holds besides the image's own: of a name that several
    /// layers define only the one that wins. `IMAGE` and `APP_PORT` are among them.
    pub variables: BTreeMap<VariableName, Variable>,
    /// Hosts on which the variables are others, all of them each.
    pub elsewhere: Vec<OtherVariables>,
    /// Secrets that are files in the container, by their path there.
    pub secret_files: BTreeMap<String, SecretFile>,
    /// Files of the config repository that its container gets.
    pub files: ConfigFiles,
    /// How its container is run.
    pub container: Container,
    /// How it is asked whether it is well.
    pub health: Option<Health>,
    /// Its two slots, if a release starts it beside itself.
    pub swap: Option<Swap>,
    /// How a release replaces its container.
    pub replace: Replacement,
    /// The services with slots whose requests it takes.
    pub swaps: Vec<SwapFile>,
    /// Never moves or vanishes without `--allow-move`.
    pub stateful: bool,
    /// How many of its hosts a release may take it down on at once; `None` is one host after the other.
    pub max_down: Option<HostCount>,
    /// With how many hosts at a time a release goes that acts on it; `None` is what the cluster says.
    pub batch: Option<HostCount>,
    /// How long it is watched after it is healthy; `None` is what the cluster says.
    pub soak: Option<Duration>,
    /// How long the starts and restarts may take that it is among; `None` is what the cluster says.
    pub deadline: Option<Duration>,
    /// Who restarts it after a change.
    pub restart: RestartPolicy,
    /// What its unit is made of.
    pub template: Template,
    /// Whether it runs all the time, or to its end.
    pub run: Run,
}

/// How a release replaces the container of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Replacement {
    /// It stops, and starts anew.
    #[default]
    Restart,
    /// The next instance opens the same ports beside it (`SO_REUSEPORT`), and then it ends.
    Reuseport,
}

/// How a service takes over from itself: two slots on each of its hosts, and a proxy that sends requests to one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swap {
    /// The service that takes its requests, on the same hosts.
    pub proxy: ServiceName,
    /// What the proxy answers on.
    pub port: u16,
    /// The port of the host that leads to each slot.
    pub slots: [u16; 2],
    /// How long the connections of a slot that goes are waited for.
    pub drain: Duration,
    /// How long it runs on after it has handed over; zero: it is stopped then.
    pub keep: Duration,
    /// The files of the proxy, by their paths in its container, that say which slot serves.
    pub files: [String; 2],
}

/// What a proxy reads of a service with slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwapFile {
    /// The service.
    pub service: ServiceName,
    /// The files that say which of its slots serves.
    pub files: [String; 2],
}

/// A network of a cluster, as the engines of its hosts know it, and a container's place in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Its name there.
    pub name: String,
    /// Where it comes from.
    pub origin: NetworkOrigin,
    /// The addresses that the container has there: at most one of a family. The engine chooses the others.
    pub addresses: BTreeSet<IpAddr>,
}

/// Where a network comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkOrigin {
    /// It is there already.
    Existing,
    /// The units that use it make it.
    Made(MadeNetwork),
}

/// A network as units make it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MadeNetwork {
    /// Its IPv4 subnet; `None` is a free one of bayplan's own pool.
    pub subnet: Option<Subnet>,
    /// Whether it has IPv6.
    pub ipv6: Ipv6,
    /// What leads out of it, at most one of a family; without it the engine chooses.
    pub gateways: BTreeSet<IpAddr>,
    /// Nothing leads out of it.
    pub internal: bool,
    /// Options of the engine's driver, by docker's names.
    pub options: BTreeMap<String, String>,
}

/// Whether a network has IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ipv6 {
    /// It has none.
    #[default]
    Off,
    /// It has, in a local subnet that belongs to its name.
    Local,
    /// It has, in this subnet.
    In(Subnet),
}

impl Network {
    /// Whether units make it.
    #[must_use]
    pub fn is_made(&self) -> bool {
        self.origin != NetworkOrigin::Existing
    }
}

/// Hosts on which a service has other variables: where it finds what it needs may depend on the host, and hosts have variables of
/// their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherVariables {
    /// Where it is so.
    pub hosts: BTreeSet<HostName>,
    /// All variables there.
    pub variables: BTreeMap<VariableName, Variable>,
    /// The secrets that are files there: they may be made of variables.
    pub secret_files: BTreeMap<String, SecretFile>,
    /// The files there: what they hold may depend on variables.
    pub files: ConfigFiles,
}

impl OtherVariables {
    /// Whether the service is the same on the hosts of another one.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let Self {
            hosts: _,
            variables,
            secret_files,
            files,
        } = self;
        (variables, secret_files, files) == (&other.variables, &other.secret_files, &other.files)
    }
}

impl Service {
    /// Whether it has two units on each of its hosts, of which one takes over from the other.
    #[must_use]
    pub fn has_slots(&self) -> bool {
        self.swap.is_some() || self.replace == Replacement::Reuseport
    }

    /// The names under which others in its networks find it.
    pub fn names_in_networks(&self) -> impl Iterator<Item = &str> {
        let own = std::iter::once(self.name.as_str());
        let aliases = self.aliases.iter().map(String::as_str);
        own.chain(aliases.filter(|alias| *alias != self.name.as_str()))
    }

    /// Whether it finds another one by its name on this host: all of that one is there, and both are in one network.
    #[must_use]
    pub fn finds_by_name(&self, needed: &Self, host: &HostName) -> bool {
        let mut own = self.networks.iter();
        needed.hosts.iter().all(|other| other == host)
            && own.any(|own| needed.networks.iter().any(|other| other.name == own.name))
    }

    /// The service as it is on one of its hosts: with the variables there.
    #[must_use]
    pub fn on(&self, host: &HostName) -> Cow<'_, Self> {
        let mut elsewhere = self.elsewhere.iter();
        match elsewhere.find(|other| other.hosts.contains(host)) {
            None => Cow::Borrowed(self),
            Some(other) => Cow::Owned(Self {
                variables: other.variables.clone(),
                secret_files: other.secret_files.clone(),
                files: other.files.clone(),
                elsewhere: Vec::new(),
                ..self.clone()
            }),
        }
    }

    /// Its variables on every host.
    pub fn all_variables(&self) -> impl Iterator<Item = (&VariableName, &Variable)> {
        let elsewhere = self.elsewhere.iter().flat_map(|other| &other.variables);
        self.variables.iter().chain(elsewhere)
    }

    /// What is published on a host that publishes on this address what names none. In the host's network, in another
    /// container's, and without any, there is nothing to publish.
    #[must_use]
    pub fn published(&self, listen: Option<IpAddr>) -> Vec<Publish> {
        if self.swap.is_some() {
            return Vec::new();
        }
        match self.container.network.as_deref() {
            Some("host" | "none") => return Vec::new(),
            Some(network) if network.starts_with("container:") => return Vec::new(),
            Some(_) | None => {}
        }
        let all = match &self.publish {
            None => self.port.map(Publish::tcp).into_iter().collect(),
            Some(publish) => publish.clone(),
        };
        all.into_iter().map(|one| one.on(listen)).collect()
    }

    /// The ports that it takes of such a host: published, or as a process of the host's own network.
    #[must_use]
    pub fn takes(&self, listen: Option<IpAddr>) -> Vec<HostPorts> {
        match self.container.network.as_deref() {
            Some("host") => self.port.map(HostPorts::tcp).into_iter().collect(),
            Some(_) | None => self.published(listen).iter().map(|one| one.at).collect(),
        }
    }

    /// Whether it is another one on a host with another `listen`.
    #[must_use]
    pub fn depends_on_listen(&self) -> bool {
        self.published(None)
            .iter()
            .any(|one| one.at.address.is_none())
    }

    /// Every secret that it gets: as a variable, as a file, or within a file.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let variables = self.all_variables();
        let variables = variables.filter_map(|(_, variable)| match &variable.value {
            VariableValue::Plain(_) => None,
            VariableValue::Secret(secret) => Some(secret),
        });
        let there = self.elsewhere.iter();
        let there = there.flat_map(|other| other.secret_files.values());
        let files = self.secret_files.values().chain(there);
        let files = files.map(|file| &file.secret);
        let elsewhere = self.elsewhere.iter().map(|other| &other.files);
        let within = std::iter::once(&self.files).chain(elsewhere);
        let within = within.flat_map(ConfigFiles::all);
        let within = within.flat_map(|file| file.contents.each());
        let within = within.filter_map(|content| match content {
            Content::Plain(_) => None,
            Content::Secret(secret) => Some(secret),
        });
        variables.chain(files).chain(within)
    }
}

/// Files of the config repository in a container (`[files]`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigFiles {
    /// The paths that are mounted: of a file, or of a directory with all that is below it.
    pub mounts: BTreeSet<String>,
    /// Every file, by its path in the container.
    pub files: BTreeMap<String, ConfigFile>,
    /// Those that the service reads again without a restart.
    pub live: Option<LiveFiles>,
}

impl ConfigFiles {
    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &ConfigFile> {
        let live = self.live.iter().flat_map(|live| live.directories.values());
        let live = live.flat_map(BTreeMap::values);
        self.files.values().chain(live)
    }

    /// Whether hosts get different ones.
    #[must_use]
    pub fn differ_by_host(&self) -> bool {
        self.all()
            .any(|file| matches!(file.contents, Contents::ByHost(_)))
    }
}

/// Directories of files that a service reads again without a restart (`reload`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveFiles {
    /// How the service is told to read them again.
    pub reload: ReloadBy,
    /// The commands that must accept new files before anything changes.
    pub checks: Vec<Vec<String>>,
    /// The files of each directory by path below it, by the directory's path in the container.
    pub directories: BTreeMap<String, BTreeMap<String, ConfigFile>>,
}

/// How a service is told to read its files again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReloadBy {
    /// The container's main process gets this signal.
    Signal(String),
    /// This command in the container.
    Command(Vec<String>),
}

impl fmt::Display for ReloadBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReloadBy::Signal(signal) => write!(f, "SIG{}", signal.trim_start_matches("SIG")),
            ReloadBy::Command(words) => write!(f, "`{}`", words.join(" ")),
        }
    }
}

/// A file of the config repository in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFile {
    /// The path in the config repository.
    pub source: String,
    /// What it holds.
    pub contents: Contents,
    /// Whose it is.
    pub owner: FileOwner,
    /// Who may do what with it.
    pub mode: FileMode,
}

/// What a file holds on the hosts of its service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contents {
    /// The same on all of them.
    Same(Content),
    /// Its template speaks of the host.
    ByHost(BTreeMap<HostName, Content>),
}

impl Contents {
    /// What it holds on this host, which need be named only if hosts get different ones: `None` if the service is not
    /// placed there.
    #[must_use]
    pub fn on(&self, host: Option<&HostName>) -> Option<&Content> {
        match self {
            Contents::Same(content) => Some(content),
            Contents::ByHost(contents) => contents.get(host?),
        }
    }

    /// Everything that it holds anywhere.
    pub fn each(&self) -> impl Iterator<Item = &Content> {
        let (same, by_host) = match self {
            Contents::Same(content) => (Some(content), None),
            Contents::ByHost(contents) => (None, Some(contents.values())),
        };
        same.into_iter().chain(by_host.into_iter().flatten())
    }
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// These bytes.
    Plain(Arc<[u8]>),
    /// A text with secrets in it.
    Secret(Secret),
}

/// Whose a file is, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileOwner {
    /// The user.
    pub user: u32,
    /// The group.
    pub group: u32,
}

/// The permissions of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileMode(pub u32);

impl fmt::Display for FileMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

impl Default for FileMode {
    fn default() -> Self {
        Self(0o644)
    }
}

/// A unit template and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// The path in the config repository, or `built-in`.
    pub origin: String,
    /// The text. Most services have the same one.
    pub source: Arc<str>,
}

/// One variable with the layer that decided its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// The layer whose definition wins.
    pub layer: Layer,
    /// Its value.
    pub value: VariableValue,
}

/// A variable's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VariableValue {
    /// Any UTF-8 without NUL and without noncharacters, which systemd takes for no UTF-8.
    Plain(String),
    /// Unknown here: a secret, or made of secrets. Its layer is [`Layer::Secrets`].
    Secret(Secret),
}

impl<T: Into<String>> From<T> for VariableValue {
    fn from(text: T) -> Self {
        Self::Plain(text.into())
    }
}

/// A secret that is a file in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretFile {
    /// The secret's name, which is also its file's name on the host.
    pub name: VariableName,
    /// What the file holds.
    pub secret: Secret,
}

/// The layers, in the order in which systemd reads them: a later one wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// `10-service-locations.env`: where the services are that it needs.
    ServiceLocations,
    /// `20-service-config.env`: `service-config.toml`, the same in every cluster.
    ServiceConfig,
    /// `30-cluster.env`: `[vars]` of `cluster.toml`.
    Cluster,
    /// `35-host.env`: `[vars]` of the host in `cluster.toml`, and the host itself.
    Host,
    /// `40-secrets.env`: what is secret, of whatever origin.
    Secrets,
    /// `50-<service>.env`: `[env]` of the service.
    Service,
}

impl Layer {
    /// Every layer, in order.
    pub const ALL: [Layer; 6] = [
        Layer::ServiceLocations,
        Layer::ServiceConfig,
        Layer::Cluster,
        Layer::Host,
        Layer::Secrets,
        Layer::Service,
    ];

    /// The layer's name in files and reasons. The numbers sort.
    #[must_use]
    pub fn label(self, service: &ServiceName) -> String {
        match self {
            Layer::ServiceLocations => "10-service-locations".to_owned(),
            Layer::ServiceConfig => "20-service-config".to_owned(),
            Layer::Cluster => "30-cluster".to_owned(),
            Layer::Host => "35-host".to_owned(),
            Layer::Secrets => "40-secrets".to_owned(),
            Layer::Service => format!("50-{service}"),
        }
    }
}

/// What a container is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// As docker takes it: `registry/name:tag` or `registry/name@sha256:…`.
    pub reference: String,
    /// The short version to show: the tag, or the first twelve digits of the digest.
    pub version: String,
    /// Whether the reference can mean another image tomorrow (`latest`, `stable`, `edge`, …): only
    /// such references are pulled again when an image of that name is there.
    pub moving: bool,
}

/// The arguments of `docker run` that the description has fields for. Values are as written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Container {
    /// `source:target[:options]` as of `docker run --volume`: a named volume or an absolute path.
    pub volumes: Vec<String>,
    /// `--entrypoint`.
    pub entrypoint: Option<String>,
    /// The words after the image.
    pub command: Vec<String>,
    /// `--user`.
    pub user: Option<String>,
    /// As docker takes it: `512m`, `2g`.
    pub memory: Option<String>,
    /// As docker takes it: `1.5`.
    pub cpus: Option<String>,
    /// `nofile` to `65536` or `1024:65536`.
    pub ulimits: BTreeMap<String, String>,
    /// Added capabilities, `NET_ADMIN`; a leading `-` drops one.
    pub capabilities: Vec<String>,
    /// `--read-only`.
    pub read_only: bool,
    /// `--device`, each as written.
    pub devices: Vec<String>,
    /// `--label`, without our own.
    pub labels: BTreeMap<String, String>,
    /// `host`, `none`, `bridge` or the name of a network that is there.
    pub network: Option<String>,
    /// How long it may take to end after SIGTERM.
    pub stop_timeout: Duration,
    /// The signal that asks it to end, in place of the image's.
    pub stop_signal: Option<String>,
    /// `--hostname`.
    pub hostname: Option<String>,
    /// `--workdir`.
    pub workdir: Option<String>,
    /// `--group-add`, in order.
    pub groups: Vec<String>,
    /// `--init`.
    pub init: bool,
    /// `--tty`.
    pub tty: bool,
    /// `/path` or `/path:options`: empty file systems in memory.
    pub tmpfs: Vec<String>,
    /// As docker takes it: the size of `/dev/shm`.
    pub shm_size: Option<String>,
    /// As docker takes it: what is left to it when memory is short.
    pub memory_reservation: Option<String>,
    /// How many processes and threads it may have; `-1` for no limit.
    pub pids: Option<String>,
    /// The CPUs that it may use: `0-3,8`.
    pub cpuset: Option<String>,
    /// `linux/arm64`.
    pub platform: Option<String>,
    /// `all`, a number, or `device=0,1`.
    pub gpus: Option<String>,
    /// `--privileged`.
    pub privileged: bool,
    /// `--security-opt`.
    pub security: Security,
    /// `--sysctl`.
    pub sysctls: BTreeMap<String, String>,
    /// `--dns` and its like.
    pub dns: Dns,
    /// `--add-host`: addresses by name, in order.
    pub hosts: BTreeMap<String, Vec<String>>,
    /// `--log-driver`, `--log-opt`.
    pub log: Logging,
    /// Directories of the host that are made where they are absent: sources of `volumes`.
    pub made: Vec<MadeDirectory>,
    /// `--no-healthcheck`: the engine leaves the image's own `HEALTHCHECK` alone.
    pub no_healthcheck: bool,
    /// Put before the image as they are, each one argument.
    pub extra_args: Vec<String>,
}

/// A directory of the host, as it is made where there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeDirectory {
    /// An absolute path.
    pub path: String,
    /// Whose it is then.
    pub owner: FileOwner,
    /// Who may do what in it.
    pub mode: FileMode,
}

/// How a container shows that it is well, asked from the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// What is asked.
    pub probe: Probe,
    /// How long a start may take until the first good answer.
    pub timeout: Duration,
    /// How long between two questions, where it is written.
    pub interval: Option<Duration>,
    /// How long one question may take, where it is written.
    pub probe_timeout: Option<Duration>,
    /// How it is asked later, if it is.
    pub watch: Option<HealthWatch>,
}

/// How a container that was well is asked as long as it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthWatch {
    /// How long between two questions.
    pub every: Duration,
    /// After how many bad answers in a row it is unhealthy.
    pub failures: u32,
    /// What is done then.
    pub then: WhenUnhealthy,
}

/// What is done about a service that is unhealthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenUnhealthy {
    /// It is told.
    #[default]
    Report,
    /// Its unit is restarted, and that is told.
    Restart,
}

impl Health {
    /// This question, asked as where nothing else is written.
    #[must_use]
    pub fn of(probe: Probe, timeout: Duration) -> Self {
        Self {
            probe,
            timeout,
            interval: None,
            probe_timeout: None,
            watch: None,
        }
    }
}

/// One question to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// `GET` on the service's port answers with a status below 400.
    Http(HttpProbe),
    /// The service's port accepts a connection.
    Tcp,
    /// This command, run in the container, exits with 0.
    Command(Vec<String>),
    /// The engine says so, which runs the `HEALTHCHECK` of the image.
    Image,
}

/// A request of HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HttpProbe {
    /// `/health`.
    pub path: String,
    /// What its `Host` header has, if not `localhost`.
    pub host: Option<String>,
    /// Further headers.
    pub headers: BTreeMap<String, String>,
}

impl HttpProbe {
    /// Of this path, without anything special.
    #[must_use]
    pub fn of(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            ..Self::default()
        }
    }
}

/// How many hosts of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostCount {
    /// So many.
    Count(usize),
    /// So many of a hundred, rounded down; at least one.
    Percent(usize),
}

impl HostCount {
    /// How many of so many hosts.
    #[must_use]
    pub fn of(self, hosts: usize) -> usize {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => (hosts * percent / 100).max(1),
        }
    }
}

/// Whether a release restarts the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RestartPolicy {
    /// The release.
    #[default]
    Auto,
    /// Only when it is named: `bayplan release CLUSTER SERVICE`.
    Manual,
}
