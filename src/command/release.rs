//! `bayplan release CLUSTER [SERVICE…]`.

#![expect(
    clippy::disallowed_methods,
    reason = "asks the operator, and knows who releases and when"
)]

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, stdin};
use std::path::Path;

use super::description::{Description, load, repository};
use super::diff::{changes, failures, options, show};
use super::secrets::made;
use super::{Exit, Failure};
use crate::cli::Release;
use crate::cluster::model::Cluster;
use crate::cluster::name::ClusterName;
use crate::host::layout::StageId;
use crate::host::observe::Detail as Look;
use crate::host::script::Record;
use crate::plan::guard::{Breach, breaches};
use crate::plan::{Moves, Plan, plan};
use crate::release::problem::Problem;
use crate::release::{Hosts, Order, Released, Setting, Stage, Stopped, release};
use crate::report::confirm::{Answer, ask};
use crate::report::palette::Palette;
use crate::report::progress::Progress;
use crate::report::{Detail, errors, guard, outcome, plan as text, stream};
use crate::repository::{Repository, checkout, head};

pub(super) fn run(directory: Option<&Path>, arguments: &Release) -> Result<Exit, Failure> {
    let repository = repository(directory)?;
    let description = match load(&repository, &arguments.scope.cluster) {
        Ok(description) => description,
        Err(exit) => return Ok(exit),
    };
    let moves = if arguments.allow_move {
        Moves::Allow
    } else {
        Moves::Refuse
    };
    let options = options(&description, &arguments.scope, moves)?;
    let display = || Progress::stderr(description.cluster.hosts.keys(), &Palette::stderr());
    let progress = display();
    let setting = Setting {
        cluster: &description.cluster,
        desired: &description.desired,
        connect: &description.connect,
        limit: arguments.parallel.hosts,
    };
    let mut hosts = Hosts::look(setting, Look::Plan, &|event| progress.event(&event));
    progress.finish();
    let detail = if arguments.diff {
        Detail::Diff
    } else {
        Detail::Short
    };
    let mut order = order(&repository, &description.cluster.name, options, arguments);
    let mut tries = 0;
    loop {
        tries += 1;
        let shown = plan(&description.desired, &hosts.observed(), &order.options);
        show(&description, &shown, &arguments.scope, detail)?;
        if !hosts.problems().is_empty() {
            let failures = failures(hosts.problems());
            stream::stderr(&errors::text(&failures, &Palette::stderr()));
            stream::stderr("nothing was changed on any host\n");
            return Ok(Exit::Failed);
        }
        if !shown.refusals.is_empty() {
            return Ok(Exit::Failed);
        }
        if !changes(&shown) {
            return Ok(Exit::Done);
        }
        let broken = guards(&repository, &description.cluster, &shown, arguments);
        if !broken.is_empty() {
            let palette = Palette::stderr();
            stream::stderr(&guard::text(&description.cluster.name, &broken, &palette));
            stream::stderr("nothing was changed on any host\n");
            return Ok(Exit::Failed);
        }
        if !arguments.yes && !confirmed(&shown)? {
            stream::stderr("nothing was changed\n");
            return Ok(Exit::Failed);
        }
        order.secrets = match made(
            &repository,
            &description,
            &shown,
            &order.options,
            &arguments.identities,
        ) {
            Ok(made) => made,
            Err(failure) => {
                stream::stderr("nothing was changed\n");
                return Err(failure);
            }
        };
        let progress = display();
        let tell = |event| progress.event(&event);
        let result = release(setting, &mut hosts, &shown, &order, &tell);
        progress.finish();
        match result {
            // Nobody agreed to a certain plan, as when a release waited in line behind another one
            // of its cluster: then the plan of now is the one that is wanted.
            Err(stopped) if arguments.yes && only_stale(&stopped) && tries < TRIES => {
                stream::stderr("the hosts changed meanwhile; this is the plan now:\n");
            }
            Err(stopped) => return Ok(tell_stopped(&stopped)),
            Ok(released) => {
                return finish(&description, &shown, &released, arguments, detail);
            }
        }
    }
}

/// How often a plan that nobody was asked about is made anew, since the hosts changed.
const TRIES: usize = 3;

fn only_stale(stopped: &Stopped) -> bool {
    let stale = |problem: &Problem| matches!(problem, Problem::Stale { .. });
    stopped.stage == Stage::Stale && stopped.problems.values().all(stale)
}

/// The guards that forbid it.
fn guards(
    repository: &Repository,
    cluster: &Cluster,
    plan: &Plan,
    arguments: &Release,
) -> Vec<Breach> {
    let lifted: Vec<_> = arguments.lift.iter().map(|lift| (*lift).into()).collect();
    let checkout = checkout(repository.root(), cluster.guard.branch.as_deref());
    breaches(&cluster.guard, plan, Some(&checkout), &lifted)
}

fn confirmed(shown: &Plan) -> Result<bool, Failure> {
    if !stdin().is_terminal() {
        return Err(Failure::with_help(
            anyhow::anyhow!("expected a terminal to ask on, found none"),
            "`--yes` releases without asking",
        ));
    }
    let answer = ask(
        &text::question(shown),
        &mut stdin().lock(),
        &mut std::io::stderr(),
    )?;
    Ok(answer == Answer::Yes)
}

fn order(
    repository: &Repository,
    cluster: &ClusterName,
    options: crate::plan::Options,
    arguments: &Release,
) -> Order {
    let now = jiff::Timestamp::now();
    let now = now.round(jiff::Unit::Second).unwrap_or(now);
    let who = who();
    let commit = head(repository.root()).map(|commit| {
        let mark = if commit.dirty { "-dirty" } else { "" };
        format!("{}{mark}", commit.id)
    });
    let id = std::process::id();
    let stage = format!("{}-{id}", now.strftime("%Y%m%d-%H%M%S"));
    Order {
        options,
        holder: format!("{who} since {now}, releasing {cluster} (pid {id})"),
        lock_wait: arguments.lock_wait,
        secrets: BTreeMap::new(),
        record: Record {
            format: 1,
            who,
            when: now.to_string(),
            commit,
        },
        stage: StageId::new(&stage).expect("digits and hyphens are a stage's name"),
    }
}

/// `ada@laptop`, as well as this machine knows.
fn who() -> String {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let user = variable("USER").or_else(|| variable("LOGNAME"));
    let host = fs_err::read_to_string("/proc/sys/kernel/hostname");
    let plain = |text: &str| {
        let text = text.trim().chars();
        let text = text.map(|c| if c.is_control() { '?' } else { c });
        text.take(64).collect::<String>()
    };
    format!(
        "{}@{}",
        plain(&user.unwrap_or_else(|| "somebody".to_owned())),
        plain(&host.unwrap_or_else(|_| "somewhere".to_owned()))
    )
}

fn tell_stopped(stopped: &Stopped) -> Exit {
    let palette = Palette::stderr();
    stream::stderr(&errors::text(&failures(&stopped.problems), &palette));
    stream::stderr("nothing was changed on any host\n");
    let held = |problem: &Problem| matches!(problem, Problem::Locked { .. });
    match stopped.stage {
        Stage::Lock if stopped.problems.values().all(held) => Exit::Locked,
        Stage::Stale if only_stale(stopped) => Exit::Stale,
        Stage::Lock | Stage::Stale | Stage::Prepare => Exit::Failed,
    }
}

fn finish(
    description: &Description,
    shown: &Plan,
    released: &Released,
    arguments: &Release,
    detail: Detail,
) -> Result<Exit, Failure> {
    // What a pull found is told before the result, with its reasons.
    if released.plan.hosts != shown.hosts && changes(&released.plan) {
        show(description, &released.plan, &arguments.scope, detail)?;
    }
    let failures = failures(&released.problems);
    stream::stderr(&errors::text(&failures, &Palette::stderr()));
    stream::stdout(&outcome::text(
        &description.cluster,
        released,
        &Palette::stdout(),
    ))?;
    Ok(if failures.is_empty() {
        Exit::Done
    } else {
        Exit::Failed
    })
}
