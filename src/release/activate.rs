//! The activation of every host, wave after wave: a script of the plan's steps, followed to its end.

#![expect(
    clippy::disallowed_methods,
    reason = "measures how long an activation takes"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::event::{Event, EventKind};
use super::follow::follow;
use super::hosts::{Connection, Hosts, Setting};
use super::mask::Mask;
use super::prepare::Preparation;
use super::problem::{Continues, FailedStep, Hidden, Journal, Problem, Then};
use super::{OnFailure, Order, Released};
use crate::cluster::model::Excerpts;
use crate::cluster::name::{HostName, UnitName};
use crate::cluster::secret::Plaintext;
use crate::host::deliver::{Delivery, parse_delivered};
use crate::host::error::HostError;
use crate::host::layout::Layout;
use crate::host::parallel::for_each_host;
use crate::host::script::{self, Activation, Record, Source, UNGUARD_STAGE};
use crate::host::session::Session;
use crate::host::watch::At;
use crate::plan::kept::{Because, because};
use crate::plan::observed::{Generation, Runs};
use crate::plan::step::Step;
use crate::plan::{Plan, held, put_back};
use crate::render::desired::Readiness;
use crate::render::secrets::DIGESTS;

/// For a whole activation below a directory, which restarts nothing.
const FILES: Duration = Duration::from_secs(60 * 60);
/// For the start of an activation on a host that runs.
const LAUNCH: Duration = Duration::from_secs(60);
/// How long nothing of the secrets of one host may arrive.
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
                plan,
                steps,
                reasons: because(&plan.hosts[name]),
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
    let (done, rest): (Vec<_>, Vec<_>) = acting
        .map(|(name, _)| name.clone())
        .filter(|name| !problems.contains_key(name))
        .partition(|name| begun.get(name) == Some(&waves_of(name)));
    let (begun, left) = rest.into_iter().partition(|name| begun.contains_key(name));
    Released {
        plan: plan.clone(),
        done,
        begun,
        left,
        problems,
    }
}

/// One host in one wave.
struct HostRun<'a> {
    setting: Setting<'a>,
    name: &'a HostName,
    wave: usize,
    plan: &'a Plan,
    steps: &'a [Step],
    /// Of the whole plan: its waves write one history.
    reasons: Vec<Because>,
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
            phase: self.plan.waves[self.wave].phase,
            steps: self.steps.len(),
        });
        let script = self.script(&connection.layout, connection)?;
        let delivery = self.delivery();
        self.deliver(&delivery, connection)?;
        let unmasked = self.unmasked(connection);
        let mut follow = Follow::new(
            self.steps,
            Journals {
                shown: self.setting.cluster.rollout.journal,
                mask: &self.order.mask,
                unmasked: &unmasked,
            },
            event,
        );
        let Connection {
            session, layout, ..
        } = connection;
        let followed = match layout.runs() {
            Runs::FilesOnly => session
                .run_here("activating", UNGUARD_STAGE, LAUNCH)
                .and_then(|_| {
                    session.run_following("activating", &script, FILES, |line| follow.line(line))
                })
                .map(drop),
            Runs::Processes => session
                .run_here(
                    "activating",
                    &format!("{UNGUARD_STAGE}(\n{script}\n) 7<&-\n"),
                    LAUNCH,
                )
                .and_then(|_| follow_to_end(session, layout.cluster().as_str(), &mut follow)),
        };
        if let Err(error) = followed {
            return Err(match layout.runs() {
                Runs::FilesOnly => error.into(),
                Runs::Processes => Problem::Continues(Box::new(Continues {
                    error,
                    at: follow.at,
                    log: layout.activation_log(),
                })),
            });
        }
        if !delivery.files.is_empty() {
            // What a broken session leaves is root's alone, and the next release removes it.
            let script = delivery.cleaning_script(layout);
            let _ = session.run("cleaning up", &script, DELIVERY);
        }
        if follow.ended {
            event(EventKind::Activated {
                took: started.elapsed(),
            });
            Ok(())
        } else {
            Err(Problem::Activation(Box::new(follow.failure())))
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
                | Step::RestartUnless { .. }
                | Step::RestartUnjudged { .. }
                | Step::NameImage { .. }
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
        let script = delivery.script(&connection.layout);
        let session = &mut connection.session;
        let answer = session.run_with_payload("sending secrets", &script, payload, DELIVERY)?;
        parse_delivered(&answer.stdout).map_err(not_staged)
    }

    /// The units whose containers may print secrets that are not known here: those that they have now, or
    /// had until this release.
    fn unmasked(&self, connection: &Connection) -> BTreeSet<String> {
        let cluster = &self.setting.cluster.name;
        let wanted = &self.setting.desired.hosts[self.name].services;
        let wanted = wanted.iter().map(|(name, service)| (name, &service.entry));
        let before = match &connection.look.observed.generation {
            Generation::Current { manifest, .. } => Some(&manifest.services),
            Generation::None | Generation::Unreadable { .. } => None,
        };
        wanted
            .chain(before.into_iter().flatten())
            .filter(|(name, entry)| {
                entry.files.contains_key(DIGESTS) && !self.order.mask.knows(name)
            })
            .map(|(name, _)| UnitName::new(cluster, name).container().to_owned())
            .collect()
    }

    /// How long what these steps start must stay well.
    fn settle(&self) -> Duration {
        let services = &self.setting.desired.hosts[self.name].services;
        let probed = |unit: &UnitName| {
            let of_unit = services.values().find(|service| service.unit == *unit);
            of_unit.is_some_and(|service| service.readiness == Readiness::Probed)
        };
        let mut awaited = self.steps.iter().filter_map(|step| match step {
            Step::AwaitHealthy { units } => Some(units),
            _ => None,
        });
        if awaited.all(|units| units.iter().all(probed)) {
            script::SETTLE_PROBED
        } else {
            script::SETTLE
        }
    }

    /// What the session runs for this activation.
    fn script(&self, layout: &Layout, connection: &Connection) -> Result<String, Problem> {
        let wanted = &self.setting.desired.hosts[self.name];
        let wanted = &held(wanted, &connection.look.observed);
        let enabled_by: BTreeMap<UnitName, BTreeSet<String>> = wanted
            .services
            .values()
            .map(|service| (service.unit.clone(), service.enabled_by.clone()))
            .collect();
        let way_back = put_back(
            self.setting.desired,
            self.name,
            &connection.look.observed,
            &self.plan.waves[..=self.wave],
        );
        let activation = Activation {
            layout,
            engine: wanted.engine,
            source: &Source::Staged {
                id: self.order.stage.clone(),
                number: connection.look.observed.next_generation,
            },
            steps: self.steps,
            enabled_by: &enabled_by,
            record: &Record {
                back_to: self.order.back.get(self.name).map(|back| back.number),
                reasons: self.reasons.clone(),
                ..self.order.record.clone()
            },
            put_back: match self.order.on_failure {
                OnFailure::PutBack => Some(&way_back),
                OnFailure::Keep => None,
            },
            settle: self.settle(),
            patience: script::PATIENCE,
            journal: self.setting.cluster.rollout.journal,
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

fn follow_to_end<E: Fn(EventKind)>(
    session: &mut Session,
    cluster: &str,
    to: &mut Follow<'_, E>,
) -> Result<(), HostError> {
    follow(session, cluster, |line| to.line(line))
}

/// Reads what a script says line by line.
struct Follow<'a, E> {
    steps: &'a [Step],
    journals: Journals<'a>,
    event: &'a E,
    at: At,
    failed: FailedStep,
    /// What was said before the script's first word: why it could not begin.
    before: Vec<String>,
    ended: bool,
}

/// How what units printed is shown.
struct Journals<'a> {
    shown: Excerpts,
    mask: &'a Mask,
    /// Units with secrets that cannot be masked.
    unmasked: &'a BTreeSet<String>,
}

impl Journals<'_> {
    /// Why those of this unit are not.
    fn hidden(&self, unit: &str) -> Option<Hidden> {
        match self.shown {
            Excerpts::Hidden => Some(Hidden::Described),
            Excerpts::Shown => self
                .unmasked
                .contains(unit)
                .then_some(Hidden::UnknownSecrets),
        }
    }
}

impl<'a, E: Fn(EventKind)> Follow<'a, E> {
    fn new(steps: &'a [Step], journals: Journals<'a>, event: &'a E) -> Self {
        Self {
            steps,
            journals,
            event,
            at: At::default(),
            failed: FailedStep {
                step: None,
                errors: Vec::new(),
                states: Vec::new(),
                journal: Journal::Lines(Vec::new()),
                then: Then::Left,
            },
            before: Vec::new(),
            ended: false,
        }
    }

    fn line(&mut self, line: &str) {
        let Some(said) = script::Event::parse(line) else {
            if self.at.of == 0 && !line.is_empty() {
                self.before.push(self.journals.mask.line(line));
            }
            return;
        };
        self.at.hear(&said);
        let way_back = match &mut self.failed.then {
            Then::Left | Then::PutBack => None,
            Then::NotPutBack { errors } => Some(errors),
        };
        match said {
            script::Event::Started { number, .. } => {
                if let Some(step) = self.steps.get(number) {
                    (self.event)(EventKind::Step {
                        number: number + 1,
                        of: self.steps.len(),
                        step: step.clone(),
                    });
                }
            }
            script::Event::Failed(number) if way_back.is_none() => {
                self.failed.step = self.steps.get(number).cloned();
            }
            script::Event::Error(text) => {
                let text = self.journals.mask.line(&text);
                way_back.unwrap_or(&mut self.failed.errors).push(text);
            }
            script::Event::State { unit, text } if way_back.is_none() => {
                self.failed.states.push(self.journals.mask.line(&text));
                if let Some(why) = self.journals.hidden(&unit) {
                    self.failed.journal = Journal::Hidden { unit, why };
                }
            }
            script::Event::Journal { unit, text } if way_back.is_none() => {
                if self.journals.hidden(&unit).is_none()
                    && let Journal::Lines(lines) = &mut self.failed.journal
                {
                    lines.push(self.journals.mask.line(&text));
                }
            }
            script::Event::PuttingBack => {
                // Until it says that it is done.
                self.failed.then = Then::NotPutBack { errors: Vec::new() };
                (self.event)(EventKind::PuttingBack {
                    at: self.at.clone(),
                });
            }
            script::Event::Back { call } if script::touches_a_container(&call) => {
                (self.event)(EventKind::PuttingBack {
                    at: self.at.clone(),
                });
            }
            script::Event::PutBack => {
                self.failed.then = Then::PutBack;
                (self.event)(EventKind::PutBack);
            }
            script::Event::Ended => self.ended = true,
            script::Event::Begun { .. }
            | script::Event::Back { .. }
            | script::Event::Failed(_)
            | script::Event::State { .. }
            | script::Event::Journal { .. }
            | script::Event::Done(_)
            | script::Event::Skipped(_)
            | script::Event::Note(_) => {}
        }
    }

    /// What it was that did not come to its end.
    fn failure(self) -> FailedStep {
        let mut failed = self.failed;
        if failed.errors.is_empty() {
            failed.errors = if self.at.of == 0 && !self.before.is_empty() {
                self.before
            } else if self.at.doing.is_empty() {
                vec!["the activation was ended from outside".to_owned()]
            } else {
                let At { step, of, doing } = &self.at;
                vec![format!(
                    "the activation was ended from outside at step {step} of {of}, {doing}"
                )]
            };
        }
        failed
    }
}
