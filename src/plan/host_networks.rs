//! The networks of a host that units made: those that are to have other options, and those that nobody needs any more.
//!
//! Units make networks. A network keeps the options that it was made with, and the engine removes none that somebody
//! is in. So for other options all who are in it stop, it goes, and the first of them to start makes it anew.

use std::collections::{BTreeMap, BTreeSet};

use super::host_draft::HostDraft;
use super::networks_draft::RemadeNetwork;
use super::observed::{Attached, ObservedNetwork, ObservedProcess};
use super::options::Options;
use super::reason::Reason;
use super::rule::{Held, Named, ServiceNeed, runs_always};
use super::{Action, Change, NetworkPlan, RefusalReason};
use crate::cluster::model::RestartPolicy;
use crate::cluster::name::ServiceName;
use crate::render::manifest::ManifestService;

impl<'a> HostDraft<'a> {
    /// `target` is what the host has after the release.
    pub(super) fn settle_networks(
        &mut self,
        target: &BTreeMap<&ServiceName, &ManifestService>,
        options: &Options,
    ) {
        let seen = self.seen;
        for (name, network) in &seen.networks {
            let described = self.wanted.services.iter();
            let mut described = described
                .filter_map(|(user, service)| Some((user, service.handling.networks.get(name)?)));
            if described.clone().next().is_none() {
                let mut recorded = target.values();
                let stays = recorded.any(|service| is_in(service, name));
                if !stays && network.attached.iter().all(|at| self.lets_go(at)) {
                    self.networks.unneeded.insert(name.clone());
                }
                continue;
            }
            // One that only others use is left to a release of those.
            let used = described.find(|(user, _)| self.needs.contains_key(*user));
            let Some((_, Some(after))) = used else {
                continue;
            };
            let after = after.clone();
            if network.ids.len() > 1 {
                self.networks.refusals.push(RefusalReason::NetworksAlike {
                    engine: self.wanted.engine,
                    network: name.clone(),
                    ids: network.ids.clone(),
                });
            } else if network.options != after {
                self.remake(name, network, after, options);
            }
        }
    }

    /// Whether a container is out of its network at the end of the release.
    fn lets_go(&self, attached: &Attached) -> bool {
        let Attached::Service(service) = attached else {
            return false;
        };
        self.departs(service)
            || self.becomes_job(service)
            || self.is_held(service)
            || self.needs.get(service).is_some_and(ServiceNeed::starts)
    }

    /// Whether a service runs, and leaves this host.
    fn departs(&self, service: &ServiceName) -> bool {
        let departing = self.departing.get(service);
        departing.is_some_and(|departing| departing.runs())
    }

    fn remake(&mut self, name: &str, network: &ObservedNetwork, after: String, options: &Options) {
        let mut users = BTreeSet::new();
        let mut down = BTreeSet::new();
        let mut services = Vec::new();
        let mut containers = Vec::new();
        for attached in &network.attached {
            let service = match attached {
                Attached::Service(service) => service,
                Attached::Container(container) => {
                    containers.push(container.clone());
                    continue;
                }
            };
            if self.restarts_with_network(service, options) {
                users.insert(service.clone());
                down.insert(service.clone());
            } else if self.departs(service) || self.becomes_job(service) || self.is_held(service) {
                down.insert(service.clone());
            } else {
                services.push(service.clone());
                let is_job = self.needs.contains_key(service) && !self.is_up_all_the_time(service);
                if let Some(need) = self.needs.get_mut(service).filter(|_| !is_job) {
                    need.action = Action::Pending;
                    explain(need, name);
                }
            }
        }
        // Who is not in it now may come to it at any moment, as one that ends and starts again and again.
        let runs = |service: &ServiceName| {
            let at = self.seen.services.get(service);
            at.is_some_and(|at| at.container.is_some() || at.process != ObservedProcess::Stopped)
        };
        for (service, need) in &self.needs {
            let uses = self.wanted.services[service]
                .handling
                .networks
                .contains_key(name);
            if uses && need.starts() {
                users.insert(service.clone());
                if runs(service) {
                    down.insert(service.clone());
                }
            }
        }
        for (service, departing) in &self.departing {
            let recorded = self.seen.generation.recorded(service);
            if recorded.is_some_and(|recorded| is_in(recorded, name)) && departing.runs() {
                down.insert(service.clone());
            }
        }
        if users.is_empty() {
            let jobs = self.wanted.services.iter();
            let mut jobs = jobs.filter(|(_, service)| service.handling.networks.contains_key(name));
            let only_jobs = jobs.all(|(job, _)| !self.is_up_all_the_time(job));
            // The next run makes it anew.
            if only_jobs && services.is_empty() && containers.is_empty() {
                self.networks.unneeded.insert(name.to_owned());
            }
            return;
        }
        if !services.is_empty() || !containers.is_empty() {
            self.networks.refusals.push(RefusalReason::NetworkHeld {
                engine: self.wanted.engine,
                network: name.to_owned(),
                before: network.options.clone(),
                after,
                users: users.into_iter().collect(),
                services,
                containers,
            });
            return;
        }
        for user in &users {
            let Some(need) = self.needs.get_mut(user) else {
                continue;
            };
            if need.change == Change::Added {
                self.late.insert(user.clone());
            }
            if need.action == Action::Start {
                continue;
            }
            need.action = Action::Restart;
            explain(need, name);
        }
        let remade = RemadeNetwork {
            before: network.options.clone(),
            after,
            users,
            down,
        };
        self.networks.remade.insert(name.to_owned(), remade);
    }

    /// Whether somebody holds it: it stops, if it runs.
    fn is_held(&self, service: &ServiceName) -> bool {
        let need = self.needs.get(service);
        need.is_some_and(|need| need.held == Held::Yes && !need.is_scheduled())
    }

    /// Whether its container runs all the time, and stops now, since it is to be a job.
    fn becomes_job(&self, service: &ServiceName) -> bool {
        let at = self.seen.services.get(service);
        self.needs.contains_key(service)
            && !self.is_up_all_the_time(service)
            && at.is_some_and(runs_always)
    }

    /// Whether a service that is in a network may be restarted for it.
    fn restarts_with_network(&self, service: &ServiceName, options: &Options) -> bool {
        let Some(need) = self.needs.get(service) else {
            return false;
        };
        // A run is never cut.
        if !self.is_up_all_the_time(service) || need.held == Held::Yes {
            return false;
        }
        match need.action {
            Action::Start | Action::Restart => true,
            Action::Pending | Action::Stop | Action::Swap | Action::Run | Action::MayRun => false,
            Action::None | Action::MayRestart | Action::Reload => {
                let restart = self.wanted.services[service].handling.restart;
                let is_named = options.named(service) == Named::Yes;
                restart == RestartPolicy::Auto || is_named
            }
        }
    }

    /// The networks that are made anew in a visit that is about these services: all of their services are in it.
    pub(super) fn remade_in<'v>(
        &'v self,
        services: &BTreeSet<&ServiceName>,
    ) -> impl Iterator<Item = (&'v String, &'v RemadeNetwork)> {
        let takes = |user: &ServiceName| services.contains(user);
        let remade = self.networks.remade.iter();
        remade.filter(move |(_, remade)| remade.users.iter().any(takes))
    }

    /// Services that have to be in one visit, since their network is made anew: each with another one.
    pub(super) fn go_together(&self) -> impl Iterator<Item = (&ServiceName, &ServiceName)> {
        self.networks.remade.values().flat_map(|remade| {
            let first = remade.users.first();
            let others = remade.users.iter().skip(1);
            others.filter_map(move |other| Some((first?, other)))
        })
    }

    /// What a reader sees of it.
    pub(super) fn shown_networks(&self) -> Vec<NetworkPlan> {
        let mut shown = BTreeSet::new();
        for (name, remade) in &self.networks.remade {
            shown.insert(NetworkPlan {
                network: name.clone(),
                before: Some(remade.before.clone()),
                after: Some(remade.after.clone()),
                down: remade.down.iter().cloned().collect(),
            });
        }
        for name in &self.networks.unneeded {
            shown.insert(NetworkPlan {
                network: name.clone(),
                before: Some(self.seen.networks[name].options.clone()),
                after: None,
                down: Vec::new(),
            });
        }
        for (service, _) in self.needs.iter().filter(|(_, need)| need.starts()) {
            let networks = self.wanted.services[service].handling.networks.iter();
            let absent = networks.filter(|(name, _)| !self.seen.networks.contains_key(*name));
            shown.extend(absent.filter_map(|(name, options)| {
                Some(NetworkPlan {
                    network: name.clone(),
                    before: None,
                    after: Some(options.clone()?),
                    down: Vec::new(),
                })
            }));
        }
        shown.into_iter().collect()
    }
}

/// Whether a service was released in a network.
fn is_in(service: &ManifestService, network: &str) -> bool {
    let handling = service.handling.as_ref();
    handling.is_some_and(|handling| handling.networks.contains_key(network))
}

/// Tells why it restarts.
fn explain(need: &mut ServiceNeed, network: &str) {
    need.reasons
        .retain(|reason| !is_of_network(reason, network));
    need.reasons.push(Reason::Network {
        network: network.to_owned(),
    });
}

/// Whether a reason says nothing but that the label of a network's options is another one.
fn is_of_network(reason: &Reason, network: &str) -> bool {
    let Reason::Directive {
        key: _,
        removed,
        added,
    } = reason
    else {
        return false;
    };
    let label = format!("bayplan.network.{network}=");
    let mut words = removed.iter().chain(added);
    words.all(|word| word == "--label" || word.starts_with(&label))
}
