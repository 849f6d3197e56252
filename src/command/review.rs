//! `bayplan diff … --against REV`.

use std::collections::BTreeSet;

use super::description::{Examined, examine, git_refused, show};
use super::{Exit, Failure, page};
use crate::cli::{Diff, Format};
use crate::cluster::diagnostic::Diagnostic;
use crate::cluster::model::Cluster;
use crate::cluster::name::{ClusterName, ServiceName};
use crate::cluster::{Definitions, Sources, definitions, hosts_alone, nearest, unknown_cluster};
use crate::plan::review::{Side, review};
use crate::plan::trust::{TrustChange, TrustSide, trust};
use crate::plan::{Moves, Options, RolloutPolicy};
use crate::render::desired::Desired;
use crate::report::palette::Palette;
use crate::report::review::{Broken, Missing, Reviewed, Sides};
use crate::report::view::{ReviewedView, ReviewsView};
use crate::report::{Detail, errors, html as pages, json, markdown, review as text, stream};
use crate::repository::{Comparison, Range, Repository, Which};

/// What names the comment of these arguments, so that a later run can replace it.
pub(super) fn marker(arguments: &Diff) -> &str {
    arguments.cluster.as_ref().map_or("*", |name| name.as_str())
}

pub(super) fn run(
    repository: &Repository,
    arguments: &Diff,
    against: &str,
) -> Result<Exit, Failure> {
    let range = Range::parse(against);
    let comparison = repository.compare(&range).map_err(git_refused)?;
    let sides = sides(&comparison, &range);
    let which = match &arguments.cluster {
        Some(cluster) => Which::One(cluster.as_str()),
        None => Which::All,
    };
    let before = comparison.before(which).map_err(git_refused)?;
    let after = comparison.after(which).map_err(git_refused)?;
    let names = match &arguments.cluster {
        Some(cluster) => BTreeSet::from([known(cluster, &before, &after)?]),
        None => touched(&before, &after)?,
    };
    let all: BTreeSet<&str> = before.clusters().chain(after.clusters()).collect();
    let mut reviews = each(&names, |name| {
        one(name, (&before, &after), &sides, &arguments.services)
    })?;
    if arguments.all {
        // A template touches every cluster that uses it, and those only.
        let untouched = |reviewed: &Reviewed| matches!(reviewed, Reviewed::Done { review, .. } if review.is_empty());
        reviews.retain(|reviewed| !untouched(reviewed));
    }
    match &arguments.html {
        Some(path) => page::write(path, &html(repository, &reviews, &sides))?,
        None => print(&reviews, &sides, all.len(), arguments)?,
    }
    Ok(exit(&reviews, arguments))
}

/// Reviews every cluster, on all cores: a template may touch each of them.
fn each(
    names: &BTreeSet<ClusterName>,
    review: impl Fn(&ClusterName) -> Result<Reviewed, Failure> + Sync,
) -> Result<Vec<Reviewed>, Failure> {
    let names: Vec<&ClusterName> = names.iter().collect();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let share = names.len().div_ceil(cores).max(1);
    let review = &review;
    std::thread::scope(|scope| {
        let shares: Vec<_> = names
            .chunks(share)
            .map(|names| scope.spawn(move || names.iter().map(|name| review(name)).collect()))
            .collect();
        let mut reviews = Vec::new();
        for share in shares {
            let done: Result<Vec<Reviewed>, Failure> =
                share.join().expect("a review does not panic");
            reviews.extend(done?);
        }
        Ok(reviews)
    })
}

fn sides(comparison: &Comparison<'_>, range: &Range) -> Sides {
    Sides {
        before: comparison.before.to_string(),
        after: comparison.after.to_string(),
        before_commit: comparison.before.commit.clone(),
        after_commit: comparison.after.commit.clone(),
        missing: (comparison.missing > 0).then(|| Missing {
            commits: comparison.missing,
            instead: range.from_merge_base(),
        }),
    }
}

/// A cluster that at least one side has.
fn known(name: &ClusterName, before: &Sources, after: &Sources) -> Result<ClusterName, Failure> {
    let mut all = Sources::new();
    for cluster in before.clusters().chain(after.clusters()) {
        all.insert_cluster(cluster);
    }
    if all.clusters().any(|cluster| cluster == name.as_str()) {
        return Ok(name.clone());
    }
    let problem = unknown_cluster(name.as_str(), &all);
    Err(Failure {
        help: problem.help,
        ..Failure::from(anyhow::anyhow!("{}, in neither revision", problem.title))
    })
}

/// The clusters whose files differ, or all if templates do.
fn touched(before: &Sources, after: &Sources) -> Result<BTreeSet<ClusterName>, Failure> {
    let same = |directory: &str| before.same_below(after, directory);
    let templates_differ = !same("templates/");
    let names: BTreeSet<&str> = before.clusters().chain(after.clusters()).collect();
    let mut touched = BTreeSet::new();
    for name in names {
        if !templates_differ && same(&format!("clusters/{name}/")) {
            continue;
        }
        let name = ClusterName::new(name).map_err(|error| {
            Failure::with_help(
                anyhow::anyhow!("clusters/{name}: {error}"),
                "rename the directory",
            )
        })?;
        touched.insert(name);
    }
    Ok(touched)
}

/// Reviews one cluster, or tells which side of it is broken.
fn one(
    name: &ClusterName,
    (before, after): (&Sources, &Sources),
    sides: &Sides,
    services: &[ServiceName],
) -> Result<Reviewed, Failure> {
    let read = |sources: &Sources| {
        let there = sources.clusters().any(|cluster| cluster == name.as_str());
        there.then(|| examine(name, sources))
    };
    let (old, new) = (read(before), read(after));
    for (outcome, sources, revision) in [(&old, before, &sides.before), (&new, after, &sides.after)]
    {
        if let Some(Examined {
            model: None,
            problems,
            ..
        }) = outcome
        {
            return Ok(Reviewed::Broken(Broken {
                cluster: name.clone(),
                revision: revision.clone(),
                problems: plain(problems, sources),
                shown: show(problems, sources, &Palette::stderr()),
                trust: trust_of(name, before, after),
            }));
        }
    }
    let model = |outcome: Option<Examined>| outcome.and_then(|outcome| outcome.model);
    let (old, new) = (model(old), model(new));
    let options = options(name, old.as_ref(), new.as_ref(), services)?;
    let defined = |sources| definitions(name.as_str(), sources);
    let (defined_before, defined_after) = (defined(before), defined(after));
    let review = review(
        side(&old, &defined_before),
        side(&new, &defined_after),
        &options,
    );
    let (cluster, _) = new.or(old).expect("one side has it, and it is not broken");
    Ok(Reviewed::Done {
        cluster: Box::new(cluster),
        review: Box::new(review),
    })
}

/// Tells what a release of changed files does where those of before were released. Those of after have no errors.
pub(super) fn tell_change(
    name: &ClusterName,
    (before, after): (&Sources, &Sources),
    before_is: &str,
    after_is: &str,
) -> Result<(), Failure> {
    let sides = Sides {
        before: before_is.to_owned(),
        after: after_is.to_owned(),
        before_commit: None,
        after_commit: None,
        missing: None,
    };
    let reviews = [one(name, (before, after), &sides, &[])?];
    let view = ReviewsView::of(&reviews, &sides, Detail::Short);
    let palette = Palette::stdout();
    for one in view.reviewed() {
        match one {
            ReviewedView::Done(review) => {
                stream::stdout(&text::text(review, &sides, Detail::Short, &palette))?;
            }
            ReviewedView::Broken(_) => {
                let note = format!(
                    "the description of {name} has errors as it is, so what a release of this changes is not known"
                );
                stream::stderr(&errors::note(&note, &Palette::stderr()));
            }
        }
    }
    Ok(())
}

/// Who may read and whom we trust: that shows also where the rest has errors.
fn trust_of(name: &ClusterName, before: &Sources, after: &Sources) -> Vec<TrustChange> {
    let read = |sources| {
        let hosts = hosts_alone(name.as_str(), sources);
        (hosts, definitions(name.as_str(), sources))
    };
    let ((old, old_defined), (new, new_defined)) = (read(before), read(after));
    trust(
        TrustSide {
            recipients: old_defined.recipients(),
            cluster: old.as_ref(),
        },
        TrustSide {
            recipients: new_defined.recipients(),
            cluster: new.as_ref(),
        },
    )
}

fn side<'a>(
    model: &'a Option<(Cluster, Desired)>,
    definitions: &'a Definitions,
) -> Option<Side<'a>> {
    let (cluster, desired) = model.as_ref()?;
    Some(Side {
        cluster,
        desired,
        definitions,
    })
}

/// The problems with their excerpts, without colours.
pub(super) fn plain(problems: &[Diagnostic], sources: &Sources) -> String {
    show(problems, sources, &Palette::PLAIN)
}

/// The services that were asked for, each of which one side has.
fn options(
    name: &ClusterName,
    old: Option<&(Cluster, Desired)>,
    new: Option<&(Cluster, Desired)>,
    services: &[ServiceName],
) -> Result<Options, Failure> {
    let known: BTreeSet<_> = [old, new]
        .into_iter()
        .flatten()
        .flat_map(|(cluster, _)| cluster.services.keys())
        .collect();
    for service in services {
        if !known.contains(service) {
            let names = known.iter().map(|name| name.as_str());
            return Err(Failure {
                help: nearest::help(service.as_str(), names),
                ..Failure::from(anyhow::anyhow!(
                    "expected a service of {name}, found `{service}`, in neither revision"
                ))
            });
        }
    }
    let services: BTreeSet<_> = services.iter().cloned().collect();
    let options = Options {
        services: (!services.is_empty()).then_some(services),
        moves: Moves::Allow,
        rollout: new.map_or_else(RolloutPolicy::default, |(cluster, _)| {
            RolloutPolicy::of(cluster)
        }),
        ..Options::default()
    };
    Ok(match new {
        Some((_, desired)) => options.with_jobs(desired),
        None => options,
    })
}

fn html(repository: &Repository, reviews: &[Reviewed], sides: &Sides) -> String {
    let view = ReviewsView::of(reviews, sides, Detail::Diff);
    let models = reviews.iter().filter_map(|reviewed| match reviewed {
        Reviewed::Done { cluster, .. } => Some(&**cluster),
        Reviewed::Broken(_) => None,
    });
    let models: Vec<&Cluster> = models.collect();
    pages::reviews(&models, &view, sides, &page::context(repository))
}

fn print(
    reviews: &[Reviewed],
    sides: &Sides,
    clusters: usize,
    arguments: &Diff,
) -> Result<(), Failure> {
    let detail = Detail::of(arguments.diff);
    let view = ReviewsView::of(reviews, sides, detail);
    for (reviewed, one) in reviews.iter().zip(view.reviewed()) {
        if let (Reviewed::Broken(broken), ReviewedView::Broken(view)) = (reviewed, one) {
            stream::stderr(&broken.shown);
            let title = text::broken_title(view);
            stream::stderr(&errors::one(&title, None, &Palette::stderr()));
        }
    }
    match arguments.format() {
        Format::Text => {
            let palette = Palette::stdout();
            for one in view.reviewed() {
                match one {
                    ReviewedView::Done(review) => {
                        stream::stdout(&text::text(review, sides, detail, &palette))?;
                        if arguments.all {
                            stream::stdout("\n")?;
                        }
                    }
                    ReviewedView::Broken(broken) => {
                        stream::stdout(&text::broken(broken, &palette))?
                    }
                }
            }
            if arguments.all {
                stream::stdout(&text::across(reviews.len(), clusters))?;
            }
            if let Some(note) = sides.note() {
                stream::aside(&errors::note(&note, &Palette::stderr()));
            }
        }
        Format::Json => stream::stdout(&json::text(&view))?,
        Format::Markdown => {
            let marker = marker(arguments);
            stream::stdout(&markdown::reviews(&view, sides, clusters, marker))?;
        }
    }
    Ok(())
}

fn exit(reviews: &[Reviewed], arguments: &Diff) -> Exit {
    let failed = reviews.iter().any(|reviewed| match reviewed {
        Reviewed::Broken(_) => true,
        Reviewed::Done { review, .. } => !review.plan.refusals.is_empty(),
    });
    let changes = reviews.iter().any(|reviewed| match reviewed {
        Reviewed::Broken(_) => true,
        Reviewed::Done { review, .. } => !review.is_empty(),
    });
    match (failed, changes && arguments.exit_code) {
        (true, _) => Exit::Failed,
        (false, true) => Exit::Changes,
        (false, false) => Exit::Done,
    }
}
