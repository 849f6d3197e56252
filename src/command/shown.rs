//! What several commands show of hosts and of a plan.

#![expect(
    clippy::disallowed_methods,
    reason = "takes the moment from which ages are counted"
)]

use std::collections::BTreeMap;

use super::description::Description;
use super::selection::Scope;
use super::{Exit, Failure};
use crate::cluster::name::HostName;
use crate::host::activate::activity::Activity;
use crate::plan::Plan;
use crate::plan::saved::BAYPLAN;
use crate::release::problem::Problem;
use crate::release::{Hosts, Setting};
use crate::report::errors::HostFailure;
use crate::report::palette::Palette;
use crate::report::plan_end::another_version;
use crate::report::progress::Progress;
use crate::report::view::{BegunView, PlanView};
use crate::report::{Detail, begun, errors, hosts as names, plan as text, stream};

/// The activations that are at work on hosts that were looked at.
pub(super) struct AtWork(pub BTreeMap<HostName, Activity>);

impl AtWork {
    /// Of hosts for which a plan is made. A session may have noticed only now that its operator died: what goes on there is
    /// followed to its end first, since a plan that is made meanwhile is of no use.
    pub(super) fn beside_plan(hosts: &mut Hosts, setting: Setting<'_>) -> Self {
        let mut found = hosts.at_work(setting);
        if found.values().any(|activity| activity.orphan().is_some()) {
            let progress = Progress::stderr(setting.desired.hosts.keys(), &Palette::stderr());
            hosts.follow_orphans(setting, &|event| progress.event(&event));
            progress.finish();
            found = hosts.at_work(setting);
        }
        Self(found)
    }

    /// What is half done there is no leftover.
    pub(super) fn correct(&self, mut plan: Plan) -> Plan {
        for (_, host) in plan
            .hosts
            .iter_mut()
            .filter(|(name, _)| self.0.contains_key(*name))
        {
            host.unfinished = false;
        }
        plan
    }

    /// Who is at work, since when, and how far they are.
    pub(super) fn text(&self) -> String {
        text::at_work(&self.0, jiff::Timestamp::now(), &Palette::stdout())
    }
}

/// How a release stands that has not ended, and how to go on or back; nothing if there is none.
pub(super) fn begun_text(cluster: &str, begun: Option<&BegunView<'_>>) -> String {
    let (now, palette) = (jiff::Timestamp::now(), Palette::stdout());
    let lines = begun.map(|it| begun::lines(cluster, it, now, &palette));
    let lines = lines.unwrap_or_default().into_iter();
    lines.map(|line| line + "\n").collect()
}

/// Prints a plan that is to be released, and whether somebody is asked about it.
pub(super) fn show(
    description: &Description,
    plan: &Plan,
    scope: &Scope,
    detail: Detail,
    is_asked: bool,
) -> Result<(), Failure> {
    let view = PlanView::alone(&description.cluster, plan, detail);
    let text = text::text(&view, &scope.services, detail, &Palette::stdout());
    // A plan that cannot be carried out, and one without changes, is the result.
    let is_asked = is_asked || !plan.refusals.is_empty() || !plan.left.is_empty() || !changes(plan);
    Ok(stream::proposal(&text, is_asked)?)
}

/// Tells that what differs in units may be another bayplan's doing, and which hosts are copies.
pub(super) fn notes(hosts: &Hosts, plan: &Plan) {
    note_copies(hosts);
    let looks = hosts.looks();
    let released_by = looks.filter_map(|(name, look)| {
        let version = look.released_by.clone()?;
        Some((name.clone(), version))
    });
    let note = another_version(&released_by.collect(), BAYPLAN, plan);
    if let Some(note) = note {
        stream::aside(&errors::note(&note, &Palette::stderr()));
    }
}

/// Tells which hosts are copies of each other.
pub(super) fn note_copies(hosts: &Hosts) {
    for copies in hosts.copies() {
        stream::stderr(&errors::note(&names::copies(&copies), &Palette::stderr()));
    }
}

/// Whether a release would, or might, do anything: whether a tag means another image only its pull can tell.
pub(super) fn changes(plan: &Plan) -> bool {
    let mut services = plan.hosts.values().flat_map(|host| &host.services);
    !plan.is_empty() || services.any(|service| service.action.is_possible())
}

/// Says how to go on without hosts that cannot be reached.
pub(super) fn suggest_skip(command: &str, problems: &BTreeMap<HostName, Problem>) {
    let gone = problems
        .iter()
        .filter(|(_, problem)| matches!(problem, Problem::Host(_)));
    let skip: String = gone.map(|(name, _)| format!(" --skip {name}")).collect();
    if !skip.is_empty() {
        let text = format!(
            "`bayplan {command}{skip}` goes on without, and what is pending there stays pending"
        );
        stream::stderr(&errors::help(&text, &Palette::stderr()));
    }
}

/// How a command ends that hosts had these problems with: that locks are held is a result of its own.
pub(super) fn exit_after(problems: &BTreeMap<HostName, Problem>, otherwise: Exit) -> Exit {
    let held = |problem: &Problem| matches!(problem, Problem::Locked { .. });
    match problems.is_empty() {
        true => otherwise,
        false if problems.values().all(held) => Exit::Locked,
        false => Exit::Failed,
    }
}

/// The problems of hosts, as the report shows them.
pub(super) fn failures(problems: &BTreeMap<HostName, Problem>) -> BTreeMap<HostName, HostFailure> {
    let failure = |(name, problem): (&HostName, &Problem)| (name.clone(), problem.into());
    problems.iter().map(failure).collect()
}
