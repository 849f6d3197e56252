//! What stands below a status: the line that sums it up, and what to type next.

use std::collections::{BTreeMap, BTreeSet};

use super::super::palette::{Palette, paint};
use super::super::text::{count, wrap};
use super::super::view::{HostStatusView, ServiceStatusView, StatusView};
use super::super::{hosts, left};
use super::state::Word;

/// `1 not running`, `2 pending restart`: what is in these states, the worst first.
pub(in crate::report) fn counted(
    view: &StatusView<'_>,
    these: impl Fn(Word) -> bool,
) -> Vec<String> {
    let mut words: BTreeMap<Word, usize> = BTreeMap::new();
    for (_, service) in services(view) {
        *words.entry(Word::of(&service.state)).or_default() += 1;
    }
    let words = words.iter().filter(|(word, _)| these(**word));
    let parts = words.map(|(word, number)| format!("{number} {}", word.text()));
    parts.collect()
}

/// What is half done on hosts, in numbers.
pub(in crate::report) fn unfinished(view: &StatusView<'_>) -> Option<String> {
    let number = view.hosts.iter().filter(|host| host.unfinished).count();
    let told = || count(number, "activation unfinished", "activations unfinished");
    (number > 0).then(told)
}

/// `3 hosts, 10 units`
pub(super) fn sizes(view: &StatusView<'_>) -> String {
    let hosts = count(view.hosts.len(), "host", "hosts");
    let units = count(services(view).count(), "unit", "units");
    format!("{hosts}, {units}")
}

/// Hosts that were not seen.
pub(super) fn unseen(view: &StatusView<'_>) -> Option<String> {
    let unseen = view.unseen.as_slice();
    (!unseen.is_empty()).then(|| format!("{} not seen", hosts::list(unseen)))
}

/// The line that sums it up.
pub(super) fn totals(view: &StatusView<'_>) -> String {
    let unseen = unseen(view).map_or_else(String::new, |told| format!("; {told}"));
    let unseen = unseen + &left::counted(&view.left);
    let name = view.cluster;
    if view.hosts.is_empty() && !unseen.is_empty() {
        return format!("Nothing is known of {name}{unseen}");
    }
    let sizes = sizes(view);
    if view.hosts.iter().all(HostStatusView::is_in_sync) {
        return match unseen.as_str() {
            "" => format!("{name} is in sync ({sizes})."),
            unseen => format!("{sizes}: all in sync{unseen}"),
        };
    }
    let mut parts = counted(view, |_| true);
    parts.extend(unfinished(view));
    format!("{sizes}: {}{unseen}", parts.join(", "))
}

/// What to type next.
pub(super) fn next_lines(view: &StatusView<'_>, palette: &Palette) -> Vec<String> {
    let mut lines = Vec::new();
    let name = view.cluster;
    if view.hosts.iter().all(HostStatusView::is_in_sync) {
        return lines;
    }
    let next = |text: &str| {
        let mut lines = wrap(&format!("next: {text}"), palette.width());
        lines[0] = lines[0].replacen("next:", &paint(palette.help, "next:"), 1);
        lines.join("\n")
    };
    if let Some((host, service, word)) = not_running(view) {
        lines.push(next(&format!(
            "`bayplan logs {name} {service} --host {host}` tells why{}",
            match matches!(word, Word::JobFailed | Word::Unhealthy) {
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
    } else if view.hosts.iter().any(needs_a_release) && view.unseen.is_empty() {
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

/// The first service that does not stay up: its host and its name.
fn not_running<'a>(view: &'a StatusView<'_>) -> Option<(&'a str, &'a str, Word)> {
    let down = |state| Word::of(state).is_down();
    let (host, service) = services(view).find(|(_, service)| down(&service.state))?;
    Some((host, service.service, Word::of(&service.state)))
}

fn needs_a_release(host: &HostStatusView<'_>) -> bool {
    let mut services = host.services.iter();
    host.unfinished
        || (host.acts && host.services.iter().all(ServiceStatusView::is_in_sync))
        || services.any(|service| {
            // What crashes as it is described, or is not healthy, is so after a release, too.
            !matches!(
                Word::of(&service.state),
                Word::InSync
                    | Word::Held
                    | Word::CrashLoop
                    | Word::Unhealthy
                    | Word::JobDone
                    | Word::JobRuns
            ) && !service.waits
        })
}
