//! One activation on one host: its script, followed to its end.

#![expect(
    clippy::disallowed_methods,
    reason = "measures how long an activation takes, and waits for one to begin"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::event::EventKind;
use super::follow::{FollowEnd, Followed, is_lost};
use super::hosts::{Connection, Setting, Tried};
use super::log::{ActivationLog, Journals};
use super::prepare::Preparation;
use super::problem::{Continues, Problem, Then};
use super::record::{generation, note, record};
use super::request::ReleaseRequest;
use crate::cluster::model::{OnFailure, Pause, Supervisor};
use crate::cluster::name::HostName;
use crate::host::activate::activity::ActivationProgress;
use crate::host::activate::follow::{Running, follow_script};
use crate::host::activate::launch::{Launched, launch, parse_launched};
use crate::host::activate::record::Source;
use crate::host::activate::script::{self, Activation, PartEnd, ReleasePart};
use crate::host::layout::{ActivationId, activation_log};
use crate::host::lock::UNGUARD_STAGE;
use crate::host::reach::error::HostErrorKind;
use crate::host::stage::deliver::{DeliveredFiles, parse_delivered};
use crate::plan::observed::Generation;
use crate::plan::reason::Reason;
use crate::plan::step::{Step, StepKind};
use crate::plan::{Action, Note, Origin, Plan, ServicePlan, WayBack, held, way_back};
use crate::render::desired::{DesiredHost, DesiredService};
use crate::render::identity::{UnitKind, UnitName};
use crate::render::manifest::Readiness;
use crate::render::probe::probes;

/// For a whole activation below a directory, which restarts nothing.
const FILES: Duration = Duration::from_secs(60 * 60);
/// For the start of an activation on a host that runs.
const LAUNCH: Duration = Duration::from_secs(60);
/// How often to ask, once a second, whether an activation began if its launch gave no answer. The host keeps the
/// session that was to start it for a third of that time.
const PATIENCE: usize = 60;
/// How long nothing of the secrets of one host may arrive.
const DELIVERY: Duration = Duration::from_secs(5 * 60);

/// What is known of an activation if its launch gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begun {
    Yes,
    /// The lock is ours again.
    Never,
    Unknown,
}

/// One host in one wave, or on its way back after the last one.
pub(super) struct HostRun<'a> {
    pub(super) setting: Setting<'a>,
    pub(super) name: &'a HostName,
    pub(super) wave: usize,
    pub(super) plan: &'a Plan,
    pub(super) steps: &'a [Step],
    /// The way back from what earlier activations did, which is then all that is done, and why.
    pub(super) goes_back: Option<(&'a WayBack, &'a str)>,
    pub(super) preparation: &'a Preparation<'a>,
    pub(super) request: &'a ReleaseRequest,
}

impl HostRun<'_> {
    /// Does it, and follows it to its end.
    pub(super) fn carry_out(
        &self,
        connection: &mut Connection,
        event: &impl Fn(EventKind),
    ) -> Result<(), Problem> {
        let started = Instant::now();
        if self.goes_back.is_none() {
            event(EventKind::Activating {
                phase: self.plan.waves[self.wave].phase,
                steps: self.steps.len(),
            });
        }
        self.lock_again(connection)?;
        let id = ActivationId::random();
        let way_back = self.way_back(connection);
        let script = self.script(connection, &id, way_back.as_ref())?;
        let delivery = self.delivery();
        self.deliver(&delivery, connection)?;
        let unmasked = self.unmasked(connection);
        let mut heard = ActivationLog::new(
            self.steps,
            way_back.as_ref(),
            Journals {
                shown: self.setting.cluster.rollout.journal,
                mask: &self.request.mask,
                unmasked: &unmasked,
            },
            event,
        );
        match connection.layout.supervisor() {
            Supervisor::None => {
                let session = &mut connection.session;
                session.run_here("activating", UNGUARD_STAGE, LAUNCH)?;
                session.run_following("activating", &script, FILES, |line| heard.line(line))?;
            }
            Supervisor::Systemd => self.run(connection, &id, &script, &mut heard)?,
        }
        let Connection {
            session, layout, ..
        } = connection;
        if !delivery.files.is_empty() {
            // What a broken session leaves is root's alone, and the next release removes it.
            let script = delivery.cleaning_script(layout);
            let _ = session.run("cleaning up", &script, DELIVERY);
        }
        if self.goes_back.is_some() && heard.is_back() {
            // It told that itself.
            Ok(())
        } else if heard.ended {
            event(EventKind::Activated {
                took: started.elapsed(),
            });
            Ok(())
        } else {
            let recorded = heard.recorded;
            let mut failed = heard.failure();
            if self.goes_back.is_some() && matches!(failed.then, Then::NotPutBack { .. }) {
                failed.errors = vec!["it did not go back with the host that failed".to_owned()];
            }
            let problem = Problem::Activation(Box::new(failed));
            if !recorded {
                self.note(connection, &problem);
            }
            Err(problem)
        }
    }

    /// Records that it failed here, where the activation does not do so itself.
    pub(super) fn note(&self, connection: &mut Connection, problem: &Problem) {
        let how = ("failed", &*problem.line());
        note(self.plan, self.name, self.request, connection, how);
    }

    /// Starts the activation as a unit of the host, and follows it to its end.
    fn run<E: Fn(EventKind)>(
        &self,
        connection: &mut Connection,
        id: &ActivationId,
        script: &str,
        heard: &mut ActivationLog<'_, E>,
    ) -> Result<(), Problem> {
        let cluster = self.setting.cluster.name.as_str();
        let log = activation_log(cluster);
        let continues = |error, at: &ActivationProgress| {
            Problem::Continues(Box::new(Continues {
                error,
                at: at.clone(),
                log: log.clone(),
            }))
        };
        // Descriptor 7 is the connection.
        let script = format!("{UNGUARD_STAGE}(\n{script}\n) 7<&-\n");
        let launch = connection
            .session
            .run_here("starting the activation", &script, LAUNCH);
        let launched = match launch {
            Ok(answer) => parse_launched(&answer.stdout),
            Err(error) if !is_lost(&error) => return Err(continues(error, &heard.at)),
            Err(error) => {
                let opened = connection.open_again(self.setting, self.name);
                match opened.map(|()| self.has_begun(connection, id)) {
                    Ok(Ok(Begun::Yes)) => Launched::Yes,
                    Ok(Ok(Begun::Never)) => return Err(error.into()),
                    Ok(Ok(Begun::Unknown) | Err(_)) | Err(_) => {
                        return Err(continues(error, &heard.at));
                    }
                }
            }
        };
        match launched {
            Launched::Yes => {}
            Launched::No { why } => {
                heard.before.push(why);
                return Ok(());
            }
            Launched::Unknown => {
                let doing = "starting the activation".to_owned();
                let kind = HostErrorKind::Timeout {
                    doing,
                    after: LAUNCH,
                };
                let error = connection.session.error(kind, String::new());
                return Err(continues(error, &heard.at));
            }
        }
        let mut followed = Followed::new(cluster, Some(id));
        let end = followed.follow_over(self.setting, self.name, connection, |line| {
            heard.line(line);
        });
        match end {
            Ok(FollowEnd::Read) => Ok(()),
            Ok(FollowEnd::NoLog) => {
                let kind = HostErrorKind::NoLog { log: log.clone() };
                let error = connection.session.error(kind, String::new());
                Err(continues(error, &heard.at))
            }
            Err(error) => Err(continues(error, &heard.at)),
        }
    }

    /// Asks over a new session whether an activation began, after the answer of its launch was lost.
    fn has_begun(&self, connection: &mut Connection, id: &ActivationId) -> Result<Begun, Problem> {
        let cluster = self.setting.cluster.name.as_str();
        // What it said is read later.
        let script = follow_script(cluster, Some(id), usize::MAX / 2);
        for _ in 0..PATIENCE {
            let doing = "asking whether the activation began";
            let mut asked = || connection.session.run(doing, &script, LAUNCH);
            let first = Running::of(asked()?.status);
            if matches!(first, Some(Running::Yes | Running::No)) {
                return Ok(Begun::Yes);
            }
            match connection.try_lock(self.setting, self.name, self.request)? {
                // The shell that was to start it is gone, and nothing holds the lock in its place.
                Tried::Locked(_) => return Ok(Begun::Never),
                Tried::Held { .. } => std::thread::sleep(Duration::from_secs(1)),
            }
        }
        Ok(Begun::Unknown)
    }

    /// A connection that was lost and opened again has lost the lock, too. If another release took the lock meanwhile,
    /// it also removed what was staged, and this release ends.
    fn lock_again(&self, connection: &mut Connection) -> Result<(), Problem> {
        if connection.locked {
            return Ok(());
        }
        match connection.try_lock(self.setting, self.name, self.request)? {
            Tried::Locked(_) => Ok(()),
            Tried::Held { holder } => Err(Problem::Locked { holder, at: None }),
        }
    }

    /// The secrets that these steps put into their place, if this host gets them unencrypted.
    fn delivery(&self) -> DeliveredFiles<'_> {
        let mut delivery = DeliveredFiles::default();
        let Some(preparation) = self.preparation.host(self.name).filter(|p| p.delivers()) else {
            return delivery;
        };
        for placed in self.steps.iter().filter_map(Step::placed) {
            let mut files = preparation.plaintexts(placed.service, None);
            files.retain(|path, _| placed.has(path));
            if !files.is_empty() {
                delivery
                    .files
                    .insert((placed.service, placed.directory.as_str()), files);
            }
        }
        for step in self.steps {
            if let Step::SwapFiles {
                service, directory, ..
            } = step
            {
                let files = preparation.plaintexts(service, Some(directory));
                if !files.is_empty() {
                    let key = (service, directory.as_str());
                    delivery.files.insert(key, files);
                }
            }
        }
        delivery
    }

    fn deliver(
        &self,
        delivery: &DeliveredFiles<'_>,
        connection: &mut Connection,
    ) -> Result<(), Problem> {
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
        let wanted = &self.setting.desired.hosts[self.name].services;
        let wanted = wanted.iter().map(|(name, service)| (name, &service.entry));
        let before = match &connection.look.observed.generation {
            Generation::Current { manifest, .. } => Some(&manifest.services),
            Generation::None | Generation::Unreadable { .. } => None,
        };
        wanted
            .chain(before.into_iter().flatten())
            .filter(|(name, entry)| entry.has_secrets() && !self.request.mask.knows(name))
            .flat_map(|(_, entry)| entry.units.keys())
            .filter(|file| file.kind() == Some(UnitKind::Service))
            .map(|file| file.unit().to_owned())
            .collect()
    }

    /// What this activation is of its release.
    fn part(&self, connection: &Connection) -> ReleasePart<'_> {
        let services = &self.plan.hosts[self.name].services;
        let those = |of: fn(&ServicePlan) -> bool| {
            let services = services.iter().filter(move |service| of(service));
            services.map(|service| &service.service).collect()
        };
        let mut later = self.plan.waves.iter().skip(self.wave + 1);
        ReleasePart {
            generation: generation(self.plan, self.name, connection),
            started: those(|service| service.action == Action::Start),
            mended: those(|service| {
                let note = |note: &Note| matches!(note, Note::Mended { .. });
                let reason = |reason: &Reason| matches!(reason, Reason::Edited { .. });
                service.notes.iter().any(note) || service.reasons.iter().any(reason)
            }),
            end: if later.any(|wave| wave.activations.contains_key(self.name)) {
                PartEnd::MoreFollows
            } else {
                PartEnd::Done
            },
        }
    }

    /// The probes that these steps ask, and those of what is watched afterwards.
    fn probes(&self, wanted: &DesiredHost) -> BTreeMap<UnitName, Vec<Vec<String>>> {
        let soaks = !self.soak().is_zero();
        let asked = self.steps.iter().flat_map(|step| {
            if let Step::AskProbe { unit, .. } = step {
                std::slice::from_ref(unit)
            } else if let Step::AwaitHealthy { units } = step
                && soaks
            {
                units.as_slice()
            } else {
                &[]
            }
        });
        let services = by_unit(wanted);
        asked
            .filter_map(|unit| {
                let service = services.get(unit.as_str())?;
                let text = &service.service_unit().text;
                Some((unit.clone(), probes(text, &unit.container())))
            })
            .collect()
    }

    /// How long what these steps start must stay well.
    fn settle(&self) -> Duration {
        let services = by_unit(&self.setting.desired.hosts[self.name]);
        let probed = |unit: &UnitName| {
            let service = services.get(unit.as_str());
            service.is_some_and(|service| service.handling.readiness == Readiness::Probed)
        };
        let mut awaited = self.steps.iter().filter_map(|step| {
            let Step::AwaitHealthy { units } = step else {
                return None;
            };
            Some(units)
        });
        // A process that a signal ends takes a moment to end.
        let rereads = |step: &Step| step.kind() == StepKind::Reread;
        if self.goes_back.is_none()
            && awaited.all(|units| units.iter().all(probed))
            && !self.steps.iter().any(rereads)
        {
            script::SETTLE_PROBED
        } else {
            script::SETTLE
        }
    }

    /// How long what these steps start is watched after it is healthy: the longest that is said of any of it. What a
    /// rollback goes to ran before.
    fn soak(&self) -> Duration {
        if self.request.options.origin == Origin::Generations {
            return Duration::ZERO;
        }
        let services = &self.setting.desired.hosts[self.name].services;
        let starts = |step: &&Step| matches!(step.kind(), StepKind::Start | StepKind::Reread);
        let started = self.steps.iter().filter(starts).flat_map(Step::services);
        let soaks = started.map(|name| {
            let own = services.get(name).and_then(|service| service.soak);
            own.unwrap_or(self.setting.cluster.rollout.soak)
        });
        // The host itself watches its containers as long as the release pauses after it.
        let pause = match (self.plan.rollout.pause, self.plan.pause_after) {
            (Some(Pause::For(time)), Some(after)) if self.wave + 1 == after => time,
            (Some(Pause::For(_) | Pause::Ask) | None, _) => Duration::ZERO,
        };
        soaks.max().map_or(Duration::ZERO, |soak| soak.max(pause))
    }

    /// How long what these steps start may take until it is up: the longest that is said of any of it.
    fn deadline(&self) -> Option<Duration> {
        if self.request.options.origin == Origin::Generations {
            return None;
        }
        let of_cluster = self.setting.cluster.rollout.deadline;
        let services = &self.setting.desired.hosts[self.name].services;
        let started = self
            .steps
            .iter()
            .filter(|step| step.kind() == StepKind::Start);
        let deadlines = started.flat_map(Step::services).map(|name| {
            let own = services.get(name).and_then(|service| service.deadline);
            own.or(of_cluster)
        });
        // One that may take as long as it needs holds for all.
        deadlines.collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// What the host does by itself if a step fails. Nothing, if the host is to stay as it is.
    fn way_back(&self, connection: &Connection) -> Option<WayBack> {
        if let Some((way, _)) = self.goes_back {
            return Some(way.clone());
        }
        match self.request.options.rollout.on_failure {
            OnFailure::Keep => None,
            OnFailure::Host | OnFailure::Back => Some(way_back(
                self.setting.desired,
                self.name,
                &connection.look.observed,
                &self.plan.waves[..=self.wave],
            )),
        }
    }

    /// What the session runs for this activation.
    fn script(
        &self,
        connection: &Connection,
        id: &ActivationId,
        way_back: Option<&WayBack>,
    ) -> Result<String, Problem> {
        let layout = &connection.layout;
        let wanted = &self.setting.desired.hosts[self.name];
        let wanted = &held(wanted, &connection.look.observed);
        let units = wanted.services.values().flat_map(|service| &service.units);
        let enabled_by = units
            .map(|(file, unit)| (file.clone(), unit.enabled_by.clone()))
            .collect();
        let activation = Activation {
            layout,
            id,
            engine: wanted.engine,
            source: &Source::Staged {
                id: self.request.staging().clone(),
                number: connection.look.observed.next_generation,
            },
            steps: self.steps,
            enabled_by: &enabled_by,
            record: &record(self.plan, self.name, self.request),
            part: &self.part(connection),
            probes: &self.probes(wanted),
            way_back,
            goes_back: self.goes_back.map(|(_, why)| why),
            settle: self.settle(),
            soak: self.soak(),
            deadline: self.deadline(),
            patience: script::PATIENCE,
            journal: self.setting.cluster.rollout.journal,
            parallel: self.setting.cluster.rollout.parallel,
        };
        let text = activation.script().map_err(|error| Problem::Unsafe {
            why: error.to_string(),
        })?;
        debug_assert!(self.preparation.host(self.name).is_some());
        Ok(launch(
            layout,
            self.request.staging(),
            self.wave + 1,
            id,
            &text,
        ))
    }
}

/// The services of a host by each unit that runs them.
fn by_unit(wanted: &DesiredHost) -> BTreeMap<&str, &DesiredService> {
    let services = wanted.services.values();
    let units = services.flat_map(|service| {
        let files = service.entry.units.keys();
        let files = files.filter(|file| file.kind() == Some(UnitKind::Service));
        files.map(|file| (file.unit(), &**service))
    });
    units.collect()
}
