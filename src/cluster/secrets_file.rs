//! Reads `secrets.toml` as far as that goes without any key.

use std::collections::{BTreeMap, BTreeSet};

use toml::de::{DeTable, DeValue};

use super::diagnostic::{Diagnostic, quoted};
use super::name::VariableName;
use super::read::{At, Item, Misfit, Problems, Spot, Table, TableKind};
use super::readers::{Difference, is_for};
use super::secret::{KeyedDigest, Secret, key_number};
use super::shape;
use super::values::Evaluated;

/// What every file in age's format begins with.
const MAGIC: &[u8] = b"age-encryption.org/v1\n";

const FILE: TableKind = TableKind {
    what: "`secrets.toml`",
    keys: &["recipients", "keys", "values"],
    foreign: &[],
};

/// bayplan alone writes it.
const LINE: TableKind = TableKind {
    what: "a secret",
    keys: &[],
    foreign: &[],
};

/// `secrets.toml`.
#[derive(Debug, Default)]
pub(super) struct SecretsFile {
    /// Who should be able to read.
    pub recipients: BTreeMap<String, String>,
    /// Every secret by name, also those whose line could not be read.
    pub values: BTreeMap<VariableName, StoredSecret>,
}

/// One line of `[values]`.
#[derive(Debug)]
pub(super) struct StoredSecret {
    /// The place of its name.
    pub spot: Spot,
    /// `None` if the line has a problem.
    pub digest: Option<KeyedDigest>,
    /// The value is not UTF-8, or too large for a variable.
    pub only_file: bool,
}

impl StoredSecret {
    /// What templates see of it.
    pub(crate) fn outcome(&self, name: &VariableName) -> Evaluated {
        match &self.digest {
            Some(digest) => Evaluated::Secret(Secret::stored(name.clone(), digest)),
            None => Evaluated::Failed,
        }
    }
}

/// Reads `secrets.toml`: what can be read of it without a key.
pub(super) fn read_secrets(
    path: &str,
    entries: &DeTable<'_>,
    problems: &mut Problems,
) -> SecretsFile {
    let mut root = Table::root(path, entries, &FILE);
    let mut sealed = Ownership::read(&mut root, problems);
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

/// Which cluster these secrets belong to, and whom they are encrypted to.
struct Ownership {
    cluster: Option<At<String>>,
    recipients: BTreeMap<String, String>,
    /// Those to whom bayplan last encrypted all secrets; an older bayplan did not write them (`None`).
    readers: Option<BTreeMap<String, String>>,
    /// What is encrypted to others, by name.
    others: Vec<String>,
    /// Where the first of these stands, or the file.
    at: Option<Spot>,
}

impl Ownership {
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
    sealed: &mut Ownership,
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
    // Messages name the secret, which says more than `age`.
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

/// A public key that age encrypts to. Whether it is complete shows when it is used.
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
