//! The activation of every host, wave after wave, and what becomes of the others where one fails.

use std::collections::BTreeMap;

use super::Released;
use super::back::{BackRun, WholeWayBack};
use super::event::{Event, EventKind};
use super::host_run::HostRun;
use super::hosts::{Connection, Hosts, Setting};
use super::prepare::Preparation;
use super::problem::Problem;
use super::record::note_others;
use super::request::ReleaseRequest;
use crate::cluster::model::{OnFailure, Pause};
use crate::cluster::name::HostName;
use crate::host::reach::parallel::each_in_parallel;
use crate::plan::{Approved, Plan};
use crate::render::begun::{BegunRelease, Direction};

/// What is carried out on the hosts.
pub(super) struct Activating<'a> {
    pub(super) setting: Setting<'a>,
    pub(super) approved: &'a Approved,
    pub(super) preparation: &'a Preparation<'a>,
    pub(super) request: &'a ReleaseRequest,
    /// What the hosts keep of it.
    pub(super) begun: Option<&'a BegunRelease>,
    /// Whether an earlier release may have done a part of it.
    pub(super) goes_on: bool,
}

impl Activating<'_> {
    /// Does it wave after wave; where a host fails, what the policy says of the others.
    pub(super) fn carry_out(&self, hosts: &mut Hosts, tell: &(impl Fn(Event) + Sync)) -> Released {
        let plan = self.approved.plan();
        let limit = self.setting.limit;
        let mut problems = BTreeMap::new();
        let mut begun: BTreeMap<HostName, usize> = BTreeMap::new();
        for (number, wave) in plan.waves.iter().enumerate() {
            for (name, result) in self.wave(number, hosts, tell) {
                match result {
                    Ok(()) => *begun.entry(name).or_default() += 1,
                    Err(problem) => {
                        problems.insert(name, problem);
                    }
                }
            }
            // Before anybody starts who comes after a job; also where another host failed.
            let ran = wave.activations.iter();
            let ran = ran.filter(|(name, _)| !problems.contains_key(*name));
            problems.extend(hosts.share_new_runs(limit, ran));
            if !problems.is_empty() || self.waits_after(number) {
                break;
            }
        }
        let back = match problems.is_empty() {
            true => Vec::new(),
            false => self.go_back(hosts, &begun, &mut problems, tell),
        };
        let waves_of = |name: &HostName| {
            let waves = plan.waves.iter();
            waves.filter(|w| w.activations.contains_key(name)).count()
        };
        let acting = plan.hosts.iter().filter(|(_, host)| host.acts);
        let (done, rest): (Vec<_>, Vec<_>) = acting
            .map(|(name, _)| name.clone())
            .filter(|name| !problems.contains_key(name) && !back.contains(name))
            .partition(|name| begun.get(name) == Some(&waves_of(name)));
        let (begun, left): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|name| begun.contains_key(name));
        if let Some((name, problem)) = problems.first_key_value() {
            let why = format!("{name}: {}", problem.line());
            let these = |name: &HostName| left.contains(name);
            note_others(plan, self.request, hosts, limit, these, &why);
        }
        let released = Released {
            plan: plan.clone(),
            done,
            begun,
            left,
            back,
            problems,
            unfinished: None,
        };
        Released {
            unfinished: self.remains(&released),
            ..released
        }
    }

    /// Whether the release ends after this wave, until somebody says that it may go on.
    fn waits_after(&self, number: usize) -> bool {
        let Plan {
            rollout,
            pause_after,
            ..
        } = self.approved.plan();
        rollout.pause == Some(Pause::Ask) && *pause_after == Some(number + 1)
    }

    /// One wave, on all its hosts at the same time.
    fn wave(
        &self,
        number: usize,
        hosts: &mut Hosts,
        tell: &(impl Fn(Event) + Sync),
    ) -> BTreeMap<HostName, Result<(), Problem>> {
        let wave = &self.approved.plan().waves[number];
        let connections = hosts
            .connections
            .iter_mut()
            .filter(|(name, _)| wave.activations.contains_key(*name))
            .map(|(name, connection)| (name.clone(), connection));
        each_in_parallel(connections, self.setting.limit, |name, connection| {
            let event = |kind| {
                tell(Event {
                    host: name.clone(),
                    kind,
                });
            };
            let run = HostRun {
                wave: number,
                steps: &wave.activations[name],
                ..self.run(name)
            };
            let result = run.carry_out(connection, &event);
            if let Err(problem) = &result {
                event(EventKind::Failed {
                    error: problem.line(),
                });
                // Those that began record it themselves.
                if !matches!(problem, Problem::Activation(_) | Problem::Continues(_)) {
                    run.note(connection, problem);
                }
            }
            result
        })
    }

    /// Takes back what was done on other hosts, if all are to go back.
    fn go_back(
        &self,
        hosts: &mut Hosts,
        begun: &BTreeMap<HostName, usize>,
        problems: &mut BTreeMap<HostName, Problem>,
        tell: &(impl Fn(Event) + Sync),
    ) -> Vec<HostName> {
        let way = WholeWayBack {
            setting: self.setting,
            plan: self.approved.plan(),
            request: self.request,
        };
        if !way.is_possible(begun, problems) {
            return Vec::new();
        }
        if let Some(begun) = self.begun {
            // Whoever comes after a releaser who dies on this way goes on with it.
            let begun = BegunRelease {
                direction: Direction::Back,
                ..begun.clone()
            };
            hosts.keep(Some(&begun), self.setting.limit);
        }
        let carry_out = |run: BackRun<'_>, connection: &mut Connection, event: &dyn Fn(_)| {
            let run = HostRun {
                wave: run.number,
                goes_back: Some((run.way, run.why)),
                ..self.run(run.name)
            };
            run.carry_out(connection, &event)
        };
        way.go(hosts, begun, problems, tell, carry_out)
    }

    /// What the hosts go on keeping of it: nothing if it is done on all of them, or on none.
    fn remains(&self, released: &Released) -> Option<BegunRelease> {
        let begun = self.begun?;
        let problems = &released.problems;
        let is_back = !problems.is_empty()
            && problems.values().all(Problem::was_put_back)
            && released.done.is_empty()
            && released.begun.is_empty();
        let goes_back = is_back && self.request.options.rollout.on_failure == OnFailure::Back;
        if problems.is_empty() && (!released.left.is_empty() || !released.begun.is_empty()) {
            return Some(BegunRelease {
                direction: Direction::Paused,
                ..begun.clone()
            });
        }
        if problems.is_empty() || is_back && !self.goes_on {
            return None;
        }
        Some(BegunRelease {
            direction: match goes_back || !released.back.is_empty() {
                true => Direction::Back,
                false => begun.direction,
            },
            ..begun.clone()
        })
    }

    /// One host of it, with nothing to do.
    fn run<'r>(&'r self, name: &'r HostName) -> HostRun<'r> {
        HostRun {
            setting: self.setting,
            name,
            wave: 0,
            plan: self.approved.plan(),
            steps: &[],
            goes_back: None,
            preparation: self.preparation,
            request: self.request,
        }
    }
}
