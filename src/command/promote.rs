//! `bayplan promote FROM TO [SERVICE…]`.

#![expect(
    clippy::disallowed_methods,
    reason = "takes the moment from which ages are counted"
)]

use std::path::Path;

use super::bump::not_written;
use super::description::{is_fine, load, not_loaded, repository};
use super::shown::failures;
use super::{Exit, Failure, review};
use crate::cli::Promote;
use crate::cluster::promote::{Promotion, promotion};
use crate::host::look::LookFor;
use crate::plan::proven::unproven;
use crate::plan::status::status;
use crate::release::Hosts;
use crate::report::palette::Palette;
use crate::report::plan_end::next;
use crate::report::progress::Progress;
use crate::report::view::StatusView;
use crate::report::{errors, promote as text, stream};
use crate::repository::{Edit, Repository};

pub(super) fn run(directory: Option<&Path>, arguments: &Promote) -> Result<Exit, Failure> {
    let Promote {
        from,
        to,
        services,
        require_healthy,
        at_least: _,
        dry_run,
        parallel: _,
    } = arguments;
    let repository = repository(directory)?;
    for cluster in [from, to] {
        repository.load(cluster.as_str()).map_err(not_loaded)?;
    }
    let before = repository.load_all().map_err(not_loaded)?;
    if !is_fine(from, &before) {
        return Ok(nothing_written());
    }
    let promotion = promotion(from, to, services, &before).map_err(|error| {
        let help = error.help();
        Failure::of(error, help)
    })?;
    if promotion.files.is_empty() {
        stream::stdout(&text::nothing(from, to))?;
        return Ok(Exit::Done);
    }
    let after = promotion.applied(&before);
    if !is_fine(to, &after) {
        let lacks = format!("{to} lacks what it needs to run what {from} runs");
        stream::stderr(&errors::one(&lacks, None, &Palette::stderr()));
        return Ok(nothing_written());
    }
    if *require_healthy && !is_proven(&repository, arguments, &promotion)? {
        return Ok(nothing_written());
    }
    let edits = edits(&repository, &promotion)?;
    stream::stdout(&text::text(from, to, &promotion, &Palette::stdout()))?;
    stream::stdout("\n")?;
    review::tell_change(to, (&before, &after), "now", &format!("as {from}"))?;
    if *dry_run {
        stream::stdout("\nnothing was written: --dry-run\n")?;
        return Ok(Exit::Done);
    }
    repository.write_all(&edits).map_err(not_written)?;
    stream::stdout(&next(&format!("bayplan release {to}"), &Palette::stdout()))?;
    Ok(Exit::Done)
}

fn nothing_written() -> Exit {
    stream::stderr("nothing was written\n");
    Exit::Failed
}

/// Whether the first cluster runs all of it, for as long as was asked for; else it is told what it runs.
fn is_proven(
    repository: &Repository,
    arguments: &Promote,
    promotion: &Promotion,
) -> Result<bool, Failure> {
    let Ok(description) = load(repository, &arguments.from) else {
        return Ok(false);
    };
    let progress = Progress::stderr(description.cluster.hosts.keys(), &Palette::stderr());
    let setting = description.setting(&arguments.parallel);
    let tell = |event| progress.event(&event);
    let (hosts, at_work) = Hosts::seen_at_work(setting, LookFor::Status, &tell);
    progress.finish();
    let status = status(&description.desired, &hosts.observed());
    let failures = failures(hosts.problems());
    let palette = Palette::stderr();
    stream::stderr(&errors::text(&failures, &palette));
    let now = jiff::Timestamp::now();
    let at_least = i64::try_from(arguments.at_least.as_secs()).unwrap_or(i64::MAX);
    let before = now.as_second().saturating_sub(at_least);
    let found = unproven(&status, &promotion.services, before);
    if !found.is_empty() {
        let title = format!(
            "expected all of it to run in {} as described for {}, found",
            arguments.from,
            // `1h 30m`
            format_args!("{:#}", jiff::SignedDuration::from_secs(at_least))
        );
        let view = StatusView::of(&description.cluster, &status, &at_work, &failures);
        stream::stderr(&errors::one(&title, None, &palette));
        stream::stderr(&text::unproven(&found, &view, now));
    }
    Ok(found.is_empty() && failures.is_empty())
}

/// The edits with the bytes as they are on the disk.
fn edits(repository: &Repository, promotion: &Promotion) -> Result<Vec<Edit>, Failure> {
    let edits = promotion.files.iter().map(|file| {
        repository
            .edit_as(&file.to, file.from.as_deref())
            .map_err(not_written)
    });
    edits.collect()
}
