//! `bayplan diff CLUSTER [SERVICE…]`.

use std::path::Path;

use super::description::{examine, load, repository};
use super::review::marker;
use super::selection::{Scope, leave_out, options};
use super::shown::{AtWork, begun_text, failures, notes, suggest_skip};
use super::{Exit, Failure, page, review, saved};
use crate::cli::{Diff, Format};
use crate::cluster::name::ClusterName;
use crate::host::look::LookFor;
use crate::plan::{Moves, Options, plan};
use crate::release::Hosts;
use crate::report::html::PlanOnPage;
use crate::report::palette::Palette;
use crate::report::plan_end::{Next, next as next_line, next_command};
use crate::report::progress::Progress;
use crate::report::view::{BegunView, BrokenView, PlanView};
use crate::report::{Detail, errors, html, json, markdown, plan as text, stream};
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

fn compare(directory: Option<&Path>, arguments: &Diff) -> Result<Exit, Failure> {
    let repository = repository(directory)?;
    if let Some(against) = &arguments.against {
        if arguments.output.is_some() {
            return Err(Failure::usage(
                "expected `-o` or `--against`, found both: a plan that can be released is made against the hosts",
                "leave `--against` out to save a plan, or keep a review with `--format markdown > review.md`",
            ));
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
    let setting = description.setting(&arguments.parallel);
    let (mut hosts, at_work) =
        Hosts::seen_with_work(setting, LookFor::Plan, &|event| progress.event(&event));
    hosts.leave_out(&options.leave_out);
    let at_work = AtWork(at_work);
    progress.finish();
    let observed = hosts.observed();
    let plan_of = |options: &Options| plan(&description.desired, &observed, options);
    let plan = at_work.correct(plan_of(&options));
    let failures = failures(hosts.problems());
    // On a page a file that changes is there to be opened.
    let detail = Detail::of(arguments.diff || arguments.html.is_some());
    // Whoever reads what is shown may stop before its end (`| head`).
    if let Some(path) = &arguments.output {
        let made = (&observed, &plan);
        saved::write(path, &repository, &description, &options, made)?;
    }
    let mut view = PlanView::of(&description.cluster, &plan, &at_work.0, &failures, detail);
    if !view.in_sync && at_work.0.is_empty() {
        view.begun = hosts.begun().map(BegunView::of);
    }
    let next = || {
        if !failures.is_empty() {
            return None;
        }
        // A diff shows moves of stateful services; a release must be told.
        let untold = Options {
            moves: Moves::Refuse,
            ..options.clone()
        };
        let moves = match plan_of(&untold).refusals.is_empty() {
            true => Moves::Refuse,
            false => Moves::Allow,
        };
        let what = match &arguments.output {
            Some(path) => Next::Saved(path),
            None => Next::Services(&scope.services),
        };
        next_command(&plan, what, moves)
    };
    if let Some(path) = &arguments.html {
        let context = page::context(&repository);
        let next = next();
        let of = PlanOnPage {
            cluster: &description.cluster,
            view: &view,
            only: &scope.services,
            next: next.as_deref(),
        };
        page::write(path, &html::plan(&of, &context))?;
        notes(&hosts, &plan);
    } else {
        match arguments.format() {
            Format::Json => stream::stdout(&json::text(&view))?,
            Format::Markdown => stream::stdout(&markdown::plan(&view))?,
            Format::Text => {
                stream::stdout(&at_work.text())?;
                stream::stdout(&begun_text(view.cluster, view.begun.as_ref()))?;
                let palette = Palette::stdout();
                stream::stdout(&text::text(&view, &scope.services, detail, &palette))?;
                notes(&hosts, &plan);
                if let Some(command) = next() {
                    stream::stdout(&next_line(&format!("`{command}`"), &palette))?;
                }
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
        Ok(sources) => markdown::broken(&BrokenView {
            cluster: cluster.as_str(),
            revision: "the checkout",
            problems: &review::plain(&examine(cluster, &sources).problems, &sources),
            trust: Vec::new(),
        }),
    }
}
