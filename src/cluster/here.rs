//! A description as it runs on the machine of a developer, all of it on the engine there: every host is this machine, and all
//! containers are in one network, in which each is found by the name of its service.
//!
//! What has errors there has them for hosts, too. What only hosts have is left out: their ports never clash, since they are moved
//! here, and a network of its own has no addresses that somebody wrote.

use std::collections::BTreeMap;

use super::model::EngineClient;
use super::name::ServiceName;

/// Where a description runs that runs here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Here {
    /// The engine of this machine.
    pub client: EngineClient,
    /// The one network, as the engine knows it.
    pub network: String,
    /// What stands in front of the names of volumes.
    pub volumes: String,
    /// Services that are not in it, and where they are found.
    pub elsewhere: BTreeMap<ServiceName, FoundElsewhere>,
}

/// Where a service is found that runs somewhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundElsewhere {
    /// Its hosts, as who needs it calls them; never empty.
    pub hosts: Vec<String>,
    /// Its port there, if it has one.
    pub port: Option<u16>,
}

impl Here {
    /// What a service is called, and its port, if that is this one in its container.
    pub(in crate::cluster) fn location(
        &self,
        name: &ServiceName,
        port: Option<u16>,
    ) -> (Vec<String>, Option<u16>) {
        match self.elsewhere.get(name) {
            Some(FoundElsewhere { hosts, port }) => (hosts.clone(), *port),
            None => (vec![name.to_string()], port),
        }
    }
}
