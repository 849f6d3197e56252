//! The running containers, as dockerd, `docker ps` or `podman ps` tell them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::Deserialize;

use super::super::ObserveError;
use super::FirstAnswer;
use super::records::unexpected;
use crate::cluster::model::Engine;
use crate::cluster::ports::{HostPorts, Protocol};
use crate::host::said::one_line;
use crate::host::version::{OLDEST_DOCKER, OLDEST_PODMAN, Version};
use crate::plan::observed::ContainerHealth;

/// A running container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::host::look) struct RunningContainer {
    pub name: String,
    pub id: String,
    pub service: String,
    pub inputs: String,
    pub directory: String,
    pub image: String,
    /// Only podman tells it.
    pub image_id: String,
    /// Ports of the host.
    pub ports: BTreeSet<HostPorts>,
    pub health: ContainerHealth,
}

impl FirstAnswer {
    fn take_daemon_answer(&mut self, line: &str) -> Result<(), ObserveError> {
        let containers: Vec<DaemonContainer> =
            serde_json::from_str(line).map_err(|_| unexpected("the containers", line))?;
        for container in containers {
            let labels = container.labels.unwrap_or_default();
            let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
            let names = container
                .names
                .iter()
                .map(|name| name.trim_start_matches('/'));
            // A name with a further slash is a link from another container.
            let mut names = names.filter(|name| !name.contains('/'));
            self.containers.push(RunningContainer {
                name: names.next().unwrap_or_default().to_owned(),
                id: container.id,
                service: label("bayplan.service"),
                inputs: label("bayplan.inputs"),
                directory: label("bayplan.directory"),
                image: container.image,
                image_id: String::new(),
                ports: container
                    .ports
                    .into_iter()
                    .flatten()
                    .filter_map(|port| port.host_port())
                    .collect(),
                health: health(&container.status),
            });
        }
        Ok(())
    }

    /// A network that carries the cluster's label.
    fn take_network(&mut self, id: &str, name: &str, options: &str) {
        let network = self.networks.entry(one_line(name)).or_default();
        network.ids.push(one_line(id));
        network.ids.sort();
        network.options = one_line(options);
    }

    /// Lines of JSON, then `status <n>` and `end`. Whatever else the engine said is its message.
    pub(super) fn take_containers(
        &mut self,
        engine: Engine,
        rest: &[u8],
    ) -> Result<(), ObserveError> {
        let text = std::str::from_utf8(rest)
            .map_err(|_| ObserveError::malformed("what the engine says is not UTF-8"))?;
        let body = text
            .strip_suffix("end\n")
            .and_then(|text| text.strip_suffix('\n'))
            .ok_or_else(|| ObserveError::malformed("it ends within the containers"))?;
        let (body, last) = body.rsplit_once('\n').unwrap_or(("", body));
        let status = last
            .strip_prefix("status ")
            .and_then(|status| status.parse::<u32>().ok())
            .ok_or_else(|| unexpected("the status of the engine", last))?;
        let found = body
            .lines()
            .find_map(|line| Version::parse(line.strip_prefix("version ")?));
        let oldest = oldest(engine);
        if let Some(found) = found.filter(|found| *found < oldest) {
            return Err(ObserveError::OldEngine {
                engine,
                oldest,
                found,
            });
        }
        if status != 0 {
            return Err(ObserveError::EngineFailed {
                engine,
                status,
                message: one_line(body),
            });
        }
        for line in body.lines() {
            if let Some(networks) = line.strip_prefix("networks ") {
                let networks: Vec<DaemonNetwork> = serde_json::from_str(networks)
                    .map_err(|_| unexpected("the networks", networks))?;
                for DaemonNetwork { id, name, labels } in networks {
                    let mut labels = labels.unwrap_or_default();
                    let options = labels.remove("bayplan.network").unwrap_or_default();
                    self.take_network(&id, &name, &options);
                }
            } else if let Some(network) = line.strip_prefix("network ") {
                let mut words = network.splitn(3, ' ');
                let mut word = || words.next().unwrap_or_default();
                self.take_network(word(), word(), word());
            }
        }
        for line in body.lines().filter(|line| line.starts_with('[')) {
            if line.starts_with("[{") || line == "[]" {
                self.take_daemon_answer(line)?;
                continue;
            }
            let fields: Vec<Option<String>> =
                serde_json::from_str(line).map_err(|_| unexpected("a container", line))?;
            let fields: Vec<_> = fields.into_iter().map(Option::unwrap_or_default).collect();
            match <[String; 9]>::try_from(fields) {
                Ok(
                    [
                        name,
                        id,
                        service,
                        inputs,
                        directory,
                        image,
                        image_id,
                        ports,
                        status,
                    ],
                ) => {
                    self.containers.push(RunningContainer {
                        name,
                        id,
                        service,
                        inputs,
                        directory,
                        image,
                        image_id,
                        ports: host_ports(engine, &ports),
                        health: health(&status),
                    });
                }
                Err(fields) => match <[String; 3]>::try_from(fields) {
                    Ok([id, repository, tag]) => {
                        self.images.insert(format!("{repository}:{tag}"), id);
                    }
                    Err(_) => return Err(unexpected("a container", line)),
                },
            }
        }
        Ok(())
    }
}

/// A container as dockerd itself describes it: `GET /containers/json` of its API. There are more
/// fields, and every version may add some.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DaemonContainer {
    id: String,
    names: Vec<String>,
    image: String,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
    #[serde(default)]
    ports: Option<Vec<DaemonPort>>,
    #[serde(default)]
    status: String,
}

/// A network as dockerd itself describes it: `GET /networks` of its API.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DaemonNetwork {
    id: String,
    name: String,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DaemonPort {
    #[serde(default, rename = "IP")]
    address: Option<String>,
    #[serde(default)]
    public_port: Option<u16>,
    #[serde(rename = "Type")]
    protocol: String,
}

/// What both engines say in `Up 2 hours (unhealthy)`: three probes of its `HEALTHCHECK` in a row have failed, or as many as
/// that says.
fn health(status: &str) -> ContainerHealth {
    match status.contains("unhealthy") {
        true => ContainerHealth::Unhealthy,
        false => ContainerHealth::NotBad,
    }
}

fn oldest(engine: Engine) -> Version {
    match engine {
        Engine::Docker => OLDEST_DOCKER,
        Engine::Podman => OLDEST_PODMAN,
    }
}

impl DaemonPort {
    fn host_port(&self) -> Option<HostPorts> {
        let address = self.address.as_deref().unwrap_or_default();
        let port = self.public_port.filter(|port| *port > 0)?;
        Some(HostPorts {
            address: address.parse().ok(),
            first: port,
            last: port,
            protocol: Protocol::named(&self.protocol)?,
        })
    }
}

/// The ports of the host in `0.0.0.0:9000-9002->80-82/tcp, :::9000->80/tcp, [::1]:53->53/udp, 53/udp`.
pub(in crate::host) fn host_ports(engine: Engine, text: &str) -> BTreeSet<HostPorts> {
    let mappings = text.split(", ");
    mappings
        .filter_map(|mapping| {
            let (host, container) = mapping.split_once("->")?;
            let (_, protocol) = container.rsplit_once('/')?;
            let (address, ports) = host.rsplit_once(':')?;
            let address = address.trim_start_matches('[').trim_end_matches(']');
            let address: Option<IpAddr> = address.parse().ok();
            let ports = HostPorts::parse(&format!("{ports}/{protocol}"))?;
            let address = match engine {
                // To podman that is every address, of IPv6, too.
                Engine::Podman => address.filter(|address| !address.is_unspecified()),
                Engine::Docker => address,
            };
            // One by one, as dockerd itself tells them.
            let one = move |port| HostPorts {
                address,
                first: port,
                last: port,
                ..ports
            };
            Some((ports.first..=ports.last).map(one))
        })
        .flatten()
        .collect()
}
