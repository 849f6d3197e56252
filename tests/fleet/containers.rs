//! What really runs on the hosts, asked of their engines and not of bayplan.

use std::collections::{BTreeMap, BTreeSet};

use crate::hosts::{Fleet, Host};

/// The containers of one cluster that run: `docker01/search` and its id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Containers(BTreeMap<String, String>);

impl Containers {
    /// Looks at every host at once.
    pub fn seen(fleet: &Fleet, cluster: &str, engine: &str) -> Self {
        let script = format!(
            "{engine} ps --no-trunc --filter label=bayplan.cluster={cluster} --format '{{{{.Names}}}} {{{{.ID}}}}'"
        );
        let lists = on_every_host(fleet, |host| host.sh(&script));
        let mut containers = BTreeMap::new();
        for (host, list) in fleet.hosts.iter().zip(lists) {
            for line in list.lines() {
                let (name, id) = line.split_once(' ').expect("a name and an id");
                let service = name.strip_prefix(&format!("{cluster}-")).unwrap_or(name);
                containers.insert(format!("{}/{service}", host.name), id.to_owned());
            }
        }
        Self(containers)
    }

    /// What became of them: `+ docker01/search`, `- …`, `~ …` for one that is another container now.
    pub fn changes(&self, after: &Self) -> Vec<String> {
        let names: BTreeSet<&String> = self.0.keys().chain(after.0.keys()).collect();
        names
            .into_iter()
            .filter_map(|name| match (self.0.get(name), after.0.get(name)) {
                (None, Some(_)) => Some(format!("+ {name}")),
                (Some(_), None) => Some(format!("- {name}")),
                (before, after) => (before != after).then(|| format!("~ {name}")),
            })
            .collect()
    }

    /// Their names: `docker01/search`.
    pub fn names(&self) -> BTreeSet<String> {
        self.0.keys().cloned().collect()
    }

    /// The id of one.
    #[track_caller]
    pub fn id(&self, name: &str) -> &str {
        self.0
            .get(name)
            .unwrap_or_else(|| panic!("{name} does not run: {self:?}"))
    }
}

/// The environment of a container's first process, byte for byte.
pub fn environment(host: &Host, engine: &str, container: &str) -> BTreeMap<String, Vec<u8>> {
    let output = host.run(&format!("{engine} exec {container} cat /proc/1/environ"));
    assert!(
        output.status.success(),
        "{container} on {}: {output:?}",
        host.name
    );
    variables(&output.stdout)
}

/// The names that `docker exec CONTAINER env` shows, without what every container of the image has.
pub fn names_shown(host: &Host, container: &str) -> BTreeSet<String> {
    let output = host.run(&format!("docker exec {container} env"));
    assert!(
        output.status.success(),
        "{container} on {}: {output:?}",
        host.name
    );
    let text = String::from_utf8_lossy(&output.stdout);
    let names = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name);
    names
        .filter(|name| !matches!(*name, "PATH" | "HOME" | "HOSTNAME"))
        .map(str::to_owned)
        .collect()
}

fn variables(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    bytes
        .split(|byte| *byte == 0)
        .filter(|entry| !entry.is_empty())
        .map(|entry| {
            let equals = entry
                .iter()
                .position(|byte| *byte == b'=')
                .expect("NAME=value");
            let name = String::from_utf8_lossy(&entry[..equals]).into_owned();
            (name, entry[equals + 1..].to_vec())
        })
        .collect()
}

/// Does the same on every host at the same time.
pub fn on_every_host<T: Send>(fleet: &Fleet, work: impl Fn(&Host) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let work = &work;
        let hosts: Vec<_> = fleet
            .hosts
            .iter()
            .map(|host| scope.spawn(move || work(host)))
            .collect();
        hosts
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    })
}
