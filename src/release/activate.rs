//! The activation of every host, wave after wave: a script of the plan's steps, followed to its end.

#![expect(
    clippy::disallowed_methods,
    reason = "measures how long an activation takes"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::event::{Event, EventKind};
use super::hosts::{Connection, Hosts, Setting};
use super::prepare::Preparation;
use super::problem::{FailedStep, Problem};
use super::{Order, Released};
use crate::cluster::name::{HostName, UnitName};
use crate::cluster::secret::Plaintext;
use crate::host::deliver::{Delivery, parse_delivered};
use crate::host::layout::Layout;
use crate::host::parallel::for_each_host;
use crate::host::script::{self, Activation, Source};
use crate::plan::step::Step;
use crate::plan::{Phase, Plan};

/// For a whole activation: every unit has a time limit of its own, this one is for what hangs.
const ACTIVATION: Duration = Duration::from_secs(2 * 60 * 60);
/// For the secrets of one host, over a slow line.
const DELIVERY: Duration = Duration::from_secs(5 * 60);

pub(super) fn activate(
    setting: Setting<'_>,
    hosts: &mut Hosts,
    plan: &Plan,
    preparation: &Preparation<'_>,
    order: &Order,
    tell: &(impl Fn(Event) + Sync),
) -> Released {
    let mut problems = BTreeMap::new();
    let mut begun: BTreeMap<HostName, usize> = BTreeMap::new();
    for (number, wave) in plan.waves.iter().enumerate() {
        let connections = hosts
            .connections
            .iter_mut()
            .filter(|(name, _)| wave.activations.contains_key(*name))
            .map(|(name, connection)| (name.clone(), connection));
        let results = for_each_host(connections, setting.limit, |name, connection| {
            let steps = &wave.activations[name];
            let event = |kind| {
                tell(Event {
                    host: name.clone(),
                    kind,
                });
            };
            let run = HostRun {
                setting,
                name,
                wave: number,
                phase: wave.phase,
                steps,
                preparation,
                order,
            };
            let result = run.carry_out(connection, &event);
            if let Err(problem) = &result {
                event(EventKind::Failed {
                    error: problem.line(),
                });
            }
            result
        });
        for (name, result) in results {
            match result {
                Ok(()) => *begun.entry(name).or_default() += 1,
                Err(problem) => {
                    problems.insert(name, problem);
                }
            }
        }
        if !problems.is_empty() {
            break;
        }
    }
    let waves_of = |name: &HostName| {
        let waves = plan.waves.iter();
        waves.filter(|w| w.activations.contains_key(name)).count()
    };
    let acting = plan.hosts.iter().filter(|(_, host)| host.acts);
    let (done, left) = acting
        .map(|(name, _)| name.clone())
        .filter(|name| !problems.contains_key(name))
        .partition(|name| begun.get(name) == Some(&waves_of(name)));
    Released {
        plan: plan.clone(),
        done,
        left,
        problems,
    }
}

/// One host in one wave.
struct HostRun<'a> {
    setting: Setting<'a>,
    name: &'a HostName,
    wave: usize,
    phase: Phase,
    steps: &'a [Step],
    preparation: &'a Preparation<'a>,
    order: &'a Order,
}

impl HostRun<'_> {
    fn carry_out(
        &self,
        connection: &mut Connection,
        event: &impl Fn(EventKind),
    ) -> Result<(), Problem> {
        let started = Instant::now();
        event(EventKind::Activating {
            phase: self.phase,
            steps: self.steps.len(),
        });
        let script = self.script(&connection.layout, connection)?;
        let delivery = self.delivery();
        self.deliver(&delivery, connection)?;
        let mut follow = Follow {
            steps: self.steps,
            event,
            failed: FailedStep {
                step: None,
                errors: Vec::new(),
                states: Vec::new(),
                journal: Vec::new(),
            },
            ended: false,
        };
        let status =
            connection
                .session
                .run_following("activating", &script, ACTIVATION, |line| follow.line(line))?;
        if !delivery.files.is_empty() {
            // What a broken session leaves is root's alone, and the next release removes it.
            let script = delivery.cleaning_script(&connection.layout);
            let _ = connection.session.run("cleaning up", &script, DELIVERY);
        }
        if follow.ended && status == 0 {
            event(EventKind::Activated {
                took: started.elapsed(),
            });
            Ok(())
        } else {
            let mut failed = follow.failed;
            if failed.errors.is_empty() {
                failed.errors = vec![format!("the activation ended with status {status}")];
            }
            Err(Problem::Activation(Box::new(failed)))
        }
    }

    /// The secrets that these steps put into their place, if this host gets them unencrypted.
    fn delivery(&self) -> Delivery<'_> {
        let mut delivery = Delivery::default();
        let Some(preparation) = self.preparation.host(self.name).filter(|p| p.delivers()) else {
            return delivery;
        };
        for step in self.steps {
            let (service, directory, wanted) = match step {
                Step::PlaceInputs { service, directory } => (service, directory, None),
                Step::RepairInputs {
                    service,
                    directory,
                    write,
                    remove: _,
                } => (service, directory, Some(write)),
                Step::MarkEdited { .. }
                | Step::WriteUnit { .. }
                | Step::Enable { .. }
                | Step::Reload
                | Step::Stop { .. }
                | Step::Restart { .. }
                | Step::AwaitHealthy { .. }
                | Step::RemoveUnit { .. }
                | Step::SetCurrent { .. }
                | Step::RemoveInputs { .. }
                | Step::RemoveGenerations { .. } => continue,
            };
            let files = preparation.secrets_of(service).into_iter().flatten();
            let files: BTreeMap<&str, &Plaintext> = files
                .filter(|(path, _)| wanted.is_none_or(|wanted| wanted.contains(*path)))
                .map(|(path, file)| (path.as_str(), &file.bytes))
                .collect();
            if !files.is_empty() {
                delivery.files.insert((service, directory), files);
            }
        }
        delivery
    }

    fn deliver(&self, delivery: &Delivery<'_>, connection: &mut Connection) -> Result<(), Problem> {
        if delivery.files.is_empty() {
            return Ok(());
        }
        let not_staged = |why: String| Problem::NotStaged { why };
        let payload = delivery
            .payload()
            .map_err(|error| not_staged(error.to_string()))?;
        let script = delivery.script(&connection.layout, payload.len());
        let session = &mut connection.session;
        let answer = session.run_with_payload("sending secrets", &script, payload, DELIVERY)?;
        parse_delivered(&answer.stdout).map_err(not_staged)
    }

    /// What the session runs for this activation.
    fn script(&self, layout: &Layout, connection: &Connection) -> Result<String, Problem> {
        let wanted = &self.setting.desired.hosts[self.name];
        let enabled_by: BTreeMap<UnitName, BTreeSet<String>> = wanted
            .services
            .values()
            .map(|service| (service.unit.clone(), service.enabled_by.clone()))
            .collect();
        let activation = Activation {
            layout,
            engine: wanted.engine,
            source: &Source::Staged {
                id: self.order.stage.clone(),
                number: connection.look.observed.next_generation,
            },
            steps: self.steps,
            enabled_by: &enabled_by,
            record: &self.order.record,
            settle: script::SETTLE,
            patience: script::PATIENCE,
        };
        let text = activation.script().map_err(|error| Problem::Unsafe {
            why: error.to_string(),
        })?;
        debug_assert!(self.preparation.host(self.name).is_some());
        Ok(script::launch(
            layout,
            &self.order.stage,
            self.wave + 1,
            &text,
        ))
    }
}

/// Reads what a script says line by line.
struct Follow<'a, E> {
    steps: &'a [Step],
    event: &'a E,
    failed: FailedStep,
    ended: bool,
}

impl<E: Fn(EventKind)> Follow<'_, E> {
    fn line(&mut self, line: &str) {
        let Some(said) = script::Event::parse(line) else {
            return;
        };
        match said {
            script::Event::Started(number) => {
                if let Some(step) = self.steps.get(number) {
                    (self.event)(EventKind::Step {
                        number: number + 1,
                        of: self.steps.len(),
                        step: step.clone(),
                    });
                }
            }
            script::Event::Failed(number) => self.failed.step = self.steps.get(number).cloned(),
            script::Event::Error(text) => self.failed.errors.push(text),
            script::Event::State { unit: _, text } => self.failed.states.push(text),
            script::Event::Journal { unit: _, text } => self.failed.journal.push(text),
            script::Event::Ended => self.ended = true,
            script::Event::Done(_) | script::Event::Skipped(_) | script::Event::Note(_) => {}
        }
    }
}
