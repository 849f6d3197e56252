//! Finds the proxy of each service with `[swap]`, and what such a service cannot have.

use std::collections::BTreeMap;

use super::description::ServiceFile;
use super::diagnostic::{Diagnostic, quoted};
use super::loaded::LoadedCluster;
use super::model::{Health, Probe, Service, Swap, SwapFile};
use super::name::ServiceName;
use super::nearest;
use super::placement::Placements;
use super::read::Problems;
use super::replace::Alone;
use super::swap::WrittenSwap;

/// Reports what a service with `[swap]` cannot have, and what it and its proxy need.
pub(super) fn check_swap(
    description: &LoadedCluster,
    placements: &Placements,
    service: &ServiceFile,
    problems: &mut Problems,
) {
    let Some(swap) = &service.swap else {
        return;
    };
    check_beside(swap, service, problems);
    let [a, b] = &swap.slots;
    for (number, port) in [a, b].into_iter().enumerate() {
        let other = if number == 1 && a.value == b.value {
            Some((a, "the other slot"))
        } else if port.value == swap.port.value {
            Some((&swap.port, "what the proxy answers on"))
        } else {
            None
        };
        if let Some((other, what)) = other {
            problems.push(
                Diagnostic::error(
                    format!("`{}` takes port {} twice", service.name, port.value),
                    port.spot.label("a slot"),
                )
                .with_related(other.spot.label(what))
                .with_help("choose another port of the host"),
            );
        }
    }
    check_proxy(description, placements, (service, swap), problems);
}

/// What a service cannot have beside `[swap]`.
fn check_beside(swap: &WrittenSwap, service: &ServiceFile, problems: &mut Problems) {
    let clashes = [
        (
            "stateful",
            service.stateful,
            "two of it would have its data at once: remove one of both",
        ),
        (
            "publish",
            service.publish.is_some(),
            "the proxy takes its requests: remove `publish`",
        ),
        (
            "network",
            service.container.network.is_some(),
            "both slots would take one port: remove `network`",
        ),
        (
            "networks",
            !service.networks.is_empty(),
            "others would find both versions by its name there: remove `networks`, and use the port of the proxy",
        ),
        (
            "aliases",
            !service.aliases.is_empty(),
            "others would find both versions by it: remove `aliases`",
        ),
        (
            "once",
            service.run.is_job(),
            "a job takes no requests: remove `[swap]`",
        ),
        (
            "schedule",
            service.run.is_job(),
            "a job takes no requests: remove `[swap]`",
        ),
        (
            "hostname",
            service.container.hostname.is_some(),
            "both slots would have it: remove `hostname`",
        ),
        (
            "volumes",
            !swap.shares_volumes && !service.volume_targets.is_empty(),
            "two versions of it have them at once: write `volumes = \"shared\"` below `[swap]` if it can bear that",
        ),
    ];
    let slots = Alone {
        what: "[swap]",
        spot: &swap.spot,
        not: "not with slots",
        two: "two slots",
    };
    slots.refuse(service, &clashes, problems);
    if let Some(file) = service.files.iter().find(|file| file.live.is_some()) {
        problems.push(
            Diagnostic::error(
                "files with `reload` and `[swap]` do not go together",
                file.target.spot.label("read again without a restart"),
            )
            .with_related(swap.spot.label("two slots"))
            .with_help("remove `reload`: another file is another slot, and no request is lost"),
        );
    }
    let by_http = matches!(
        &service.health,
        Some(Health {
            probe: Probe::Http(_),
            ..
        })
    );
    if !by_http && !service.unread_port {
        problems.push(
            Diagnostic::error(
                "`[swap]` needs `http` of `[health]`: a port that takes connections says nothing of who answers",
                swap.spot.label("how is a slot asked?"),
            )
            .with_help("write `[health]` and below it `http = \"/health\"`"),
        );
    }
}

fn check_proxy(
    description: &LoadedCluster,
    placements: &Placements,
    (service, swap): (&ServiceFile, &WrittenSwap),
    problems: &mut Problems,
) {
    let text = swap.proxy.value.as_str();
    let name = ServiceName::new(text).ok();
    let known = name
        .as_ref()
        .and_then(|name| description.services.get_key_value(name));
    let Some((name, proxy)) = known.filter(|(name, _)| **name != service.name) else {
        if !description.misnamed.contains(text) {
            let known = description.services.keys().map(ServiceName::as_str);
            let known = known.filter(|known| *known != service.name.as_str());
            problems.push(
                Diagnostic::error(
                    format!(
                        "expected another service as `proxy`, found {}",
                        quoted(text)
                    ),
                    swap.proxy.spot.label(match text == service.name.as_str() {
                        true => "the service itself",
                        false => "there is no such service",
                    }),
                )
                .with_help_if(nearest::help(text, known)),
            );
        }
        return;
    };
    let here = placements.get(&service.name).into_iter().flatten();
    let there = placements.get(name).map_or(&[][..], Vec::as_slice);
    if let Some(host) = here.into_iter().find(|host| !there.contains(host)) {
        problems.push(
            Diagnostic::error(
                format!("`{name}` is not on `{host}`, where `{}` is", service.name),
                swap.proxy
                    .spot
                    .label("takes its requests on each of its hosts"),
            )
            .with_help(format!("place `{name}` on `{host}`, too")),
        );
    }
    let Some(proxy) = proxy else {
        return;
    };
    let wrong = if proxy.swap.is_some() {
        Some(("has slots of its own", "name another service"))
    } else if proxy.container.network.as_deref() != Some("host") {
        Some((
            "is not in the host's network",
            "write `network = \"host\"` in its file",
        ))
    } else {
        None
    };
    if let Some((what, help)) = wrong {
        problems.push(
            Diagnostic::error(
                format!("`{name}` cannot be a proxy: it {what}"),
                swap.proxy.spot.label("takes the requests"),
            )
            .with_help(help),
        );
    }
}

/// Gives each service with `[swap]` its proxy, and each proxy the services whose requests it takes.
pub(super) fn resolve_swaps(
    description: &LoadedCluster,
    services: &mut BTreeMap<ServiceName, Service>,
    problems: &mut Problems,
) {
    let mut by_proxy: BTreeMap<ServiceName, BTreeMap<String, String>> = BTreeMap::new();
    for file in description.services.values().flatten() {
        let Some(swap) = &file.swap else {
            continue;
        };
        let Ok(proxy) = ServiceName::new(swap.proxy.value.as_str()) else {
            continue;
        };
        // One that cannot be it was told already.
        let found = services.get(&proxy);
        let found = found.filter(|found| {
            found.name != file.name && found.container.network.as_deref() == Some("host")
        });
        let Some(found) = found else {
            continue;
        };
        let files = by_proxy
            .entry(proxy.clone())
            .or_insert_with(|| slot_files(found));
        let path = |slot: &str| files.get(&format!("{}.{slot}", file.name)).cloned();
        let (Some(a), Some(b)) = (path("a"), path("b")) else {
            problems.push(
                Diagnostic::error(
                    format!("`{proxy}` has no files `{0}.a.…` and `{0}.b.…` with `reload`", file.name),
                    swap.proxy.spot.label("one of them says that slot a serves, the other one slot b"),
                )
                .with_help(format!(
                    "write both into `[files]` of `{proxy}`, as `{0}.a.cfg` and `{0}.b.cfg`; docs/zero-downtime.md has an example",
                    file.name
                )),
            );
            continue;
        };
        let [one, other] = &swap.slots;
        if let Some(service) = services.get_mut(&file.name) {
            service.swap = Some(Swap {
                proxy: proxy.clone(),
                port: swap.port.value,
                slots: [one.value, other.value],
                drain: swap.drain,
                keep: swap.keep,
                files: [a.clone(), b.clone()],
            });
        }
        if let Some(service) = services.get_mut(&proxy) {
            service.swaps.push(SwapFile {
                service: file.name.clone(),
                files: [a, b],
            });
        }
    }
}

/// The files of a proxy that say which slot of a service serves, by `web.a`: the first of each.
fn slot_files(proxy: &Service) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (directory, files) in proxy.files.live.iter().flat_map(|live| &live.directories) {
        for file in files.keys() {
            // No name of a service has a dot.
            let mut parts = file.rsplit('/').next().unwrap_or_default().splitn(3, '.');
            if let (Some(service), Some(slot), Some(_)) = (parts.next(), parts.next(), parts.next())
            {
                found
                    .entry(format!("{service}.{slot}"))
                    .or_insert_with(|| format!("{directory}/{file}"));
            }
        }
    }
    found
}
