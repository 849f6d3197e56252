//! `bayplan diff CLUSTER [SERVICE…]`.

#![expect(
    clippy::disallowed_methods,
    reason = "takes the moment from which ages are counted"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::description::{Description, Scope, examine, load, repository};
use super::{Exit, Failure, review, saved};
use crate::cli::{Diff, Format, Part};
use crate::cluster::model::Cluster;
use crate::cluster::name::{ClusterName, HostName};
use crate::host::activate::activity::Activity;
use crate::host::look::Detail as Look;
use crate::plan::saved::BAYPLAN;
use crate::plan::{Action, Moves, Options, Plan, plan};
use crate::release::problem::Problem;
use crate::release::{Hosts, Setting};
use crate::report::errors::HostFailure;
use crate::report::palette::Palette;
use crate::report::plan::Next;
use crate::report::progress::Progress;
use crate::report::review::Broken;
use crate::report::view::PlanView;
use crate::report::{Detail, errors, hosts as names, json, markdown, plan as text, stream};
use crate::repository::Repository;

pub(super) fn run(directory: Option<&Path>, arguments: &Diff) -> Result<Exit, Failure> {
    let done = compare(directory, arguments);
    if let (Format::Markdown, Err(failure)) = (arguments.format(), &done)
        && failure.exit != Exit::Closed
    {
        let error = format!("{:#}", failure.error);
        let help = failure.help.as_deref();
        stream::stdout(&markdown::failed(marker(arguments), &error, help))?;
    }
    done
}

/// What names the comment of these arguments, so that a later run can replace it.
pub(super) fn marker(arguments: &Diff) -> &str {
    arguments.cluster.as_ref().map_or("*", |name| name.as_str())
}

fn compare(directory: Option<&Path>, arguments: &Diff) -> Result<Exit, Failure> {
    let repository = repository(directory)?;
    if let Some(against) = &arguments.against {
        if arguments.output.is_some() {
            return Err(Failure {
                exit: Exit::Usage,
                ..Failure::with_help(
                    anyhow::anyhow!(
                        "expected `-o` or `--against`, found both: a plan that can be released is \
                         made against the hosts"
                    ),
                    "leave `--against` out to save a plan, or keep a review with \
                     `--format markdown > review.md`",
                )
            });
        }
        return review::run(&repository, arguments, against);
    }
    let scope = Scope {
        cluster: arguments.cluster.clone().expect("clap requires it"),
        services: arguments.services.clone(),
    };
    let description = match load(&repository, &scope.cluster) {
        Ok(description) => description,
        Err(exit) => {
            if arguments.format() == Format::Markdown {
                stream::stdout(&not_described(&repository, &scope.cluster))?;
            }
            return Ok(exit);
        }
    };
    let options = Options {
        leave_out: leave_out(&description.cluster, &arguments.part)?,
        ..options(&description, &scope, Moves::Allow)?
    };
    let progress = Progress::stderr(description.cluster.hosts.keys(), &Palette::stderr());
    let setting = Setting {
        cluster: &description.cluster,
        desired: &description.desired,
        connect: &description.connect,
        limit: arguments.parallel.hosts,
    };
    let (mut hosts, at_work) =
        Hosts::seen_with_work(setting, Look::Plan, &|event| progress.event(&event));
    hosts.leave_out(&options.leave_out);
    let at_work = AtWork(at_work);
    progress.finish();
    let observed = hosts.observed();
    let plan_of = |options: &Options| plan(&description.desired, &observed, options);
    let plan = at_work.correct(plan_of(&options));
    let failures = failures(hosts.problems());
    let detail = if arguments.diff {
        Detail::Diff
    } else {
        Detail::Short
    };
    // Whoever reads what is shown may stop before its end (`| head`).
    if let Some(path) = &arguments.output {
        let made = (&observed, &plan);
        saved::write(path, &repository, &description, &options, made)?;
    }
    let view = PlanView::of(&description.cluster, &plan, &at_work.0, &failures, detail);
    match arguments.format() {
        Format::Json => stream::stdout(&json::text(&view))?,
        Format::Markdown => stream::stdout(&markdown::plan(&view))?,
        Format::Text => {
            stream::stdout(&at_work.text())?;
            let palette = Palette::stdout();
            stream::stdout(&text::text(&view, &scope.services, detail, &palette))?;
            notes(&hosts, &plan);
            if failures.is_empty() {
                // A diff shows moves of stateful services; a release must be told.
                let untold = Options {
                    moves: Moves::Refuse,
                    ..options.clone()
                };
                let moves = if plan_of(&untold).refusals.is_empty() {
                    Moves::Refuse
                } else {
                    Moves::Allow
                };
                let what = match &arguments.output {
                    Some(path) => Next::Saved(path),
                    None => Next::Services(&scope.services),
                };
                let next = text::next_step(&plan, what, moves, &Palette::stdout());
                stream::stdout(&next.unwrap_or_default())?;
            }
        }
    }
    stream::stderr(&errors::text(&failures, &Palette::stderr()));
    suggest_skip(&format!("diff {}", scope.cluster), hosts.problems());
    Ok(if !failures.is_empty() || !plan.refusals.is_empty() {
        Exit::Failed
    } else if arguments.exit_code && !plan.is_empty() {
        // What only a pull can tell is no change yet.
        Exit::Changes
    } else {
        Exit::Done
    })
}

/// The comment where the description cannot be read or has errors.
fn not_described(repository: &Repository, cluster: &ClusterName) -> String {
    match repository.load(cluster.as_str()) {
        Err(error) => markdown::failed(cluster.as_str(), &error.to_string(), error.help()),
        Ok(sources) => markdown::broken(&Broken {
            cluster: cluster.clone(),
            revision: "the checkout".to_owned(),
            problems: review::plain(&examine(cluster, &sources).problems, &sources),
            shown: String::new(),
            trust: Vec::new(),
        }),
    }
}

/// The activations that are at work on hosts that were looked at.
pub(super) struct AtWork(pub BTreeMap<HostName, Activity>);

impl AtWork {
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

/// Prints a plan that is to be released.
pub(super) fn show(
    description: &Description,
    plan: &Plan,
    scope: &Scope,
    detail: Detail,
) -> Result<(), Failure> {
    let (at_work, failures) = (BTreeMap::new(), BTreeMap::new());
    let view = PlanView::of(&description.cluster, plan, &at_work, &failures, detail);
    let text = text::text(&view, &scope.services, detail, &Palette::stdout());
    Ok(stream::stdout(&text)?)
}

/// Tells that what differs in units may be another bayplan's doing, and which hosts are copies.
pub(super) fn notes(hosts: &Hosts, plan: &Plan) {
    note_copies(hosts);
    let looks = hosts.looks();
    let released_by = looks.filter_map(|(name, look)| {
        let version = look.released_by.clone()?;
        Some((name.clone(), version))
    });
    let note = text::another_version(&released_by.collect(), BAYPLAN, plan);
    if let Some(note) = note {
        stream::stderr(&errors::note(&note, &Palette::stderr()));
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
    !plan.is_empty() || services.any(|service| service.action == Action::MayRestart)
}

/// What the operator chose, with every named service known.
pub(super) fn options(
    description: &Description,
    scope: &Scope,
    moves: Moves,
) -> Result<Options, Failure> {
    let services: BTreeSet<_> = scope.services.iter().cloned().collect();
    // A service that the description no longer has can be named too: its release removes it. So
    // only a name that nobody could mean is refused, and that is known after the look at the
    // hosts. Here a typing error is far more likely.
    for service in &services {
        if !description.cluster.services.contains_key(service) {
            let known = description.cluster.services.keys().map(AsRef::as_ref);
            let nearest = crate::cluster::nearest::nearest(service.as_str(), known);
            let help = nearest.map_or_else(
                || {
                    format!(
                        "`bayplan release {}` without a name also removes services that left",
                        scope.cluster
                    )
                },
                |nearest| format!("did you mean `{nearest}`?"),
            );
            return Err(Failure::with_help(
                anyhow::anyhow!("expected a service of {}, found `{service}`", scope.cluster),
                help,
            ));
        }
    }
    Ok(Options {
        services: (!services.is_empty()).then_some(services),
        moves,
        ..Options::default()
    })
}

/// The hosts of a cluster that take no part.
pub(super) fn leave_out(cluster: &Cluster, part: &Part) -> Result<BTreeSet<HostName>, Failure> {
    let Part { skip, only } = part;
    for name in skip.iter().chain(only) {
        described(cluster, name)?;
    }
    let all = || cluster.hosts.keys().cloned();
    let leave_out: BTreeSet<HostName> = match only.as_slice() {
        [] => skip.iter().cloned().collect(),
        only => all().filter(|name| !only.contains(name)).collect(),
    };
    if leave_out.len() == cluster.hosts.len() && !leave_out.is_empty() {
        return Err(Failure::with_help(
            anyhow::anyhow!("expected a host that takes part, found none: all are left out"),
            "leave out fewer hosts",
        ));
    }
    Ok(leave_out)
}

/// Whether a host is one of the cluster.
pub(super) fn described(cluster: &Cluster, host: &HostName) -> Result<(), Failure> {
    if cluster.hosts.contains_key(host) {
        return Ok(());
    }
    Err(Failure::with_help(
        anyhow::anyhow!("expected a host of {}, found `{host}`", cluster.name),
        format!("its hosts: {}", names::hosts(cluster.hosts.keys())),
    ))
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

/// The problems of hosts, as the report shows them.
pub(super) fn failures(problems: &BTreeMap<HostName, Problem>) -> BTreeMap<HostName, HostFailure> {
    let failure = |(name, problem): (&HostName, &Problem)| (name.clone(), problem.into());
    problems.iter().map(failure).collect()
}
