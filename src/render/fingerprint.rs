//! What decides how a container runs, and its digest: the fingerprint.
//!
//! The fingerprint and the inputs directory's name stand in the very text that they are made from.
//! So a unit is rendered with `FINGERPRINT` and `DIRECTORY` in their places, the digest is
//! taken from that, and then both are put in; to read inputs back from a host's files, what its
//! `[X-Bayplan]` section names is blanked again.

use std::collections::BTreeMap;

use super::canonical;
use super::desired::{
    DesiredService, DirectoryName, Fingerprint, InputValue, InputVariable, Inputs,
};
use super::digest::Digest;
use super::env_file;
use super::secrets;
use super::unit::{Unit, parse_unit, split_words};
use crate::cluster::model::Layer;
use crate::cluster::name::VariableName;
use crate::cluster::secret::{Secret, SecretIdentity};

/// Stands for the fingerprint in what is digested.
pub(super) const FINGERPRINT: &str = "_BAYPLAN_FINGERPRINT_";
/// Stands for the inputs directory's name in what is digested.
pub(super) const DIRECTORY: &str = "_BAYPLAN_DIRECTORY_";

/// The section that says whose unit it is.
pub(super) const SECTION: &str = "X-Bayplan";

/// A way to make fingerprints. A recipe never changes once it is released, or every container of
/// every user would restart after an upgrade; a better one gets the next number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipe {
    /// Inputs as they are written: `1g` is not `1024m`.
    V1,
    /// Inputs by what they mean.
    V2,
}

impl Recipe {
    /// The one that new units carry.
    pub const CURRENT: Recipe = Recipe::V2;

    /// What stands before the colon of a fingerprint.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Recipe::V1 => "v1",
            Recipe::V2 => "v2",
        }
    }

    /// What stands for a secret's value under this recipe.
    #[must_use]
    pub fn identity(self, secret: &Secret) -> &SecretIdentity {
        match self {
            Recipe::V1 => secret.identity_v1(),
            Recipe::V2 => secret.identity(),
        }
    }

    /// The directives as this recipe compares them.
    #[must_use]
    pub fn directives(self, inputs: &Inputs) -> Vec<(String, Vec<String>)> {
        match self {
            Recipe::V1 => inputs.directives.clone(),
            Recipe::V2 => canonical::directives(&inputs.directives),
        }
    }

    /// The recipe of this name: `None` if this version does not know it.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "v1" => Some(Recipe::V1),
            "v2" => Some(Recipe::V2),
            _ => None,
        }
    }
}

/// The fingerprint of these inputs.
#[must_use]
pub fn fingerprint(recipe: Recipe, inputs: &Inputs) -> Fingerprint {
    let digest = match recipe {
        Recipe::V1 => digest(b"bayplan v1", &inputs.directives, inputs),
        Recipe::V2 => digest(b"bayplan v2", &recipe.directives(inputs), inputs),
    };
    Fingerprint(format!("{}:{digest}", recipe.name()))
}

/// The title, then the directives, then name and value of each variable, then path and digest of each
/// config file. A part's length and a list's count are digested with it, so nothing can be taken
/// for something else. The layer of a variable is no part of it. Where there are secrets, they
/// follow: name and identity of each secret variable, then path and identity of each secret file.
fn digest(title: &[u8], directives: &[(String, Vec<String>)], inputs: &Inputs) -> Digest {
    let Inputs {
        // In the form that the recipe gives them.
        directives: _,
        variables,
        files,
        secret_files,
    } = inputs;
    let plain: Vec<_> = variables
        .iter()
        .filter_map(|(name, InputVariable { layer: _, value })| Some((name, value.plain()?)))
        .collect();
    let secret: Vec<_> = variables
        .iter()
        .filter_map(|(name, InputVariable { layer: _, value })| match value {
            InputValue::Plain(_) => None,
            InputValue::Secret(identity) => Some((name, identity)),
        })
        .collect();
    let secret_counts =
        [secret.len(), secret_files.len()].map(|count| (count as u64).to_be_bytes());
    let counts: Vec<[u8; 8]> = directives
        .iter()
        .map(|(_, words)| words.len())
        .chain([directives.len(), plain.len(), files.len()])
        .map(|count| (count as u64).to_be_bytes())
        .collect();
    let mut parts: Vec<&[u8]> = vec![title];
    parts.extend(counts.iter().map(<[u8; 8]>::as_slice));
    for (key, words) in directives {
        parts.push(key.as_bytes());
        parts.extend(words.iter().map(String::as_bytes));
    }
    for (name, value) in plain {
        parts.extend([name.as_str().as_bytes(), value.as_bytes()]);
    }
    for (path, digest) in files {
        parts.extend([path.as_bytes(), digest.as_str().as_bytes()]);
    }
    if !(secret.is_empty() && secret_files.is_empty()) {
        parts.push(b"secrets");
        parts.extend(secret_counts.iter().map(<[u8; 8]>::as_slice));
        for (name, identity) in secret {
            parts.extend([name.as_str().as_bytes(), identity.as_str().as_bytes()]);
        }
        for (path, identity) in secret_files {
            parts.extend([path.as_bytes(), identity.as_str().as_bytes()]);
        }
    }
    Digest::of_parts(parts)
}

/// Whether a key of `[Service]` decides how the container runs. Not so what systemd takes over
/// with a mere daemon-reload because it uses it only around or after a run.
fn decides(key: &str) -> bool {
    let by_reload = ["Kill", "Restart", "SendSIG", "StartLimit", "Timeout", "X-"];
    !by_reload.iter().any(|prefix| key.starts_with(prefix))
        && !matches!(
            key,
            "Description"
                | "ExecCondition"
                | "ExecReload"
                | "ExecStartPost"
                | "ExecStartPre"
                | "ExecStop"
                | "ExecStopPost"
                | "FinalKillSignal"
                | "ReloadSignal"
                | "SuccessExitStatus"
        )
}

/// The directives of a unit that decide how its container runs, in which fingerprint and directory
/// are blanked already.
pub(super) fn directives(unit: &Unit) -> Vec<(String, Vec<String>)> {
    let mut by_key: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for entry in unit.entries.iter().filter(|e| e.section == "Service") {
        let (key, value) = (entry.key.as_str(), entry.value.as_str());
        // What the inputs directory holds counts as variables.
        let inputs = key == "EnvironmentFile" && value.contains(DIRECTORY);
        if inputs || !decides(key) {
            continue;
        }
        let values = by_key.entry(key).or_default();
        if value.is_empty() {
            values.clear();
        } else {
            values.push(value);
        }
    }
    by_key
        .into_iter()
        .flat_map(|(key, values)| values.into_iter().map(move |value| (key, value)))
        .map(|(key, value)| {
            // Not every key takes quoted words; one that cannot be split is compared as a whole.
            let words = split_words(value).unwrap_or_else(|_| vec![value.to_owned()]);
            (key.to_owned(), words)
        })
        .collect()
}

/// A unit's text with blanks for the fingerprint and the name of the inputs directory that it
/// carries: what is left was written by people.
#[must_use]
pub fn blanked(unit_text: &str) -> String {
    without(unit_text, marks(&parse_unit(unit_text)))
}

fn without(unit_text: &str, (fingerprint, directory): (Option<&str>, Option<&str>)) -> String {
    let mut text = unit_text.to_owned();
    if let Some(fingerprint) = fingerprint {
        text = text.replace(fingerprint, FINGERPRINT);
    }
    if let Some(directory) = directory {
        text = text.replace(directory, DIRECTORY);
    }
    text
}

/// A unit's text with the fingerprint and the directory of another one: what still differs was
/// written by people.
#[must_use]
pub fn with_marks_of(unit_text: &str, other: &str) -> String {
    let other = parse_unit(other);
    let (Some(fingerprint), Some(directory)) = marks(&other) else {
        return unit_text.to_owned();
    };
    match marks(&parse_unit(unit_text)) {
        found @ (Some(_), Some(_)) => without(unit_text, found)
            .replace(FINGERPRINT, fingerprint)
            .replace(DIRECTORY, directory),
        (None, _) | (_, None) => unit_text.to_owned(),
    }
}

/// The fingerprint and the directory that a unit's text carries. Only what can be nothing else
/// counts: with an edited mark `a` every `a` would be one.
fn marks(unit: &Unit) -> (Option<&str>, Option<&str>) {
    let mark = |key| unit.values(SECTION, key).last().copied();
    let fingerprint = mark("Fingerprint").filter(|text| {
        let digest = text.split_once(':').map(|(_, digest)| digest);
        digest.is_some_and(|digest| Digest::reported(digest).is_some())
    });
    let directory = mark("Directory").filter(|text| DirectoryName::reported(text).is_some());
    (fingerprint, directory)
}

/// Reads back the inputs from the files of a host: the unit's text, and the files of its inputs
/// directory by path below it (`*.env` are layers, others config files). Any text is fine, also one
/// that was edited by hand. Of what [`render`](super::render) makes the result is
/// [`DesiredService::inputs`].
#[must_use]
pub fn inputs_of(unit_text: &str, files: &BTreeMap<String, impl AsRef<str>>) -> Inputs {
    inputs_of_parsed(unit_text, &parse_unit(unit_text), files)
}

/// The same, of a unit whose text is parsed already.
#[must_use]
pub fn inputs_of_parsed(
    unit_text: &str,
    unit: &Unit,
    files: &BTreeMap<String, impl AsRef<str>>,
) -> Inputs {
    let text = without(unit_text, marks(unit));
    let mut inputs = Inputs {
        directives: directives(&parse_unit(&text)),
        ..Inputs::default()
    };
    // Sorted, as systemd reads them: a later file wins.
    for (path, text) in files {
        let text = text.as_ref();
        if secrets::is_secret(path) {
            // Its keyed digest speaks for it.
        } else if path == secrets::DIGESTS {
            secrets::read_digests(text, &mut inputs);
        } else if is_layer(path) {
            for (name, value) in env_file::parse(text) {
                // Other names systemd drops as well.
                if let Ok(name) = VariableName::new(name) {
                    let layer = layer_of(path);
                    let value = InputValue::Plain(value);
                    inputs
                        .variables
                        .insert(name, InputVariable { layer, value });
                }
            }
        } else {
            inputs.files.insert(path.clone(), Digest::of(text));
        }
    }
    inputs
}

/// Whether `EnvironmentFile=…/*.env` matches a file: directly below, and not hidden (`glob(7)`).
fn is_layer(path: &str) -> bool {
    path.ends_with(".env") && !path.starts_with('.') && !path.contains('/')
}

/// The layer that a file of this name is; a stranger's file counts as the last one.
fn layer_of(path: &str) -> Layer {
    match path.split_once('-').map(|(number, _)| number) {
        Some("10") => Layer::ServiceLocations,
        Some("20") => Layer::ServiceConfig,
        Some("30") => Layer::Cluster,
        _ => Layer::Service,
    }
}

impl DesiredService {
    /// The desired fingerprint under the recipe that a running container names, so that a new
    /// recipe alone restarts nothing: `None` if this version does not know that recipe.
    #[must_use]
    pub fn fingerprint_under(&self, running: &Fingerprint) -> Option<Fingerprint> {
        let recipe = Recipe::named(running.recipe())?;
        let form = self.under(recipe);
        if recipe.name() == form.fingerprint.recipe() {
            return Some(form.fingerprint.clone());
        }
        Some(fingerprint(recipe, &form.inputs))
    }

    /// The form of it that belongs to a recipe; where there is none, as of a generation that was read
    /// back from a host, the one that there is.
    #[must_use]
    pub fn under(&self, recipe: Recipe) -> &DesiredService {
        let mut forms = self.forms();
        forms
            .find(|form| form.fingerprint.recipe() == recipe.name())
            .unwrap_or(self)
    }

    fn forms(&self) -> impl Iterator<Item = &DesiredService> {
        std::iter::successors(Some(self), |form| form.older.as_deref())
    }
}
