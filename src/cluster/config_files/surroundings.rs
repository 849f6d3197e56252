//! What a template of a file sees of its surroundings, beside variables:
//!
//! | name | what |
//! | --- | --- |
//! | `services` | all services: `services.web`, `services["mongodb-proxy"]`, `{% for service in services %}`; each has `name`, `hosts`, and `port` (if it has one: the host's, as `X_PORT`) |
//! | `hosts` | all hosts, likewise; each has `name` and `address` (if it has one) |
//! | `host` | the host that gets the file |
//! | `cluster`, `service` | the names of the cluster and of the service that gets the file |

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr};

use crate::cluster::description::ClusterFile;
use crate::cluster::here::Here;
use crate::cluster::loaded::LoadedCluster;
use crate::cluster::name::{HostName, ServiceName};
use crate::cluster::placement::Placements;
use crate::cluster::values::Evaluated;
use crate::cluster::variables::Variables;

/// Things in an order, each with a name: a template goes through them, or asks for one.
#[derive(Debug)]
struct NamedValues {
    values: Vec<Value>,
    places: BTreeMap<String, usize>,
}

impl NamedValues {
    fn value(items: impl IntoIterator<Item = (String, Value)>) -> Value {
        let (names, values): (Vec<String>, Vec<Value>) = items.into_iter().unzip();
        let places = names.into_iter().zip(0..).collect();
        Value::from_object(Self { values, places })
    }
}

impl Object for NamedValues {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let named = key.as_str().and_then(|name| self.places.get(name).copied());
        self.values.get(named.or_else(|| key.as_usize())?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.values.len())
    }
}

/// A host of a service that runs here: whoever asks for its address gets what the service is found by.
fn found_at(here: &Here, host: &HostName, service: &ServiceName) -> Value {
    let (names, _) = here.location(service, None);
    let address = names.first().map(String::as_str).unwrap_or_default();
    Value::from_pairs([
        ("name", Value::from(host.as_str())),
        ("address", Value::from(address)),
    ])
}

/// The services and hosts of a cluster as templates see them.
pub(in crate::cluster) struct Surroundings {
    cluster: Value,
    services: Value,
    hosts: Value,
    /// How many things there are to go through.
    pub(super) size: usize,
}

impl Surroundings {
    pub(in crate::cluster) fn of(
        description: &LoadedCluster,
        cluster: &ClusterFile,
        placements: &Placements,
        variables: &Variables<'_>,
    ) -> Self {
        let hosts: BTreeMap<&HostName, Value> = cluster
            .hosts
            .iter()
            .map(|described| {
                let name = &described.name.value;
                let mut host = vec![("name", Value::from(name.as_str()))];
                if let Some(address) = &described.host.address {
                    host.push(("address", Value::from(address.as_str())));
                }
                (name, Value::from_pairs(host))
            })
            .collect();
        let mut size = hosts.len();
        let services = description.services.keys().map(|name| {
            let placed = placements.get(name).into_iter().flatten();
            let placed = placed.filter_map(|host| {
                let known = hosts.get(host)?.clone();
                let found = cluster.here.as_ref().map(|here| found_at(here, host, name));
                Some((host.to_string(), found.unwrap_or(known)))
            });
            let placed: Vec<_> = placed.collect();
            size += 1 + placed.len();
            let mut service = vec![
                ("name", Value::from(name.as_str())),
                ("hosts", NamedValues::value(placed)),
            ];
            if let Some(Evaluated::Known { value, .. }) = variables.port_of(name) {
                service.push(("port", value.clone()));
            }
            (name.to_string(), Value::from_pairs(service))
        });
        let services: Vec<_> = services.collect();
        let named = hosts.iter();
        let named = named.map(|(name, host)| (name.to_string(), host.clone()));
        Self {
            cluster: Value::from(description.name.as_str()),
            services: NamedValues::value(services),
            hosts: NamedValues::value(named),
            size,
        }
    }

    /// What a name means in a file of this service on this host: `None` if it is none of these names.
    pub(super) fn get(
        &self,
        name: &str,
        service: &ServiceName,
        host: Option<&HostName>,
    ) -> Option<Value> {
        match name {
            "cluster" => Some(self.cluster.clone()),
            "service" => Some(Value::from(service.as_str())),
            "services" => Some(self.services.clone()),
            "hosts" => Some(self.hosts.clone()),
            HOST => self.hosts.get_attr(host?.as_str()).ok(),
            _ => None,
        }
    }
}

/// The name of the host that gets a file.
pub(super) const HOST: &str = "host";

/// The names that are no variables.
pub(super) const NAMES: [&str; 5] = ["cluster", "service", "services", "hosts", HOST];
