//! The placement: which services run on which machines of a cluster. Every host keeps it, of the whole
//! cluster, so that nobody forgets a machine that the description no longer has.
//!
//! It is a file of its own and no part of a generation's [manifest](super::manifest): a release writes it on all
//! hosts, before its first activation and after its last, also on those whose generation stays; and a
//! rollback brings an old generation back, but must not forget where services run now.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::format::format_of;
use crate::cluster::model::{Cluster, Host, Transport};
use crate::cluster::name::{ClusterName, HostName, ServiceName};

/// The format that this version writes and the newest that it reads.
pub const FORMAT: u32 = 1;

/// What a host keeps, `placement.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placement {
    /// [`FORMAT`], or an older one.
    pub format: u32,
    /// The cluster that it is about.
    pub cluster: ClusterName,
    /// The number of the release that wrote it: one more than the highest that a host had.
    pub release: u64,
    /// Every machine that is described, or on which services may still run.
    pub machines: Vec<Machine>,
}

/// One machine, by the name that it had and how it was reached. A machine with another address counts as another one, until
/// its key or its files say otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// Its name in the description.
    pub host: HostName,
    /// How it was reached.
    pub reach: Reach,
    /// The services that run there, or did.
    pub services: BTreeMap<ServiceName, Placed>,
}

/// What is known of a service on a machine. Of two that say something, the later release is right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placed {
    /// The release that said so.
    pub release: u64,
    /// Whether it keeps data there.
    pub stateful: bool,
    /// Whether it may run there; if not, it did once.
    pub here: bool,
}

/// How a machine is reached.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reach {
    /// A name or an IP address; `None` for the releaser's own machine and for directories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The port of ssh, where it is not the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// A root directory on the releaser's machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// The public key by which the machine shows who it is, as in `known_hosts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_key: Option<String>,
}

impl Reach {
    /// How a described host is reached.
    #[must_use]
    pub fn of(host: &Host) -> Self {
        match &host.transport {
            Transport::Ssh(ssh) => Self {
                address: host.address.clone(),
                port: ssh.port,
                directory: None,
                host_key: ssh.host_key.clone(),
            },
            Transport::Local { .. } => Self::default(),
            Transport::Directory { root } => Self {
                directory: Some(root.display().to_string()),
                ..Self::default()
            },
        }
    }

    /// How every host of a cluster is reached.
    #[must_use]
    pub fn of_all(cluster: &Cluster) -> BTreeMap<HostName, Self> {
        let hosts = cluster.hosts.iter();
        hosts
            .map(|(name, host)| (name.clone(), Self::of(host)))
            .collect()
    }

    /// Whether both lead to the same place, whatever key is there.
    #[must_use]
    pub fn leads_to(&self, other: &Self) -> bool {
        let port = |reach: &Self| reach.port.unwrap_or(22);
        (&self.address, port(self), &self.directory)
            == (&other.address, port(other), &other.directory)
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.address, &self.directory, self.port) {
            (Some(address), _, Some(port)) => write!(f, "{address} port {port}"),
            (Some(address), _, None) => write!(f, "{address}"),
            (None, Some(directory), _) => write!(f, "{directory}"),
            (None, None, _) => write!(f, "this machine"),
        }
    }
}

/// Why a placement of a host cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlacementError {
    /// A newer bayplan wrote it.
    #[error("its placement.json has format {0}, this bayplan reads up to {FORMAT}")]
    Newer(u32),
    /// It is no placement: why.
    #[error("its placement.json cannot be read: {0}")]
    Malformed(String),
}

impl Placement {
    /// The text as stored: pretty JSON with a final line break.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a placement is plain data");
        text.push('\n');
        text
    }

    /// Reads a stored placement.
    ///
    /// # Errors
    /// The format is newer than this version knows, or the text is no placement.
    pub fn parse(text: &str) -> Result<Self, PlacementError> {
        let malformed = |e: serde_json::Error| PlacementError::Malformed(e.to_string());
        let format = format_of(text).map_err(malformed)?;
        if format > FORMAT {
            return Err(PlacementError::Newer(format));
        }
        serde_json::from_str(text).map_err(malformed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::format::{damaged, edits};
    use super::*;

    const TEXT: &str = r#"{
  "format": 1,
  "cluster": "demo",
  "release": 3,
  "machines": [
    {
      "host": "alpha",
      "reach": {
        "address": "10.0.0.1",
        "host_key": "ssh-ed25519 AAAA"
      },
      "services": {
        "db": {
          "release": 2,
          "stateful": true,
          "here": true
        }
      }
    }
  ]
}
"#;

    #[test]
    fn what_is_stored_is_read_again() {
        assert_eq!(Placement::parse(TEXT).unwrap().to_text(), TEXT);
    }

    proptest! {
        #[test]
        fn no_damage_makes_it_panic(
            edits in edits(),
        ) {
            let _ = Placement::parse(&damaged(TEXT, edits));
        }

        #[test]
        fn one_of_a_newer_format_is_told_from_one_that_is_damaged(format in any::<u32>()) {
            let text = format!("{{\"format\":{format},\"rest\":1}}");
            let is_newer = matches!(Placement::parse(&text), Err(PlacementError::Newer(_)));
            prop_assert_eq!(is_newer, format > FORMAT);
        }
    }
}
