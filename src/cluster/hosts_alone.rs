//! The hosts of a description that has errors elsewhere: `status`, `history` and `rollback` need nothing else.

use std::collections::BTreeMap;

use toml::de::DeTable;

use super::check::read_guard;
use super::cluster_file::read_cluster;
use super::model::{Cluster, Hooks, Notify};
use super::name::ClusterName;
use super::nesting::parse_recoverable;
use super::read::Problems;
use super::rollout::known_rollout;
use super::sources::Sources;

/// The keys of `cluster.toml` that say how hosts are reached, and what may be shown of them.
const OF_HOSTS: [&str; 4] = ["engine", "ssh", "hosts", "rollout"];

/// The hosts of a cluster and its guards, without any service. A guard with an error is left out. `None` if there is an
/// error in what says how hosts are reached: a host may then be another one than was meant.
#[must_use]
pub fn hosts_alone(name: &str, sources: &Sources) -> Option<Cluster> {
    let path = format!("clusters/{name}/cluster.toml");
    let text = std::str::from_utf8(sources.get(&path)?).ok()?;
    let (table, errors) = parse_recoverable(text).ok()?;
    let elsewhere = |error: &toml::de::Error| {
        let start = error.span().map(|span| span.start.min(text.len()));
        start.is_some_and(|start| !is_of_hosts(section(text.as_bytes(), start)))
    };
    if !errors.iter().all(elsewhere) {
        return None;
    }
    let (mut entries, mut guard) = (DeTable::new(), DeTable::new());
    for (key, value) in table.into_inner() {
        if key.get_ref() == "guard" {
            guard.insert(key, value);
        } else if OF_HOSTS.contains(&key.get_ref().as_ref()) {
            entries.insert(key, value);
        }
    }
    // By itself: an error in it concerns no host.
    let guard = read_cluster(&path, &guard, &mut Problems::default()).guard;
    let mut problems = Problems::default();
    let cluster = read_cluster(&path, &entries, &mut problems);
    // A text that does not end can swallow a host that stands after it.
    let begun = text
        .lines()
        .filter(|line| line.trim().starts_with("[hosts."));
    let whole = errors.is_empty() || begun.count() == cluster.hosts.len();
    if !problems.0.is_empty() || !whole || cluster.hosts.is_empty() {
        return None;
    }
    let rollout = known_rollout(&cluster);
    let hosts = cluster.hosts.into_iter();
    Some(Cluster {
        name: ClusterName::new(name).ok()?,
        hosts: hosts
            .map(|described| (described.name.value, described.host))
            .collect(),
        services: BTreeMap::new(),
        guard: read_guard(&guard),
        rollout,
        // These are of releases.
        notify: Notify::default(),
        hooks: Hooks::default(),
    })
}

/// The line that begins the table in which a place is.
fn section(text: &[u8], place: usize) -> &[u8] {
    let end = text[place..].iter().position(|b| *b == b'\n');
    let text = &text[..end.map_or(text.len(), |end| place + end)];
    let mut lines = text.rsplit(|b| *b == b'\n').map(<[u8]>::trim_ascii);
    lines
        .find(|line| line.starts_with(b"["))
        .unwrap_or_default()
}

/// Whether it says how hosts are reached, or is before any table.
fn is_of_hosts(section: &[u8]) -> bool {
    let name = section.trim_ascii_start();
    let tables: [&[u8]; 3] = [b"[hosts", b"[ssh", b"[rollout"];
    name.is_empty() || tables.iter().any(|table| name.starts_with(table))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTS: &str = "[hosts.h1]\naddress = \"10.0.0.1\"\n[hosts.h2]\naddress = \"10.0.0.2\"\n";

    fn hosts(text: &str) -> Option<usize> {
        let mut sources = Sources::new();
        sources.insert("clusters/test/cluster.toml", text);
        hosts_alone("test", &sources).map(|cluster| cluster.hosts.len())
    }

    #[test]
    fn what_is_broken_elsewhere_does_not_matter() {
        for broken in [
            "[vars]\nA = 1.2.3\n",
            "[vars]\nA = unquoted words\n",
            "[vars]\nA = [1]\n",
            "[vars]\nA = \"{{ nothing }}\"\n",
            "[vars]\nA = \"open\nB = 1\n",
            "[place]\nweb = \"h9\"\n",
            "[guard]\nmax_restarts = \"many\"\n",
            "[nothing]\n",
        ] {
            assert_eq!(hosts(&format!("{broken}{HOSTS}")), Some(2), "{broken}");
            assert_eq!(hosts(&format!("{HOSTS}{broken}")), Some(2), "{broken}");
        }
    }

    #[test]
    fn guards_stay_where_the_rest_is_broken() {
        let mut sources = Sources::new();
        let text =
            format!("[guard]\nmax_restarts = 2\nprotect = [\"db\"]\n[vars]\nA = 1.2.3\n{HOSTS}");
        sources.insert("clusters/test/cluster.toml", text);
        let guard = hosts_alone("test", &sources).unwrap().guard;
        assert_eq!(guard.max_restarts, Some(2));
        assert_eq!(guard.protect.len(), 1);
    }

    #[test]
    fn a_host_that_may_be_meant_otherwise_is_none() {
        for broken in [
            "[hosts.h3]\naddress = 10.0.0.3\n",
            "[hosts.h3]\naddress = \"10.0.0.3\"\nhost_key = \"nonsense\"\n",
            "[hosts.h3]\n",
            "[ssh]\nuser = root\n",
            "[vars]\nA = \"\"\"open\n",
        ] {
            assert_eq!(hosts(&format!("{broken}{HOSTS}")), None, "{broken}");
        }
        assert_eq!(
            hosts("engine = docker\n[hosts.h1]\naddress = \"10.0.0.1\"\n"),
            None
        );
        assert_eq!(hosts(""), None);
    }
}
