//! What a preparation of hosts does, and what it leaves to people.

use std::collections::BTreeMap;

use super::palette::{Palette, paint};
use super::text::{count, ended, escape, indent};
use crate::cluster::model::Cluster;
use crate::cluster::name::HostName;
use crate::host::fitness::HostMending;

/// Each host with its commands, and with what is left to people.
#[must_use]
pub fn text(
    cluster: &Cluster,
    prepared: &BTreeMap<&HostName, HostMending>,
    palette: &Palette,
) -> String {
    let mut lines = Vec::new();
    for (host, HostMending { commands, by_hand }) in prepared {
        let location = cluster.hosts.get(*host).map(|it| it.location());
        let location = escape(&location.unwrap_or_default());
        lines.push(format!(
            "{}  {}",
            paint(palette.strong, host.as_str()),
            paint(palette.dim, &location)
        ));
        if commands.is_empty() && by_hand.is_empty() {
            lines.push("  nothing to do".to_owned());
        }
        if !commands.is_empty() {
            lines.push("  as root there:".to_owned());
            // Never wrapped: they are copied.
            lines.extend(commands.iter().map(|it| format!("    {}", escape(it))));
        }
        for (found, what) in by_hand {
            let line = format!("by hand: {}: {}", escape(found), escape(what));
            lines.extend(indent(&line, 2, palette.width()));
        }
    }
    ended(&lines)
}

/// The question before the commands are run.
#[must_use]
pub fn question(prepared: &BTreeMap<&HostName, HostMending>) -> String {
    let hosts: Vec<_> = prepared
        .iter()
        .filter(|(_, it)| !it.commands.is_empty())
        .collect();
    let commands: usize = hosts.iter().map(|(_, it)| it.commands.len()).sum();
    format!(
        "Run {} on {}? [y/N] ",
        count(commands, "command", "commands"),
        super::hosts::list(hosts.iter().map(|(name, _)| name))
    )
}

/// That a command begins on a host.
#[must_use]
pub fn begins(host: &HostName, command: &str) -> String {
    format!("{host}: {}\n", escape(command))
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn commands_and_what_is_left_are_told_by_host() {
        let hosts = ["docker01", "docker02"].map(samples::host);
        let prepared = BTreeMap::from([
            (
                &hosts[0],
                HostMending {
                    commands: vec!["apt-get update".to_owned(), "systemctl x".to_owned()],
                    by_hand: vec![("no login\u{1b}".to_owned(), "`docker login x`".to_owned())],
                },
            ),
            (&hosts[1], HostMending::default()),
        ]);
        let text = text(&samples::cluster(), &prepared, &Palette::PLAIN);
        insta::assert_snapshot!(text + &question(&prepared));
    }
}
