//! `bayplan secrets init | set | edit | list | rekey | remove`.

#![expect(
    clippy::disallowed_methods,
    reason = "reads and writes the secrets of the config repository"
)]

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal as _, Read as _, stdin};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_err as fs;

use super::description::{Description, examine, repository, show};
use super::{Exit, Failure, replace};
use crate::cli::{Identities, Secrets, SecretsInit, SecretsRekey, SecretsScope, SecretsSet};
use crate::cluster::Sources;
use crate::cluster::diagnostic::Level;
use crate::cluster::model::{Cluster, Content, VariableValue};
use crate::cluster::name::{ClusterName, HostName, ServiceName, VariableName};
use crate::cluster::readers::Difference;
use crate::cluster::secret::Plaintext;
use crate::plan::{Options, Plan};
use crate::release::mask::Mask;
use crate::render::desired::DesiredService;
use crate::render::secrets::MadeFile;
use crate::report::palette::Palette;
use crate::report::secrets::Readers;
use crate::report::{hosts as names, secrets as text, stream};
use crate::repository::Repository;
use crate::secret::vault::Vault;
use crate::secret::{
    IdentityError, OpenVault, Scratch, SecretError, Set, Whose, edit, first_key, hidden,
    identity_files,
};

pub(super) fn run(directory: Option<&Path>, arguments: &Secrets) -> Result<Exit, Failure> {
    let repository = repository(directory)?;
    match arguments {
        Secrets::Init(arguments) => init(&repository, arguments),
        Secrets::Set(arguments) => set(&repository, arguments),
        Secrets::Edit(arguments) => edit(&repository, &arguments.cluster, &arguments.identities),
        Secrets::List(arguments) => list(&repository, &arguments.cluster),
        Secrets::Rekey(arguments) => rekey(&repository, arguments),
        Secrets::Remove(SecretsScope { cluster, name }) => remove(&repository, cluster, name),
    }
}

/// `secrets.toml` of a cluster.
struct File {
    path: PathBuf,
    cluster: ClusterName,
    /// What it says; `None` if it is not there.
    text: Option<Vec<u8>>,
}

impl File {
    /// The file of a cluster that is there, and the description around it.
    fn of(repository: &Repository, cluster: &ClusterName) -> Result<(Self, Sources), Failure> {
        let sources = repository
            .load(cluster.as_str())
            .map_err(super::description::not_loaded)?;
        let path = format!("clusters/{cluster}/secrets.toml");
        if let Some(why) = sources.unfit(&path) {
            return Err(Failure {
                help: why.help.clone(),
                ..Failure::from(anyhow::anyhow!("{path}: {}", why.what))
            });
        }
        let file = Self {
            text: sources.get(&path).map(<[u8]>::to_vec),
            path: repository.root().join(path),
            cluster: cluster.clone(),
        };
        Ok((file, sources))
    }

    fn read(&self) -> Result<Vault, Failure> {
        let Self {
            path,
            cluster,
            text,
        } = self;
        let Some(text) = text else {
            return Err(Failure::with_help(
                anyhow::anyhow!("expected secrets of {cluster}, found no {}", path.display()),
                format!("`bayplan secrets init {cluster}`"),
            ));
        };
        Vault::parse(&String::from_utf8_lossy(text)).map_err(|error| {
            Failure::with_help(error, format!("`bayplan check {cluster}` shows the place"))
        })
    }

    fn open(&self, identities: &Identities) -> Result<OpenVault, Failure> {
        self.open_as(&self.cluster, identities)
    }

    /// Opens it as the secrets of a cluster, which may have been renamed or copied since.
    fn open_as(&self, whose: &ClusterName, identities: &Identities) -> Result<OpenVault, Failure> {
        let vault = self.read()?;
        OpenVault::open(vault, whose, &identity_files(&identities.files))
            .map_err(|error| self.explained(error))
    }

    /// An error of the secret room, with what to type.
    fn explained(&self, error: SecretError) -> Failure {
        let vault = self.read().ok();
        let recipients = vault.and_then(|vault| vault.recipients().ok());
        explained(error, &self.cluster, &recipients.unwrap_or_default())
    }

    /// Writes it as a whole, or not at all.
    fn write(&self, vault: &Vault) -> Result<(), Failure> {
        let beside = format!(".secrets.toml.{}.new", std::process::id());
        let beside = self.path.with_file_name(beside);
        replace(&self.path, &beside, vault.text().as_bytes())?;
        Ok(())
    }
}

/// An error of the secret room, with what to type.
pub(super) fn explained(
    error: SecretError,
    cluster: &ClusterName,
    recipients: &BTreeMap<String, String>,
) -> Failure {
    let help = match &error {
        SecretError::Identity(IdentityError::NoMatch { .. }) => {
            let names: Vec<&str> = recipients.keys().map(String::as_str).collect();
            format!(
                "its recipients are {}; name the identity of one of them with `--identity FILE`, or ask one \
                 of them to add you below [recipients] and to `rekey`",
                names.join(", ")
            )
        }
        SecretError::Identity(IdentityError::NoTerminal { .. }) => {
            "use an identity without a passphrase here: `--identity FILE`, or BAYPLAN_IDENTITY"
                .to_owned()
        }
        SecretError::Mismatch { name } | SecretError::Value { name, .. } => format!(
            "a merge may have mixed two lines, or somebody changed it by hand: take the line of {name} \
             back from git, or set it again"
        ),
        SecretError::OtherCluster { found, .. } => format!(
            "take clusters/{cluster}/secrets.toml back from git; if the cluster was renamed, or these are \
             meant for both, `bayplan secrets rekey {cluster} --from {found}`"
        ),
        SecretError::Recipients(_) | SecretError::SealedToOthers { .. } => {
            format!("`bayplan secrets rekey {cluster}` first")
        }
        SecretError::Readers => format!(
            "take it back from git, or look at `[recipients]` and `bayplan secrets rekey {cluster}`"
        ),
        SecretError::Unbound { name } => format!(
            "it may be another cluster's: take {name} and the values that name it back from git, or away"
        ),
        SecretError::Identity(_)
        | SecretError::Vault(_)
        | SecretError::Seal(_)
        | SecretError::Key { .. }
        | SecretError::NoKey { .. }
        | SecretError::Unknown { .. }
        | SecretError::Random(_) => return error.into(),
    };
    Failure::with_help(error, help)
}

fn init(repository: &Repository, arguments: &SecretsInit) -> Result<Exit, Failure> {
    let cluster = &arguments.cluster;
    let (file, _) = File::of(repository, cluster)?;
    if file.text.is_some() {
        return Err(Failure::with_help(
            anyhow::anyhow!("{} is there already", file.path.display()),
            format!("`bayplan secrets set {cluster} NAME` adds a secret"),
        ));
    }
    let recipients = recipients_or_own(&arguments.recipients, || {
        format!("`bayplan secrets init {cluster}`")
    })?;
    let mut vault = Vault::new(cluster, &recipients);
    first_key(&mut vault, cluster).map_err(|error| explained(error, cluster, &recipients))?;
    file.write(&vault)?;
    let names: Vec<&str> = recipients.keys().map(String::as_str).collect();
    stream::stdout(&format!(
        "{} can be read by {}\nnext: bayplan secrets set {cluster} NAME\n",
        file.path.display(),
        names.join(", ")
    ))?;
    Ok(Exit::Done)
}

/// Who was named, else the user; `again` is what to type once there is a key.
pub(super) fn recipients_or_own(
    named: &[(String, String)],
    again: impl FnOnce() -> String,
) -> Result<BTreeMap<String, String>, Failure> {
    let mut recipients: BTreeMap<String, String> = named.iter().cloned().collect();
    if recipients.is_empty() {
        let (name, key) = own_recipient().ok_or_else(|| {
            let again = again();
            let with = again.trim_end_matches('`');
            Failure::with_help(
                anyhow::anyhow!("expected `--recipient NAME=KEY` or ~/.ssh/id_ed25519.pub, found neither"),
                format!(
                    "`mkdir -p ~/.ssh && ssh-keygen -t ed25519 -f ~/.ssh/id_ed25519` makes a key, then {again} again; \
                     or with age: `mkdir -p ~/.config/bayplan && age-keygen -o ~/.config/bayplan/identity`, then \
                     {with} --recipient YOU=KEY` with the public key that it prints"
                ),
            )
        })?;
        recipients.insert(name, key);
    }
    Ok(recipients)
}

/// The user's own SSH key.
fn own_recipient() -> Option<(String, String)> {
    let home = std::env::var_os("HOME").map(PathBuf::from)?;
    let text = fs::read_to_string(home.join(".ssh/id_ed25519.pub")).ok()?;
    let mut words = text.split_whitespace();
    let key = format!("{} {}", words.next()?, words.next()?);
    let name = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
    let name = name.ok().filter(|name| !name.is_empty());
    Some((name.unwrap_or_else(|| "me".to_owned()), key))
}

fn set(repository: &Repository, arguments: &SecretsSet) -> Result<Exit, Failure> {
    let SecretsSet {
        cluster,
        name,
        file: from,
        identities,
    } = arguments;
    let (file, _) = File::of(repository, cluster)?;
    let mut open = file.open(identities)?;
    let value = new_value(name, from.as_deref())?;
    let done = open
        .set(name, &value)
        .map_err(|error| file.explained(error))?;
    let line = match done {
        Set::Same => format!("{name} is what it was; nothing was written\n"),
        Set::Added | Set::Changed => {
            file.write(&open.vault)?;
            let word = if done == Set::Added {
                "added"
            } else {
                "changed"
            };
            let form = if value.fits_variable(name) {
                ""
            } else {
                "; it can be a file only: it is not plain text, or too large for a variable"
            };
            format!("{name} {word}{form}\n")
        }
    };
    stream::stdout(&line)?;
    Ok(Exit::Done)
}

/// The value from a file, the terminal, or standard input; never from an argument, which everybody on
/// the machine can read.
fn new_value(name: &VariableName, from: Option<&Path>) -> Result<Plaintext, Failure> {
    let empty = || {
        Failure::with_help(
            anyhow::anyhow!("expected a value for {name}, found nothing"),
            "type it, or name a file: `--file FILE`",
        )
    };
    let value = if let Some(path) = from {
        Plaintext::new(fs::read(path)?)
    } else if stdin().is_terminal() {
        hidden(&format!("value of {name}: ")).ok_or_else(empty)?
    } else {
        let mut bytes = Vec::new();
        stdin().lock().read_to_end(&mut bytes)?;
        // `echo secret |` and `<<<` end a line; several lines are a text that ends as it ends.
        if bytes.iter().filter(|b| **b == b'\n').count() == 1 && bytes.last() == Some(&b'\n') {
            bytes.pop();
        }
        Plaintext::new(bytes)
    };
    if value.bytes().is_empty() {
        return Err(empty());
    }
    Ok(value)
}

fn edit(
    repository: &Repository,
    cluster: &ClusterName,
    identities: &Identities,
) -> Result<Exit, Failure> {
    let (file, _) = File::of(repository, cluster)?;
    let mut open = file.open(identities)?;
    let explain = |error| file.explained(error);
    let before = open.values().map_err(explain)?;
    let editor = ["VISUAL", "EDITOR"].into_iter();
    let mut editor = editor.filter_map(|name| std::env::var(name).ok());
    let editor = editor.find(|editor| !editor.is_empty());
    let editor = editor.unwrap_or_else(|| "vi".to_owned());
    let scratch = Scratch::new("secrets.toml", &edit::text(cluster, &before))?;
    let after = loop {
        match edit::read(&scratch.edit(&editor)?) {
            Ok(values) => break values,
            Err(why) => {
                stream::stderr(&format!("{why}\n"));
                let again = crate::secret::visible("edit again? [Y/n] ");
                if again.is_none_or(|answer| answer.starts_with(['n', 'N'])) {
                    return Err(Failure::with_help(
                        anyhow::anyhow!("the edited text cannot be read; nothing was written"),
                        "each line is `NAME = \"value\"`",
                    ));
                }
            }
        }
    };
    drop(scratch);
    let mut changes = Vec::new();
    for (name, value) in &after {
        match open.set(name, value).map_err(explain)? {
            Set::Added => changes.push(format!("{name} added")),
            Set::Changed => changes.push(format!("{name} changed")),
            Set::Same => {}
        }
    }
    for (name, value) in &before {
        // What is no text was not there to be removed.
        if value.text().is_some() && !after.contains_key(name) && open.vault.remove_value(name) {
            changes.push(format!("{name} removed"));
        }
    }
    if changes.is_empty() {
        stream::stdout("0 values changed; nothing was written\n")?;
    } else {
        file.write(&open.vault)?;
        stream::stdout(&format!("{}\n", changes.join("\n")))?;
    }
    Ok(Exit::Done)
}

fn list(repository: &Repository, cluster: &ClusterName) -> Result<Exit, Failure> {
    let (file, sources) = File::of(repository, cluster)?;
    let vault = file.read()?;
    let values = vault.values()?;
    let names: Vec<&VariableName> = values.keys().collect();
    let outcome = examine(cluster, &sources);
    let model = outcome.model;
    let users = model.as_ref().map(|(cluster, _)| users(cluster));
    // What is wrong with the file itself: who can read is not who is written.
    let mut problems = outcome.problems;
    problems.retain(|problem| problem.place.path.ends_with("/secrets.toml"));
    let failed = problems.iter().any(|problem| problem.level == Level::Error);
    let readers = match (vault.readers()?, failed) {
        (Some(readers), _) => Readers::Recorded(readers),
        (None, false) => Readers::Recorded(vault.recipients()?),
        (None, true) => Readers::Unknown,
    };
    stream::stdout(&text::list(
        cluster,
        &readers,
        &names,
        users.as_ref(),
        &Palette::stdout(),
    ))?;
    if !problems.is_empty() {
        stream::stderr(&show(&problems, &sources, &Palette::stderr()));
    }
    if users.is_none() {
        stream::stderr(&format!(
            "the description has errors, so nobody knows who gets what: `bayplan check {cluster}`\n"
        ));
    }
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

/// Which services on which hosts get each secret, as itself or in a value.
fn users(cluster: &Cluster) -> BTreeMap<VariableName, Vec<String>> {
    let mut users: BTreeMap<VariableName, Vec<String>> = BTreeMap::new();
    for service in cluster.services.values() {
        if service.hosts.is_empty() {
            continue;
        }
        let hosts = names::hosts(&service.hosts);
        let mut forms: BTreeMap<&VariableName, BTreeSet<String>> = BTreeMap::new();
        for (variable, value) in service.all_variables() {
            if let VariableValue::Secret(secret) = &value.value {
                for name in secret.names() {
                    let form = if name == variable {
                        String::new()
                    } else {
                        format!(" in {variable}")
                    };
                    forms.entry(name).or_default().insert(form);
                }
            }
        }
        for file in service.secret_files.values() {
            for name in file.secret.names() {
                forms
                    .entry(name)
                    .or_default()
                    .insert(" as a file".to_owned());
            }
        }
        let within = service.files.files.iter();
        for (target, file) in within {
            for content in file.contents.each() {
                if let Content::Secret(secret) = content {
                    for name in secret.names() {
                        let form = format!(" in {target}");
                        forms.entry(name).or_default().insert(form);
                    }
                }
            }
        }
        for (name, forms) in forms {
            let lines = forms
                .into_iter()
                .map(|form| format!("{}{form} on {hosts}", service.name));
            users.entry(name.clone()).or_default().extend(lines);
        }
    }
    users
}

fn rekey(repository: &Repository, arguments: &SecretsRekey) -> Result<Exit, Failure> {
    let SecretsRekey {
        cluster,
        from,
        identities,
    } = arguments;
    let (file, _) = File::of(repository, cluster)?;
    let from = from.as_ref().filter(|from| *from != cluster);
    let whose = from.map_or(Whose::Own, |_| Whose::Others);
    let mut open = file.open_as(from.unwrap_or(cluster), identities)?;
    let recipients = open.vault.recipients().unwrap_or_default();
    let readers = open.vault.readers().ok().flatten();
    let count = open
        .rekey(cluster, whose)
        .map_err(|error| file.explained(error))?;
    file.write(&open.vault)?;
    let names: Vec<&str> = recipients.keys().map(String::as_str).collect();
    let effect = match whose {
        Whose::Own => "0 values changed, so nothing restarts".to_owned(),
        Whose::Others => format!("all of them are {cluster}'s own now, so what uses them restarts"),
    };
    stream::stdout(&format!(
        "{count} {} encrypted to {}; {effect}\n",
        if count == 1 { "value is" } else { "values are" },
        names.join(", ")
    ))?;
    // Who could read is not known of a file that an earlier version wrote.
    let is_same_or_more = readers.is_some_and(|readers| {
        Difference::between(&recipients, &readers).is_none_or(|it| it.removed.is_empty())
    });
    if is_same_or_more {
        return Ok(Exit::Done);
    }
    stream::stderr(
        "who was removed still knows the values that there were, and finds them in git's history: \
         change them where they come from, then `bayplan secrets set` them\n",
    );
    Ok(Exit::Done)
}

fn remove(
    repository: &Repository,
    cluster: &ClusterName,
    name: &VariableName,
) -> Result<Exit, Failure> {
    let (file, _) = File::of(repository, cluster)?;
    let mut vault = file.read()?;
    if !vault.remove_value(name) {
        let values = vault.values()?;
        let known = values.keys().map(VariableName::as_str);
        let near = crate::cluster::nearest::nearest(name.as_str(), known);
        return Err(Failure {
            help: near.map(|near| format!("did you mean `{near}`?")),
            ..anyhow::anyhow!("expected a secret of {cluster}, found `{name}`").into()
        });
    }
    file.write(&vault)?;
    stream::stdout(&format!("{name} removed\n"))?;
    Ok(Exit::Done)
}

/// Secrets, decrypted.
#[derive(Default)]
pub(super) struct Made {
    /// By host, service, and path below its inputs directory.
    pub files: BTreeMap<HostName, BTreeMap<ServiceName, Arc<BTreeMap<String, MadeFile>>>>,
    /// All values in them.
    pub mask: Mask,
}

/// The value of one secret of a cluster.
pub(super) fn secret(
    repository: &Repository,
    cluster: &ClusterName,
    name: &VariableName,
    identities: &Identities,
) -> Result<Plaintext, Failure> {
    let (file, _) = File::of(repository, cluster)?;
    let open = file.open(identities)?;
    open.value(name).map_err(|error| file.explained(error))
}

/// What the hosts of a plan make of secrets. Nothing is decrypted if they make nothing.
pub(super) fn made(
    repository: &Repository,
    description: &Description,
    plan: &Plan,
    options: &Options,
    identities: &Identities,
) -> Result<Made, Failure> {
    let hosts = description.desired.hosts.iter();
    let services: Vec<_> = hosts
        .filter(|(host, _)| plan.takes_part(host))
        .flat_map(|(host, desired)| desired.services.iter().map(move |at| (host, at)))
        .filter(|(_, (name, service))| options.selects(name) && !service.secrets.is_empty())
        .collect();
    if services.is_empty() {
        return Ok(Made::default());
    }
    let (file, _) = File::of(repository, &description.cluster.name)?;
    let open = file.open(identities)?;
    let secrets = services.iter();
    let secrets = secrets.flat_map(|(_, (_, service))| service.secrets.iter());
    let names: BTreeSet<&VariableName> = secrets.flat_map(|secret| secret.names()).collect();
    let mut stored = BTreeMap::new();
    for name in names {
        let value = open.value(name).map_err(|error| file.explained(error))?;
        stored.insert(name.clone(), value);
    }
    // For a test: a panic with everything in reach shows nothing either.
    #[cfg(debug_assertions)]
    if std::env::var_os("BAYPLAN_TEST_PANIC").is_some() {
        panic!("forced with {stored:?} at hand");
    }
    let mut made: BTreeMap<HostName, BTreeMap<ServiceName, _>> = BTreeMap::new();
    // Mostly a service is the same on all its hosts.
    let mut known: BTreeMap<*const DesiredService, Arc<_>> = BTreeMap::new();
    let mut mask = Mask::default();
    for (host, (name, service)) in services {
        let files = match known.entry(Arc::as_ptr(service)) {
            Entry::Occupied(known) => Arc::clone(known.get()),
            Entry::Vacant(unknown) => {
                let files = service
                    .secrets
                    .make(name, service.inputs.plain_size(), &stored);
                let files = files.map_err(|error| anyhow::anyhow!("service {name}: {error}"))?;
                // What a value was made of can be printed as well.
                let parts = service.secrets.iter().flat_map(|secret| secret.names());
                mask.learn(name, parts.filter_map(|part| stored.get(part)));
                let whole = service.secrets.iter().map(|secret| secret.reveal(&stored));
                mask.learn(name, &whole.collect::<Result<Vec<_>, _>>()?);
                Arc::clone(unknown.insert(Arc::new(files)))
            }
        };
        made.entry(host.clone())
            .or_default()
            .insert(name.clone(), files);
    }
    Ok(Made { files: made, mask })
}
