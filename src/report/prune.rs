//! What nothing uses any more, and what became of it, as text. Hosts with the same are told together.

use std::collections::BTreeMap;

use super::hosts::{hosts as names, list};
use super::palette::{Palette, paint};
use super::text::{count, ended, escape, indent, size};
use super::view::{LeftoverView, LeftoversView};
use crate::cluster::name::HostName;
use crate::host::belongings::leftover::Leftover;

/// What could go, and a last line that sums it up.
#[must_use]
pub fn text(view: &LeftoversView<'_>, palette: &Palette) -> String {
    let mut groups: Vec<(Vec<&str>, &[LeftoverView<'_>])> = Vec::new();
    for host in view.hosts.iter().filter(|it| !it.leftovers.is_empty()) {
        match groups.iter_mut().find(|(_, all)| *all == host.leftovers) {
            Some((hosts, _)) => hosts.push(host.host),
            None => groups.push((vec![host.host], &host.leftovers)),
        }
    }
    let mut lines = Vec::new();
    for (hosts, leftovers) in groups {
        let on_each = match hosts.len() {
            1 => "",
            _ => "  on each of them",
        };
        lines.push(format!(
            "{}{}",
            paint(palette.strong, &names(hosts)),
            paint(palette.dim, on_each)
        ));
        let named: Vec<String> = leftovers.iter().map(name).collect();
        let widest = named.iter().map(|it| it.chars().count()).max().unwrap_or(0);
        for (leftover, name) in leftovers.iter().zip(named) {
            let line = match leftover.size {
                Some(bytes) => format!("{:9}  {name:widest$}  {}", leftover.kind, size(bytes)),
                None => format!("{:9}  {name}", leftover.kind),
            };
            lines.push(format!("  {line}"));
        }
    }
    lines.push(summary(view));
    ended(&lines)
}

/// `shop/web:1.0`, or the beginning of its id.
fn name(leftover: &LeftoverView<'_>) -> String {
    match leftover.names {
        [] => format!("{} (has no tag any more)", escape(&short(leftover.id))),
        names => escape(&names.join(", ")),
    }
}

fn short(id: &str) -> String {
    id.chars().take(12).collect()
}

/// `5 hosts: 3 things that nothing uses, up to 12.0 MiB`
fn summary(view: &LeftoversView<'_>) -> String {
    let hosts = count(view.hosts.len(), "host", "hosts");
    if view.is_empty() {
        return format!("{hosts}: nothing is left over");
    }
    let all = view.hosts.iter().map(|host| host.leftovers.len()).sum();
    let bytes = view.hosts.iter().map(|host| host.size).sum();
    format!(
        "{hosts}: {} that nothing uses, up to {}",
        count(all, "thing", "things"),
        size(bytes)
    )
}

/// The question before it goes.
#[must_use]
pub fn question(view: &LeftoversView<'_>) -> String {
    let hosts = view.hosts.iter().filter(|it| !it.leftovers.is_empty());
    let all = hosts.clone().map(|host| host.leftovers.len()).sum();
    format!(
        "Remove {} on {}? [y/N] ",
        count(all, "thing", "things"),
        list(hosts.map(|host| host.host))
    )
}

/// What went on each host, and what stays and why.
#[must_use]
pub fn outcome(
    pruned: &BTreeMap<HostName, Vec<(Leftover, Option<String>)>>,
    palette: &Palette,
) -> String {
    let mut lines = Vec::new();
    for (host, all) in pruned {
        let gone = all.iter().filter(|(_, why)| why.is_none());
        let bytes = gone.clone().filter_map(|(it, _)| it.size).sum();
        let mut line = format!("{host}: {} removed", count(gone.count(), "thing", "things"));
        if bytes > 0 {
            line += &format!(", up to {} free again", size(bytes));
        }
        lines.push(line);
        for (leftover, why) in all {
            let Some(why) = why else { continue };
            let view = LeftoverView::of(leftover);
            let words = format!("stays: {} {}: {}", view.kind, name(&view), escape(why));
            let mut stays = indent(&words, 2, palette.width());
            stays[0] = stays[0].replacen("stays:", &paint(palette.changed, "stays:"), 1);
            lines.extend(stays);
        }
    }
    ended(&lines)
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn what_could_go_and_what_went_is_told() {
        let cluster = samples::cluster();
        let (found, failures) = (samples::leftovers(""), BTreeMap::new());
        let view = LeftoversView::of(&cluster.name, &found, &failures);
        let whys = [
            None,
            Some("an\u{1b} endpoint is active".to_owned()),
            None,
            None,
        ];
        let pruned = found.iter().map(|(host, all)| {
            let all = all.iter().cloned().zip(whys.clone()).collect();
            (host.clone(), all)
        });
        let outcome = outcome(&pruned.collect(), &Palette::PLAIN);
        insta::assert_snapshot!(text(&view, &Palette::PLAIN) + &question(&view) + "\n" + &outcome);
        let found = BTreeMap::from([(samples::host("docker01"), Vec::new())]);
        let view = LeftoversView::of(&cluster.name, &found, &failures);
        assert_eq!(
            text(&view, &Palette::PLAIN),
            "1 host: nothing is left over\n"
        );
    }

    proptest::proptest! {
        #[test]
        fn nothing_of_a_host_steers_a_terminal(odd in proptest::prelude::any::<String>()) {
            let cluster = samples::cluster();
            let (found, failures) = (samples::leftovers(&odd), BTreeMap::new());
            let view = LeftoversView::of(&cluster.name, &found, &failures);
            samples::assert_tame(&text(&view, &Palette::PLAIN));
        }
    }
}
