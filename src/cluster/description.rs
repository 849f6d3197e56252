//! The description as it is written: the shape of each file, with places, before anything is
//! looked up in another file.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::config_files::FileEntry;
use super::diagnostic::{Diagnostic, quoted};
use super::here::Here;
use super::job::Run;
use super::model::{
    Container, Health, Host, HostCount, Image, NetworkOrigin, Replacement, RestartPolicy, Rollout,
    Transport,
};
use super::name::{HostName, ServiceName, VariableName};
use super::ports::Publish;
use super::read::{At, Item, Problems, Spot};
use super::reserved::{self, Within};
use super::scalar::Scalar;
use super::shape;
use super::shape::host::AddressKind;
use super::shape::hours::ReleaseHours;
use super::subnet::Subnet;
use super::swap::WrittenSwap;
use toml::de::DeValue;

/// `cluster.toml`.
#[derive(Debug, Default)]
pub(super) struct ClusterFile {
    /// `type`, the value of `CLUSTER_TYPE`.
    pub kind: Option<At<String>>,
    /// Every key under `[hosts]`, also those that are no valid name.
    pub host_names: Vec<At<String>>,
    /// The hosts that could be read.
    pub hosts: Vec<DescribedHost>,
    /// `[place]`, one entry a line.
    pub place: Vec<PlaceLine>,
    /// `[vars]`.
    pub vars: Vec<WrittenVariable>,
    /// `[guard]`.
    pub guard: DescribedGuard,
    /// `[rollout]`.
    pub rollout: DescribedRollout,
    /// `[notify]`.
    pub notify: DescribedTold,
    /// `before` of `[hooks]`.
    pub before: Vec<String>,
    /// `[networks]`.
    pub networks: Vec<DescribedNetwork>,
    /// `[lint]`, if there is one.
    pub lint: Option<WrittenLint>,
    /// Where all of it runs, if that is not on its hosts.
    pub here: Option<Here>,
}

impl ServiceFile {
    /// What is published, before the host says where. In the host's network a process takes its port itself.
    pub(super) fn published(&self) -> Vec<At<Publish>> {
        // The proxy answers, and each slot has a port of its own.
        if self.swap.is_some() {
            return Vec::new();
        }
        match (self.container.network.as_deref(), &self.publish) {
            (Some("host" | "none"), _) => Vec::new(),
            (_, None) => {
                let port = self.port.iter();
                port.map(|port| At {
                    value: Publish::tcp(port.value),
                    spot: port.spot.clone(),
                })
                .collect()
            }
            (_, Some(publish)) => publish.clone(),
        }
    }
}

impl ClusterFile {
    /// The host of this name, if it could be read.
    pub(super) fn host(&self, name: &HostName) -> Option<&DescribedHost> {
        self.hosts.iter().find(|host| host.name.value == *name)
    }

    /// What a host is called in variables. An IP address is resolved by the host's own name (`--add-host`), so that it
    /// does not stand in every service's variables; a DNS name stands for itself.
    pub(super) fn dns_name(&self, host: &HostName) -> String {
        let dns = self.host(host).filter(|d| {
            let kind = d.address.as_ref().map(|kind| kind.value);
            kind == Some(AddressKind::Dns)
        });
        dns.and_then(|d| d.host.address.clone())
            .unwrap_or_else(|| host.to_string())
    }
}

/// `[rollout]`.
#[derive(Debug, Default)]
pub(super) struct DescribedRollout {
    /// All but its hosts.
    pub rollout: Rollout,
    /// Hosts that go first.
    pub canary: Vec<At<String>>,
    /// Where `pause` stands.
    pub pause: Option<Spot>,
}

/// `[notify]`.
#[derive(Debug, Default)]
pub(super) struct DescribedTold {
    /// A program and its arguments.
    pub command: Vec<String>,
    /// The secret that is a URL, perhaps one that is not there.
    pub webhook: Option<At<VariableName>>,
}

/// `[guard]`.
#[derive(Debug, Default)]
pub(super) struct DescribedGuard {
    /// At most so many restarts.
    pub max_restarts: Option<At<i64>>,
    /// Services that neither restart nor stop.
    pub protect: Vec<At<String>>,
    /// Only commits of this branch.
    pub branch: Option<At<String>>,
    /// Only committed files.
    pub clean: Option<At<bool>>,
    /// Only signed commits.
    pub signed: Option<At<bool>>,
    /// Only at these hours.
    pub hours: Option<At<ReleaseHours>>,
}

/// A host with its places.
#[derive(Debug)]
pub(super) struct DescribedHost {
    /// Its name, at the heading of its table.
    pub name: At<HostName>,
    /// What kind the model's address is.
    pub address: Option<At<shape::host::AddressKind>>,
    /// The place of what makes it reachable: the address, the directory or `local`.
    pub reach: Spot,
    /// The place of the pinned key.
    pub host_key: Option<Spot>,
    /// `[hosts.NAME.vars]`.
    pub vars: Vec<WrittenVariable>,
    /// The host as the model has it.
    pub host: Host,
}

/// One line of `[place]`.
#[derive(Debug)]
pub(super) struct PlaceLine {
    /// The service, perhaps one that is not there.
    pub service: At<String>,
    /// Its hosts in their order, perhaps some that are not there.
    pub hosts: Vec<At<String>>,
}

/// One variable with its value.
#[derive(Debug)]
pub(super) struct WrittenVariable {
    /// The variable.
    pub name: At<VariableName>,
    /// `None` if the value was no scalar: the name is known, its value is not.
    pub value: Option<At<Scalar>>,
}

/// `services/NAME.toml`.
#[derive(Debug)]
pub(super) struct ServiceFile {
    /// Its name, from the file's.
    pub name: ServiceName,
    /// The file, relative to the root of the config repository.
    pub path: String,
    /// Where the fields are that it has.
    pub keys: BTreeMap<&'static str, Spot>,
    /// `None` if it is not there or could not be read.
    pub image: Option<Image>,
    /// `port`.
    pub port: Option<At<u16>>,
    /// There is a `port`, or a `publish`, that could not be read.
    pub unread_port: bool,
    /// `publish`.
    pub publish: Option<Vec<At<Publish>>>,
    /// `networks`, perhaps some that are not there.
    pub networks: Vec<WrittenNetwork>,
    /// `aliases`.
    pub aliases: Vec<String>,
    /// Services, perhaps some that are not there.
    pub needs: Vec<At<String>>,
    /// The same.
    pub after: Vec<At<String>>,
    /// Names and patterns of variables.
    pub vars: Vec<At<String>>,
    /// `[env]`.
    pub env: Vec<WrittenVariable>,
    /// `secrets`.
    pub secrets: Vec<SecretReference>,
    /// `[files]`.
    pub files: Vec<FileEntry>,
    /// The paths of its volumes in the container.
    pub volume_targets: Vec<(String, Spot)>,
    /// `[health]`.
    pub health: Option<Health>,
    /// `[swap]`.
    pub swap: Option<WrittenSwap>,
    /// `replace`.
    pub replace: Option<At<Replacement>>,
    /// What becomes arguments of `docker run`.
    pub container: Container,
    /// `stateful`.
    pub stateful: bool,
    /// `max_down`.
    pub max_down: Option<HostCount>,
    /// `batch`.
    pub batch: Option<HostCount>,
    /// `soak`.
    pub soak: Option<Duration>,
    /// `deadline`.
    pub deadline: Option<Duration>,
    /// `restart`.
    pub restart: RestartPolicy,
    /// The name of a file in `templates/`.
    pub template: Option<At<String>>,
    /// `once`, or `schedule` with `catch_up`, and `timeout`.
    pub run: Run,
    /// The services that `from` leads to, the nearest first.
    pub from: Vec<ServiceName>,
    /// Every field in every text that the service is described in.
    pub written: Vec<WrittenField>,
}

/// One entry of a service's `secrets`.
#[derive(Debug)]
pub(super) struct SecretReference {
    /// The secret, perhaps one that is not there.
    pub name: At<String>,
    /// The path in the container if it is to be a file there, else it is a variable.
    pub file: Option<At<String>>,
}

/// Reads a table of variables.
pub(super) fn assignments(
    items: Vec<Item<'_>>,
    within: Within,
    problems: &mut Problems,
) -> Vec<WrittenVariable> {
    items
        .into_iter()
        .filter_map(|item| assignment(&item, within, problems))
        .collect()
}

fn assignment(item: &Item<'_>, within: Within, problems: &mut Problems) -> Option<WrittenVariable> {
    let value = scalar(item, problems);
    let name = match VariableName::new(item.key.as_str()) {
        Ok(name) => name,
        Err(invalid) => {
            problems.push(
                Diagnostic::error(
                    format!("expected {}, found {}", invalid.expected, quoted(&item.key)),
                    item.key_spot.label("no valid variable name"),
                )
                .with_help(
                    "no engine passes it on by a file, and systemd drops it: choose another name",
                ),
            );
            return None;
        }
    };
    if let Some(why) = reserved::why(name.as_str()) {
        problems.push(
            Diagnostic::error(
                format!("`{name}` is reserved: {why}"),
                item.key_spot.label("reserved"),
            )
            .with_help("choose another name"),
        );
    } else if let Some(write) = reserved::derived(name.as_str(), within) {
        problems.push(
            Diagnostic::error(
                format!("`{name}` is derived by bayplan and cannot be defined"),
                item.key_spot.label("derived"),
            )
            .with_help(write),
        );
    }
    Some(WrittenVariable {
        name: At {
            value: name,
            spot: item.key_spot.clone(),
        },
        value,
    })
}

fn scalar(item: &Item<'_>, problems: &mut Problems) -> Option<At<Scalar>> {
    match item.value {
        DeValue::String(text) => Some(item.at(Scalar::Text(text.to_string()))),
        DeValue::Boolean(value) => Some(item.at(Scalar::Boolean(*value))),
        DeValue::Integer(number) => {
            let value = i128::from_str_radix(number.as_str(), number.radix()).ok();
            if value.is_none() {
                item.mistyped("a string", problems);
            }
            Some(item.at(Scalar::Integer(value?)))
        }
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
            item.mistyped("a string", problems);
            None
        }
    }
}

/// One network of `[networks]`.
#[derive(Debug)]
pub(super) struct DescribedNetwork {
    /// As services name it.
    pub name: At<String>,
    /// Where it comes from.
    pub origin: NetworkOrigin,
    /// Where its subnets stand.
    pub subnets: Vec<At<Subnet>>,
    /// Where options of its driver stand.
    pub options: Vec<At<String>>,
}

/// A network that a service is in, as it is written.
#[derive(Debug, Clone)]
pub(super) struct WrittenNetwork {
    /// As the cluster names it.
    pub name: At<String>,
    /// The container's own addresses there.
    pub addresses: Vec<At<IpAddr>>,
}

/// `[lint]` as it is written.
#[derive(Debug, Default)]
pub(super) struct WrittenLint {
    /// Names of lints that are errors.
    pub deny: Vec<At<String>>,
    /// Names of lints, or `LINT:SERVICE`, that are fine.
    pub allow: Vec<At<String>>,
}

/// A field of a service where it is written. Of a table of names, each name is a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WrittenField {
    /// The field's key, or `env.LOG_LEVEL`.
    pub key: String,
    /// The text that it stands in.
    pub source: WrittenIn,
    /// Where its key is.
    pub spot: Spot,
    /// A text as it is, another value as TOML writes it in one line.
    pub raw: String,
    /// It counts; a nearer text may have the same field.
    pub counts: bool,
}

/// Which text a value of a service stands in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum WrittenIn {
    /// The service's own file.
    Own,
    /// `[defaults]` of `cluster.toml`.
    Defaults,
    /// `[services.NAME]` of `cluster.toml`.
    Override,
    /// The file of a service that `from` names, perhaps by way of others.
    From(ServiceName),
}

impl WrittenIn {
    /// The text as a reader finds it: `[defaults]`, `services/api.toml`.
    #[must_use]
    pub fn text(&self, service: &ServiceName) -> String {
        match self {
            Self::Own => format!("services/{service}.toml"),
            Self::Defaults => "[defaults]".to_owned(),
            Self::Override => format!("[services.{service}]"),
            Self::From(other) => format!("services/{other}.toml"),
        }
    }
}

impl DescribedHost {
    /// How it is reached: the same for two that are one.
    pub(super) fn way(&self) -> String {
        match &self.host.transport {
            Transport::Ssh(ssh) => {
                let address = self.host.address.as_deref().unwrap_or_default();
                format!("{address}:{}", ssh.port.unwrap_or(22))
            }
            Transport::Local { .. } => "local".to_owned(),
            Transport::Directory { root } => format!("directory {}", root.display()),
        }
    }
}
