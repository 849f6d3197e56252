//! The script that removes leftovers, and what it says. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::leftover::{Leftover, LeftoverKind};
use crate::cluster::model::Engine;
use crate::host::layout::Layout;
use crate::host::said::one_line;
use crate::render::shell::quote;

pub(super) const PRUNE: &str = include_str!("prune.sh");

/// What became of leftovers, by their kinds and ids: why one stays, if it does.
pub type PruneOutcome = BTreeMap<(LeftoverKind, String), Option<String>>;

/// The script that removes these. To be run under the lock of the host: nobody pulls anything meanwhile.
#[must_use]
pub fn prune_script(layout: &Layout, engine: Engine, leftovers: &[Leftover]) -> String {
    format!(
        "{}engine={}\n{PRUNE}\n{}printf 'end\\n'\n",
        layout.variables(),
        quote(engine.program()),
        removals(leftovers),
    )
}

/// The script that remembers what was named once only where there is still an image of it.
#[must_use]
pub fn remember_script(layout: &Layout, engine: Engine, names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| quote(name)).collect();
    format!(
        "{}engine={}\n{PRUNE}\nremember {}\nprintf 'end\\n'\n",
        layout.variables(),
        quote(engine.program()),
        names.join(" ")
    )
}

/// The calls that remove them.
pub(super) fn removals(leftovers: &[Leftover]) -> String {
    let mut script = String::new();
    for Leftover {
        kind, id, names, ..
    } in leftovers
    {
        let _ = write!(script, "remove_{} {}", kind.word(), quote(id));
        if *kind == LeftoverKind::Image {
            for name in names {
                let _ = write!(script, " {}", quote(name));
            }
        }
        script.push('\n');
    }
    script
}

/// Reads what the script says; `None` if it is not whole.
#[must_use]
pub fn parse_pruned(answer: &[u8]) -> Option<PruneOutcome> {
    let answer = String::from_utf8_lossy(answer);
    let mut lines = answer.lines();
    let mut outcome = PruneOutcome::new();
    loop {
        let line = lines.next()?;
        let mut words = line.splitn(4, ' ');
        let word = words.next()?;
        if word == "end" {
            return Some(outcome);
        }
        let (Some(kind), Some(id)) = (words.next().and_then(LeftoverKind::of), words.next()) else {
            continue;
        };
        let why = match word {
            "gone" => None,
            "stays" => Some(one_line(words.next().unwrap_or_default())),
            _ => continue,
        };
        outcome.insert((kind, id.to_owned()), why);
    }
}
