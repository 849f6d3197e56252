//! What hosts keep of a release that has not ended: made before it begins, and found by whoever comes after it.

use std::collections::BTreeMap;

use super::Options;
use super::observed::Observed;
use super::types::Plan;
use crate::cluster::digest::Digest;
use crate::cluster::name::{HostName, ServiceName};
use crate::render::begun::{BegunRelease, Direction, FORMAT};
use crate::render::desired::Desired;

/// Who releases what, and when.
#[derive(Debug, Clone, Copy)]
pub struct BegunBy<'a> {
    /// The name of the release, which no other one has.
    pub release: &'a str,
    /// `ada@laptop`
    pub who: &'a str,
    /// RFC 3339.
    pub when: &'a str,
    /// The commit of the config repository, if there is one.
    pub commit: Option<&'a str>,
}

impl BegunBy<'_> {
    /// A release of theirs that is about several hosts.
    fn begun(
        self,
        (desired, options): (&Desired, &Options),
        direction: Direction,
        reached: Digest,
        hosts: BTreeMap<HostName, Option<u64>>,
    ) -> Option<BegunRelease> {
        (hosts.len() > 1).then(|| BegunRelease {
            format: FORMAT,
            cluster: desired.cluster.clone(),
            release: self.release.to_owned(),
            who: self.who.to_owned(),
            when: self.when.to_owned(),
            commit: self.commit.map(str::to_owned),
            direction,
            desired: reached,
            services: options.services.clone(),
            leave_out: options.leave_out.clone(),
            hosts,
        })
    }
}

/// What the hosts of a plan keep until all of it is done. `None` for a release of one host: it is done there, or put back
/// there, and that host tells it by itself. `found` is what the hosts keep of an earlier release: if it was to reach the
/// same, this one goes on with it, and goes back to what was there before it.
#[must_use]
pub fn begins(
    plan: &Plan,
    desired: &Desired,
    observed: &Observed,
    options: &Options,
    by: BegunBy<'_>,
    found: Option<&BegunRelease>,
) -> Option<BegunRelease> {
    let acting = plan.hosts.iter().filter(|(_, host)| host.acts);
    let before = acting.map(|(name, _)| {
        let seen = observed.hosts.get(name);
        (name.clone(), seen.and_then(|seen| seen.generation.number()))
    });
    let mut hosts: BTreeMap<HostName, Option<u64>> = before.collect();
    if hosts.len() <= 1 && found.is_none() {
        return None;
    }
    let digest = reached(desired, options);
    if let Some(found) = found.filter(|found| goes_on_with(&digest, found)) {
        hosts.extend(found.hosts.clone());
    }
    by.begun((desired, options), Direction::Forward, digest, hosts)
}

/// The same of a rollback: its hosts are on their way back to these generations, and whoever comes after it goes on with that.
#[must_use]
pub fn rolls_back(
    desired: &Desired,
    options: &Options,
    by: BegunBy<'_>,
    to: BTreeMap<HostName, Option<u64>>,
) -> Option<BegunRelease> {
    let digest = reached(desired, options);
    by.begun((desired, options), Direction::Back, digest, to)
}

/// The same of a rollback that undoes a release which has not ended.
#[must_use]
pub fn goes_back(by: BegunBy<'_>, undone: &BegunRelease) -> BegunRelease {
    BegunRelease {
        release: by.release.to_owned(),
        who: by.who.to_owned(),
        when: by.when.to_owned(),
        commit: by.commit.map(str::to_owned),
        direction: Direction::Back,
        ..undone.clone()
    }
}

/// Whether a release that is to reach this goes on with an earlier one that has not ended.
#[must_use]
pub fn goes_on_with(reached: &Digest, earlier: &BegunRelease) -> bool {
    earlier.desired == *reached && earlier.direction != Direction::Back
}

/// The digest of what a release is to reach: what is desired of the services that it is about, on the hosts that take part.
#[must_use]
pub fn reached(desired: &Desired, options: &Options) -> Digest {
    let hosts = desired.hosts.iter();
    let hosts = hosts.filter(|(name, _)| !options.leaves_out(name));
    let hosts: BTreeMap<&HostName, BTreeMap<&ServiceName, _>> = hosts
        .map(|(name, host)| {
            let services = host.services.iter();
            let services = services.filter(|(name, _)| options.selects(name));
            (
                name,
                services
                    .map(|(name, service)| (name, &service.entry))
                    .collect(),
            )
        })
        .collect();
    Digest::of(serde_json::to_string(&hosts).expect("manifests are plain data"))
}

/// Whether a release that is done leaves nothing of an earlier one that has not ended: it is about all that the other one
/// was about.
#[must_use]
pub fn ends(options: &Options, earlier: &BegunRelease) -> bool {
    let services = match (&options.services, &earlier.services) {
        (None, _) => true,
        (Some(these), Some(those)) => those.is_subset(these),
        (Some(_), None) => false,
    };
    services && !earlier.hosts.keys().any(|host| options.leaves_out(host))
}

/// The release that has not ended, of what hosts keep. The newest one counts: an older one is of before. Hosts that were
/// told where it goes know more than those that were not yet.
#[must_use]
pub fn newest<'a>(found: impl IntoIterator<Item = &'a BegunRelease>) -> Option<&'a BegunRelease> {
    let key = |begun: &&BegunRelease| (begun.when.clone(), begun.release.clone(), begun.direction);
    found.into_iter().max_by_key(key)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::cluster::name::ClusterName;

    fn begun(when: &str, direction: Direction) -> BegunRelease {
        BegunRelease {
            format: FORMAT,
            cluster: ClusterName::new("demo").unwrap(),
            release: when.to_owned(),
            who: "ada@laptop".to_owned(),
            when: when.to_owned(),
            commit: None,
            direction,
            desired: Digest::of(""),
            services: None,
            leave_out: Default::default(),
            hosts: BTreeMap::new(),
        }
    }

    #[test]
    fn what_is_about_less_does_not_end_an_earlier_release() {
        let services = |names: &[&str]| -> BTreeSet<ServiceName> {
            names
                .iter()
                .map(|name| ServiceName::new(*name).unwrap())
                .collect()
        };
        let of = |these: Option<&[&str]>| Options {
            services: these.map(services),
            ..Options::default()
        };
        let all = begun("2026-11-27T10:00:00Z", Direction::Forward);
        let web = BegunRelease {
            services: Some(services(&["web"])),
            hosts: BTreeMap::from([(HostName::new("docker01").unwrap(), Some(4))]),
            ..all.clone()
        };
        assert!(ends(&of(None), &all));
        assert!(ends(&of(None), &web));
        assert!(ends(&of(Some(&["db", "web"])), &web));
        assert!(!ends(&of(Some(&["db"])), &web));
        assert!(!ends(&of(Some(&["db", "web"])), &all));
        let without = Options {
            leave_out: BTreeSet::from([HostName::new("docker01").unwrap()]),
            ..of(None)
        };
        assert!(!ends(&without, &web));
    }

    #[test]
    fn the_newest_release_counts_and_of_it_who_knows_most() {
        let older = begun("2026-11-27T10:00:00Z", Direction::Back);
        let forward = begun("2026-11-27T11:00:00Z", Direction::Forward);
        let back = begun("2026-11-27T11:00:00Z", Direction::Back);
        assert_eq!(newest([]), None);
        assert_eq!(newest([&older, &forward]), Some(&forward));
        assert_eq!(newest([&back, &older, &forward]), Some(&back));
    }
}
