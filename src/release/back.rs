//! A release that goes back as a whole: where a host failed and is as it was before, those that were done before it go
//! back, too.

use std::collections::{BTreeMap, BTreeSet};

use super::event::{Event, EventKind};
use super::hosts::{Connection, Hosts, Setting};
use super::problem::Problem;
use super::request::ReleaseRequest;
use crate::cluster::model::OnFailure;
use crate::cluster::name::{HostName, ServiceName};
use crate::plan::{Phase, Plan, Wave, WayBack, way_back, whole_way_back};

/// The release that goes back.
pub(super) struct WholeWayBack<'a> {
    pub(super) setting: Setting<'a>,
    pub(super) plan: &'a Plan,
    pub(super) request: &'a ReleaseRequest,
}

/// The activation of a host that does nothing but go back.
pub(super) struct BackRun<'a> {
    pub(super) name: &'a HostName,
    /// Its number among the activations: no other one has it.
    pub(super) number: usize,
    pub(super) way: &'a WayBack,
    /// In one line.
    pub(super) why: &'a str,
}

/// One host on its way back.
struct GoingHost<'a> {
    name: &'a HostName,
    /// The waves that were begun when it was activated for the last time.
    waves: &'a [Wave],
    /// Only what was done with these services, of a host that is back but for them.
    only: Option<BTreeSet<ServiceName>>,
}

impl WholeWayBack<'_> {
    /// Takes back what was `begun`, by the number of activations that were done on a host, one host after the other and
    /// the last one first. Gives the hosts that are as they were before; what goes wrong is added to the problems, and the
    /// other hosts stay as they are then.
    pub(super) fn go(
        &self,
        hosts: &mut Hosts,
        begun: &BTreeMap<HostName, usize>,
        problems: &mut BTreeMap<HostName, Problem>,
        tell: &(impl Fn(Event) + Sync),
        carry_out: impl Fn(BackRun<'_>, &mut Connection, &dyn Fn(EventKind)) -> Result<(), Problem>,
    ) -> Vec<HostName> {
        let mut back = Vec::new();
        let Some((first, problem)) = problems.first_key_value() else {
            return back;
        };
        let why = format!("{first}: {}", problem.line());
        for going in self.in_order(hosts, begun, problems) {
            let name = going.name;
            let Some(connection) = hosts.connections.get_mut(name) else {
                continue;
            };
            let way = whole_way_back(
                self.setting.desired,
                name,
                &connection.look.observed,
                going.waves,
                going.only.as_ref(),
            );
            let event = |kind| {
                tell(Event {
                    host: name.clone(),
                    kind,
                });
            };
            let run = BackRun {
                name,
                number: self.plan.waves.len() + back.len(),
                way: &way,
                why: &why,
            };
            match carry_out(run, connection, &event) {
                Ok(()) if going.only.is_none() => back.push(name.clone()),
                Ok(()) => {}
                Err(problem) => {
                    event(EventKind::Failed {
                        error: problem.line(),
                    });
                    problems.insert(name.clone(), problem);
                    break;
                }
            }
        }
        back.sort();
        back
    }

    /// Whether all may go back: whoever failed is as before, and nothing that left is gone.
    pub(super) fn is_possible(
        &self,
        begun: &BTreeMap<HostName, usize>,
        problems: &BTreeMap<HostName, Problem>,
    ) -> bool {
        let contracted = self.plan.waves.iter().any(|wave| {
            let mut hosts = wave.activations.keys();
            wave.phase == Phase::Contract
                && hosts.any(|name| self.visits(name).count() <= begun_on(begun, name))
        });
        self.request.options.rollout.on_failure == OnFailure::Back
            && problems.values().all(Problem::was_put_back)
            && !contracted
    }

    /// The numbers of the waves that a host is part of.
    fn visits(&self, name: &HostName) -> impl Iterator<Item = usize> {
        let waves = self.plan.waves.iter().enumerate();
        waves
            .filter(|(_, wave)| wave.activations.contains_key(name))
            .map(|(number, _)| number)
    }

    /// The hosts that go back, and those that failed where something of them was used by others until then.
    fn in_order<'p>(
        &'p self,
        hosts: &Hosts,
        begun: &'p BTreeMap<HostName, usize>,
        problems: &BTreeMap<HostName, Problem>,
    ) -> Vec<GoingHost<'p>> {
        let mut order: Vec<(usize, GoingHost<'p>)> = Vec::new();
        for (name, count) in begun {
            let Some(last) = self.visits(name).take(*count).last() else {
                continue;
            };
            let only = match problems.contains_key(name) {
                false => None,
                true => {
                    let failed_in = self.visits(name).nth(*count);
                    let used = failed_in.and_then(|wave| {
                        let seen = &hosts.connections.get(name)?.look.observed;
                        let waves = &self.plan.waves[..=wave];
                        Some(way_back(self.setting.desired, name, seen, waves).used)
                    });
                    match used.filter(|used| !used.is_empty()) {
                        Some(used) => Some(used),
                        None => continue,
                    }
                }
            };
            let waves = &self.plan.waves[..=last];
            order.push((last, GoingHost { name, waves, only }));
        }
        order.sort_by(|(one, a), (other, b)| other.cmp(one).then(b.name.cmp(a.name)));
        order.into_iter().map(|(_, going)| going).collect()
    }
}

fn begun_on(begun: &BTreeMap<HostName, usize>, name: &HostName) -> usize {
    begun.get(name).copied().unwrap_or_default()
}
