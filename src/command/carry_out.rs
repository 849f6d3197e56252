//! A release, or a rollback, from its plan on: it is shown, agreed to, carried out, and told.

#![expect(clippy::disallowed_methods, reason = "knows what time it is")]

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::path::Path;

use super::confirm::is_confirmed;
use super::description::Description;
use super::notify::{Notifier, is_allowed};
use super::secrets::{made, secret};
use super::selection::Scope;
use super::shown::{AtWork, changes, exit_after, failures, notes, show, suggest_skip};
use super::{Exit, Failure, saved};
use crate::cli::{Identities, Lift};
use crate::cluster::name::{HostName, ServiceName};
use crate::host::reach::descriptors;
use crate::host::reach::interrupt::Interrupt;
use crate::plan::guard::{Breach, breaches};
use crate::plan::{Action, Approved, Origin, Plan, plan};
use crate::release::problem::Problem;
use crate::release::request::ReleaseRequest;
use crate::release::{Hosts, Released, Setting, Stage, Stopped, release, stale};
use crate::render::begun::{BegunRelease, Direction};
use crate::report::notification::Happened;
use crate::report::palette::Palette;
use crate::report::progress::Progress;
use crate::report::totals::Totals;
use crate::report::view::{HoldView, OutcomeView, PlanView};
use crate::report::{Detail, errors, guard, hold, json, outcome, plan_end, stream};
use crate::repository::{Repository, checkout};

/// How a release ended.
pub(super) struct CarriedOut {
    pub exit: Exit,
    /// What the hosts keep of it, since it is neither done nor undone on all of them.
    pub begun: Option<BegunRelease>,
}

impl From<Exit> for CarriedOut {
    fn from(exit: Exit) -> Self {
        Self { exit, begun: None }
    }
}

/// Every host of a release has a session to its end: it holds the lock.
pub(super) fn make_room(setting: &Setting<'_>) -> Result<(), Failure> {
    let hosts = setting.desired.hosts.len();
    descriptors::make_room(hosts, setting.limit.get().min(hosts)).map_err(|too_few| {
        let help = format!(
            "`ulimit -n {}` before it, in the same shell",
            too_few.needed
        );
        Failure::with_help(too_few, help)
    })
}

/// Everything that decides how a release, or a rollback, is carried out.
pub(super) struct ReleaseContext<'a> {
    pub description: &'a Description,
    pub setting: Setting<'a>,
    pub scope: &'a Scope,
    pub repository: &'a Repository,
    /// What opens secrets.
    pub identities: &'a Identities,
    /// Whether something of the checkout is released. A rollback copies what hosts have, its secrets as well.
    pub origin: Origin,
    pub lift: &'a [Lift],
    /// The file of the plan, if it came from one.
    pub saved: Option<&'a Path>,
    pub yes: bool,
    pub detail: Detail,
}

/// Shows the plan, asks, and does it.
pub(super) fn carry_out(
    context: &ReleaseContext<'_>,
    request: ReleaseRequest,
    hosts: &mut Hosts,
) -> Result<CarriedOut, Failure> {
    let notifier = OnceCell::new();
    let done = carry_out_and_tell(context, request, hosts, &notifier);
    if let Some(notifier) = notifier.into_inner() {
        notifier.ends();
    }
    done
}

/// Whom `[notify]` names. The secret of the webhook is opened for that.
fn notifier(context: &ReleaseContext<'_>, request: &ReleaseRequest) -> Notifier {
    let ReleaseContext {
        repository,
        identities,
        ..
    } = *context;
    let cluster = &context.description.cluster;
    let webhook = cluster.notify.webhook.as_ref().map(|name| {
        let value = secret(repository, &cluster.name, name, identities);
        value.map_err(|failure| format!("{:#}", failure.error))
    });
    Notifier::of(cluster, repository.root(), &request.record, webhook)
}

fn carry_out_and_tell(
    context: &ReleaseContext<'_>,
    mut request: ReleaseRequest,
    hosts: &mut Hosts,
    told: &OnceCell<Notifier>,
) -> Result<CarriedOut, Failure> {
    let ReleaseContext {
        description,
        setting,
        scope,
        repository,
        identities,
        origin,
        lift: _,
        saved: _,
        yes,
        detail,
    } = *context;
    let interrupt = &description.connect.interrupt;
    let mut tries = 0;
    loop {
        tries += 1;
        let at_work = AtWork::beside_plan(hosts, setting);
        let shown = at_work.correct(plan(setting.desired, &hosts.observed(), &request.options));
        if let Some(reviewed) = &request.reviewed
            && hosts.problems().is_empty()
            && let Err(problems) = stale(reviewed, setting, hosts, &request.options)
        {
            let stage = Stage::Stale;
            return Ok(tell_stopped(&Stopped { stage, problems }, &request).into());
        }
        stream::stdout(&at_work.text())?;
        show(description, &shown, scope, detail, !yes)?;
        notes(hosts, &shown);
        if !hosts.problems().is_empty() {
            let failures = failures(hosts.problems());
            stream::stderr(&errors::text(&failures, &Palette::stderr()));
            if origin == Origin::Description {
                suggest_skip(&format!("release {}", scope.cluster), hosts.problems());
            }
            stream::stderr("nothing was changed on any host\n");
            return Ok(Exit::Failed.into());
        }
        known_dismissals(&request.options.dismiss, description, &shown)?;
        let Some(approved) = Approved::shown(shown) else {
            return Ok(Exit::Failed.into());
        };
        let shown = approved.plan();
        // Where all is as it was, its hosts are still to know that the release has ended.
        let only_ends = (request.undoes.is_some() || hosts.holds_anew()) && !changes(shown);
        if !changes(shown) && !only_ends {
            return Ok(Exit::Done.into());
        }
        if let Some(exit) = frozen(context, hosts) {
            return Ok(exit.into());
        }
        let notifier = told.get_or_init(|| notifier(context, &request));
        if !only_ends && !is_agreed(context, shown, notifier)? {
            return Ok(Exit::Failed.into());
        }
        // From here on a Ctrl-C is heeded where it does no harm.
        if tries == 1 {
            interrupt.listen()?;
        }
        if origin == Origin::Description {
            match made(repository, description, shown, &request.options, identities) {
                Ok(made) => (request.secrets, request.mask) = (made.files, made.mask),
                Err(failure) => {
                    stream::stderr("nothing was changed\n");
                    return Err(failure);
                }
            }
        }
        let progress = Progress::stderr(setting.desired.hosts.keys(), &Palette::stderr());
        let tell = |event| {
            notifier.event(&event);
            progress.event(&event);
        };
        notifier.begins(shown);
        notifier.happens(Happened::Started, |view| view.with(Totals::of(shown)));
        let result = release(setting, hosts, &approved, &request, &tell);
        progress.finish();
        // Nobody agreed to a certain plan, as when a release waited in line behind another one
        // of its cluster: then the plan of now is the one that is wanted.
        if let Err(stopped) = &result
            && yes
            && request.reviewed.is_none()
            && only_stale(stopped)
            && tries < TRIES
        {
            stream::stderr("the hosts changed meanwhile; this is the plan now:\n");
            continue;
        }
        tell_end(notifier, &result);
        return match result {
            Err(stopped) => Ok(interrupted(interrupt, tell_stopped(&stopped, &request)).into()),
            Ok(released) => {
                let exit = finish(context, shown, &released)?;
                Ok(CarriedOut {
                    exit: interrupted(interrupt, exit),
                    begun: released.unfinished,
                })
            }
        };
    }
}

/// How it ends where somebody froze the cluster: going back, and starting again what is there, is always possible.
fn frozen(context: &ReleaseContext<'_>, hosts: &Hosts) -> Option<Exit> {
    let hold = hosts.frozen()?;
    if context.origin != Origin::Description || context.lift.contains(&Lift::Freeze) {
        return None;
    }
    let (error, help) = hold::frozen(context.scope.cluster.as_str(), &HoldView::of(hold));
    stream::stderr(&errors::one(&error, Some(&help), &Palette::stderr()));
    stream::stderr("nothing was changed on any host\n");
    Some(Exit::Frozen)
}

/// Whether guards, hooks and the operator let it happen; who does not has told why.
fn is_agreed(
    context: &ReleaseContext<'_>,
    shown: &Plan,
    notifier: &Notifier,
) -> Result<bool, Failure> {
    let description = context.description;
    let starts_only = context.origin == Origin::Current;
    let broken = guards(context, shown);
    if !broken.is_empty() {
        let palette = Palette::stderr();
        stream::stderr(&guard::text(
            &description.cluster.name,
            context.saved,
            &broken,
            &palette,
        ));
        stream::stderr("nothing was changed on any host\n");
        return Ok(false);
    }
    let before = &description.cluster.hooks.before;
    if !context.lift.contains(&Lift::Hooks) && !before.is_empty() && !starts_only {
        let view = PlanView::alone(&description.cluster, shown, context.detail);
        if !is_allowed(before, context.repository.root(), &json::text(&view))? {
            stream::stderr("nothing was changed on any host\n");
            return Ok(false);
        }
    }
    notifier.happens(Happened::Planned, |view| view.with(Totals::of(shown)));
    if !context.yes
        && !is_confirmed(
            &plan_end::question(shown),
            "`--yes` releases without asking",
        )?
    {
        stream::stderr("nothing was changed\n");
        return Ok(false);
    }
    Ok(true)
}

/// Tells how a release ended.
fn tell_end(notifier: &Notifier, result: &Result<Released, Stopped>) {
    let problems = match result {
        Ok(released) => &released.problems,
        Err(stopped) => &stopped.problems,
    };
    if let Some((host, problem)) = problems.first_key_value() {
        let line = format!("{host}: {}", problem.line());
        notifier.happens(Happened::Failed, |view| view.since(&line));
    } else if let Ok(released) = result {
        let event = match &released.unfinished {
            Some(begun) if begun.direction == Direction::Paused => Happened::Paused,
            Some(_) | None => Happened::Done,
        };
        notifier.happens(event, |view| view.with(Totals::of(&released.plan)));
    }
}

/// Refuses to forget what nobody knows, or what is described.
fn known_dismissals(
    dismiss: &BTreeSet<HostName>,
    description: &Description,
    shown: &Plan,
) -> Result<(), Failure> {
    let cluster = &description.cluster;
    for host in dismiss {
        if shown.dismissed.iter().any(|left| left.host == *host) {
            continue;
        }
        if cluster.hosts.contains_key(host) {
            return Err(Failure::with_help(
                anyhow::anyhow!(
                    "{host} is a host of {}: there is nothing to forget",
                    cluster.name
                ),
                format!("take it out of [place], release, then delete [hosts.{host}]"),
            ));
        }
        let left: Vec<_> = shown.left.iter().map(|left| left.host.as_str()).collect();
        let help = match left.is_empty() {
            true => "no machine is left over".to_owned(),
            false => format!("left over: {}", left.join(", ")),
        };
        return Err(Failure::with_help(
            anyhow::anyhow!(
                "expected a machine that the description of {} no longer has, found `{host}`",
                cluster.name
            ),
            help,
        ));
    }
    Ok(())
}

/// How often a plan that nobody was asked about is made anew, since the hosts changed.
const TRIES: usize = 3;

fn only_stale(stopped: &Stopped) -> bool {
    let stale = |problem: &Problem| matches!(problem, Problem::Stale { .. });
    stopped.stage == Stage::Stale && stopped.problems.values().all(stale)
}

/// The guards that forbid it.
fn guards(context: &ReleaseContext<'_>, plan: &Plan) -> Vec<Breach> {
    let lifted: Vec<_> = context
        .lift
        .iter()
        .filter_map(|lift| lift.guard())
        .collect();
    let guard = &context.description.cluster.guard;
    let checkout = match context.origin {
        Origin::Description => Some(checkout(context.repository, guard)),
        Origin::Generations => None,
        // They are about what becomes effective.
        Origin::Current => return Vec::new(),
    };
    let now = jiff::Timestamp::now();
    let now = checkout.as_ref().map(|checkout| (checkout, now));
    breaches(guard, plan, now, &lifted)
}

/// What did not come to its end because the operator asked says so.
fn interrupted(interrupt: &Interrupt, exit: Exit) -> Exit {
    if exit == Exit::Failed && interrupt.asked() {
        Exit::Interrupted
    } else {
        exit
    }
}

/// Tells why nothing was done.
pub(super) fn tell_stopped(stopped: &Stopped, request: &ReleaseRequest) -> Exit {
    let palette = Palette::stderr();
    let mut failures = failures(&stopped.problems);
    if let (Stage::Stale, Some(reviewed)) = (stopped.stage, &request.reviewed) {
        for (name, failure) in &mut failures {
            if matches!(stopped.problems[name], Problem::Stale { .. }) {
                failure.help = Some(saved::anew(reviewed));
            }
        }
    }
    stream::stderr(&errors::text(&failures, &palette));
    stream::stderr("nothing was changed on any host\n");
    match stopped.stage {
        Stage::Lock => exit_after(&stopped.problems, Exit::Failed),
        Stage::Stale if only_stale(stopped) => Exit::Stale,
        Stage::Stale | Stage::Prepare => Exit::Failed,
    }
}

/// What becomes of containers, without the reasons.
fn acts(plan: &Plan) -> Vec<(&HostName, &ServiceName, Action)> {
    let services = plan.hosts.iter().flat_map(|(host, plan)| {
        let services = plan.services.iter();
        services.map(move |service| (host, &service.service, service.action))
    });
    services.filter(|(_, _, action)| action.is_done()).collect()
}

fn finish(
    context: &ReleaseContext<'_>,
    shown: &Plan,
    released: &Released,
) -> Result<Exit, Failure> {
    let description = context.description;
    // What a pull found is told before the result, with its reasons.
    if acts(&released.plan) != acts(shown) && changes(&released.plan) {
        stream::stdout(
            "\nAn image that was pulled, or a container that crashed, changed the plan to:\n\n",
        )?;
        show(
            description,
            &released.plan,
            context.scope,
            context.detail,
            true,
        )?;
    }
    let failures = failures(&released.problems);
    stream::stderr(&errors::text(&failures, &Palette::stderr()));
    let view = OutcomeView {
        starts_only: context.origin == Origin::Current,
        ..OutcomeView::of(&description.cluster, released)
    };
    stream::stdout(&outcome::text(&view, &Palette::stdout()))?;
    let waits = |begun: &BegunRelease| begun.direction == Direction::Paused;
    Ok(if released.unfinished.as_ref().is_some_and(waits) {
        Exit::Waits
    } else if failures.is_empty() {
        Exit::Done
    } else if released.problems.values().all(Problem::was_put_back) {
        Exit::RolledBack
    } else {
        Exit::Failed
    })
}
