//! What no edit may leave behind.

use std::collections::BTreeSet;

use super::description::{Description, Health, Images, Piece, Published, READER, Value};
use super::expected::Scope;

/// Networks have the options that they had before, since a release of some services refuses others.
pub fn keep_networks(
    name: &str,
    description: &mut Description,
    before: &Description,
    images: &Images<'_>,
) {
    description.networks.clone_from(&before.networks);
    make_valid(name, description, images);
}

/// What an edit leaves behind that `check` would refuse is taken out, too.
pub fn make_valid(name: &str, description: &mut Description, images: &Images<'_>) {
    for service in description.services.values_mut() {
        if !service.networks.is_empty() {
            service.network = None;
            service.was_in_networks = true;
            let internal = |name: &&str| {
                let options = description.networks.get(name);
                options.is_some_and(|options| options.internal)
            };
            if service.networks.iter().all(internal) {
                service.publish = Published::Nothing;
            }
        }
        service.manual &= !service.was_in_networks;
        if service.network.as_deref() == Some("none") {
            service.port = None;
        }
        if service.port.is_none() || matches!(service.network.as_deref(), Some("host" | "none")) {
            service.publish = Published::Port;
        }
        for config in service.config.values_mut() {
            config.live &= !config.files.contains_key("");
            // Whoever reads it must be able to.
            if config.live && config.mode == Some("0400") {
                config.mode = None;
            }
        }
        if service.has_live() {
            service.entrypoint = None;
            service.command = ["sh", "-c", READER].map(str::to_owned).to_vec();
        }
        if service.port.is_none() && matches!(service.health, Health::Http | Health::Tcp) {
            service.health = Health::None;
        }
        let for_docker = service.memory.is_some()
            || service.cpus.is_some()
            || service.network.is_some()
            || service.plain.contains("pids")
            || !service.devices.is_empty();
        if for_docker {
            // Podman has no cgroups there, see tests/fleet/fleet.
            let podman = description
                .hosts
                .iter()
                .filter(|host| host.engine == "podman");
            let podman: Vec<&str> = podman.map(|host| host.name.as_str()).collect();
            service
                .hosts
                .retain(|host| !podman.contains(&host.as_str()));
        }
    }
    let placed: BTreeSet<String> = description
        .services
        .iter()
        .filter(|(_, service)| !service.hosts.is_empty())
        .map(|(name, _)| name.clone())
        .collect();
    let secrets: BTreeSet<String> = description.secrets.keys().cloned().collect();
    let names: BTreeSet<String> = description.services.keys().cloned().collect();
    for service in description.services.values_mut() {
        service.needs.retain(|need| placed.contains(need));
        let needs = &service.needs;
        let after = &mut service.after;
        after.retain(|other| placed.contains(other) && !needs.contains(other));
        service.secrets.retain(|secret| secrets.contains(secret));
        service.files.retain(|_, secret| secrets.contains(secret));
        for config in service.config.values_mut() {
            config.lists = config.lists.take().filter(|listed| names.contains(listed));
        }
    }
    jobs_are_valid(description, &placed);
    let before = description.clone();
    for service in description.services.values_mut() {
        let reached = |need: &String| {
            service.hosts.iter().all(|host| {
                let scope = Scope {
                    name,
                    description: &before,
                    images,
                    host: Some(host),
                };
                scope.reaches(service, need)
            })
        };
        let needs: Vec<String> = service
            .needs
            .iter()
            .filter(|n| reached(n))
            .cloned()
            .collect();
        service.needs = needs.into_iter().collect();
    }
    // What is not there any more is no longer used; that may take away what others use.
    loop {
        let before = description.clone();
        let scope = Scope {
            name,
            description: &before,
            images,
            host: None,
        };
        let mended = std::cell::Cell::new(false);
        let mend_pieces = |pieces: &mut Vec<Piece>, usable: &BTreeSet<String>| {
            for piece in pieces {
                if matches!(piece, Piece::Of(name) if !usable.contains(name)) {
                    *piece = Piece::Words("gone".to_owned());
                    mended.set(true);
                }
            }
        };
        let mend = |value: &mut Value, usable: &BTreeSet<String>| {
            if let Value::Text(pieces) = value {
                mend_pieces(pieces, usable);
            }
        };
        let usable = scope.usable(None);
        let layers = description
            .config
            .values_mut()
            .chain(description.cluster.values_mut());
        layers.for_each(|value| mend(value, &usable));
        let names = scope.cluster_names();
        for (name, service) in &mut description.services {
            let usable = scope.usable(before.services.get(name));
            service
                .env
                .values_mut()
                .for_each(|value| mend(value, &usable));
            let config = service.config.values_mut();
            config
                .flat_map(|config| config.files.values_mut())
                .for_each(|pieces| mend_pieces(pieces, &usable));
            service
                .vars
                .retain(|pattern| match pattern.strip_suffix('*') {
                    Some(start) => names.keys().any(|name| name.starts_with(start)),
                    None => names.contains_key(pattern),
                });
        }
        for job in description.jobs.values_mut() {
            let there = |pattern: &String| match pattern.strip_suffix('*') {
                Some(start) => names.keys().any(|name| name.starts_with(start)),
                None => names.contains_key(pattern),
            };
            job.body.vars.retain(there);
        }
        if !mended.get() {
            return;
        }
    }
}

/// What jobs come after is there, and nothing waits for itself.
fn jobs_are_valid(description: &mut Description, placed: &BTreeSet<String>) {
    let jobs = description.jobs.iter();
    let once: BTreeSet<String> = jobs
        .filter(|(_, job)| job.is_once())
        .map(|(name, _)| name.clone())
        .collect();
    for service in description.services.values_mut() {
        service.after_jobs.retain(|job| once.contains(job));
    }
    for (name, job) in &mut description.jobs {
        job.body.after.retain(|other| placed.contains(other));
        let body = &mut job.body;
        body.after_jobs
            .retain(|other| once.contains(other) && other != name);
    }
    for name in description.jobs.keys().cloned().collect::<Vec<_>>() {
        let mut reached = BTreeSet::new();
        let mut left = vec![name.clone()];
        while let Some(one) = left.pop() {
            let job = description.jobs.get(&one).map(|job| &job.body);
            let Some(body) = description.services.get(&one).or(job) else {
                continue;
            };
            for before in body.comes_after().chain(&body.after_jobs) {
                if reached.insert(before.clone()) {
                    left.push(before.clone());
                }
            }
        }
        if reached.contains(&name) {
            let job = description.jobs.get_mut(&name).expect("it is there");
            job.body.after.clear();
            job.body.after_jobs.clear();
        }
    }
}
