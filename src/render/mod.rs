//! The checked model → what every host should hold: units, inputs directories, manifests. Pure, and
//! the same bytes for the same model.
//!
//! ```text
//! unit_template   a service's words and numbers -> the unit's text (wait: its ExecStartPost=)
//! networks        what a unit does about the networks of its container
//! probe           a unit's ExecStartPost= as commands
//! timer           the timer of a scheduled job
//! watch           the timer by which a service is asked again whether it is well, and what that does
//! start_order     what systemd starts first on one host
//! rules           what a unit must have, whoever wrote the template
//! unit            quoting for units, and reading them
//! env_file        writing layers, and reading them
//! identity        who is who on a host: names of units, containers, files and directories
//! inputs          what decides how a container runs, in a unit and the files beside it
//! marks           what a unit says of itself
//! fingerprint     the digest of inputs -> v2:…
//! canonical       `docker run` in one form, whatever way it is written
//! slots           the two slots of a service, of which one takes over from the other
//! live            directories of files that are read again without a restart
//! once            what the unit of a job does around its run
//! literal         the file of variables that no environment can carry
//! secret_files    which files only the host makes, and what stands for them
//! secrets         the secrets of a service, and how their files are made
//! config_files    files of the config repository, their permissions and owners
//! service         one service on hosts that are the same to it: all of the above, put together
//! bare            a service as a container that no unit runs
//! desired         the result
//! manifest        what a generation says of itself: digests, and how a release treats each service
//! stored          back from a generation to what is desired
//! placement       where the services of the whole cluster run, as every host keeps it
//! begun           a release that has not ended, as the hosts keep it that it acts on
//! ```

pub mod bare;
pub mod begun;
mod canonical;
#[cfg(test)]
mod carried_tests;
pub mod config_files;
pub mod desired;
pub mod env_file;
mod error;
pub mod fingerprint;
mod format;
pub mod hold;
pub mod identity;
pub mod inputs;
pub mod literal;
pub mod live;
pub mod manifest;
pub mod marks;
#[cfg(test)]
mod moved_tests;
mod networks;
pub mod once;
pub mod placement;
mod plain_options;
pub mod probe;
pub mod pushed;
mod rules;
pub(crate) mod run_line;
pub mod secret_files;
pub mod secrets;
mod service;
pub mod shell;
pub mod slots;
mod start_order;
pub mod stored;
mod timer;
pub mod unit;
pub mod unit_template;
pub(crate) mod volumes;
pub(crate) mod wait;
pub mod watch;

#[cfg(test)]
pub(crate) mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use self::error::RenderError;

use self::desired::{Desired, DesiredHost};
use self::placement::Reach;
use self::service::render_service;
use self::unit_template::{OnHost, Templates, environment};
use crate::cluster::model::{Cluster, Service};
use crate::cluster::name::HostName;

/// A service once for each set of variables that it has somewhere, with the hosts that have this one.
fn forms(service: &Service) -> Vec<(Cow<'_, Service>, BTreeSet<&HostName>)> {
    let placed = |host: &&HostName| service.hosts.contains(host);
    let elsewhere = service.elsewhere.iter().filter_map(|other| {
        let hosts: BTreeSet<&HostName> = other.hosts.iter().filter(placed).collect();
        Some((service.on(hosts.first()?), hosts))
    });
    let elsewhere: Vec<_> = elsewhere.collect();
    let others = |host: &&HostName| !elsewhere.iter().any(|(_, hosts)| hosts.contains(host));
    let here = service.hosts.iter().filter(others).collect();
    std::iter::once((Cow::Borrowed(service), here))
        .chain(elsewhere)
        .collect()
}

/// What every host of the cluster should hold.
///
/// # Errors
/// Templates that fail, or that make units which break a rule: each message once for a template,
/// with the first service that it happened with, sorted by template and line.
pub fn render(cluster: &Cluster) -> Result<Desired, Vec<RenderError>> {
    let forms: Vec<(Cow<'_, Service>, BTreeSet<&HostName>)> =
        cluster.services.values().flat_map(forms).collect();
    let environment = environment(&cluster.services);
    let mut templates = Templates::new(&environment, &cluster.services);
    let mut errors = BTreeMap::new();
    let mut hosts: BTreeMap<_, _> = cluster
        .hosts
        .iter()
        .map(|(name, host)| {
            let host = DesiredHost {
                engine: host.client.engine,
                services: BTreeMap::new(),
            };
            (name.clone(), host)
        })
        .collect();

    for (service, names) in &forms {
        // A service is the same on every host that is the same to it.
        let mut placed: BTreeMap<OnHost<'_>, BTreeSet<&HostName>> = BTreeMap::new();
        for name in names {
            let host = cluster
                .hosts
                .get(*name)
                .expect("a service is placed on hosts of its cluster");
            placed
                .entry(OnHost::of(cluster, service, host))
                .or_default()
                .insert(*name);
        }
        for (place, names) in placed {
            match render_service(&mut templates, cluster, service, &place) {
                Ok(desired) => {
                    let copies = std::iter::repeat_n(Arc::new(desired), names.len());
                    for (name, desired) in names.into_iter().zip(copies) {
                        let host = hosts.get_mut(name).expect("every host has its entry");
                        host.services.insert(service.name.clone(), desired);
                    }
                }
                Err(found) => {
                    for e in found {
                        let key = (e.origin.clone(), e.line, e.message.clone());
                        errors.entry(key).or_insert(e);
                    }
                }
            }
        }
    }
    if errors.is_empty() {
        Ok(Desired {
            cluster: cluster.name.clone(),
            hosts,
            machines: Reach::of_all(cluster),
        })
    } else {
        Err(errors.into_values().collect())
    }
}
