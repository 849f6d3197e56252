//! What one cluster takes over of another one: services, their files, and `service-config.toml`. Never `cluster.toml` or
//! `secrets.toml`: those are what makes it another cluster.

use std::collections::BTreeSet;

use super::description::ServiceFile;
use super::load::load;
use super::loaded::LoadedCluster;
use super::name::{ClusterName, ServiceName};
use super::nearest;
use super::read::Problems;
use super::sources::Sources;

/// What changes in the second cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promotion {
    /// The files that change, sorted by the path in the second cluster.
    pub files: Vec<PromotedFile>,
    /// The services that are taken over, whether anything of them differs or not.
    pub services: BTreeSet<ServiceName>,
    /// Services of the first cluster that the second one neither has nor places.
    pub left_out: BTreeSet<ServiceName>,
    /// Services that only the second cluster has.
    pub own: BTreeSet<ServiceName>,
    /// Whether `service-config.toml` differs and stays, since services were named.
    pub config_stays: bool,
}

/// A file of the second cluster that becomes another one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PromotedFile {
    /// Its path in the config repository.
    pub to: String,
    /// The file whose bytes it gets; `None` if it goes.
    pub from: Option<String>,
    /// Whether it is there now.
    pub there: bool,
}

/// Why nothing can be taken over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PromoteError {
    /// Both are one.
    #[error("expected two clusters, found {0} twice")]
    Same(ClusterName),
    /// One of them cannot be read at all.
    #[error("the description of {0} cannot be read")]
    Broken(ClusterName),
    /// The first one has no such service.
    #[error("expected a service of {from}, found `{service}`")]
    Unknown {
        /// The first cluster.
        from: ClusterName,
        /// What was typed.
        service: ServiceName,
        /// What may be meant.
        help: Option<String>,
    },
    /// A file of the first cluster cannot be read.
    #[error("{path} cannot be read: {why}")]
    Unreadable {
        /// Its path.
        path: String,
        /// Why.
        why: String,
    },
    /// The second cluster runs it nowhere.
    #[error("{to} places no {service}, which {from} runs on {hosts}")]
    Unplaced {
        /// The first cluster.
        from: ClusterName,
        /// The second cluster.
        to: ClusterName,
        /// The service.
        service: ServiceName,
        /// Where it runs in the first cluster, as it is written.
        hosts: String,
    },
    /// What it is made from would stay as it is.
    #[error("{service} is made from {parent}, whose file in {to} differs from that in {from}")]
    Parent {
        /// The first cluster.
        from: ClusterName,
        /// The second cluster.
        to: ClusterName,
        /// The service.
        service: ServiceName,
        /// The other one.
        parent: ServiceName,
    },
}

impl PromoteError {
    /// What to type.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            PromoteError::Same(_) => Some(
                "`bayplan promote FROM TO`, as `bayplan promote integration production`".to_owned(),
            ),
            PromoteError::Broken(cluster) => {
                Some(format!("`bayplan check {cluster}` shows what is wrong"))
            }
            PromoteError::Unknown { help, .. } => help.clone(),
            PromoteError::Unreadable { path, .. } => {
                let cluster = path.split('/').nth(1).unwrap_or_default();
                Some(format!("`bayplan check {cluster}` shows what is wrong"))
            }
            PromoteError::Unplaced { to, service, .. } => Some(format!(
                "write `{service} = \"HOST\"` below [place] in clusters/{to}/cluster.toml, then the same again"
            )),
            PromoteError::Parent {
                from,
                to,
                service,
                parent,
            } => Some(format!(
                "take both: `bayplan promote {from} {to} {service} {parent}`"
            )),
        }
    }
}

/// Finds what changes in the second cluster. `services` are those that were named; none means all, and
/// `service-config.toml`.
///
/// # Errors
/// A named service is not there, is placed nowhere, or is made from another one that differs; a file of the first
/// cluster cannot be read.
pub fn promotion(
    from: &ClusterName,
    to: &ClusterName,
    services: &[ServiceName],
    sources: &Sources,
) -> Result<Promotion, PromoteError> {
    if from == to {
        return Err(PromoteError::Same(from.clone()));
    }
    let read = |name: &ClusterName| load(name.as_str(), sources, &mut Problems::default());
    let broken = |name: &ClusterName| PromoteError::Broken(name.clone());
    let there = read(from).ok_or_else(|| broken(from))?;
    let here = read(to).ok_or_else(|| broken(to))?;
    let pair = Pair {
        from,
        to,
        there: &there,
        here: &here,
        sources,
    };
    pair.readable()?;
    let named = !services.is_empty();
    let (taken, left_out) = match named {
        true => (pair.named(services)?, BTreeSet::new()),
        false => pair.all(),
    };
    let mut paths: BTreeSet<String> = BTreeSet::new();
    for service in &taken {
        paths.extend(pair.of_service(service));
    }
    let config = "service-config.toml".to_owned();
    let config_stays = named && pair.differs(&config);
    if !named {
        // A cluster without one has no say in that of another one.
        if pair.has(from, &config) {
            paths.insert(config);
        }
        paths.extend(pair.shared());
    }
    let files = paths.into_iter().filter(|path| pair.differs(path));
    let files = files.map(|path| pair.file(&path)).collect();
    let own = here
        .services
        .keys()
        .filter(|name| !there.services.contains_key(*name));
    Ok(Promotion {
        files,
        services: taken,
        left_out,
        own: match named {
            true => BTreeSet::new(),
            false => own.cloned().collect(),
        },
        config_stays,
    })
}

impl Promotion {
    /// The files with these changes.
    #[must_use]
    pub fn applied(&self, sources: &Sources) -> Sources {
        let mut after = sources.clone();
        for file in &self.files {
            match &file.from {
                Some(from) => after.insert_exact(
                    file.to.clone(),
                    sources.get(from).expect("it was found there"),
                ),
                None => {
                    after.remove(&file.to);
                }
            }
        }
        after
    }
}

/// The two clusters. Paths are below their directories.
struct Pair<'a> {
    from: &'a ClusterName,
    to: &'a ClusterName,
    there: &'a LoadedCluster,
    here: &'a LoadedCluster,
    sources: &'a Sources,
}

impl Pair<'_> {
    /// Nothing is taken over as long as part of it cannot be read.
    fn readable(&self) -> Result<(), PromoteError> {
        for cluster in [self.from, self.to] {
            let below = format!("clusters/{cluster}/");
            if let Some((path, why)) = self.sources.unfit_below(&below).next() {
                return Err(PromoteError::Unreadable {
                    path: format!("{below}{path}"),
                    why: why.what.clone(),
                });
            }
        }
        let services = self.there.services.iter();
        let mut broken = services.filter(|(_, file)| file.is_none());
        match broken.next() {
            None => Ok(()),
            Some((name, _)) => Err(PromoteError::Unreadable {
                path: format!("clusters/{}/services/{name}.toml", self.from),
                why: "it is not TOML, or what it is made `from` is not".to_owned(),
            }),
        }
    }

    fn named(&self, services: &[ServiceName]) -> Result<BTreeSet<ServiceName>, PromoteError> {
        let all: BTreeSet<ServiceName> = services.iter().cloned().collect();
        for service in services {
            let Some(Some(file)) = self.there.services.get(service) else {
                let known = self.there.services.keys().map(ServiceName::as_str);
                return Err(PromoteError::Unknown {
                    from: self.from.clone(),
                    service: service.clone(),
                    help: nearest::help(service.as_str(), known),
                });
            };
            if let Some(hosts) = placed(self.there, service)
                && placed(self.here, service).is_none()
            {
                return Err(PromoteError::Unplaced {
                    from: self.from.clone(),
                    to: self.to.clone(),
                    service: service.clone(),
                    hosts,
                });
            }
            for parent in &file.from {
                if !all.contains(parent) && self.differs(&format!("services/{parent}.toml")) {
                    return Err(PromoteError::Parent {
                        from: self.from.clone(),
                        to: self.to.clone(),
                        service: service.clone(),
                        parent: parent.clone(),
                    });
                }
            }
        }
        Ok(all)
    }

    /// What the second cluster has or places, what such a service is made from, and what no cluster places. The rest is left out.
    fn all(&self) -> (BTreeSet<ServiceName>, BTreeSet<ServiceName>) {
        let names = self.there.services.keys().cloned();
        let wanted = |service: &ServiceName| {
            self.here.services.contains_key(service)
                || placed(self.here, service).is_some()
                || placed(self.there, service).is_none()
        };
        let (mut taken, mut left_out): (BTreeSet<_>, BTreeSet<_>) = names.partition(wanted);
        let files = taken.iter().filter_map(|name| self.file_of(name));
        let parents: Vec<ServiceName> = files.flat_map(|file| file.from.iter().cloned()).collect();
        for parent in parents {
            left_out.remove(&parent);
            taken.insert(parent);
        }
        (taken, left_out)
    }

    fn file_of(&self, service: &ServiceName) -> Option<&ServiceFile> {
        self.there.services.get(service)?.as_ref()
    }

    /// The service's file, what is in its directory on either side, and what else it names.
    fn of_service(&self, service: &ServiceName) -> BTreeSet<String> {
        let mut paths = BTreeSet::from([format!("services/{service}.toml")]);
        paths.extend(self.below(&format!("services/{service}/")));
        let root = format!("clusters/{}/", self.from);
        let file = self.file_of(service);
        for entry in file.into_iter().flat_map(|file| &file.files) {
            let Some(path) = entry.from.value.strip_prefix(&root) else {
                continue;
            };
            if self.sources.get(&entry.from.value).is_some() {
                paths.insert(path.to_owned());
            }
            paths.extend(self.below(&format!("{path}/")));
        }
        paths
    }

    /// What is in directories of the first cluster that are of no service of either.
    fn shared(&self) -> BTreeSet<String> {
        let root = format!("clusters/{}/services/", self.from);
        let below = self.sources.below(&root);
        let directories = below.filter_map(|(path, _)| path.split_once('/'));
        let shared: BTreeSet<&str> = directories
            .map(|(directory, _)| directory)
            .filter(|name| {
                let mut services = self.there.services.keys().chain(self.here.services.keys());
                services.all(|service| service.as_str() != *name)
            })
            .collect();
        let below = |name| self.below(&format!("services/{name}/"));
        shared.into_iter().flat_map(below).collect()
    }

    /// The files below a directory, on either side.
    fn below(&self, directory: &str) -> BTreeSet<String> {
        let mut paths = BTreeSet::new();
        for cluster in [self.from, self.to] {
            let root = format!("clusters/{cluster}/{directory}");
            let files = self.sources.below(&root);
            paths.extend(files.map(|(path, _)| format!("{directory}{path}")));
        }
        paths
    }

    fn has(&self, cluster: &ClusterName, path: &str) -> bool {
        let path = format!("clusters/{cluster}/{path}");
        self.sources.get(&path).is_some()
    }

    fn differs(&self, path: &str) -> bool {
        let of = |cluster| self.sources.get(&format!("clusters/{cluster}/{path}"));
        of(self.from) != of(self.to)
    }

    fn file(&self, path: &str) -> PromotedFile {
        let from = format!("clusters/{}/{path}", self.from);
        let to = format!("clusters/{}/{path}", self.to);
        PromotedFile {
            there: self.has(self.to, path),
            from: self.has(self.from, path).then_some(from),
            to,
        }
    }
}

/// Where a cluster places a service, as it is written.
fn placed(cluster: &LoadedCluster, service: &ServiceName) -> Option<String> {
    let mut lines = cluster.cluster.as_ref()?.place.iter();
    let line = lines.find(|line| line.service.value == service.as_str())?;
    let hosts: Vec<&str> = line.hosts.iter().map(|host| host.value.as_str()).collect();
    (!hosts.is_empty()).then(|| hosts.join(", "))
}

#[cfg(test)]
#[path = "promote_tests.rs"]
mod tests;
