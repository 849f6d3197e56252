//! `bayplan local env`.

use std::collections::BTreeMap;
use std::path::Path;

use super::{LocalPlace, here};
use crate::cli::LocalEnv;
use crate::cluster::here::FoundElsewhere;
use crate::cluster::model::VariableValue;
use crate::cluster::name::{ClusterName, ServiceName};
use crate::cluster::ports::Protocol;
use crate::command::description::{read, repository};
use crate::command::selection::unknown;
use crate::command::{Exit, Failure};
use crate::report::{local as text, stream};

/// How this machine calls itself.
const MACHINE: &str = "127.0.0.1";

pub(super) fn run(directory: Option<&Path>, arguments: &LocalEnv) -> Result<Exit, Failure> {
    let repository = repository(directory)?;
    let place = LocalPlace::of(directory, &arguments.scope)?;
    let Some(record) = place.store.record() else {
        return Err(place.unknown());
    };
    let name = ClusterName::new(record.cluster.as_str())
        .map_err(|_| anyhow::anyhow!("the files of `{}` are damaged", place.store.name()))?;
    let sources = match read(&repository, &name) {
        Ok(sources) => sources,
        Err(exit) => return Ok(exit),
    };
    // Who is here is found at its port of this machine; who is not, where it is.
    let mut elsewhere: BTreeMap<ServiceName, FoundElsewhere> = BTreeMap::new();
    for (service, (hosts, port)) in &record.elsewhere {
        let hosts = hosts
            .iter()
            .map(|host| match host == place.engine.machine() {
                true => MACHINE.to_owned(),
                false => host.clone(),
            });
        let (hosts, port) = (hosts.collect(), *port);
        elsewhere.insert(service.clone(), FoundElsewhere { hosts, port });
    }
    let plain = match here::load(&sources, &name, &here::here(&place, elsewhere.clone())) {
        Ok(cluster) => cluster,
        Err(exit) => return Ok(exit),
    };
    let seen = place.engine.containers(place.store.name())?;
    for (service, described) in &plain.services {
        let Some(inside) = described.port.filter(|_| !elsewhere.contains_key(service)) else {
            continue;
        };
        let seen = seen.iter().find(|seen| seen.service == *service);
        let at = seen.and_then(|seen| seen.ports.get(&(inside, Protocol::Tcp)));
        let found = FoundElsewhere {
            hosts: vec![MACHINE.to_owned()],
            port: Some(at.copied().unwrap_or(inside)),
        };
        elsewhere.insert(service.clone(), found);
    }
    let cluster = match here::load(&sources, &name, &here::here(&place, elsewhere)) {
        Ok(cluster) => cluster,
        Err(exit) => return Ok(exit),
    };
    let Some(service) = cluster.services.get(&arguments.service) else {
        let which = format!("of {name}");
        let known = cluster.services.keys();
        return Err(unknown(&which, &arguments.service, known, None));
    };
    let secrets = here::SecretValues {
        decrypt: record.decrypted,
        identities: &arguments.identities,
    };
    let stored = here::values(&sources, &cluster, &place, &secrets)?;
    let mut shown = String::new();
    for (variable, value) in &service.variables {
        if variable.as_str() == "IMAGE" {
            continue;
        }
        let value = match &value.value {
            VariableValue::Plain(value) => value.clone(),
            VariableValue::Secret(secret) => {
                let value = secret.reveal(&stored)?;
                let value = value.text().map(str::to_owned);
                value.ok_or_else(|| anyhow::anyhow!("{variable} is no text"))?
            }
        };
        shown += &match arguments.export {
            true => text::export(variable.as_str(), &value),
            false => text::dotenv(variable.as_str(), &value),
        };
    }
    stream::stdout(&shown)?;
    Ok(Exit::Done)
}
