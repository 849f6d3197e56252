//! Reads `replace` of a service, and reports what does not go together with it: the next instance of such a service opens the
//! ports of the one that serves, beside it.

use super::description::ServiceFile;
use super::diagnostic::{Diagnostic, quoted};
use super::model::Replacement;
use super::nearest;
use super::read::{At, Problems, Spot, Table};

/// Reads `replace`, if it is there and can be read.
pub(super) fn read_replace(
    root: &mut Table<'_>,
    problems: &mut Problems,
) -> Option<At<Replacement>> {
    let text = root.string("replace", problems)?;
    if text.value == "reuseport" {
        return Some(At {
            value: Replacement::Reuseport,
            spot: text.spot,
        });
    }
    let help = match text.value.as_str() {
        "restart" => Some("remove the line: without it the container restarts".to_owned()),
        "SO_REUSEPORT" | "so_reuseport" => Some("write `replace = \"reuseport\"`".to_owned()),
        other => nearest::help(other, ["reuseport"]),
    };
    problems.push(
        Diagnostic::error(
            format!("expected `reuseport`, found {}", quoted(&text.value)),
            text.spot.label("no way to replace a container"),
        )
        .with_help_if(help),
    );
    None
}

/// Reports what a service with `replace` lacks, and what it cannot have.
pub(super) fn check_replace(service: &ServiceFile, problems: &mut Problems) {
    let Some(replace) = &service.replace else {
        return;
    };
    if service.container.network.as_deref() != Some("host") {
        problems.push(
            Diagnostic::error(
                "`replace = \"reuseport\"` needs the host's network: only there both instances have one port",
                replace.spot.label("two containers on one port"),
            )
            .with_help("write `network = \"host\"`"),
        );
    }
    let clashes = [
        (
            "stateful",
            service.stateful,
            "two of it would have its data at once: remove one of both",
        ),
        (
            "publish",
            service.publish.is_some(),
            "it opens its ports itself: remove `publish`",
        ),
        (
            "networks",
            !service.networks.is_empty(),
            "it is in the host's network: remove `networks`",
        ),
        (
            "aliases",
            !service.aliases.is_empty(),
            "it is in the host's network: remove `aliases`",
        ),
        (
            "once",
            service.run.is_job(),
            "a job is not replaced: remove `replace`",
        ),
        (
            "schedule",
            service.run.is_job(),
            "a job is not replaced: remove `replace`",
        ),
        (
            "hostname",
            service.container.hostname.is_some(),
            "both instances would have it: remove `hostname`",
        ),
        (
            "volumes",
            !service.volume_targets.is_empty(),
            "two of it would have them at once: remove them. What it only reads can be in `[files]`, and keys in `secrets`",
        ),
        (
            "swap",
            service.swap.is_some(),
            "a service is behind a proxy, or it is one: remove one of both",
        ),
    ];
    let instances = Alone {
        what: "replace",
        spot: &replace.spot,
        not: "not with two instances",
        two: "two instances",
    };
    instances.refuse(service, &clashes, problems);
}

/// What gives a service two containers on a host, and does not go together with other fields.
pub(super) struct Alone<'a> {
    /// As it is written.
    pub what: &'static str,
    /// Where it stands.
    pub spot: &'a Spot,
    /// What is said of another field.
    pub not: &'static str,
    /// What it is.
    pub two: &'static str,
}

impl Alone<'_> {
    /// Reports each of these fields that clashes: its key, whether it does, and what to do.
    pub(super) fn refuse(
        &self,
        service: &ServiceFile,
        clashes: &[(&str, bool, &str)],
        problems: &mut Problems,
    ) {
        let Self {
            what,
            spot,
            not,
            two,
        } = self;
        for (key, clashes, help) in clashes {
            if let Some(other) = service.keys.get(*key).filter(|_| *clashes) {
                let key = match *key {
                    "swap" => "[swap]",
                    key => key,
                };
                problems.push(
                    Diagnostic::error(
                        format!("`{key}` and `{what}` do not go together"),
                        other.label(*not),
                    )
                    .with_related(spot.label(*two))
                    .with_help(*help),
                );
            }
        }
    }
}
