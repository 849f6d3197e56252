//! What a cluster has on a host beside what runs: images, networks, containers that stopped, its files; and what of the host
//! uses it. It is asked before something of it goes. Pure.
//!
//! Which images are a cluster's is known by three things: the generations that the host keeps name theirs; what removed
//! generations named, and what a release pulled, is noted in `images`; and containers tell what they run. Whatever else names an image (a
//! generation of another cluster, a container of anybody's, a tag that nobody here gave it) keeps it.

pub mod departure;
pub mod leftover;
pub mod prune;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::layout::Layout;
use super::said::one_line;
use crate::cluster::model::Engine;
use crate::render::shell::quote;

const LOOK: &str = concat!(include_str!("../ours.sh"), include_str!("look.sh"));

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BelongingsAsked {
    /// What nothing uses any more.
    Leftovers,
    /// All that the cluster has.
    All,
}

/// What a host told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Belongings {
    /// Every container of the host, whoever's it is.
    pub containers: Vec<EngineContainer>,
    /// Every image of the host.
    pub images: Vec<EngineImage>,
    /// The networks of the cluster.
    pub networks: Vec<EngineNetwork>,
    /// What keeps images: references and ids, by the cluster that names them.
    pub kept: BTreeMap<String, BTreeSet<String>>,
    /// References and ids that this cluster named once.
    pub once: BTreeSet<String>,
    /// Units of the cluster that run, or are about to.
    pub active: BTreeSet<String>,
    /// Unit files of the cluster.
    pub units: BTreeSet<String>,
    /// The texts of its units, those of kept generations too.
    pub texts: Vec<String>,
    /// Its directories, with their sizes in bytes.
    pub files: Vec<(String, u64)>,
    /// How many generations are kept.
    pub generations: usize,
}

/// One container.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EngineContainer {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The id of its image.
    pub image: String,
    /// `running`, `exited`, `created`, …
    pub state: String,
    /// The cluster that its label names; empty if there is none.
    pub cluster: String,
    /// The volumes of the engine that it mounts.
    pub volumes: BTreeSet<String>,
    /// The paths of the host that it mounts.
    pub paths: BTreeSet<String>,
    /// The names of the networks that it is in.
    pub networks: BTreeSet<String>,
}

/// One image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EngineImage {
    /// Its id, without the name of the algorithm.
    pub id: String,
    /// Its size in bytes; layers that others share are counted with each.
    pub size: u64,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its names by digest.
    pub digests: Vec<String>,
}

/// One network of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EngineNetwork {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether a unit of the cluster names it.
    pub wanted: bool,
}

/// Why an answer is of no use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BelongingsError {
    /// It is no answer.
    Unreadable,
    /// A command on the host failed: what it said.
    Failed(String),
}

/// The script that asks; [`Belongings::parse`] reads what it says.
#[must_use]
pub fn belongings_script(layout: &Layout, engine: Engine, asked: BelongingsAsked) -> String {
    let wanted = match asked {
        BelongingsAsked::Leftovers => "leftovers",
        BelongingsAsked::All => "all",
    };
    format!(
        "{}engine={}\nwanted={wanted}\n{LOOK}",
        layout.variables(),
        quote(engine.program()),
    )
}

impl Belongings {
    /// Reads an answer.
    ///
    /// # Errors
    /// It is not whole, or says that something failed.
    pub fn parse(answer: &[u8]) -> Result<Self, BelongingsError> {
        let mut rest = answer.strip_prefix(b"bayplan belongings 1\n");
        let mut found = Self::default();
        while let Some(all) = rest {
            let Some(at) = all.iter().position(|byte| *byte == b'\n') else {
                return Err(BelongingsError::Unreadable);
            };
            let line = String::from_utf8_lossy(&all[..at]).into_owned();
            let mut next = &all[at + 1..];
            let (kind, words) = line.split_once(' ').unwrap_or((&line, ""));
            match kind {
                "end" => return Ok(found),
                "problem" => return Err(BelongingsError::Failed(one_line(words))),
                "text" => {
                    let length: usize = words.trim().parse().unwrap_or(usize::MAX);
                    let Some(text) = next.get(..length) else {
                        return Err(BelongingsError::Unreadable);
                    };
                    found.texts.push(String::from_utf8_lossy(text).into_owned());
                    next = next[length..].strip_prefix(b"\n").unwrap_or_default();
                }
                _ => found.hear(kind, words),
            }
            rest = Some(next);
        }
        Err(BelongingsError::Unreadable)
    }

    /// One line that has no text of its own. What cannot be meant is left out.
    fn hear(&mut self, kind: &str, words: &str) {
        match kind {
            "container" => self.containers.extend(EngineContainer::parse(words)),
            "image" => self.images.extend(EngineImage::parse(words)),
            "network" => {
                let mut words = words.split(' ');
                if let (Some(id), Some(name)) = (words.next(), words.next()) {
                    self.networks.push(EngineNetwork {
                        id: id.to_owned(),
                        name: name.to_owned(),
                        wanted: words.next() != Some("nobody"),
                    });
                }
            }
            "keeps" => {
                if let Some((owner, name)) = words.split_once(' ') {
                    let of_it = self.kept.entry(owner.to_owned()).or_default();
                    of_it.insert(name.to_owned());
                }
            }
            "once" => _ = self.once.insert(words.to_owned()),
            "active" => _ = self.active.insert(words.to_owned()),
            "unit" => _ = self.units.insert(words.to_owned()),
            "generation" => self.generations += 1,
            "files" => {
                if let Some((size, path)) = words.split_once(' ') {
                    let size: u64 = size.parse().unwrap_or(0);
                    self.files
                        .push((path.to_owned(), size.saturating_mul(1024)));
                }
            }
            _ => {}
        }
    }
}

impl EngineContainer {
    fn parse(json: &str) -> Option<Self> {
        let all: Value = serde_json::from_str(json).ok()?;
        let text = |at: usize| all.get(at).and_then(Value::as_str).unwrap_or_default();
        let mut found = Self {
            id: plain_id(text(0)),
            image: plain_id(text(1)),
            name: text(2).trim_start_matches('/').to_owned(),
            state: text(3).to_lowercase(),
            cluster: text(4).to_owned(),
            ..Self::default()
        };
        for mount in all.get(5).and_then(Value::as_array).into_iter().flatten() {
            let field = |name: &str| mount.get(name).and_then(Value::as_str);
            match field("Type") {
                Some("volume") => found.volumes.extend(field("Name").map(str::to_owned)),
                Some("bind") => found.paths.extend(field("Source").map(str::to_owned)),
                Some(_) | None => {}
            }
        }
        let networks = all.get(6).and_then(Value::as_object).into_iter();
        found.networks = networks.flat_map(|all| all.keys().cloned()).collect();
        (!found.id.is_empty()).then_some(found)
    }
}

impl EngineImage {
    fn parse(json: &str) -> Option<Self> {
        let all: Value = serde_json::from_str(json).ok()?;
        let texts = |at: usize| -> Vec<String> {
            let all = all.get(at).and_then(Value::as_array).into_iter().flatten();
            let names = all
                .filter_map(Value::as_str)
                .filter(|it| !it.contains("<none>"));
            names.map(str::to_owned).collect()
        };
        let id = plain_id(all.get(0)?.as_str()?);
        (!id.is_empty()).then_some(Self {
            id,
            size: all.get(1).and_then(Value::as_u64).unwrap_or(0),
            tags: texts(2),
            digests: texts(3),
        })
    }
}

/// An id as both engines tell it. Anything else is none.
fn plain_id(id: &str) -> String {
    let id = id.trim_start_matches("sha256:");
    match id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        true => id.to_owned(),
        false => String::new(),
    }
}

#[cfg(test)]
mod tests;
