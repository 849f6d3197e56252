//! Values that were public and are secret now, or the other way round. From the change on nobody needs to see
//! them, and often they still open something: what a plan shows of files and reasons has none of them.

use std::collections::{BTreeMap, BTreeSet};

use super::observed::{Observed, ObservedService};
use super::reason::Reason;
use super::{FileChange, HostPlan, Note, ServicePlan};
use crate::cluster::name::{HostName, ServiceName, VariableName};
use crate::render::desired::{Desired, DesiredService};
use crate::render::inputs::{InputValue, Inputs, inputs_of};
use crate::render::{env_file, literal, secret_files};

/// What stands in the place of a hidden value.
pub const HIDDEN: &str = "[hidden]";

/// Shorter values are hidden under their names only: elsewhere they are parts of too much.
const MASKED_MIN: usize = 4;

/// What is hidden of one service on one host.
#[derive(Debug, Default)]
struct Names {
    /// They were public and are secret now.
    became: BTreeSet<VariableName>,
    /// These, those that were secret before, and those that went while a secret came, which may be the same.
    all: BTreeSet<VariableName>,
}

/// What a plan must not show.
#[derive(Debug, Default)]
pub(super) struct HiddenValues {
    names: BTreeMap<(HostName, ServiceName), Names>,
    /// Public values of what is secret now, wherever else they stand, the longest first.
    values: Vec<String>,
}

impl HiddenValues {
    /// Finds them.
    pub(super) fn of(desired: &Desired, observed: &Observed) -> Self {
        let mut hidden = Self::default();
        let mut values = BTreeSet::new();
        for (host, wanted) in &desired.hosts {
            let Some(seen) = observed.hosts.get(host) else {
                continue;
            };
            for (service, wanted) in &wanted.services {
                let Some(at) = seen.services.get(service) else {
                    continue;
                };
                let before = before(at);
                let names = names(&before, wanted);
                if names.all.is_empty() {
                    continue;
                }
                let old = before.iter().flat_map(|inputs| &inputs.variables);
                let old = old.filter(|(name, _)| {
                    names.became.contains(*name)
                        || !wanted.inputs.variables.contains_key(*name) && names.all.contains(*name)
                });
                values.extend(old.filter_map(|(_, old)| old.value.plain().map(str::to_owned)));
                hidden.names.insert((host.clone(), service.clone()), names);
            }
        }
        values.retain(|value| value.chars().count() >= MASKED_MIN);
        // As env files have it, too.
        let quoted = |value: &String| value.replace('\\', "\\\\").replace('"', "\\\"");
        let quoted: Vec<String> = values.iter().map(quoted).collect();
        values.extend(quoted);
        hidden.values = values.into_iter().collect();
        hidden
            .values
            .sort_by_key(|value| std::cmp::Reverse(value.len()));
        hidden
    }

    /// Takes them out of what a plan shows of its hosts, and tells who was public.
    pub(super) fn apply(&self, hosts: &mut BTreeMap<HostName, HostPlan>) {
        if self.names.is_empty() {
            return;
        }
        let nothing = Names::default();
        for (host, at) in hosts {
            for plan in &mut at.services {
                let key = (host.clone(), plan.service.clone());
                let names = self.names.get(&key).unwrap_or(&nothing);
                self.take_out(plan, names);
                if !names.became.is_empty() {
                    let names = names.became.iter().cloned().collect();
                    plan.notes.push(Note::WasPublic { names });
                }
            }
        }
    }

    fn take_out(&self, plan: &mut ServicePlan, names: &Names) {
        for file in &mut plan.files {
            let FileChange {
                path,
                before,
                after,
                kind: _,
            } = file;
            let is_env = path.ends_with(".env");
            let is_literal = path.ends_with("/literal");
            for text in [before, after].into_iter().flatten() {
                let shown = match (is_env, is_literal) {
                    (true, _) => env_file::with_values_hidden(text, &names.all, HIDDEN),
                    (_, true) => {
                        literal::with_values_hidden(text, |name| names.all.contains(name), HIDDEN)
                    }
                    (false, false) => text.to_string(),
                };
                *text = self.mask(&shown).into();
            }
        }
        for reason in &mut plan.reasons {
            self.mask_reason(reason, names);
        }
    }

    fn mask_reason(&self, reason: &mut Reason, names: &Names) {
        match reason {
            Reason::Variable {
                name,
                before,
                after,
                layer: _,
            } => {
                for value in [before, after].into_iter().flatten() {
                    *value = match names.all.contains(name) {
                        true => HIDDEN.to_owned(),
                        false => self.mask(value),
                    };
                }
            }
            Reason::Directive { removed, added, .. } => {
                for word in removed.iter_mut().chain(added) {
                    *word = self.mask(word);
                }
            }
            Reason::Image { before, after } => {
                *before = self.mask(before);
                *after = self.mask(after);
            }
            Reason::New
            | Reason::NotRunning { .. }
            | Reason::Secret { .. }
            | Reason::File { .. }
            | Reason::Unknown { .. }
            | Reason::ImageMoved { .. }
            | Reason::Edited { .. }
            | Reason::Touched { .. }
            | Reason::Network { .. }
            | Reason::NotReloaded { .. }
            | Reason::HalfSwapped
            | Reason::NotRunYet
            | Reason::RunFailed { .. }
            | Reason::RunCut { .. }
            | Reason::EachRelease
            | Reason::Asked { .. }
            | Reason::Held { .. }
            | Reason::Displaced { .. } => {}
        }
    }

    /// A text without the values.
    pub(super) fn mask(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for value in &self.values {
            if text.contains(value.as_str()) {
                text = text.replace(value.as_str(), HIDDEN);
            }
        }
        text
    }
}

/// What the directories of a service say that it was started from.
fn before(seen: &ObservedService) -> Vec<Inputs> {
    let directories = seen.directories.values();
    directories
        .filter(|directory| !directory.texts.is_empty())
        .map(|directory| inputs_of("", &directory.texts))
        .collect()
}

fn names(before: &[Inputs], wanted: &DesiredService) -> Names {
    let is_secret = |inputs: &Inputs| {
        let files = inputs.secret_files.keys();
        let variables = inputs.variables.iter();
        let variables =
            variables.filter(|(_, variable)| matches!(variable.value, InputValue::Secret(_)));
        let names = variables.map(|(name, _)| name.clone());
        let files = files.filter_map(|path| secret_files::file_name(path));
        names.chain(files).collect::<BTreeSet<VariableName>>()
    };
    let now = is_secret(&wanted.inputs);
    let then: BTreeSet<VariableName> = before.iter().flat_map(is_secret).collect();
    let public = before.iter().flat_map(|inputs| &inputs.variables);
    let public = public.filter(|(_, old)| old.value.plain().is_some());
    let public: BTreeSet<VariableName> = public.map(|(name, _)| name.clone()).collect();
    let became: BTreeSet<VariableName> = public.intersection(&now).cloned().collect();
    let mut all: BTreeSet<VariableName> = became.union(&then).cloned().collect();
    if now.iter().any(|name| !then.contains(name)) {
        let variables = &wanted.inputs.variables;
        let gone = public
            .into_iter()
            .filter(|name| !variables.contains_key(name));
        all.extend(gone);
    }
    // A secret that stays one has no value in any text.
    Names { became, all }
}
