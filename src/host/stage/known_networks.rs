//! Which networks a host has of those that units use, as a check tells it: before anything stops for a start that would
//! fail, or that would end in another network than the described one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::Finding;
use crate::cluster::model::Engine;
use crate::cluster::name::ClusterName;
use crate::host::said::one_line;

/// The networks of these names that a host has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KnownNetworks(BTreeMap<String, KnownNetwork>);

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct KnownNetwork {
    ids: Vec<String>,
    /// The labels of the one that there is.
    labels: BTreeMap<String, String>,
}

/// A network that units use: its name, and its options as its label has them; `None` where it is not bayplan's.
pub type NeededNetworks = BTreeMap<String, Option<String>>;

impl KnownNetworks {
    /// Takes one line of a check, `NAME IDS,LABELS`; `None` if it is none.
    pub(super) fn take(&mut self, rest: &str) -> Option<()> {
        let (name, rest) = rest.split_once(' ')?;
        let (ids, labels) = rest.split_once(',')?;
        let labels = labels
            .split_whitespace()
            .filter_map(|label| label.split_once('='));
        let known = KnownNetwork {
            ids: ids.split_whitespace().map(one_line).collect(),
            labels: labels
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        };
        self.0.insert(name.to_owned(), known);
        Some(())
    }

    /// What keeps containers out of these networks. What was not told is not judged, and one that is made anew has other
    /// options until then.
    #[must_use]
    pub fn against(
        &self,
        cluster: &ClusterName,
        engine: Engine,
        needed: &NeededNetworks,
        remade: &BTreeSet<String>,
    ) -> Vec<Finding> {
        let finding = |(name, options): (&String, &Option<String>)| {
            let known = self.0.get(name)?;
            let name = name.clone();
            let network = |wrong| Finding::Network {
                engine,
                name: name.clone(),
                wrong,
            };
            match (known.ids.as_slice(), options) {
                ([], None) => Some(network(WrongNetwork::Absent)),
                ([], Some(_)) | ([_], None) => None,
                ([_, _, ..], _) => Some(network(WrongNetwork::Several(known.ids.clone()))),
                ([_], Some(options)) => {
                    let label = |label: &str| known.labels.get(label).map_or("", String::as_str);
                    // Old podmans do not tell labels.
                    let untold = engine == Engine::Podman && known.labels.is_empty();
                    let found = label("bayplan.network");
                    match label("bayplan.cluster") {
                        _ if untold => None,
                        owner if owner != cluster.as_str() => Some(network(WrongNetwork::Foreign)),
                        _ if found != options && !remade.contains(&name) => {
                            Some(network(WrongNetwork::Options {
                                found: one_line(found),
                                expected: options.clone(),
                            }))
                        }
                        _ => None,
                    }
                }
            }
        };
        needed.iter().filter_map(finding).collect()
    }
}

/// What is wrong with a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WrongNetwork {
    /// There is none.
    Absent,
    /// There are several of its name, with these ids.
    Several(Vec<String>),
    /// It is not this cluster's.
    Foreign,
    /// It was made with other options.
    Options {
        /// Those that it has.
        found: String,
        /// Those that are described.
        expected: String,
    },
}

impl WrongNetwork {
    /// The same in words.
    pub(super) fn tell(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let with = |options: &str| match options {
            "" => "without options".to_owned(),
            options => format!("with `{options}`"),
        };
        match self {
            Self::Absent => write!(f, "expected a network {name} on the host, found none"),
            Self::Several(ids) => write!(
                f,
                "expected one network {name}, found several: {}",
                ids.join(" and ")
            ),
            Self::Foreign => write!(
                f,
                "there is a network {name} that is not bayplan's; its name is needed"
            ),
            Self::Options { found, expected } => write!(
                f,
                "the network {name} was made {}, and is described {}",
                with(found),
                with(expected)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_that_is_not_the_described_one_is_found() {
        let mut known = KnownNetworks::default();
        for line in [
            "demo-a 0123 ,bayplan.cluster=demo bayplan.network= ",
            "demo-b 4567 ,com.docker.compose.network=b ",
            "demo-c 89ab cdef ,",
            "demo-d 0123 ,bayplan.cluster=demo bayplan.network=internal ",
            "demo-new ,",
            "lan ,",
        ] {
            known.take(line).unwrap();
        }
        let cluster = ClusterName::new("demo").unwrap();
        let against = |name: &str, options: Option<&str>| {
            let needed = [(name.to_owned(), options.map(str::to_owned))].into();
            let found = known.against(&cluster, Engine::Docker, &needed, &BTreeSet::new());
            let found: Vec<String> = found.iter().map(ToString::to_string).collect();
            found.join("; ")
        };
        for (name, options, found) in [
            ("demo-a", Some(""), ""),
            ("demo-new", Some("internal"), ""),
            (
                "demo-b",
                Some(""),
                "there is a network demo-b that is not bayplan's; its name is needed",
            ),
            ("demo-b", None, ""),
            (
                "demo-c",
                Some(""),
                "expected one network demo-c, found several: 89ab and cdef",
            ),
            (
                "demo-d",
                Some("subnet=10.0.0.0/24"),
                "the network demo-d was made with `internal`, and is described with `subnet=10.0.0.0/24`",
            ),
            (
                "demo-d",
                Some(""),
                "the network demo-d was made with `internal`, and is described without options",
            ),
            (
                "lan",
                None,
                "expected a network lan on the host, found none",
            ),
        ] {
            assert_eq!(against(name, options), found, "{name}");
        }
    }
}
