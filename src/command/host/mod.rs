//! `bayplan host`: hosts before their first release.

mod check;
mod pin;
mod prepare;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::description::{Description, load_hosts, repository};
use super::selection::described;
use super::{Exit, Failure};
use crate::cli::{HostCommands, HostsOf};
use crate::cluster::model::Host;
use crate::cluster::name::HostName;
use crate::repository::Repository;

pub(super) fn run(directory: Option<&Path>, arguments: &HostCommands) -> Result<Exit, Failure> {
    match arguments {
        HostCommands::Check(arguments) => check::run(directory, arguments),
        HostCommands::Prepare(arguments) => prepare::run(directory, arguments),
        HostCommands::Pin(arguments) => pin::run(directory, arguments),
    }
}

/// A description of which the hosts matter, and those that were chosen.
pub(super) struct ChosenHosts {
    repository: Repository,
    pub(super) description: Description,
    these: BTreeSet<HostName>,
}

impl ChosenHosts {
    pub(super) fn of(
        directory: Option<&Path>,
        arguments: &HostsOf,
    ) -> Result<Result<Self, Exit>, Failure> {
        let repository = repository(directory)?;
        let description = match load_hosts(&repository, &arguments.cluster) {
            Ok((description, _)) => description,
            Err(exit) => return Ok(Err(exit)),
        };
        let cluster = &description.cluster;
        for host in &arguments.only {
            described(cluster, host)?;
        }
        let these = match arguments.only.as_slice() {
            [] => cluster.hosts.keys().cloned().collect(),
            only => only.iter().cloned().collect(),
        };
        Ok(Ok(Self {
            repository,
            description,
            these,
        }))
    }

    /// Those that were chosen.
    pub(super) fn hosts(&self) -> BTreeMap<HostName, Host> {
        let mut hosts = self.description.cluster.hosts.clone();
        hosts.retain(|name, _| self.these.contains(name));
        hosts
    }
}
