//! Reads `secrets.toml` as far as that goes without any key, and what refers to it.

use std::collections::{BTreeMap, BTreeSet};

use toml::de::{DeTable, DeValue};

use super::description::{ClusterFile, SecretReference};
use super::diagnostic::{Diagnostic, quoted};
use super::foreign;
use super::model::{Delivery, Service, Transport, VariableValue};
use super::name::{ClusterName, HostName, VariableName};
use super::read::{At, Item, Kind, Misfit, Problems, Spot, Table};
use super::readers::{Difference, is_for};
use super::reserved;
use super::secret::{KeyedDigest, key_number};
use super::shape;
use super::values::Outcome;

/// What every file in age's format begins with.
const MAGIC: &[u8] = b"age-encryption.org/v1\n";

const FILE: Kind = Kind {
    what: "`secrets.toml`",
    keys: &["recipients", "keys", "values"],
    foreign: &[],
};

/// bayplan alone writes it.
const LINE: Kind = Kind {
    what: "a secret",
    keys: &[],
    foreign: &[],
};

const REFERENCE: Kind = Kind {
    what: "a secret of a service",
    keys: &["name", "as", "path"],
    foreign: foreign::SECRET,
};

/// `secrets.toml`.
#[derive(Debug, Default)]
pub(super) struct SecretsFile {
    /// Who is to be able to read.
    pub recipients: BTreeMap<String, String>,
    /// Every secret by name, also those whose line could not be read.
    pub values: BTreeMap<VariableName, StoredSecret>,
}

/// One line of `[values]`.
#[derive(Debug)]
pub(super) struct StoredSecret {
    pub spot: Spot,
    /// `None` if the line has a problem.
    pub digest: Option<KeyedDigest>,
    /// The value is not UTF-8, or too large for a variable.
    pub only_file: bool,
}

impl StoredSecret {
    /// What templates see of it.
    pub(crate) fn outcome(&self, name: &VariableName) -> Outcome {
        match &self.digest {
            Some(digest) => Outcome::Secret(super::secret::Secret::stored(name.clone(), digest)),
            None => Outcome::Failed,
        }
    }
}

pub(super) fn read_secrets(
    path: &str,
    entries: &DeTable<'_>,
    problems: &mut Problems,
) -> SecretsFile {
    let mut root = Table::root(path, entries, &FILE);
    let mut sealed = Sealed::read(&mut root, problems);
    let mut keys = BTreeSet::new();
    for item in root.names("keys", problems) {
        if key_number(&item.key).is_none() {
            problems.push(
                Diagnostic::error(
                    format!("expected `k` and a number, found {}", quoted(&item.key)),
                    item.key_spot.label("no name of a digest key"),
                )
                .with_help("bayplan writes this table: take it back from git"),
            );
        }
        if let Some(key) = item.parse_unseen(problems, ciphertext) {
            sealed.note(&item, &key.value);
        }
        keys.insert(item.key);
    }
    let items = root.names("values", problems);
    if sealed.recipients.is_empty() && !items.is_empty() {
        problems.push(
            Diagnostic::error(
                "expected recipients in `secrets.toml`, found none",
                root.spot.label(""),
            )
            .with_help("write `[recipients]` and below it `NAME = \"age1…\"`"),
        );
    }
    let mut values = BTreeMap::new();
    for item in items {
        let secret = read_value(&item, &keys, &mut sealed, problems);
        match VariableName::new(item.key.as_str()) {
            Ok(name) => {
                values.insert(name, secret);
            }
            Err(invalid) => problems.push(Diagnostic::error(
                format!("expected {}, found {}", invalid.expected, quoted(&item.key)),
                item.key_spot.label("no valid name of a secret"),
            )),
        }
    }
    sealed.check(path, &root.spot, problems);
    let recipients = sealed.recipients;
    root.finish(problems);
    SecretsFile { recipients, values }
}

/// Whose secrets these are, and whom they are encrypted to.
struct Sealed {
    cluster: Option<At<String>>,
    recipients: BTreeMap<String, String>,
    /// As bayplan wrote them when it encrypted all; `None` in the file of an older one.
    readers: Option<BTreeMap<String, String>>,
    /// What is encrypted to others, by name.
    others: Vec<String>,
    /// Where the first of these stands, or the file.
    at: Option<Spot>,
}

impl Sealed {
    fn read(root: &mut Table<'_>, problems: &mut Problems) -> Self {
        let cluster = root.string("cluster", problems);
        let table = |items: Vec<Item<'_>>, problems: &mut Problems| {
            let mut table = BTreeMap::new();
            for item in items {
                item.parse_unseen(problems, recipient);
                if let DeValue::String(key) = item.value {
                    table.insert(item.key, key.to_string());
                }
            }
            table
        };
        let recipients = root.names("recipients", problems);
        let recipients = table(recipients, problems);
        let readers = root.get("readers").is_some().then(|| {
            let readers = root.names("readers", problems);
            table(readers, problems)
        });
        Self {
            cluster,
            recipients,
            readers,
            others: Vec::new(),
            at: None,
        }
    }

    /// Looks whom a ciphertext is for.
    fn note(&mut self, item: &Item<'_>, ciphertext: &[u8]) {
        let readers = self.readers.as_ref().unwrap_or(&self.recipients);
        if !is_for(ciphertext, readers.values().map(String::as_str)) {
            self.others.push(item.key.clone());
            self.at.get_or_insert_with(|| item.key_spot.clone());
        }
    }

    fn check(&self, path: &str, file: &Spot, problems: &mut Problems) {
        let Self {
            cluster,
            recipients,
            readers,
            others,
            at,
        } = self;
        let own = path.split('/').nth(1).unwrap_or_default();
        let rekey = format!("`bayplan secrets rekey {own}`");
        if let Some(found) = cluster
            && found.value != own
        {
            problems.push(
                Diagnostic::error(
                    format!(
                        "expected the secrets of `{own}`, found those of {}",
                        quoted(&found.value)
                    ),
                    found.spot.label("another cluster's"),
                )
                .with_help(format!(
                    "take the file back from git; if it is meant for both, `bayplan secrets rekey {own} --from {}`",
                    found.value
                )),
            );
        }
        if (cluster.is_none() || readers.is_none()) && !recipients.is_empty() {
            problems.push(
                Diagnostic::warning(
                    "an older bayplan encrypted these secrets: nothing tells whose they are, and who can read them",
                    file.label(""),
                )
                .with_help(format!("{rekey}, which restarts nothing")),
            );
        }
        if let Some(readers) = readers
            && let Some(difference) = Difference::between(recipients, readers)
        {
            problems.push(
                Diagnostic::error(
                    format!(
                        "expected `[recipients]` to be whom the secrets are encrypted to: {}",
                        difference.words()
                    ),
                    file.label(""),
                )
                .with_help(rekey.clone()),
            );
        }
        if let [first, more @ ..] = others.as_slice() {
            let more = match more.len() {
                0 => String::new(),
                number => format!(" and {number} more"),
            };
            problems.push(
                Diagnostic::error(
                    format!(
                        "expected {}{more} to be encrypted to `[{}]`, found it for others",
                        quoted(first),
                        if readers.is_some() {
                            "readers"
                        } else {
                            "recipients"
                        },
                    ),
                    at.as_ref().unwrap_or(file).label("encrypted to others"),
                )
                .with_help(rekey),
            );
        }
    }
}

fn read_value(
    item: &Item<'_>,
    keys: &BTreeSet<String>,
    sealed: &mut Sealed,
    problems: &mut Problems,
) -> StoredSecret {
    let mut secret = StoredSecret {
        spot: item.key_spot.clone(),
        digest: None,
        only_file: false,
    };
    if let DeValue::String(_) = item.value {
        problems.push(
            Diagnostic::error(
                format!(
                    "expected an encrypted value for {}, found a string",
                    quoted(&item.key)
                ),
                item.spot.label("not encrypted"),
            )
            .with_help(format!(
                "run `bayplan secrets set CLUSTER {}`, and take it for known by everybody",
                item.key
            )),
        );
        return secret;
    }
    let Some(mut table) = item.table(&LINE, problems) else {
        return secret;
    };
    for key in ["age", "digest"] {
        if table.get(key).is_none() {
            problems.push(
                Diagnostic::error(
                    format!("expected `{key}` for {}, found none", quoted(&item.key)),
                    item.spot.label(""),
                )
                .with_help(format!(
                    "run `bayplan secrets set CLUSTER {}` again",
                    item.key
                )),
            );
        }
    }
    // Told as the secret's own, whose name says more than `age`.
    let mut field = |key: &'static str| {
        let found = table.get(key)?;
        Some(Item {
            key: item.key.clone(),
            ..found
        })
    };
    let (value, digest) = (field("age"), field("digest"));
    let value = value.and_then(|item| item.parse_unseen(problems, ciphertext));
    if let Some(value) = &value {
        sealed.note(item, &value.value);
    }
    let digest = digest.and_then(|item| item.parse_unseen(problems, keyed_digest));
    if let Some(only) = table.string("as", problems) {
        if only.value != "file" {
            problems.push(Diagnostic::error(
                format!(
                    "expected `as = \"file\"` for {}, found another text",
                    quoted(&item.key)
                ),
                only.spot.label(""),
            ));
        }
        secret.only_file = true;
    }
    table.finish(problems);
    if let Some(digest) = &digest
        && !keys.contains(digest.value.key())
    {
        problems.push(
            Diagnostic::error(
                format!(
                    "expected a digest by a key below `[keys]` for {}, found {}",
                    quoted(&item.key),
                    quoted(digest.value.key())
                ),
                digest.spot.label("there is no such digest key"),
            )
            .with_help("a merge may have lost the key: take it back from git"),
        );
        return secret;
    }
    secret.digest = value.and(digest).map(|digest| digest.value);
    secret
}

/// A public key that age encrypts to. Whether it is a whole one shows when it is used.
fn recipient(text: &str) -> Result<(), Misfit> {
    const EXPECTED: &str = "a recipient `age1…`, `ssh-ed25519 AAAA…` or `ssh-rsa AAAA…`";
    let plain = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    if text.starts_with("AGE-SECRET-KEY-") || text.starts_with("AGE-PLUGIN-") {
        return Err(Misfit::help(
            "a recipient, which is public",
            "this is an identity: keep it for yourself, and take a new one",
        ));
    }
    if let Some(rest) = text.strip_prefix("age1") {
        let whole = rest.len() >= 20 && plain(rest);
        return whole.then_some(()).ok_or_else(|| Misfit::new(EXPECTED));
    }
    if text.starts_with("ecdsa-") || text.starts_with("sk-") {
        return Err(Misfit::help(
            EXPECTED,
            "age cannot encrypt to such a key; take an ed25519 key, or `age-keygen`",
        ));
    }
    match shape::host::host_key(text) {
        Ok(_) => Ok(()),
        Err(_) => Err(Misfit::new(EXPECTED)),
    }
}

fn ciphertext(text: &str) -> Result<Vec<u8>, Misfit> {
    let bytes = shape::host::decode_base64(text);
    match bytes {
        Some(bytes) if bytes.starts_with(MAGIC) => Ok(bytes),
        _ => Err(Misfit::help(
            "a value encrypted by age, in base64",
            "take the line back from git, or set the value again with `bayplan secrets set`",
        )),
    }
}

fn keyed_digest(text: &str) -> Result<KeyedDigest, Misfit> {
    KeyedDigest::parse(text).ok_or_else(|| {
        Misfit::help(
            "a digest `k1:` and 64 hexadecimal digits",
            "take the line back from git, or set the value again with `bayplan secrets set`",
        )
    })
}

/// Reads `secrets` of a service: names, and tables for those that are files.
pub(super) fn read_references(
    root: &mut Table<'_>,
    problems: &mut Problems,
) -> Vec<SecretReference> {
    let Some(item) = root.get("secrets") else {
        return Vec::new();
    };
    let mut references: Vec<SecretReference> = Vec::new();
    for item in item.items("a list of names", problems) {
        let reference = if item.value.is_table() {
            read_file_reference(&item, problems)
        } else {
            let name = item.string(problems);
            name.map(|name| SecretReference { name, file: None })
        };
        let Some(reference) = reference else { continue };
        let same = references
            .iter()
            .find(|other| match (&other.file, &reference.file) {
                (None, None) => other.name.value == reference.name.value,
                (Some(a), Some(b)) => a.value == b.value,
                (Some(_), None) | (None, Some(_)) => false,
            });
        if let Some(first) = same {
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
    references
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
    let plain = |part: &str| {
        let inner = |b: u8| b.is_ascii_alphanumeric() || b"._-+@".contains(&b);
        !part.is_empty() && part != "." && part != ".." && part.bytes().all(inner)
    };
    match text.strip_prefix('/') {
        Some(rest) if rest.split('/').all(plain) => Ok(text.to_owned()),
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
    let mut variables = service.variables.values();
    !service.secret_files.is_empty()
        || variables.any(|variable| matches!(variable.value, VariableValue::Secret(_)))
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

/// Warns of secrets that no service gets.
pub(super) fn warn_unused<'a>(
    cluster: &ClusterName,
    secrets: &SecretsFile,
    services: impl Iterator<Item = &'a Service>,
    problems: &mut Problems,
) {
    let mut used = BTreeSet::new();
    for service in services {
        for variable in service.variables.values() {
            if let VariableValue::Secret(secret) = &variable.value {
                used.extend(secret.names());
            }
        }
        used.extend(
            service
                .secret_files
                .values()
                .flat_map(|file| file.secret.names()),
        );
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
