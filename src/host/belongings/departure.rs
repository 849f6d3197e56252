//! A cluster that leaves a host: what of it is there, and the script that removes it. Pure.
//!
//! The order is such that whatever ends it in between, a second run finds what is left: units stop before their files go, and
//! generations, which name volumes and images, go last.

use std::collections::BTreeSet;

use super::Belongings;
use super::leftover::{ClusterFuture, Leftover};
use super::prune::{PRUNE, removals};
use crate::cluster::model::Engine;
use crate::cluster::name::ClusterName;
use crate::host::layout::Layout;
use crate::host::said::one_line;
use crate::render::run_line::RunLine;
use crate::render::shell::quote;
use crate::render::unit::{expand_nothing, parse_unit, split_words};
use crate::render::volumes::made_by;

const DEPART: &str = concat!(include_str!("../ours.sh"), include_str!("depart.sh"));
const SIZES: &str = concat!(include_str!("../ours.sh"), include_str!("sizes.sh"));

/// All that a cluster has on a host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Departure {
    /// Its unit files.
    pub units: Vec<String>,
    /// Those of them that run.
    pub running: Vec<String>,
    /// The names of its containers.
    pub containers: Vec<String>,
    /// The names of its networks.
    pub networks: Vec<String>,
    /// Its directories, with their sizes in bytes.
    pub files: Vec<(String, u64)>,
    /// How many generations are kept.
    pub generations: usize,
    /// Where its containers keep data.
    pub volumes: Vec<KeptData>,
    /// Its images that nobody else names or uses.
    pub images: Vec<Leftover>,
}

/// A volume of the engine, or a directory of the host that units make for a container.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeptData {
    /// Its name, or its path, which begins with a slash.
    pub name: String,
    /// Its size in bytes, where that is known.
    pub size: Option<u64>,
    /// Whether somebody else uses it, too: then it stays.
    pub shared: bool,
}

impl Departure {
    /// Whether nothing is there but data and images, which may stay.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.units.is_empty()
            && self.containers.is_empty()
            && self.networks.is_empty()
            && self.files.is_empty()
    }

    /// The data that can go.
    pub fn own_data(&self) -> impl Iterator<Item = &KeptData> {
        self.volumes.iter().filter(|data| !data.shared)
    }
}

impl Belongings {
    /// What there is of the cluster. What its data is like, [`sizes_script`] asks.
    #[must_use]
    pub fn departure(&self, cluster: &ClusterName, engine: Engine) -> Departure {
        let ours = |it: &&super::EngineContainer| it.cluster == cluster.as_str();
        let others = |it: &&super::EngineContainer| it.cluster != cluster.as_str();
        let containers = self.containers.iter();
        let used: BTreeSet<&str> = containers
            .clone()
            .filter(others)
            .map(|it| it.image.as_str())
            .collect();
        let mut names: BTreeSet<String> = self
            .texts
            .iter()
            .flat_map(|text| data_of(text, engine))
            .collect();
        let mounted = containers.clone().filter(ours);
        names.extend(mounted.flat_map(|it| it.volumes.iter().cloned()));
        let volumes = names.into_iter().filter(|name| !is_anonymous(name));
        let volumes = volumes.map(|name| KeptData {
            shared: containers.clone().filter(others).any(|it| {
                let below = |path: &String| is_below(path, &name) || is_below(&name, path);
                it.volumes.contains(&name) || it.paths.iter().any(below)
            }),
            size: None,
            name,
        });
        Departure {
            units: self.units.iter().cloned().collect(),
            running: self.units.intersection(&self.active).cloned().collect(),
            containers: containers
                .clone()
                .filter(ours)
                .map(|it| it.name.clone())
                .collect(),
            networks: self.networks.iter().map(|it| it.name.clone()).collect(),
            files: self.files.clone(),
            generations: self.generations,
            volumes: volumes.collect(),
            images: self.unused_images(cluster, &used, ClusterFuture::Leaves),
        }
    }
}

/// What a unit's container keeps data in: volumes of the engine, and directories that the unit makes.
fn data_of(text: &str, engine: Engine) -> Vec<String> {
    let unit = parse_unit(text);
    let service = unit.assignments.iter();
    let service = service.filter(|entry| entry.section == "Service");
    let directives: Vec<(String, Vec<String>)> = service
        .filter_map(|entry| Some((entry.key.clone(), split_words(&entry.value).ok()?)))
        .collect();
    let mut names: Vec<String> = Vec::new();
    if let Some(line) = RunLine::of(&directives, engine) {
        let volumes = line.values("volume");
        let volumes = volumes.filter_map(|it| Some(it.split_once(':')?.0.to_owned()));
        names.extend(volumes.filter(|name| !name.starts_with('/')));
        let mounts = line.values("mount");
        let is_volume = |it: &&str| !it.contains("type=bind") && !it.contains("type=tmpfs");
        names.extend(mounts.filter(is_volume).filter_map(|it| {
            let mut fields = it.split(',').filter_map(|field| field.split_once('='));
            let source = fields.find(|(name, _)| matches!(*name, "source" | "src"));
            source.map(|(_, source)| source.to_owned())
        }));
    }
    let plain = |name: &String| {
        let odd = |c: char| !c.is_ascii_alphanumeric() && !"_.-".contains(c);
        !name.is_empty() && !name.contains(odd)
    };
    names.retain(plain);
    let scripts = directives.iter().filter(|(key, _)| key == "ExecStartPre");
    let scripts = scripts.filter_map(|(_, words)| words.last());
    names.extend(scripts.filter_map(|script| made_by(&expand_nothing(script))));
    names
}

/// Whether the engine gave it its name: it goes with its container.
fn is_anonymous(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether a path is a directory or in it.
fn is_below(path: &str, directory: &str) -> bool {
    let rest = path.strip_prefix(directory.trim_end_matches('/'));
    directory.starts_with('/') && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The script that tells which of this data is there, how large it is, and whether units of others name it; [`parse_sizes`]
/// reads what it says.
#[must_use]
pub fn sizes_script(layout: &Layout, engine: Engine, data: &[KeptData]) -> String {
    let names: Vec<String> = data.iter().map(|it| quote(&it.name)).collect();
    format!(
        "{}engine={}\n{SIZES}\nsizes {}\nprintf 'end\\n'\n",
        layout.variables(),
        quote(engine.program()),
        names.join(" ")
    )
}

/// The data that is there, with what was told of it; `None` if the answer is not whole.
#[must_use]
pub fn parse_sizes(answer: &[u8], data: &[KeptData]) -> Option<Vec<KeptData>> {
    let answer = String::from_utf8_lossy(answer);
    let lines = answer.strip_suffix("end\n")?.lines();
    let told = lines.filter_map(|line| {
        let mut words = line.splitn(4, ' ');
        let (Some("data"), Some(whose), Some(size), Some(name)) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return None;
        };
        let known = data.iter().find(|it| it.name == name)?;
        let size: Option<u64> = size.parse().ok();
        Some(KeptData {
            name: name.to_owned(),
            size: size.map(|kib| kib.saturating_mul(1024)),
            shared: known.shared || whose != "ours",
        })
    });
    Some(told.collect())
}

/// What goes besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GoesBesides<'a> {
    /// Data, which nobody can bring back.
    pub data: &'a [KeptData],
    /// Images.
    pub images: &'a [Leftover],
}

/// The script that removes all of it. To be run under the lock of the host.
#[must_use]
pub fn depart_script(layout: &Layout, engine: Engine, besides: GoesBesides<'_>) -> String {
    let data: Vec<String> = besides.data.iter().map(|it| quote(&it.name)).collect();
    format!(
        "{}engine={}\n{PRUNE}\nbesides() {{\n{}{}:\n}}\n{DEPART}",
        layout.variables(),
        quote(engine.program()),
        match data.is_empty() {
            true => String::new(),
            false => format!("remove_data {}\n", data.join(" ")),
        },
        removals(besides.images),
    )
}

/// What the script says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DepartureEvent {
    /// It does this now.
    Doing(String),
    /// This did not work.
    Failed(String),
    /// It is at its end.
    Ended,
}

impl DepartureEvent {
    /// Reads a line.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "doing" => Some(Self::Doing(one_line(rest))),
            "failed" => Some(Self::Failed(one_line(rest))),
            "stays" => {
                let mut words = rest.splitn(3, ' ');
                let kind = words.next().unwrap_or_default();
                let id: String = words.next().unwrap_or_default().chars().take(12).collect();
                let why = one_line(words.next().unwrap_or_default());
                Some(Self::Failed(format!("{kind} {id} stays: {why}")))
            }
            "end" => Some(Self::Ended),
            _ => None,
        }
    }
}
