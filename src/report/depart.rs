//! What a cluster has on hosts that it leaves, and what is left there afterwards.

use std::collections::BTreeMap;

use super::hosts::list as host_list;
use super::palette::{Palette, paint};
use super::plan_end::next;
use super::text::{commas, count, ended, escape, indent, size};
use crate::cluster::model::Cluster;
use crate::cluster::name::{HostName, ServiceName};
use crate::host::belongings::departure::{Departure, KeptData};
use crate::release::depart::{AlsoGoes, Departed, DepartureScope};

/// One host, and what goes from it.
#[derive(Debug, Clone, Copy)]
pub struct LeavingHost<'a> {
    /// Its name.
    pub name: &'a HostName,
    /// What is there.
    pub departure: &'a Departure,
    /// What goes besides.
    pub scope: DepartureScope,
}

/// Whether there is anything that goes.
#[must_use]
pub fn is_something(departure: &Departure, scope: DepartureScope) -> bool {
    let data = scope.volumes == AlsoGoes::Yes && departure.own_data().next().is_some();
    let images = scope.images == AlsoGoes::Yes && !departure.images.is_empty();
    !departure.is_over() || data || images
}

/// What is on each host, what of it stays, and what then runs nowhere.
#[must_use]
pub fn text(cluster: &Cluster, hosts: &[LeavingHost<'_>], palette: &Palette) -> String {
    let mut lines = Vec::new();
    let (full, empty): (Vec<&LeavingHost<'_>>, Vec<&LeavingHost<'_>>) = hosts
        .iter()
        .partition(|host| is_something(host.departure, host.scope));
    for host in &full {
        lines.extend(host_lines(cluster, host, palette));
    }
    if !empty.is_empty() {
        let names = host_list(empty.iter().map(|host| host.name));
        lines.push(format!("{names}: nothing of {} is there", cluster.name));
        for host in empty {
            lines.extend(besides(host, palette));
        }
    }
    let gone: Vec<&HostName> = full.iter().map(|host| host.name).collect();
    let nowhere = nowhere_else(cluster, &gone);
    if !nowhere.is_empty() && gone.len() < cluster.hosts.len() {
        let text = format!("warning: then it runs nowhere: {}", commas(nowhere));
        let mut warning = indent(&text, 0, palette.width());
        warning[0] = warning[0].replacen("warning:", &paint(palette.changed, "warning:"), 1);
        lines.extend(warning);
    }
    ended(&lines)
}

fn host_lines(cluster: &Cluster, host: &LeavingHost<'_>, palette: &Palette) -> Vec<String> {
    let Departure {
        units,
        running,
        containers,
        networks,
        files,
        generations,
        volumes: _,
        images: _,
    } = host.departure;
    let mut parts: Vec<(&str, String)> = Vec::new();
    if !units.is_empty() {
        let prefix = format!("{}-", cluster.name);
        let short = |unit: &String| unit.strip_prefix(&prefix).unwrap_or(unit).to_owned();
        let names = commas(units.iter().map(short));
        let state = match running.len() {
            0 => "none runs".to_owned(),
            all if all == units.len() => "running".to_owned(),
            some => format!("{some} running"),
        };
        parts.push(("units", format!("{names}; {state}")));
    }
    if !containers.is_empty() {
        parts.push(("containers", commas(containers)));
    }
    if !networks.is_empty() {
        parts.push(("networks", commas(networks)));
    }
    if !files.is_empty() {
        let paths = commas(files.iter().map(|(path, _)| path));
        let bytes = files.iter().map(|(_, bytes)| bytes).sum();
        let mut text = format!("{paths}: {}", size(bytes));
        if *generations > 0 {
            text += &format!(
                ", with {}",
                count(*generations, "generation", "generations")
            );
        }
        parts.push(("files", text));
    }
    let mut lines = vec![paint(palette.strong, host.name.as_str())];
    for (word, text) in parts {
        lines.extend(part(word, &text, palette));
    }
    lines.extend(besides(host, palette));
    lines
}

fn part(word: &str, text: &str, palette: &Palette) -> Vec<String> {
    indent(&format!("{word:10} {}", escape(text)), 2, palette.width())
}

/// Data and images: what goes, and what stays.
fn besides(host: &LeavingHost<'_>, palette: &Palette) -> Vec<String> {
    let data = |shared: bool| -> Vec<String> {
        let of_it = host.departure.volumes.iter();
        let of_it = of_it.filter(|it| it.shared == shared);
        of_it.map(told_data).collect()
    };
    let mut lines = Vec::new();
    let own = data(false);
    if !own.is_empty() {
        let text = match host.scope.volumes {
            AlsoGoes::Yes => format!("{}: data that nobody can bring back", commas(own)),
            AlsoGoes::No => format!("{}: they stay; `--volumes` removes them", commas(own)),
        };
        lines.extend(part("volumes", &text, palette));
    }
    let shared = data(true);
    if !shared.is_empty() {
        let text = format!("{}: they stay, since others use them", commas(shared));
        lines.extend(part("volumes", &text, palette));
    }
    let images = &host.departure.images;
    if !images.is_empty() {
        let bytes = images.iter().filter_map(|it| it.size).sum();
        let sum = format!(
            "{}, up to {}",
            count(images.len(), "image", "images"),
            size(bytes)
        );
        let text = match host.scope.images {
            AlsoGoes::Yes => sum,
            AlsoGoes::No => format!("{sum}: they stay; `--images` removes them"),
        };
        lines.extend(part("images", &text, palette));
    }
    lines
}

fn told_data(data: &KeptData) -> String {
    match data.size {
        Some(bytes) => format!("{} ({})", data.name, size(bytes)),
        None => data.name.clone(),
    }
}

/// Services that are described on these hosts alone.
fn nowhere_else<'c>(cluster: &'c Cluster, gone: &[&HostName]) -> Vec<&'c ServiceName> {
    let services = cluster.services.iter().filter(|(_, service)| {
        !service.hosts.is_empty() && service.hosts.iter().all(|host| gone.contains(&host))
    });
    services.map(|(name, _)| name).collect()
}

/// The question before it goes.
#[must_use]
pub fn question(what: &str) -> String {
    format!("Type the name of the {what} to remove this: ")
}

/// What a host does.
#[must_use]
pub fn says(host: &HostName, what: &str) -> String {
    format!("{host}: {}\n", escape(what))
}

/// What is left on each host.
#[must_use]
pub fn outcome(
    cluster: &Cluster,
    departed: &BTreeMap<HostName, Departed>,
    palette: &Palette,
) -> String {
    let mut lines = Vec::new();
    let done = departed.iter().filter(|(_, it)| it.is_done());
    let done: Vec<&HostName> = done.map(|(name, _)| name).collect();
    if !done.is_empty() {
        lines.push(format!(
            "{}: nothing of {} is there any more",
            host_list(done),
            cluster.name
        ));
    }
    for (host, it) in departed.iter().filter(|(_, it)| !it.is_done()) {
        let failed = paint(palette.removed, "failed:");
        lines.push(format!("{host}: something is left"));
        for why in &it.failed {
            let mut text = indent(&format!("failed: {}", escape(why)), 2, palette.width());
            text[0] = text[0].replacen("failed:", &failed, 1);
            lines.extend(text);
        }
        lines.push("  mend that, and type the same again: it goes on".to_owned());
    }
    ended(&lines)
}

/// What remains to be done about a host that has nothing any more.
#[must_use]
pub fn next_of<'h>(
    cluster: &Cluster,
    host: &HostName,
    unreached: impl Iterator<Item = &'h HostName>,
    palette: &Palette,
) -> String {
    let unreached: Vec<&HostName> = unreached.collect();
    let mut text = String::new();
    if cluster.hosts.contains_key(host) {
        text += &format!(
            "{host} is still described, so the next release puts all of it there again: take it out of clusters/{}/cluster.toml\n",
            cluster.name
        );
    }
    if !unreached.is_empty() {
        let command = format!("bayplan release {} --dismiss {host}", cluster.name);
        text += &format!(
            "{} may still say that something runs on {host}\n{}",
            host_list(unreached),
            next(&command, palette)
        );
    }
    text
}
