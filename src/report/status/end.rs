//! What stands below a status: the line that sums it up, and what to type next.

use std::collections::{BTreeMap, BTreeSet};

use super::super::palette::{Palette, paint};
use super::super::text::{count, wrap};
use super::super::view::{HostStatusView, ServiceStatusView, StatusView};
use super::super::{hosts, left};
use super::state::Word;

pub(super) fn last_lines(view: &StatusView<'_>, palette: &Palette) -> Vec<String> {
    let mut words: BTreeMap<Word, usize> = BTreeMap::new();
    let mut total = 0;
    for (_, service) in services(view) {
        *words.entry(Word::of(&service.state)).or_default() += 1;
        total += 1;
    }
    let hosts = count(view.hosts.len(), "host", "hosts");
    let units = count(total, "unit", "units");
    let unseen = match view.unseen.as_slice() {
        [] => String::new(),
        hosts => format!("; {} not seen", hosts::list(hosts)),
    };
    let all_seen = unseen.is_empty();
    let unseen = unseen + &left::counted(&view.left);
    let name = view.cluster;
    if view.hosts.is_empty() && !unseen.is_empty() {
        return vec![format!("Nothing is known of {name}{unseen}")];
    }
    if view.hosts.iter().all(HostStatusView::is_in_sync) {
        return vec![match unseen.as_str() {
            "" => format!("{name} is in sync ({hosts}, {units})."),
            unseen => format!("{hosts}, {units}: all in sync{unseen}"),
        }];
    }
    let parts = words
        .iter()
        .map(|(word, number)| format!("{number} {}", word.text()));
    let mut parts: Vec<String> = parts.collect();
    let unfinished = view.hosts.iter().filter(|host| host.unfinished).count();
    if unfinished > 0 {
        parts.push(count(
            unfinished,
            "activation unfinished",
            "activations unfinished",
        ));
    }
    let totals = format!("{hosts}, {units}: {}{unseen}", parts.join(", "));
    let mut lines = wrap(&totals, palette.width());
    let next = |text: &str| {
        let mut lines = wrap(&format!("next: {text}"), palette.width());
        lines[0] = lines[0].replacen("next:", &paint(palette.help, "next:"), 1);
        lines.join("\n")
    };
    if let Some((host, unit, word)) = not_running(view) {
        lines.push(next(&format!(
            "`journalctl -u {unit}` on {host} tells why{}",
            match word == Word::JobFailed {
                true => "",
                false => " it does not stay up",
            }
        )));
    }
    let waiting: BTreeSet<&str> = services(view)
        .filter(|(_, service)| service.waits)
        .map(|(_, service)| service.service)
        .collect();
    if view.refused {
        lines.push(next(&format!(
            "`bayplan diff {name}` tells what stands in the way of a release"
        )));
    } else if view.hosts.iter().any(needs_a_release) && all_seen {
        lines.push(next(&format!("`bayplan release {name}` brings it in sync")));
    }
    if !waiting.is_empty() {
        let services: Vec<&str> = waiting.into_iter().collect();
        let they = if services.len() == 1 {
            "it restarts"
        } else {
            "they restart"
        };
        lines.push(next(&format!(
            "`bayplan release {name} {}`: {they} only when named",
            services.join(" ")
        )));
    }
    lines
}

/// Every service with its host.
pub(super) fn services<'a>(
    view: &'a StatusView<'_>,
) -> impl Iterator<Item = (&'a str, &'a ServiceStatusView<'a>)> {
    let hosts = view.hosts.iter();
    hosts.flat_map(|host| host.services.iter().map(|service| (host.host, service)))
}

/// The first service that does not stay up: its host and its unit.
fn not_running<'a>(view: &'a StatusView<'_>) -> Option<(&'a str, &'a str, Word)> {
    let down = |state| {
        matches!(
            Word::of(state),
            Word::NotRunning | Word::CrashLoop | Word::JobFailed
        )
    };
    let (host, service) = services(view).find(|(_, service)| down(&service.state))?;
    let unit = &service.unit;
    let unit = unit.strip_suffix(".service").unwrap_or(unit);
    Some((host, unit, Word::of(&service.state)))
}

fn needs_a_release(host: &HostStatusView<'_>) -> bool {
    let mut services = host.services.iter();
    host.unfinished
        || (host.acts && host.services.iter().all(ServiceStatusView::is_in_sync))
        || services.any(|service| {
            // What crashes as it is described does so after a release, too.
            !matches!(
                Word::of(&service.state),
                Word::InSync | Word::CrashLoop | Word::JobDone | Word::JobRuns
            ) && !service.waits
        })
}
