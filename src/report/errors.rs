//! What went wrong: one error, or the errors of many hosts, those with one cause together.

use std::collections::BTreeMap;

use super::hosts::hosts as names;
use super::palette::{Palette, paint};
use super::text::{escape, escape_lines};
use crate::cluster::name::HostName;

/// What went wrong on one host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct HostFailure {
    /// One line, lower case, no final stop.
    pub short: String,
    /// What a person wants to see next: journal lines, what a command wrote.
    pub long: Option<String>,
    /// What to type.
    pub help: Option<String>,
}

/// Hosts' errors, in the order of the hosts; hosts with the same line and help share it. What
/// only some of them said stands below under their names.
#[must_use]
pub fn text(failures: &BTreeMap<HostName, HostFailure>, palette: &Palette) -> String {
    let mut groups: Vec<(&HostFailure, Vec<&HostName>)> = Vec::new();
    for (host, failure) in failures {
        let same =
            |other: &HostFailure| (&other.short, &other.help) == (&failure.short, &failure.help);
        match groups.iter_mut().find(|(first, _)| same(first)) {
            Some((_, hosts)) => hosts.push(host),
            None => groups.push((failure, vec![host])),
        }
    }
    let mut text = String::new();
    for (failure, hosts) in groups {
        text += &error_line(&format!("{}: {}", names(&hosts), failure.short), palette);
        let longs: Vec<Option<&str>> = hosts
            .iter()
            .map(|host| failures[*host].long.as_deref())
            .collect();
        if longs.iter().all(|long| *long == longs[0]) {
            text += &indented(longs[0].unwrap_or_default(), "    ");
        } else {
            for (host, long) in hosts.iter().zip(&longs) {
                if let Some(long) = long {
                    text += &format!("  {host}:\n{}", indented(long, "    "));
                }
            }
        }
        text += &help_line(failure.help.as_deref(), palette);
    }
    text
}

/// One error that is about no host in particular.
#[must_use]
pub fn one(error: &str, help: Option<&str>, palette: &Palette) -> String {
    error_line(error, palette) + &help_line(help, palette)
}

/// What to type, beside errors.
#[must_use]
pub fn help(text: &str, palette: &Palette) -> String {
    help_line(Some(text), palette)
}

/// Something to know that is no error.
#[must_use]
pub fn note(text: &str, palette: &Palette) -> String {
    format!("{} {}\n", paint(palette.help, "note:"), escape(text))
}

/// What runs, for whoever asked for that.
#[must_use]
pub fn trace(text: &str, palette: &Palette) -> String {
    paint(palette.dim, &escape(text)) + "\n"
}

fn error_line(error: &str, palette: &Palette) -> String {
    let mut lines = escape_lines(error);
    let first = lines.next().unwrap_or_default();
    let mut text = format!("{} {first}\n", paint(palette.error, "error:"));
    for line in lines {
        text += &format!("    {line}\n");
    }
    text
}

fn help_line(help: Option<&str>, palette: &Palette) -> String {
    help.map_or_else(String::new, |help| {
        format!("{} {}\n", paint(palette.help, "help:"), escape(help))
    })
}

fn indented(text: &str, by: &str) -> String {
    escape_lines(text)
        .map(|line| format!("{by}{line}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn failure(short: &str, long: Option<&str>, help: Option<&str>) -> HostFailure {
        HostFailure {
            short: short.to_owned(),
            long: long.map(str::to_owned),
            help: help.map(str::to_owned),
        }
    }

    #[test]
    fn hosts_with_one_cause_share_a_line() {
        let refused = failure(
            "cannot connect to port 22: Connection refused",
            None,
            Some("is sshd running there? try `ssh docker01 true`"),
        );
        let journal = |line| {
            failure(
                "production-search did not stay active: exit-code",
                Some(line),
                Some("`journalctl -u production-search` on the host"),
            )
        };
        let failures = BTreeMap::from([
            (HostName::new("docker01").unwrap(), refused.clone()),
            (
                HostName::new("docker02").unwrap(),
                journal("boot\nno route to 10.0.0.177\u{1b}[2J\r"),
            ),
            (HostName::new("docker03").unwrap(), refused),
            (
                HostName::new("docker04").unwrap(),
                journal("boot\nout of memory"),
            ),
        ]);
        assert_snapshot!(text(&failures, &Palette::PLAIN));
    }

    #[test]
    fn one_error_has_its_help_below() {
        let shown = one(
            "no cluster `produktion`\nclusters: integration, production",
            Some("did you mean `production`?"),
            &Palette::PLAIN,
        );
        assert_snapshot!(shown);
    }
}
