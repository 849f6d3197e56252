//! Two revisions against each other, as text: what brings it about, then the plan.

use std::collections::BTreeSet;

use super::palette::{Palette, paint};
use super::reason::variable;
use super::text::{count, ended, escape, list, short_pair, value, wrap};
use super::view::{
    BrokenView, CauseKindView, CauseView, LeftHostView, PlanView, PresenceView, ReaddressedView,
    RefusalView, ReviewView, TrustKind, TrustView,
};
use super::{Detail, guard, plan as body};
use crate::cluster::model::{Cluster, Layer};
use crate::cluster::name::{ClusterName, ServiceName};
use crate::plan::Action;
use crate::plan::review::{Extent, Review};
use crate::plan::trust::TrustChange;

/// Longer lists of services are counted.
const NAMED: usize = 4;

/// What is compared, in the user's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sides {
    /// `origin/main (3f9ac1b20c77)`.
    pub before: String,
    /// The other side, in the same way.
    pub after: String,
    /// The commit of the first side: 40 hexadecimal digits. The second one may have changes besides that are not
    /// committed.
    pub before_commit: Option<String>,
    /// The commit of the second side.
    pub after_commit: Option<String>,
    /// Commits of the first side that the second one does not have, and what to write instead.
    pub missing: Option<Missing>,
}

/// A branch that is behind what it is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// How many commits it lacks.
    pub commits: usize,
    /// The range that compares with the merge base.
    pub instead: String,
}

/// What came of one cluster.
#[derive(Debug, Clone)]
pub enum Reviewed {
    /// Both sides could be read.
    Done {
        /// The newest model of it.
        cluster: Box<Cluster>,
        /// What the change does.
        review: Box<Review>,
    },
    /// One side has errors.
    Broken(Broken),
}

/// A side whose description has errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The cluster.
    pub cluster: ClusterName,
    /// The side, as in [`Sides`].
    pub revision: String,
    /// The problems with their excerpts.
    pub problems: String,
    /// The same as the terminal shows it.
    pub shown: String,
    /// Who may read and whom we trust, where that changes, as far as both sides can be read.
    pub trust: Vec<TrustChange>,
}

/// That the description of a cluster is broken, and where.
#[must_use]
pub fn broken_title(broken: &BrokenView<'_>) -> String {
    let BrokenView {
        cluster,
        revision,
        problems: _,
        trust: _,
    } = broken;
    format!("the description of {cluster} has errors in {revision}: nothing to compare")
}

impl Sides {
    /// That the second side is behind, if it is.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        let Missing { commits, instead } = self.missing.as_ref()?;
        let they = if *commits == 1 { "it" } else { "they" };
        Some(format!(
            "{} has {} that {} lacks: what {they} changed shows as taken back; `--against {instead}` \
             compares with where the branch began",
            self.before,
            count(*commits, "commit", "commits"),
            self.after,
        ))
    }
}

/// One cluster's review, ending with a line that sums it up.
#[must_use]
pub fn text(review: &ReviewView<'_>, sides: &Sides, detail: Detail, palette: &Palette) -> String {
    let title = headline(&review.plan);
    let compared = format!("{} → {}", sides.before, sides.after);
    let mut lines = vec![
        paint(palette.strong, &title),
        paint(palette.dim, &compared),
        String::new(),
    ];
    lines.extend(trust_section(&review.trust, &review.readdressed, palette));
    let mut bullets = Vec::new();
    for cause in &review.causes {
        bullets.push(format!(
            "{}: {}",
            what(cause, detail),
            effect(cause, &review.plan)
        ));
    }
    bullets.extend(remarks(review));
    bullets.extend(review.needs_allow_move.iter().filter_map(stateful));
    for bullet in bullets {
        lines.extend(wrap(&bullet, palette.width()));
    }
    if lines.last().is_some_and(|line| !line.is_empty()) {
        lines.push(String::new());
    }
    let hosts = body::body(&review.plan, detail, palette);
    let shown = !hosts.is_empty();
    lines.extend(hosts);
    if shown || review.is_empty || review.presence != PresenceView::Removed {
        lines.push(summary(review));
        lines.extend(holds(review).map(str::to_owned));
    }
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    ended(&lines)
}

/// What can be told of a cluster whose description has errors on one side; its errors are told elsewhere.
#[must_use]
pub fn broken(broken: &BrokenView<'_>, palette: &Palette) -> String {
    let lines = trust_section(&broken.trust, &[], palette);
    lines.into_iter().map(|line| line + "\n").collect()
}

/// The title of the section on who may read and whom we trust.
pub(super) const TRUST: &str = "Who may read, whom we trust:";

/// The section on who may read and whom we trust, with an empty line after it; nothing where nothing
/// changes.
pub(super) fn trust_section(
    changes: &[TrustView<'_>],
    readdressed: &[ReaddressedView<'_>],
    palette: &Palette,
) -> Vec<String> {
    if changes.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![paint(palette.strong, TRUST)];
    for sentence in trust_sentences(changes, readdressed) {
        lines.extend(wrap(&sentence, palette.width()));
    }
    lines.push(String::new());
    lines
}

/// What changes of who may read and whom we trust, a line each.
pub(super) fn trust_sentences(
    changes: &[TrustView<'_>],
    readdressed: &[ReaddressedView<'_>],
) -> Vec<String> {
    changes
        .iter()
        .map(|change| trust_sentence(change, readdressed))
        .collect()
}

fn trust_sentence(change: &TrustView<'_>, readdressed: &[ReaddressedView<'_>]) -> String {
    let TrustView {
        kind,
        name,
        setting,
        before,
        after,
    } = change;
    let setting = setting.unwrap_or_default();
    let (name, hint) = match kind {
        TrustKind::Recipient => (format!("recipient {}", value(name)), ""),
        TrustKind::Host => (
            format!("{name} {setting}"),
            match setting {
                "address" | "directory" | "local"
                    if readdressed.iter().any(|other| other.host == *name) =>
                {
                    ": if that is another machine, everything is new there"
                }
                "secrets" if after.is_some() => {
                    ": its secrets are not encrypted to it any more, and go through the connection as they are"
                }
                _ => "",
            },
        ),
        TrustKind::Guard => (format!("guard {name}"), ""),
    };
    match (before, after) {
        (Some(before), Some(after)) => {
            format!("{name} {} → {}{hint}", value(before), value(after))
        }
        (None, Some(after)) => format!("{name} added: {}{hint}", value(after)),
        (Some(before), None) => format!("{name} removed: {}{hint}", value(before)),
        (None, None) => format!("{name} changed{hint}"),
    }
}

/// What a change does, in one line: `production: 15 restarts and 2 moves on 3 hosts`.
pub(super) fn headline(plan: &PlanView<'_>) -> String {
    let PlanView {
        cluster,
        totals,
        moves,
        refusals,
        hosts,
        ..
    } = plan;
    if !refusals.is_empty() {
        return format!("{cluster}: refused");
    }
    let moves = moves.iter().map(|it| (it.to.len(), it.from.len()));
    let parts = totals.deeds(moves);
    let acting = hosts.iter().filter(|host| {
        let mut services = host.services.iter();
        services.any(|service| service.action != Action::None)
    });
    match acting.count() {
        _ if parts.is_empty() && totals.listed == 0 => format!("{cluster}: no changes"),
        _ if parts.is_empty() => format!("{cluster}: files change, nothing restarts"),
        number => format!(
            "{cluster}: {} on {}",
            list(parts),
            count(number, "host", "hosts")
        ),
    }
}

/// What a cause is, in words: `templates/container.service changed`.
pub(super) fn what(cause: &CauseView<'_>, detail: Detail) -> String {
    let CauseView {
        cause: what,
        restarts: _,
        extent: _,
        at,
        through,
    } = cause;
    match what {
        CauseKindView::Template { path } if *path == crate::cluster::BUILT_IN => {
            "the built-in template of bayplan changed".to_owned()
        }
        CauseKindView::Template { path } => format!("{} changed", value(path)),
        CauseKindView::OtherTemplate { before, after } => {
            let name = |origin: &str| match origin {
                crate::cluster::BUILT_IN => "the built-in template".to_owned(),
                path => value(path),
            };
            format!("{} takes the place of {}", name(after), name(before))
        }
        CauseKindView::Variable {
            layer,
            name,
            before,
            after,
        } => {
            let key = match at.and_then(|at| Some((at.path.rsplit('/').next()?, at.line?))) {
                Some((file, line)) => format!("{}:{line} {}", escape(file), escape(name)),
                None => variable(layer, name),
            };
            let mut told = changed(&key, *before, *after, detail);
            if !through.is_empty() {
                told += &format!(", and with it {}", list(through));
            }
            told
        }
        CauseKindView::Field {
            text,
            key,
            before,
            after,
        } => {
            let key = format!("{} {}", escape(text), escape(key));
            changed(&key, *before, *after, detail)
        }
    }
}

/// How something under a key changed.
fn changed(key: &str, before: Option<&str>, after: Option<&str>, detail: Detail) -> String {
    match (before, after) {
        (Some(before), Some(after)) => {
            let (before, after) = match detail {
                Detail::Short => short_pair(before, after, 30),
                Detail::Diff => (value(before), value(after)),
            };
            format!("{key} {before} → {after}")
        }
        (None, Some(_)) => format!("{key} added"),
        (Some(_), None) => format!("{key} removed"),
        (None, None) => format!("{key} changed"),
    }
}

/// The label of a layer that is the same for every service.
pub(super) fn shared_label(layer: Layer) -> String {
    layer.label(&ServiceName::new("x").expect("a letter is a name"))
}

/// What a cause brings about: `all 20 services on 3 hosts restart`.
pub(super) fn effect(cause: &CauseView<'_>, plan: &PlanView<'_>) -> String {
    let CauseView {
        cause: _,
        restarts,
        extent,
        at: _,
        through: _,
    } = cause;
    let hosts: BTreeSet<&str> = restarts.iter().flat_map(|it| it.hosts.clone()).collect();
    let on = match hosts.len() {
        0..=3 => list(&hosts),
        number => format!("{number} hosts"),
    };
    let services = || list(restarts.iter().map(|it| it.service));
    match (restarts.len(), extent) {
        (0, _) => {
            let units: usize = plan.hosts.iter().map(|host| host.services.len()).sum();
            match units {
                0 => "no unit changes".to_owned(),
                _ => "no restart comes of it".to_owned(),
            }
        }
        (1, _) => format!("{} restarts on {on}", services()),
        (number, Extent::All) => {
            let hosts = count(hosts.len(), "host", "hosts");
            format!("all {number} services on {hosts} restart")
        }
        (number, Extent::Some) if number > NAMED => format!("{number} services on {on} restart"),
        (_, Extent::Some) => format!("{} restart on {on}", services()),
    }
}

/// What a reader should know besides the plan, a sentence each.
pub(super) fn remarks(review: &ReviewView<'_>) -> Vec<String> {
    let ReviewView {
        presence,
        causes: _,
        left_hosts,
        readdressed: _,
        needs_lift: _,
        loosened: _,
        trust: _,
        needs_allow_move: _,
        plan,
        is_empty: _,
        forbidden,
        unguarded,
    } = review;
    let cluster = plan.cluster;
    let mut remarks = Vec::new();
    match presence {
        PresenceView::Both => {}
        PresenceView::New => remarks.push(format!("{cluster} is new")),
        PresenceView::Removed => {
            let services: usize = left_hosts.iter().map(|left| left.services.len()).sum();
            remarks.push(format!(
                "{cluster} is removed, and nothing stops it: {} on {} run on; to stop \
                 them, first release it with an empty [place]",
                count(services, "container", "containers"),
                count(left_hosts.len(), "host", "hosts"),
            ));
            return remarks;
        }
    }
    for left in left_hosts {
        let LeftHostView {
            host,
            services,
            stateful,
        } = left;
        let (run, them) = match services.len() {
            1 => ("runs", "it"),
            _ => ("run", "them"),
        };
        let services = match services.len() {
            0..=NAMED => list(services),
            number => format!("{number} services"),
        };
        let data = match stateful.as_slice() {
            [] => String::new(),
            [one] => format!(" with the data of {one}"),
            several => format!(" with the data of {}", list(several)),
        };
        remarks.push(format!(
            "{host} is no longer described, and no release reaches it: {services} {run} on there\
             {data}; to stop {them}, first release with its places in [place] emptied"
        ));
    }
    for breach in forbidden {
        remarks.push(format!(
            "{}: a release needs `--lift {}`",
            guard::sentence(breach),
            breach.guard()
        ));
    }
    for breach in unguarded {
        remarks.push(format!(
            "{}: that guard stood before, and this change takes it away or loosens it",
            guard::sentence(breach),
        ));
    }
    remarks
}

/// A stateful service that moves or vanishes, in words.
pub(super) fn stateful(refusal: &RefusalView<'_>) -> Option<String> {
    match refusal {
        RefusalView::Stateful {
            host,
            service,
            moves,
        } => {
            let how = if *moves { "moves away" } else { "vanishes" };
            Some(format!(
                "{service} is stateful and {how} from {host}: a release needs `--allow-move`"
            ))
        }
        RefusalView::ForeignUnit { .. }
        | RefusalView::StatefulAway { .. }
        | RefusalView::ScheduledAway { .. }
        | RefusalView::StatefulUnknown { .. }
        | RefusalView::PortHeld { .. }
        | RefusalView::AddressHeld { .. }
        | RefusalView::NetworkHeld { .. }
        | RefusalView::NetworksAlike { .. }
        | RefusalView::JobAway { .. }
        | RefusalView::RunUnderWay { .. }
        | RefusalView::NotAsReleased { .. }
        | RefusalView::Newer { .. } => None,
    }
}

/// `3 hosts: 4 files change, 2 units restart, 38 stay`.
pub(super) fn summary(review: &ReviewView<'_>) -> String {
    let PlanView {
        totals, refusals, ..
    } = &review.plan;
    let hosts = count(totals.hosts, "host", "hosts");
    if totals.listed == 0 && refusals.is_empty() {
        return match review.presence {
            PresenceView::Removed => "No release changes anything.".to_owned(),
            PresenceView::Both | PresenceView::New if review.trust.is_empty() => {
                format!("No changes: {hosts} get the same files from both, and nothing restarts.")
            }
            PresenceView::Both | PresenceView::New => {
                "No file changes and nothing restarts; who may read or whom we trust does change."
                    .to_owned()
            }
        };
    }
    if !refusals.is_empty() {
        let problems = count(refusals.len(), "problem", "problems");
        return format!("Refused: {problems} to solve first");
    }
    format!("{hosts}: {}", totals.words())
}

/// That a review knows no host, and so not what somebody holds there; only where something restarts.
pub(super) fn holds(review: &ReviewView<'_>) -> Option<&'static str> {
    let mut services = review.plan.hosts.iter().flat_map(|host| &host.services);
    let restarts = services.any(|it| matches!(it.action, Action::Restart | Action::Swap));
    let told = "Holds are not known here: what somebody holds stays stopped.";
    (restarts && review.plan.refusals.is_empty()).then_some(told)
}

/// The last line over several clusters.
#[must_use]
pub fn across(changed: usize, clusters: usize) -> String {
    let all = count(clusters, "cluster", "clusters");
    match changed {
        0 => format!("No changes in {all}.\n"),
        1 => format!("1 of {all} changes.\n"),
        number => format!("{number} of {all} change.\n"),
    }
}
