//! Which images, networks and containers of a cluster nothing uses any more. Pure.

use std::collections::BTreeSet;

use super::{Belongings, EngineImage};
use crate::cluster::name::ClusterName;

/// Something that nothing uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// What it is.
    pub kind: LeftoverKind,
    /// Its id.
    pub id: String,
    /// What people call it: its tags, or its name. Nothing for an image that has lost its tags.
    pub names: Vec<String>,
    /// Its size in bytes, where one is known.
    pub size: Option<u64>,
}

/// What can be left over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftoverKind {
    /// A container that does not run, and whose unit does not, either.
    Container,
    /// A network that no container is in and no unit names.
    Network,
    /// An image that the cluster's generations named once.
    Image,
}

impl LeftoverKind {
    /// Its name, for people and scripts.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Network => "network",
            Self::Image => "image",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        [Self::Container, Self::Network, Self::Image]
            .into_iter()
            .find(|kind| kind.word() == word)
    }
}

/// Who may still have images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterFuture {
    /// Its generations keep theirs.
    Stays,
    /// Nothing of it counts: it leaves the host.
    Leaves,
}

impl Belongings {
    /// What nothing uses, in the order in which it can go: a container that stopped may be in a network and has an image.
    #[must_use]
    pub fn leftovers(&self, cluster: &ClusterName) -> Vec<Leftover> {
        let stopped: BTreeSet<&str> = self
            .containers
            .iter()
            .filter(|it| it.cluster == cluster.as_str() && !self.lives(it))
            .map(|it| it.id.as_str())
            .collect();
        let containers = self.containers.iter();
        let mut all: Vec<Leftover> = containers
            .filter(|it| stopped.contains(it.id.as_str()))
            .map(|it| Leftover {
                kind: LeftoverKind::Container,
                id: it.id.clone(),
                names: vec![it.name.clone()],
                size: None,
            })
            .collect();
        let stay = |it: &&super::EngineContainer| !stopped.contains(it.id.as_str());
        let inside: BTreeSet<&str> = self
            .containers
            .iter()
            .filter(stay)
            .flat_map(|it| it.networks.iter().map(String::as_str))
            .collect();
        let networks = self.networks.iter();
        let networks = networks.filter(|it| !it.wanted && !inside.contains(it.name.as_str()));
        all.extend(networks.map(|it| Leftover {
            kind: LeftoverKind::Network,
            id: it.id.clone(),
            names: vec![it.name.clone()],
            size: None,
        }));
        let used: BTreeSet<&str> = self
            .containers
            .iter()
            .filter(stay)
            .map(|it| it.image.as_str())
            .collect();
        all.extend(self.unused_images(cluster, &used, ClusterFuture::Stays));
        all
    }

    /// The images that the cluster named, and nobody else names or uses.
    #[must_use]
    pub fn unused_images(
        &self,
        cluster: &ClusterName,
        used: &BTreeSet<&str>,
        future: ClusterFuture,
    ) -> Vec<Leftover> {
        let mut once = NamedImages::of(self.once.iter());
        let mut kept = NamedImages::default();
        for (owner, names) in &self.kept {
            match future {
                ClusterFuture::Leaves if owner == cluster.as_str() => once.add(names.iter()),
                ClusterFuture::Leaves | ClusterFuture::Stays => kept.add(names.iter()),
            }
        }
        let images = self.images.iter();
        let images = images.filter(|image| {
            once.has(image)
                && !kept.has(image)
                && !used.contains(image.id.as_str())
                // A tag that nobody here gave it is somebody's wish to keep it.
                && image.tags.iter().all(|tag| once.names.contains(&normal(tag)))
        });
        images
            .map(|image| Leftover {
                kind: LeftoverKind::Image,
                id: image.id.clone(),
                names: image.tags.clone(),
                size: Some(image.size),
            })
            .collect()
    }

    /// What is still worth remembering of what was named once: that of which there is an image that stays.
    #[must_use]
    pub fn remembered(&self, gone: &BTreeSet<&str>) -> Vec<&str> {
        let stay = self
            .images
            .iter()
            .filter(|it| !gone.contains(it.id.as_str()));
        let stay: Vec<&EngineImage> = stay.collect();
        let known = |name: &str| {
            let one = NamedImages::of([name]);
            stay.iter().any(|image| one.has(image))
        };
        let once = self.once.iter().map(String::as_str);
        once.filter(|name| known(name)).collect()
    }

    /// Whether a container runs, or its unit is about to start it.
    fn lives(&self, container: &super::EngineContainer) -> bool {
        // The engine takes no name with an @: the container of `web@a` is `web.a`.
        let name = &container.name;
        let unit = match name.rsplit_once('.') {
            Some((service, slot)) => format!("{service}@{slot}"),
            None => name.clone(),
        };
        let stopped = matches!(
            container.state.as_str(),
            "exited" | "created" | "dead" | "stopped" | "configured"
        );
        !stopped || self.active.contains(&format!("{unit}.service"))
    }
}

/// Images by what somebody called them: ids, and references.
#[derive(Debug, Default)]
struct NamedImages {
    ids: BTreeSet<String>,
    names: BTreeSet<String>,
}

impl NamedImages {
    fn of(words: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let mut all = Self::default();
        all.add(words);
        all
    }

    fn add(&mut self, words: impl IntoIterator<Item = impl AsRef<str>>) {
        for word in words {
            let word = word.as_ref();
            let id = word.strip_prefix("sha256:").unwrap_or(word);
            if id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                self.ids.insert(id.to_owned());
            } else {
                self.names.insert(normal(word));
            }
        }
    }

    fn has(&self, image: &EngineImage) -> bool {
        let mut names = image.tags.iter().chain(&image.digests);
        self.ids.contains(&image.id) || names.any(|name| self.names.contains(&normal(name)))
    }
}

/// A reference as both engines would tell it: without docker's own registry, with a tag; a digest stands for all tags.
fn normal(reference: &str) -> String {
    let reference = reference.strip_prefix("docker.io/").unwrap_or(reference);
    let reference = reference.strip_prefix("library/").unwrap_or(reference);
    let (name, digest) = match reference.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (reference, None),
    };
    let (repository, tag) = match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        Some(_) | None => (name, "latest"),
    };
    match digest {
        Some(digest) => format!("{repository}@{digest}"),
        None => format!("{repository}:{tag}"),
    }
}
