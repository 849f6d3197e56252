//! Why a fingerprint differs: the old inputs are read back from the host's own files and compared
//! with the desired ones, key by key.

use std::collections::{BTreeMap, BTreeSet};

use similar::{Algorithm, DiffTag, capture_diff_slices};

use super::Change;
use super::observed::{ObservedContainer, ObservedService, UnitFile};
use super::reason::Reason;
use crate::cluster::model::Layer;
use crate::cluster::name::VariableName;
use crate::cluster::run_flags::{self, Takes};
use crate::render::config_files;
use crate::render::desired::DesiredService;
use crate::render::fingerprint::Recipe;
use crate::render::identity::{DirectoryName, Fingerprint};
use crate::render::inputs::{InputValue, InputVariable, Inputs, inputs_of_parsed};
use crate::render::marks::SECTION;
use crate::render::secret_files;
use crate::render::unit::{Unit, parse_unit};

/// What a unit file says of itself in its `[X-Bayplan]` section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Carried {
    pub fingerprint: Fingerprint,
    pub directory: DirectoryName,
}

/// Reads the mark of a unit file; `None` if it is damaged.
pub(super) fn carried(unit_text: &str) -> Option<Carried> {
    carried_by(&parse_unit(unit_text))
}

fn carried_by(unit: &Unit) -> Option<Carried> {
    let value = |key: &str| unit.values(SECTION, key).first().copied();
    Some(Carried {
        fingerprint: Fingerprint::reported(value("Fingerprint")?),
        directory: DirectoryName::reported(value("Directory")?)?,
    })
}

/// A unit file whose text was fetched, read once: for several questions, and ten thousand units.
pub(super) struct OnDisk {
    pub carried: Carried,
    /// What it and the directory that it names say.
    pub inputs: Inputs,
}

impl OnDisk {
    /// `None` if its text was not fetched, or its mark is damaged.
    pub(super) fn of(seen: &ObservedService) -> Option<Self> {
        let text = text_of(seen)?;
        let unit = parse_unit(text);
        let carried = carried_by(&unit)?;
        let (empty, none) = (BTreeMap::new(), BTreeMap::new());
        let directory = seen.directories.get(&carried.directory);
        let (texts, digests) = directory.map_or((&empty, &none), |d| (&d.texts, &d.files));
        let inputs = inputs_of_parsed(text, &unit, texts, digests);
        Some(Self { carried, inputs })
    }
}

/// The text of a unit of ours, where it was fetched.
pub(super) fn text_of(seen: &ObservedService) -> Option<&str> {
    match &seen.unit.file {
        UnitFile::Ours { text, .. } => text.as_deref(),
        UnitFile::Absent | UnitFile::Foreign { .. } => None,
    }
}

/// The reasons of a restart whose fingerprint differs. Never empty.
pub(super) fn difference(
    desired: &DesiredService,
    seen: &ObservedService,
    on_disk: Option<&OnDisk>,
    container: &ObservedContainer,
) -> Vec<Reason> {
    let unknown = || {
        vec![Reason::Unknown {
            fingerprint: container.fingerprint.to_string(),
        }]
    };
    let directory = container.directory.as_ref();
    let directory = directory.and_then(|directory| seen.directories.get(directory));
    let Some(directory) = directory.filter(|directory| !directory.texts.is_empty()) else {
        return unknown();
    };
    // The unit on disk speaks for the running container only if it carries the same fingerprint.
    let on_disk = on_disk.filter(|unit| unit.carried.fingerprint == container.fingerprint);
    let read;
    let before = match on_disk {
        Some(unit) if container.directory.as_ref() == Some(&unit.carried.directory) => &unit.inputs,
        _ => {
            let unit_text = on_disk.and(text_of(seen)).unwrap_or_default();
            let unit = parse_unit(unit_text);
            read = inputs_of_parsed(unit_text, &unit, &directory.texts, &directory.files);
            &read
        }
    };
    // Both under the recipe of what runs: it says what counts as a difference.
    let recipe = Recipe::named(container.fingerprint.recipe());
    let after = recipe.map_or(&desired.inputs, |recipe| &desired.under(recipe).inputs);
    let mut reasons = variables(&before.variables, &after.variables);
    if on_disk.is_some() {
        reasons.extend(directives(recipe.unwrap_or(Recipe::V1), before, after));
    }
    reasons.extend(files(before, after));
    if reasons.is_empty() {
        unknown()
    } else {
        reasons
    }
}

/// What differs between a service and what it is on the host that it moves from.
pub(super) fn moved(desired: &DesiredService, there: &ObservedService) -> Vec<Reason> {
    let on_disk = OnDisk::of(there);
    match (&there.container, &on_disk) {
        (Some(container), _) => {
            let wanted = desired.fingerprint_under(&container.fingerprint);
            match wanted.as_ref() == Some(&container.fingerprint) {
                true => Vec::new(),
                false => difference(desired, there, on_disk.as_ref(), container),
            }
        }
        (None, Some(unit)) => between(&unit.inputs, &desired.inputs),
        (None, None) => Vec::new(),
    }
}

/// What differs between two inputs, for revisions that are compared without a host.
#[must_use]
pub fn between(before: &Inputs, after: &Inputs) -> Vec<Reason> {
    let mut reasons = variables(&before.variables, &after.variables);
    reasons.extend(directives(Recipe::CURRENT, before, after));
    reasons.extend(files(before, after));
    reasons
}

fn variables(
    before: &BTreeMap<VariableName, InputVariable>,
    after: &BTreeMap<VariableName, InputVariable>,
) -> Vec<Reason> {
    let names: BTreeSet<&VariableName> = before.keys().chain(after.keys()).collect();
    let mut reasons = Vec::new();
    for name in names {
        let (old, new) = (before.get(name), after.get(name));
        if old.map(|v| &v.value) == new.map(|v| &v.value) {
            continue;
        }
        // A value that was or becomes a secret is not shown either: often it is the same one.
        let secret =
            |v: Option<&InputVariable>| v.is_some_and(|v| matches!(v.value, InputValue::Secret(_)));
        if secret(old) || secret(new) {
            reasons.push(Reason::Secret {
                name: name.clone(),
                change: change(old.is_some(), new.is_some()),
            });
            continue;
        }
        let value = |v: Option<&InputVariable>| v.and_then(|v| v.value.plain()).map(str::to_owned);
        let (before, after) = (value(old), value(new));
        if name.as_str() == "IMAGE"
            && let (Some(before), Some(after)) = (&before, &after)
        {
            // First, since a new version is what most releases are about.
            let (before, after) = (before.clone(), after.clone());
            reasons.insert(0, Reason::Image { before, after });
            continue;
        }
        let layer = new.or(old).map_or(Layer::Service, |v| v.layer);
        reasons.push(Reason::Variable {
            layer,
            name: name.clone(),
            before,
            after,
        });
    }
    reasons
}

/// The names that `--env NAME` arguments carry: a variable that comes or goes changes them too,
/// and is told as a variable.
fn passed_names(inputs: &Inputs) -> BTreeSet<String> {
    inputs.variables.keys().map(ToString::to_string).collect()
}

fn directives(recipe: Recipe, before: &Inputs, after: &Inputs) -> Vec<Reason> {
    // Mostly nothing but a variable changed: to read ten thousand units word by word takes long.
    if before.directives == after.directives {
        return Vec::new();
    }
    let env: BTreeSet<String> = passed_names(before)
        .union(&passed_names(after))
        .cloned()
        .collect();
    let by_key = |inputs: &Inputs| {
        let mut map: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
        for (key, words) in recipe.directives(inputs) {
            let words = without_env(&words, &env);
            map.entry(key).or_default().push(words);
        }
        map
    };
    let (old, new) = (by_key(before), by_key(after));
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let empty = Vec::new();
    keys.into_iter()
        .filter_map(|key| {
            let old = old.get(key).unwrap_or(&empty);
            let new = new.get(key).unwrap_or(&empty);
            if old == new {
                return None;
            }
            let (removed, added) = word_changes(&old.concat(), &new.concat());
            Some(Reason::Directive {
                key: key.clone(),
                removed,
                added,
            })
        })
        .collect()
}

/// The words without `--env NAME` pairs of these names.
fn without_env(words: &[String], names: &BTreeSet<String>) -> Vec<String> {
    let mut kept = Vec::with_capacity(words.len());
    let mut at = 0;
    while at < words.len() {
        let flag = matches!(words[at].as_str(), "--env" | "-e");
        if flag && words.get(at + 1).is_some_and(|name| names.contains(name)) {
            at += 2;
            continue;
        }
        kept.push(words[at].clone());
        at += 1;
    }
    kept
}

/// The words that go and those that come, each with the flag whose value it is; none of both where words only changed their
/// order.
fn word_changes(old: &[String], new: &[String]) -> (Vec<String>, Vec<String>) {
    let (old_words, new_words) = (with_flags(old), with_flags(new));
    let (mut removed, mut added) = (Vec::new(), Vec::new());
    let changes = capture_diff_slices(Algorithm::Myers, &old_words, &new_words);
    for change in changes
        .iter()
        .filter(|change| change.tag() != DiffTag::Equal)
    {
        removed.extend_from_slice(&old_words[change.old_range()]);
        added.extend_from_slice(&new_words[change.new_range()]);
    }
    let (gone, came) = (removed.concat(), added.concat());
    removed.sort_unstable();
    added.sort_unstable();
    match removed == added {
        true => (Vec::new(), Vec::new()),
        false => (gone, came),
    }
}

/// Words, the value of a flag together with it: `--memory 512m -> 1g` says more than `512m -> 1g`.
fn with_flags(words: &[String]) -> Vec<&[String]> {
    let mut all = Vec::new();
    let mut rest = words;
    while let Some(word) = rest.first() {
        let flag = word.strip_prefix("--").and_then(run_flags::named);
        let takes_value = flag.is_some_and(|flag| flag.takes == Takes::Value);
        let many = if takes_value { 2.min(rest.len()) } else { 1 };
        let (taken, left) = rest.split_at(many);
        all.push(taken);
        rest = left;
    }
    all
}

/// What became of something, from whether it was there and whether it is.
fn change(before: bool, after: bool) -> Change {
    match (before, after) {
        (false, _) => Change::Added,
        (true, true) => Change::Changed,
        (true, false) => Change::Removed,
    }
}

fn files(before: &Inputs, after: &Inputs) -> Vec<Reason> {
    let mut reasons = plain_files(before, after);
    let (old, new) = (&before.secret_files, &after.secret_files);
    let paths: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for path in paths {
        let (old, new) = (old.get(path), new.get(path));
        if old == new {
            continue;
        }
        reasons.push(match secret_files::file_name(path) {
            Some(name) => Reason::Secret {
                name,
                change: change(old.is_some(), new.is_some()),
            },
            None => file(path),
        });
    }
    // A secret can be a variable and a file of one container.
    let mut seen = BTreeSet::new();
    reasons.retain(|reason| seen.insert(reason.clone()));
    reasons
}

fn plain_files(before: &Inputs, after: &Inputs) -> Vec<Reason> {
    let paths = |inputs: &'_ Inputs| {
        let paths = inputs.files.keys().chain(inputs.modes.keys());
        paths.cloned().collect::<BTreeSet<String>>()
    };
    let of = |inputs: &Inputs, path: &String| {
        (
            inputs.files.get(path).cloned(),
            inputs.modes.get(path).cloned(),
        )
    };
    let all = paths(before).into_iter().chain(paths(after));
    let changed = all.filter(|path| of(before, path) != of(after, path));
    changed.map(|path| file(&path)).collect()
}

/// A file by its path in the container, if it has one there.
fn file(path: &str) -> Reason {
    let path = config_files::target(path).unwrap_or(path).to_owned();
    Reason::File { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_stay_are_not_told() {
        let changes = |old: &str, new: &str| {
            let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
            let (removed, added) = word_changes(&words(old), &words(new));
            (removed.join(" "), added.join(" "))
        };
        let told = |removed: &str, added: &str| (removed.to_owned(), added.to_owned());
        let old = "docker create --init --label a=b --memory 1g image serve";
        assert_eq!(
            changes(
                old,
                "docker create --init --label a=b --memory 2g image serve"
            ),
            told("--memory 1g", "--memory 2g")
        );
        assert_eq!(
            changes(
                old,
                "docker create --add-host x:1 --label a=b --memory 1g image run"
            ),
            told("--init serve", "--add-host x:1 run")
        );
        assert_eq!(
            changes(
                old,
                "docker create --init --memory 1g --label a=b image serve"
            ),
            told("", "")
        );
    }
}
