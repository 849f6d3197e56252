//! Removing from hosts what nothing uses.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::event::Event;
use super::problem::Problem;
use super::visit::{HostVisit, VisitedHost, Visitor};
use crate::cluster::name::HostName;
use crate::host::belongings::BelongingsAsked;
use crate::host::belongings::leftover::{Leftover, LeftoverKind};
use crate::host::belongings::prune::{PruneOutcome, parse_pruned, prune_script, remember_script};

/// For the engine to remove all of it: a large image on a slow disk takes minutes.
const REMOVE: Duration = Duration::from_secs(1800);
/// To write a file.
const SHORT: Duration = Duration::from_secs(60);

/// What nothing uses on each host. Nothing changes.
pub fn leftovers(
    visit: HostVisit<'_>,
    tell: &(impl Fn(Event) + Sync),
) -> (
    BTreeMap<HostName, Vec<Leftover>>,
    BTreeMap<HostName, Problem>,
) {
    visit.each(tell, |host| {
        if !host.layout.supervisor().runs_containers() {
            return Ok(Vec::new());
        }
        let found = host.belongings(BelongingsAsked::Leftovers)?;
        Ok(found.leftovers(host.layout.cluster()))
    })
}

/// What became of what was shown. What somebody began to use since stays, and nothing else goes.
pub type Pruned = BTreeMap<HostName, Vec<(Leftover, Option<String>)>>;

/// Removes from each host what was shown of it, under its lock and after another look.
pub fn prune(
    visit: HostVisit<'_>,
    by: &Visitor,
    shown: &BTreeMap<HostName, Vec<Leftover>>,
    tell: &(impl Fn(Event) + Sync),
) -> (Pruned, BTreeMap<HostName, Problem>) {
    let these = shown.iter().filter(|(_, all)| !all.is_empty());
    let these: BTreeSet<HostName> = these.map(|(name, _)| name.clone()).collect();
    let hosts = visit.named(&these);
    let visit = HostVisit {
        hosts: &hosts,
        ..visit
    };
    visit.each(tell, |host| {
        host.lock(by)?;
        let done = prune_host(host, &shown[host.name])?;
        if let Some(deed) = deed(&done) {
            host.note(by, &deed);
        }
        Ok(done)
    })
}

/// `pruned 2 images, 1 network`; nothing where all of it stays.
fn deed(done: &[(Leftover, Option<String>)]) -> Option<String> {
    let mut gone: BTreeMap<&str, usize> = BTreeMap::new();
    for (leftover, _) in done.iter().filter(|(_, why)| why.is_none()) {
        *gone.entry(leftover.kind.word()).or_default() += 1;
    }
    let words = gone.iter().map(|(word, number)| match number {
        1 => format!("1 {word}"),
        number => format!("{number} {word}s"),
    });
    let words: Vec<String> = words.collect();
    (!words.is_empty()).then(|| format!("pruned {}", words.join(", ")))
}

fn prune_host(
    host: &mut VisitedHost<'_>,
    shown: &[Leftover],
) -> Result<Vec<(Leftover, Option<String>)>, Problem> {
    let now = host.belongings(BelongingsAsked::Leftovers)?;
    let leftovers = now.leftovers(host.layout.cluster());
    let (go, stay): (Vec<&Leftover>, Vec<&Leftover>) = shown.iter().partition(|one| {
        let same = |other: &&Leftover| (other.kind, &other.id) == (one.kind, &one.id);
        leftovers.iter().find(same).is_some_and(|now| now == *one)
    });
    let go: Vec<Leftover> = go.into_iter().cloned().collect();
    let mut outcome = remove(host, &go)?;
    let gone: BTreeSet<&str> = outcome
        .iter()
        .filter(|((kind, _), why)| *kind == LeftoverKind::Image && why.is_none())
        .map(|((_, id), _)| id.as_str())
        .collect();
    let names = now.remembered(&gone);
    if names.len() < now.once.len() {
        let script = remember_script(&host.layout, host.engine(), &names);
        host.session.run("noting what is left", &script, SHORT)?;
    }
    let mut all: Vec<(Leftover, Option<String>)> = Vec::new();
    for one in go {
        let why = match outcome.remove(&(one.kind, one.id.clone())) {
            Some(why) => why,
            None => Some("nothing was said of it".to_owned()),
        };
        all.push((one, why));
    }
    let changed = "something uses it now, or it is gone".to_owned();
    all.extend(
        stay.into_iter()
            .map(|it| (it.clone(), Some(changed.clone()))),
    );
    Ok(all)
}

fn remove(host: &mut VisitedHost<'_>, these: &[Leftover]) -> Result<PruneOutcome, Problem> {
    let doing = "removing what nothing uses";
    let script = prune_script(&host.layout, host.engine(), these);
    let answer = host.session.run(doing, &script, REMOVE)?;
    parse_pruned(&answer.stdout)
        .ok_or_else(|| host.session.misunderstood(doing, &answer.stdout).into())
}
