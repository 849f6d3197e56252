//! What refers to secrets: `secrets` of a service, and hosts that get some.

use std::collections::{BTreeMap, BTreeSet};

use toml::de::DeValue;

use super::description::{ClusterFile, SecretReference};
use super::diagnostic::{Diagnostic, quoted};
use super::foreign;
use super::model::{Delivery, Service, Transport};
use super::name::{ClusterName, HostName, VariableName};
use super::nearest;
use super::read::{At, Item, Misfit, Problems, Spot, Table, TableKind};
use super::reserved;
use super::secret::Secret;
use super::secrets_file::{SecretsFile, StoredSecret};
use super::shape::container::is_path_part;

const REFERENCE: TableKind = TableKind {
    what: "a secret of a service",
    keys: &["name", "as", "path"],
    foreign: foreign::SECRET,
};

/// Reads `secrets` of a service: names, and tables for those that are files.
pub(super) fn read_references(
    root: &mut Table<'_>,
    problems: &mut Problems,
) -> Vec<SecretReference> {
    let mut references: Vec<SecretReference> = Vec::new();
    // The nearest text first: what a farther one has of the same is no mistake.
    for list in root.lists("secrets", "a list of names", problems) {
        let nearer = references.len();
        read_list(list, nearer, &mut references, problems);
    }
    references
}

/// Reads the secrets of one text. `nearer` of the references are those of nearer texts.
fn read_list(
    list: Vec<Item<'_>>,
    nearer: usize,
    references: &mut Vec<SecretReference>,
    problems: &mut Problems,
) {
    for item in list {
        let reference = if item.value.is_table() {
            read_file_reference(&item, problems)
        } else {
            let name = item.string(problems);
            name.map(|name| SecretReference { name, file: None })
        };
        let Some(reference) = reference else { continue };
        let same = references
            .iter()
            .position(|other| match (&other.file, &reference.file) {
                (None, None) => other.name.value == reference.name.value,
                (Some(a), Some(b)) => a.value == b.value,
                (Some(_), None) | (None, Some(_)) => false,
            });
        if let Some(at) = same {
            if at < nearer {
                continue;
            }
            let first = &references[at];
            let what = match &reference.file {
                None => format!("{} is named twice", quoted(&reference.name.value)),
                Some(path) => format!("expected one file at {}, found two", quoted(&path.value)),
            };
            let first = first
                .file
                .as_ref()
                .unwrap_or(&first.name)
                .spot
                .label("first time");
            let second = reference.file.as_ref().unwrap_or(&reference.name);
            problems.push(
                Diagnostic::error(what, second.spot.label("second time"))
                    .with_related(first)
                    .with_help("remove one of them"),
            );
            continue;
        }
        references.push(reference);
    }
}

/// `{ name = "TLS_KEY", as = "file", path = "/run/secrets/tls.key" }`.
fn read_file_reference(item: &Item<'_>, problems: &mut Problems) -> Option<SecretReference> {
    let mut table = item.table(&REFERENCE, problems)?;
    let name = table.string("name", problems);
    let form = table.string("as", problems);
    let path = table.string("path", problems);
    let path = path.and_then(|path| path.parse(problems, container_path));
    table.finish(problems);
    let Some(name) = name else {
        if !matches!(item.value, DeValue::Table(entries) if entries.contains_key("name")) {
            problems.push(
                Diagnostic::error(
                    "expected `name` of a secret, found none",
                    item.spot.label(""),
                )
                .with_help("write `{ name = \"TLS_KEY\", as = \"file\" }`"),
            );
        }
        return None;
    };
    let is_file = match form.as_ref().map(|form| form.value.as_str()) {
        None => path.is_some(),
        Some("file") => true,
        Some("env") => false,
        Some(other) => {
            let spot = &form.as_ref().unwrap_or(&name).spot;
            problems.push(Diagnostic::error(
                format!("expected `file` or `env`, found {}", quoted(other)),
                spot.label("unknown form"),
            ));
            return None;
        }
    };
    if let (false, Some(path)) = (is_file, &path) {
        problems.push(
            Diagnostic::error("a variable has no `path`", path.spot.label(""))
                .with_help("write `as = \"file\"`, or remove the path"),
        );
    }
    let file = is_file.then(|| {
        path.unwrap_or_else(|| At {
            value: format!("/run/secrets/{}", name.value),
            spot: name.spot.clone(),
        })
    });
    Some(SecretReference { name, file })
}

/// An absolute path in a container, one word of `--mount`.
fn container_path(text: &str) -> Result<String, Misfit> {
    match text.strip_prefix('/') {
        Some(rest) if rest.split('/').all(is_path_part) => Ok(text.to_owned()),
        _ => Err(Misfit::help(
            "an absolute path of letters, digits and `._-+@`",
            "write `path = \"/run/secrets/tls.key\"`",
        )),
    }
}

/// The name of a secret that becomes a variable, if it can be one.
pub(super) fn variable(
    name: &At<String>,
    secret: &StoredSecret,
    problems: &mut Problems,
) -> Option<VariableName> {
    let found = VariableName::new(name.value.as_str()).ok()?;
    if let Some(why) = reserved::why(found.as_str()) {
        problems.push(
            Diagnostic::error(
                format!("`{found}` is reserved: {why}"),
                name.spot.label("reserved"),
            )
            .with_help("choose another name for the secret, or write `as = \"file\"`"),
        );
        return None;
    }
    if secret.only_file {
        problems.push(
            Diagnostic::error(
                format!("`{found}` cannot be a variable: it is not UTF-8 text, or too large"),
                name.spot.label("can be a file only"),
            )
            .with_related(secret.spot.label("marked here"))
            .with_help(format!("write `{{ name = \"{found}\", as = \"file\" }}`")),
        );
        return None;
    }
    Some(found)
}

/// Whether a service has any secret, named or in a value.
fn has_secrets(service: &Service) -> bool {
    service.secrets().next().is_some()
}

/// Every host with a secret must be able to open it.
pub(super) fn check_deliveries<'a>(
    cluster: &ClusterFile,
    services: impl Iterator<Item = &'a Service>,
    problems: &mut Problems,
) {
    let mut needy: BTreeMap<&HostName, &Service> = BTreeMap::new();
    for service in services.filter(|service| has_secrets(service)) {
        for host in &service.hosts {
            needy.entry(host).or_insert(service);
        }
    }
    for host in &cluster.hosts {
        let Some(service) = needy.get(&host.name.value) else {
            continue;
        };
        if host.host.secrets == Delivery::Plain {
            continue;
        }
        let name = &host.name.value;
        let because = format!("`{name}` gets secrets for `{}`", service.name);
        let plain =
            "`secrets = \"plain\"` sends them over the connection, unencrypted by themselves";
        match &host.host.transport {
            Transport::Local { .. } => {}
            Transport::Directory { .. } => problems.push(
                Diagnostic::error(
                    format!("{because} and is a directory, which has no key to encrypt them to"),
                    host.reach.label("no host key"),
                )
                .with_help("write `secrets = \"plain\"` if they may stand in its files"),
            ),
            Transport::Ssh(ssh) => match &ssh.host_key {
                None => problems.push(
                    Diagnostic::error(
                        format!("{because}, expected its `host_key`, found none"),
                        host.reach.label("no key to encrypt them to"),
                    )
                    .with_help(format!(
                        "write `host_key = \"ssh-ed25519 AAAA…\"` from its /etc/ssh/ssh_host_ed25519_key.pub; {plain}"
                    )),
                ),
                Some(key) if key.starts_with("ssh-ed25519 ") || key.starts_with("ssh-rsa ") => {}
                Some(_) => problems.push(
                    Diagnostic::error(
                        format!("{because}, expected a `host_key` of type ssh-ed25519 or ssh-rsa, found another"),
                        host.host_key.as_ref().unwrap_or(&host.reach).label("age cannot encrypt to such a key"),
                    )
                    .with_help(format!(
                        "pin its /etc/ssh/ssh_host_ed25519_key.pub; {plain}"
                    )),
                ),
            },
        }
    }
}

/// The command that adds a secret, but for its name.
pub(super) fn set_secret(cluster: &ClusterName) -> String {
    format!("bayplan secrets set {cluster}")
}

/// A name that is none of the secrets of a cluster; `set` is the command that adds one.
pub(super) fn no_such_secret<'a>(
    name: &str,
    spot: &Spot,
    known: impl Iterator<Item = &'a str>,
    set: &str,
) -> Diagnostic {
    let help = nearest::nearest(name, known).map_or_else(
        || format!("`{set} {name}` adds it"),
        |near| format!("did you mean `{near}`?"),
    );
    Diagnostic::error(
        format!("expected a secret of this cluster, found {}", quoted(name)),
        spot.label("there is no such secret"),
    )
    .with_help(help)
}

/// Warns of secrets that no service gets.
pub(super) fn warn_unused<'a>(
    cluster: &ClusterName,
    secrets: &SecretsFile,
    services: impl Iterator<Item = &'a Service>,
    told: Option<&'a VariableName>,
    problems: &mut Problems,
) {
    let mut used: BTreeSet<&VariableName> = told.into_iter().collect();
    for service in services {
        used.extend(service.secrets().flat_map(Secret::names));
    }
    for (name, secret) in &secrets.values {
        if !used.contains(name) && secret.digest.is_some() {
            problems.push(
                Diagnostic::warning(
                    format!("no service gets the secret `{name}`"),
                    secret.spot.label("unused"),
                )
                .with_help(format!(
                    "`bayplan secrets remove {cluster} {name}`, or write `secrets = [\"{name}\"]` in a service"
                )),
            );
        }
    }
}
