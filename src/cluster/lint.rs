//! What is allowed and seldom meant: `check` warns of it in a cluster that has `[lint]`, which says what of it is an error
//! or fine. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::description::{ClusterFile, ServiceFile, WrittenLint};
use super::diagnostic::{Diagnostic, quoted};
use super::foreign;
use super::loaded::LoadedCluster;
use super::model::Service;
use super::name::ServiceName;
use super::nearest;
use super::read::{At, Problems, Spot, Table, TableKind};

pub(super) const LINT: TableKind = TableKind {
    what: "`[lint]`",
    keys: &["deny", "allow"],
    foreign: foreign::LINT,
};

/// Reads `[lint]`.
pub(super) fn read_lint(mut table: Table<'_>, problems: &mut Problems) -> WrittenLint {
    let lint = WrittenLint {
        deny: table.strings("deny", problems),
        allow: table.strings("allow", problems),
    };
    table.finish(problems);
    lint
}

/// One thing to warn of.
#[derive(Debug, Clone, Copy)]
struct Lint {
    /// As `[lint]` has it.
    name: &'static str,
    /// What services do that it warns of, after `` `web` `` or `` `web` and `api` ``.
    does: &'static str,
    /// What to do about it.
    help: &'static str,
    /// The field that says so, if the service has it.
    field: &'static str,
    found: fn(&Seen<'_>) -> bool,
}

/// Whether there is a lint of this name.
#[must_use]
pub fn is_lint(name: &str) -> bool {
    LINTS.iter().any(|lint| lint.name == name)
}

/// What a lint looks at.
struct Seen<'a> {
    service: &'a Service,
    production: bool,
    /// Whether a port of it is published on every address of a host.
    everywhere: bool,
}

/// Every lint, by name.
const LINTS: [Lint; 11] = [
    Lint {
        name: "docker-socket",
        does: "may start any container: the engine's socket is mounted",
        help: "who has the socket is root on the host: use a proxy that lets only some requests through",
        field: "volumes",
        found: |seen| {
            seen.mounts(&[
                "/var/run/docker.sock",
                "/run/docker.sock",
                "/var/run",
                "/run",
                "/run/podman",
                "/run/podman/podman.sock",
                "/var/run/podman/podman.sock",
            ])
        },
    },
    Lint {
        name: "hidden-directory",
        does: "sees nothing of a directory of its image: one of `[files]` with `reload` is mounted over it",
        help: "put all files that it needs there into the directory, those of the image as well",
        field: "files",
        found: |seen| seen.service.files.live.is_some(),
    },
    Lint {
        name: "host-namespace",
        does: "is not apart from the host's processes: it has a namespace of the host",
        help: "publish ports instead of `network = \"host\"`, and leave `--pid`, `--ipc`, `--uts` and `--userns` out",
        field: "network",
        found: |seen| seen.has_host_namespace(),
    },
    Lint {
        name: "moving-tag",
        does: "runs a tag that moves, in a cluster of type production",
        help: "nobody can say what ran yesterday: write the version as `tag`, or a `digest`",
        field: "tag",
        found: |seen| seen.production && seen.service.image.moving,
    },
    Lint {
        name: "no-memory-limit",
        does: "has no limit of memory",
        help: "one leak takes the memory of all: write `memory = \"512m\"`",
        field: "image",
        found: |seen| seen.service.container.memory.is_none(),
    },
    Lint {
        name: "privileged",
        does: "is privileged, which is as good as root on the host",
        help: "name what it needs in `capabilities` and `devices`",
        field: "privileged",
        found: |seen| seen.service.container.privileged,
    },
    Lint {
        name: "published-everywhere",
        does: "is published on every address of its host, past most firewalls",
        help: "docker's rules come before those of ufw and firewalld: publish on one address",
        field: "port",
        found: |seen| seen.everywhere,
    },
    Lint {
        name: "root-user",
        does: "may run as root and write to its root file system",
        help: "write `user = \"1000:1000\"`, `read_only = true`, or `hardened = true`",
        field: "image",
        found: |seen| {
            let container = &seen.service.container;
            container.user.is_none() && !container.read_only
        },
    },
    Lint {
        name: "sys-admin",
        does: "has the capability SYS_ADMIN, which is nearly every other one",
        help: "most programs need a smaller one: `capabilities(7)` says which",
        field: "capabilities",
        found: |seen| {
            let added = ["SYS_ADMIN", "CAP_SYS_ADMIN", "ALL"];
            let mut capabilities = seen.service.container.capabilities.iter();
            capabilities.any(|one| added.contains(&one.as_str()))
        },
    },
    Lint {
        name: "system-mount",
        does: "has a directory of the host's system mounted: `/`, `/etc` or `/proc`",
        help: "mount the files that it needs, with `:ro`",
        field: "volumes",
        found: |seen| seen.mounts(&["/", "/etc", "/proc"]),
    },
    Lint {
        name: "unconfined",
        does: "has no filter of system calls",
        help: "`seccomp = \"unconfined\"` takes away what stops most ways out of a container: name a profile",
        field: "security",
        found: |seen| seen.service.container.security.seccomp.as_deref() == Some("unconfined"),
    },
];

impl Seen<'_> {
    fn mounts(&self, sources: &[&str]) -> bool {
        let container = &self.service.container;
        let volumes = container.volumes.iter().map(String::as_str);
        let mut given = volumes.map(|volume| volume.split(':').next().unwrap_or_default());
        given.any(|source| {
            let source = match source.trim_end_matches('/') {
                "" => "/",
                source => source,
            };
            sources.contains(&source)
        })
    }

    fn has_host_namespace(&self) -> bool {
        let container = &self.service.container;
        let words = &container.extra_args;
        let mut extra = words
            .iter()
            .zip(words.iter().skip(1).map(String::as_str).chain([""]));
        container.network.as_deref() == Some("host")
            || extra.any(|(flag, next)| {
                ["--pid", "--ipc", "--uts", "--userns"].iter().any(|name| {
                    flag.strip_prefix(name)
                        .is_some_and(|rest| rest == "=host" || rest.is_empty() && next == "host")
                })
            })
    }
}

/// Warns of what services do, in a cluster that has `[lint]`; what is denied is an error. The warnings come back, since only `check` shows them.
pub(super) fn lint(
    description: &LoadedCluster,
    cluster: &ClusterFile,
    services: &BTreeMap<ServiceName, Service>,
    problems: &mut Problems,
) -> Vec<Diagnostic> {
    let Some(written) = &cluster.lint else {
        return Vec::new();
    };
    let production =
        |kind: &At<String>| matches!(&*kind.value.to_lowercase(), "production" | "prod");
    let production = cluster.kind.as_ref().is_some_and(production);
    let everywhere = |service: &Service| {
        let mut hosts = cluster.hosts.iter();
        hosts.any(|described| {
            let published = || service.published(described.host.listen);
            service.hosts.contains(&described.name.value)
                && published().iter().any(|one| one.at.address.is_none())
        })
    };
    let denied = known(&written.deny, services, LintEntry::Lint, problems);
    let allowed = known(&written.allow, services, LintEntry::OfService, problems);
    let placed = services
        .values()
        .filter(|service| !service.hosts.is_empty());
    let placed: Vec<Seen<'_>> = placed
        .map(|service| Seen {
            service,
            production,
            everywhere: everywhere(service),
        })
        .collect();
    let mut warnings = Vec::new();
    for lint in &LINTS {
        if allowed.contains(&(lint.name, None)) {
            continue;
        }
        let found = placed.iter().filter(|seen| {
            !allowed.contains(&(lint.name, Some(&seen.service.name))) && (lint.found)(seen)
        });
        let found: Vec<&ServiceName> = found.map(|seen| &seen.service.name).collect();
        let Some(first) = found.first() else {
            continue;
        };
        let file = description.services.get(*first).and_then(Option::as_ref);
        let place = file.map_or_else(
            || Spot::file(&description.cluster_path),
            |file| spot(file, lint),
        );
        let title = format!("{} {}", list(&found), lint.does);
        let allow = match found.as_slice() {
            [one] => format!("{}:{one}", lint.name),
            _ => lint.name.to_owned(),
        };
        let help = format!(
            "{}; if it is meant, write `allow = [\"{allow}\"]` below `[lint]` of `cluster.toml`",
            lint.help
        );
        match denied.contains(&(lint.name, None)) {
            true => problems.push(Diagnostic::error(title, place.label(lint.name)).with_help(help)),
            false => {
                warnings.push(Diagnostic::warning(title, place.label(lint.name)).with_help(help));
            }
        }
    }
    warnings
}

/// Where a service says what a lint warns of, or its file.
fn spot(file: &ServiceFile, lint: &Lint) -> Spot {
    match file.keys.get(lint.field) {
        Some(spot) => spot.clone(),
        None => Spot::file(&file.path),
    }
}

/// The first names of a list.
fn list(names: &[&ServiceName]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<String> = names
        .iter()
        .take(SHOWN)
        .map(|name| format!("`{name}`"))
        .collect();
    match (shown.as_slice(), names.len().saturating_sub(SHOWN)) {
        ([one], 0) => one.clone(),
        ([first @ .., last], 0) => format!("each of {} and {last}", first.join(", ")),
        (shown, more) => format!("each of {} and {more} more", shown.join(", ")),
    }
}

/// What an entry of `[lint]` can name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LintEntry {
    Lint,
    OfService,
}

/// What to write for a name that no lint has.
fn meant_lint(name: &str) -> String {
    let names = || LINTS.iter().map(|lint| lint.name);
    let dashed = name.replace('_', "-");
    let bare = dashed.split(':').next().unwrap_or_default();
    match names().find(|name| *name == bare) {
        Some(lint) if dashed != bare => {
            return format!("write `{lint}`: only `allow` takes a service, too");
        }
        Some(lint) => return format!("did you mean `{lint}`?"),
        None => {}
    }
    match nearest::nearest(bare, names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            let all: Vec<String> = names().map(|name| format!("`{name}`")).collect();
            format!("known: {}", all.join(", "))
        }
    }
}

/// The lints that a list names, each with its service if it names one.
fn known<'s>(
    written: &[At<String>],
    services: &'s BTreeMap<ServiceName, Service>,
    named: LintEntry,
    problems: &mut Problems,
) -> BTreeSet<(&'static str, Option<&'s ServiceName>)> {
    let mut all = BTreeSet::new();
    for entry in written {
        let text = entry.value.as_str();
        let (name, of) = match text.split_once(':') {
            Some((name, of)) if named == LintEntry::OfService => (name, Some(of)),
            Some(_) | None => (text, None),
        };
        let Some(lint) = LINTS.iter().find(|lint| lint.name == name) else {
            let help = meant_lint(name);
            problems.push(
                Diagnostic::error(
                    format!("expected the name of a lint, found {}", quoted(text)),
                    entry.spot.label("unknown lint"),
                )
                .with_help(help),
            );
            continue;
        };
        let service = of.and_then(|of| services.keys().find(|name| name.as_str() == of));
        if let (Some(of), None) = (of, service) {
            problems.push(
                Diagnostic::error(
                    format!("expected a service, found {}", quoted(of)),
                    entry.spot.label("there is no such service"),
                )
                .with_help_if(nearest::help(of, services.keys().map(ServiceName::as_str))),
            );
            continue;
        }
        all.insert((lint.name, service));
    }
    all
}

#[cfg(test)]
#[path = "lint_tests.rs"]
mod tests;
