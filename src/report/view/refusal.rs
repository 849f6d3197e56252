//! Why a plan may not be carried out.

use schemars::JsonSchema;
use serde::Serialize;

use crate::cluster::name::{ClusterName, HostName, ServiceName};
use crate::cluster::ports::HostPorts;
use crate::plan::observed::Owner;
use crate::plan::{Away, Refusal, RefusalReason};
use crate::render::identity::Instance;
use crate::render::placement::Reach;

/// Why nothing may be released, and on which host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RefusalView<'a> {
    /// A unit file that is not ours is in the place of one of ours.
    ForeignUnit {
        /// The host's name in the description.
        host: &'a str,
        /// The service.
        service: &'a str,
        /// The path of the file.
        path: &'a str,
        /// Whose it is.
        owner: OwnerView<'a>,
        /// The file of its unit.
        #[serde(skip)]
        unit: String,
    },
    /// A stateful service would move or vanish.
    Stateful {
        /// The host's name in the description.
        host: &'a str,
        /// The service.
        service: &'a str,
        /// It would move; if not, it would vanish.
        moves: bool,
    },
    /// A stateful service may still run on this host, and would start elsewhere without its data.
    StatefulAway {
        /// The host's name in the description.
        host: &'a str,
        /// The service.
        service: &'a str,
        /// Where it would start.
        starts: &'a [HostName],
        /// Why the release does not reach this host.
        away: AwayView,
        /// How the host was reached, if the description no longer has it.
        #[serde(skip)]
        reach: Option<&'a Reach>,
    },
    /// A run of a job goes on here, where the job is not described any more.
    RunUnderWay {
        /// The host's name in the description.
        host: &'a str,
        /// The job.
        job: &'a str,
        /// Its unit.
        #[serde(skip)]
        unit: String,
    },
    /// Its restart is asked for, and it is not as it was released.
    NotAsReleased {
        /// The host's name in the description.
        host: &'a str,
        /// The service.
        service: &'a str,
    },
    /// The timer of a scheduled job may still run on this host, and would start elsewhere, too.
    ScheduledAway {
        /// The host's name in the description.
        host: &'a str,
        /// The service.
        service: &'a str,
        /// Where it would start.
        starts: &'a [HostName],
        /// Why the release does not reach this host.
        away: AwayView,
        /// How the host was reached, if the description no longer has it.
        #[serde(skip)]
        reach: Option<&'a Reach>,
    },
    /// A stateful service is new here, and no host knows where it ran before.
    StatefulUnknown {
        /// The host's name in the description.
        host: &'a str,
        /// The service.
        service: &'a str,
    },
    /// A service that the release does not touch has the port.
    PortHeld {
        /// The host's name in the description.
        host: &'a str,
        /// The service.
        service: &'a str,
        /// The port.
        port: u16,
        /// The address of the host that it is needed on; `null` is every address.
        address: Option<String>,
        /// `tcp`, `udp` or `sctp`.
        protocol: &'static str,
        /// The same in one word, for readers.
        #[serde(skip)]
        ports: HostPorts,
        /// The service that has it.
        holder: &'a str,
    },
    /// A service that the release does not touch has the address in a network.
    AddressHeld {
        /// The host's name in the description.
        host: &'a str,
        /// The service.
        service: &'a str,
        /// The network, as the engine knows it.
        network: &'a str,
        /// The address.
        address: String,
        /// The service that has it.
        holder: &'a str,
    },
    /// A network is to be made anew, and somebody is in it whom the release does not stop.
    NetworkHeld {
        /// The host's name in the description.
        host: &'a str,
        /// The network, as the engine knows it.
        network: &'a str,
        /// The options that it has.
        before: &'a str,
        /// The options that it is to have.
        after: &'a str,
        /// The services that go with it.
        users: &'a [ServiceName],
        /// Services of the cluster that are in it and stay as they are.
        services: &'a [ServiceName],
        /// Containers of others that are in it.
        containers: &'a [String],
        /// The engine's client.
        #[serde(skip)]
        engine: &'static str,
    },
    /// Several networks have one name.
    NetworksAlike {
        /// The host's name in the description.
        host: &'a str,
        /// Their name.
        network: &'a str,
        /// Their ids.
        ids: &'a [String],
        /// The engine's client.
        #[serde(skip)]
        engine: &'static str,
    },
    /// A service comes after a job that has to run first, on a host that the release does not reach.
    JobAway {
        /// The host's name in the description.
        host: &'a str,
        /// The service.
        service: &'a str,
        /// The job.
        job: &'a str,
        /// Where that is placed.
        at: &'a str,
    },
    /// A newer bayplan released here.
    Newer {
        /// The host's name in the description.
        host: &'a str,
        /// How that shows.
        why: &'a str,
    },
}

impl<'a> RefusalView<'a> {
    /// The host that it is about.
    #[must_use]
    pub fn host(&self) -> &'a str {
        match self {
            Self::ForeignUnit { host, .. }
            | Self::Stateful { host, .. }
            | Self::StatefulAway { host, .. }
            | Self::ScheduledAway { host, .. }
            | Self::StatefulUnknown { host, .. }
            | Self::PortHeld { host, .. }
            | Self::AddressHeld { host, .. }
            | Self::NetworkHeld { host, .. }
            | Self::NetworksAlike { host, .. }
            | Self::JobAway { host, .. }
            | Self::RunUnderWay { host, .. }
            | Self::NotAsReleased { host, .. }
            | Self::Newer { host, .. } => host,
        }
    }

    /// Why a plan may not be carried out.
    #[must_use]
    pub fn of(cluster: &ClusterName, refusal: &'a Refusal) -> Self {
        let Refusal { host, why } = refusal;
        let host = host.as_str();
        match why {
            RefusalReason::ForeignUnit {
                service,
                path,
                owner,
            } => Self::ForeignUnit {
                host,
                service: service.as_str(),
                path,
                owner: OwnerView::of(owner),
                unit: Instance::of(service).unit(cluster).service_file().into(),
            },
            RefusalReason::Stateful { service, moves } => Self::Stateful {
                host,
                service: service.as_str(),
                moves: *moves,
            },
            RefusalReason::NotAsReleased { service } => Self::NotAsReleased {
                host,
                service: service.as_str(),
            },
            RefusalReason::RunUnderWay { job } => Self::RunUnderWay {
                host,
                job: job.as_str(),
                unit: Instance::of(job).unit(cluster).service_file().into(),
            },
            RefusalReason::StatefulAway {
                service,
                starts,
                away,
            } => Self::StatefulAway {
                host,
                service: service.as_str(),
                starts,
                away: AwayView::of(away),
                reach: reach(away),
            },
            RefusalReason::ScheduledAway {
                service,
                starts,
                away,
            } => Self::ScheduledAway {
                host,
                service: service.as_str(),
                starts,
                away: AwayView::of(away),
                reach: reach(away),
            },
            RefusalReason::StatefulUnknown { service } => Self::StatefulUnknown {
                host,
                service: service.as_str(),
            },
            RefusalReason::JobAway { service, job, at } => Self::JobAway {
                host,
                service: service.as_str(),
                job: job.as_str(),
                at: at.as_str(),
            },
            RefusalReason::PortHeld {
                service,
                ports,
                holder,
            } => Self::PortHeld {
                host,
                service: service.as_str(),
                port: ports.first,
                address: ports.address.map(|address| address.to_string()),
                protocol: ports.protocol.as_str(),
                ports: *ports,
                holder: holder.as_str(),
            },
            RefusalReason::AddressHeld {
                service,
                network,
                address,
                holder,
            } => Self::AddressHeld {
                host,
                service: service.as_str(),
                network,
                address: address.to_string(),
                holder: holder.as_str(),
            },
            RefusalReason::NetworkHeld {
                engine,
                network,
                before,
                after,
                users,
                services,
                containers,
            } => Self::NetworkHeld {
                host,
                network,
                before,
                after,
                users,
                services,
                containers,
                engine: engine.program(),
            },
            RefusalReason::NetworksAlike {
                engine,
                network,
                ids,
            } => Self::NetworksAlike {
                host,
                network,
                ids,
                engine: engine.program(),
            },
            RefusalReason::Newer { why } => Self::Newer { host, why },
        }
    }
}

/// Whose a unit file is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum OwnerView<'a> {
    /// Nobody's: the unit is masked.
    Masked,
    /// Another cluster's.
    Cluster {
        /// The cluster.
        cluster: &'a str,
    },
    /// Nobody knows whose.
    Unmarked,
}

impl<'a> OwnerView<'a> {
    /// Whose a unit file is.
    #[must_use]
    pub fn of(owner: &'a Owner) -> Self {
        match owner {
            Owner::Masked => Self::Masked,
            Owner::Cluster(cluster) => Self::Cluster { cluster },
            Owner::Unmarked => Self::Unmarked,
        }
    }
}

/// Why a release does not reach a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AwayView {
    /// The description no longer has it.
    Left,
    /// The operator left it out.
    LeftOut,
}

impl AwayView {
    fn of(away: &Away) -> Self {
        match away {
            Away::Left { .. } => Self::Left,
            Away::LeftOut => Self::LeftOut,
        }
    }
}

/// How a host was reached, if the description no longer has it.
fn reach(away: &Away) -> Option<&Reach> {
    match away {
        Away::Left { reach } => Some(reach),
        Away::LeftOut => None,
    }
}
