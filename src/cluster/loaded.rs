//! The files of one cluster, side by side.

use std::collections::{BTreeMap, BTreeSet};

use super::description::{ClusterFile, ServiceFile, WrittenVariable};
use super::name::{ClusterName, ServiceName};
use super::secrets_file::SecretsFile;

/// The files of one cluster, read. `None` stands for what is there and could not be read: nothing
/// is known about it, so nothing that refers to it is reported.
pub(super) struct LoadedCluster {
    /// The name of its directory.
    pub name: ClusterName,
    /// The path of `cluster.toml`.
    pub cluster_path: String,
    /// `cluster.toml`; `None` if it does not parse or is not there.
    pub cluster: Option<ClusterFile>,
    /// `[vars]` of `service-config.toml`; `None` if it does not parse.
    pub service_config: Option<Vec<WrittenVariable>>,
    /// `secrets.toml`; `None` if it does not parse or is not there.
    pub secrets: Option<SecretsFile>,
    /// Every service; `None` if its file does not parse.
    pub services: BTreeMap<ServiceName, Option<ServiceFile>>,
    /// The names of files in `services/` that are no valid names of services.
    pub misnamed: BTreeSet<String>,
}
