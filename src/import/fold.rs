//! Services of one image: what one says of it, others take `from` it.

use std::collections::BTreeMap;

use super::RepositoryFile;
use super::draft::{Draft, DraftLine, Section, Toml};
use crate::cluster::fields::{Inherited, SERVICE};

/// Fields whose lists are united with those of the other service.
const UNITED: [&str; 4] = ["needs", "after", "vars", "secrets"];

/// What a service has to save for it to be worth it.
const WORTH: usize = 3;

/// Files below `services/`.
type Files = BTreeMap<String, RepositoryFile>;

/// Writes `from` into services, where that says the same in fewer lines.
pub(super) fn fold(drafts: &mut [Draft], files: &mut Files) {
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, draft) in drafts.iter().enumerate() {
        let image = ["image", "tag", "digest"].map(|key| draft.get(key).cloned());
        groups.entry(format!("{image:?}")).or_default().push(at);
    }
    for group in groups.values().filter(|group| group.len() > 1) {
        let saved = |base: usize| -> usize {
            let others = group.iter().filter(|at| **at != base);
            others
                .filter_map(|at| over(&drafts[base], &drafts[*at], files))
                .map(|(_, saved)| saved)
                .sum()
        };
        let best = group.iter().copied().rev().max_by_key(|at| saved(*at));
        let Some(base) = best else { continue };
        for at in group.iter().copied().filter(|at| *at != base) {
            let Some((folded, _)) = over(&drafts[base], &drafts[at], files) else {
                continue;
            };
            for line in &drafts[at].files {
                if !folded.files.contains(line)
                    && let Some(name) = source(line)
                {
                    let below = format!("{}/{name}", drafts[at].name);
                    files.retain(|path, _| {
                        *path != below && !(name.ends_with('/') && path.starts_with(&below))
                    });
                }
            }
            drafts[at] = folded;
        }
    }
}

/// A service as what it has over another one, and how many lines that saves; `None` where it lacks something that it would inherit,
/// or where little would be saved.
fn over(base: &Draft, draft: &Draft, files: &Files) -> Option<(Draft, usize)> {
    let mut folded = draft.clone();
    let mut saved = 0;
    for line in base.fields.iter().filter(|line| is_inherited(&line.key)) {
        let own = folded.fields.iter().position(|own| own.key == line.key);
        // It does not come after itself.
        let without = |value: &Toml| match (line.key.as_str(), value) {
            ("after" | "needs", Toml::List(items)) => {
                let itself = Toml::text(&draft.name);
                items
                    .iter()
                    .filter(|item| **item != itself)
                    .cloned()
                    .collect()
            }
            (_, Toml::List(items)) => items.clone(),
            _ => Vec::new(),
        };
        let Some(own) = own else {
            if UNITED.contains(&line.key.as_str()) && without(&line.value).is_empty() {
                continue;
            }
            return None;
        };
        if UNITED.contains(&line.key.as_str()) {
            let (inherited, items) = (without(&line.value), without(&folded.fields[own].value));
            if !inherited.iter().all(|item| items.contains(item)) {
                return None;
            }
            saved += inherited.len();
            let kept: Vec<Toml> = items
                .into_iter()
                .filter(|item| !inherited.contains(item))
                .collect();
            match kept.is_empty() {
                true => {
                    folded.fields.remove(own);
                }
                false => {
                    folded.fields[own].value = Toml::List(kept);
                    folded.fields[own].spots.clear();
                }
            }
        } else if folded.fields[own].value == line.value {
            folded.fields.remove(own);
            saved += 1;
        } else if let (Toml::Named(theirs), Toml::Named(own)) =
            (&line.value, &folded.fields[own].value)
            && !theirs
                .iter()
                .all(|(name, _)| own.iter().any(|(other, _)| other == name))
        {
            return None;
        } else if matches!(line.key.as_str(), "image" | "tag" | "digest") {
            return None;
        }
    }
    for section in [Section::Env, Section::Files] {
        for line in base.section(section) {
            let own = folded
                .section(section)
                .iter()
                .position(|own| own.key == line.key)?;
            let there = &folded.section(section)[own];
            let same = there.value == line.value
                && (section == Section::Env || same_files(base, draft, line, files));
            if same {
                folded.section_mut(section).remove(own);
                saved += 1;
            }
        }
    }
    if saved < WORTH + 2 {
        return None;
    }
    folded.fields.insert(
        0,
        DraftLine::new("from", Toml::text(&base.name), &draft.spot),
    );
    Some((folded, saved))
}

fn is_inherited(key: &str) -> bool {
    let field = SERVICE.iter().find(|field| field.key == key);
    field.is_some_and(|field| field.inherited == Inherited::Yes)
}

/// The file or directory that a line of `[files]` names.
fn source(line: &DraftLine) -> Option<String> {
    match &line.value {
        Toml::Text(name) => Some(name.clone()),
        Toml::Table(entries) => entries.iter().find_map(|(key, value)| match (*key, value) {
            ("from", Toml::Text(name)) => Some(name.clone()),
            _ => None,
        }),
        Toml::Bare(_) | Toml::List(_) | Toml::Named(_) => None,
    }
}

/// Whether a line of both names the same contents.
fn same_files(base: &Draft, draft: &Draft, line: &DraftLine, files: &Files) -> bool {
    let Some(name) = source(line) else {
        return false;
    };
    let of = |service: &str| -> Vec<(String, &RepositoryFile)> {
        let below = format!("{service}/{name}");
        let found = files.iter().filter(|(path, _)| {
            **path == below || (name.ends_with('/') && path.starts_with(&below))
        });
        found
            .map(|(path, file)| (path[service.len()..].to_owned(), file))
            .collect()
    };
    of(&base.name) == of(&draft.name)
}
