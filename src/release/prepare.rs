//! Stage on all hosts and check on all, before anything is effective on any of them.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use super::event::{Event, EventKind};
use super::hosts::{Connection, Hosts, Setting};
use super::mask::Mask;
use super::problem::{Continues, Problem};
use super::request::ReleaseRequest;
use crate::cluster::digest::Digest;
use crate::cluster::job::OnceKey;
use crate::cluster::model::{Delivery, Engine, Host, Supervisor, Transport};
use crate::cluster::name::{HostName, ServiceName};
use crate::cluster::ports::HostPorts;
use crate::cluster::secret::Plaintext;
use crate::host::layout::StageId;
use crate::host::look::ObserveError;
use crate::host::reach::parallel::each_in_parallel;
use crate::host::stage::deliver::{DeliveredFiles, parse_delivered};
use crate::host::stage::tries;
use crate::host::stage::{
    AskPorts, ExpectedFiles, Finding, HostNeeds, Means, NeededNetworks, ReadinessCheck, Reference,
    SealedFile, SecondSlot, Staged, Starting, parse_staged,
};
use crate::host::version::{Version, has_odd_control_character, passes_control_characters};
use crate::plan::observed::{Observed, ObservedHost, RunningImage};
use crate::plan::step::{Step, StepKind};
use crate::plan::{Origin, Plan, held_service, target};
use crate::render::desired::{DesiredHost, DesiredService};
use crate::render::env_file;
use crate::render::live::{LiveName, is_live};
use crate::render::manifest::Manifest;
use crate::render::run_line::RunLine;
use crate::render::secret_files;
use crate::render::secrets::MadeFile;
use crate::render::unit::expand_nothing;
use crate::secret::seal_to_host;

/// How long nothing of the files of a generation may arrive. A slow line may take as long as it needs.
const STAGE: Duration = Duration::from_secs(5 * 60);
/// How long the checks may be without progress. Most of it is the pull of images, which may take as long as it
/// needs.
const CHECK: Duration = Duration::from_secs(5 * 60);
/// For the checks below a directory, which pull nothing.
const CHECK_FILES: Duration = Duration::from_secs(10 * 60);

/// What is staged on a host.
pub(super) struct StagedThere {
    /// The script that checks it there.
    check: String,
    pub manifest: Digest,
    pub files: ExpectedFiles,
}

/// The hosts, when all of them are ready.
pub(super) struct ReadyHosts {
    /// Images that a pull moved are others than those that their containers run.
    pub observed: Observed,
    pub staged: BTreeMap<HostName, StagedThere>,
}

/// What every host that takes part in a release is prepared with.
pub(super) struct Preparation<'a> {
    hosts: BTreeMap<HostName, HostPreparation<'a>>,
    stage: StageId,
}

pub(super) struct HostPreparation<'a> {
    pub manifest: Manifest,
    from: Option<u64>,
    pub sent: BTreeMap<&'a ServiceName, &'a Arc<DesiredService>>,
    host: &'a Host,
    /// What the host makes of secrets, of the services that are sent.
    secrets: BTreeMap<&'a ServiceName, &'a BTreeMap<String, MadeFile>>,
    engine: Engine,
    references: Vec<Reference>,
    /// The references of jobs that run once for each image.
    jobs: Vec<String>,
    /// Ports that services need which start, and that no container of this cluster has.
    ports: Vec<(ServiceName, HostPorts)>,
    /// The networks of the services.
    networks: NeededNetworks,
    /// Those of them that are made anew.
    remade: BTreeSet<String>,
    /// The services that start, or may once an image was pulled.
    starting: BTreeMap<&'a ServiceName, Arc<DesiredService>>,
    /// Slots that start while the other one of their service serves.
    slots: Vec<SecondSlot>,
    /// The services whose new files are checked by commands of their own.
    tries: BTreeMap<&'a ServiceName, &'a DesiredService>,
    /// The secrets that such a command must not show.
    mask: &'a Mask,
    /// A restart of what is there leaves what was pushed for later.
    origin: Origin,
}

impl<'a> Preparation<'a> {
    /// Every host on which something is done, or may be done once an image was pulled.
    pub(crate) fn of(
        setting: Setting<'a>,
        hosts: &Hosts,
        plan: &Plan,
        request: &'a ReleaseRequest,
    ) -> Self {
        let observed = hosts.observed();
        let names = hosts.connections.keys();
        let names = names.filter(|name| plan.takes_part(name));
        let prepared = names.map(|name| {
            let wanted = &setting.desired.hosts[name];
            let seen = &hosts.connections[name].look.observed;
            let manifest = target(setting.desired, name, &observed, &request.options);
            let selected = || {
                let services = wanted.services.iter();
                let services = services.filter(|(name, _)| request.options.selects(name));
                services.map(|(name, service)| (name, held_service(name, service, seen)))
            };
            let back = request.back.get(name);
            let ran = |service: &ServiceName| back.and_then(|back| back.images.get(service));
            let starts: BTreeSet<&ServiceName> = plan
                .steps(name)
                .filter(|step| matches!(step.kind(), StepKind::Start | StepKind::Run))
                .flat_map(Step::services)
                .collect();
            // What is only started or stopped needs no image but its own.
            let runs_image = |service: &ServiceName| {
                request.options.origin != Origin::Current || starts.contains(service)
            };
            let references: BTreeSet<Reference> = selected()
                .filter(|(name, _)| runs_image(name))
                .map(|(name, service)| Reference {
                    name: service.image.reference.clone(),
                    platform: platform(service, wanted.engine),
                    means: match ran(name) {
                        Some(id) => Means::Image(id.clone()),
                        None if service.image.moving => Means::Moving,
                        None => Means::Whatever,
                    },
                })
                .collect();
            // A generation that is there is copied, and does not travel.
            let sent: BTreeMap<_, _> = match back {
                Some(_) => BTreeMap::new(),
                None => selected().collect(),
            };
            let secrets = request.secrets.get(name).into_iter().flatten();
            let secrets = secrets.filter(|(service, _)| sent.contains_key(service));
            let secrets = secrets.map(|(service, files)| (service, &**files));
            let tries = match back {
                // What ran there before was checked before.
                Some(_) => BTreeMap::new(),
                None => selected()
                    .filter(|(service, wanted)| is_tried((plan, name), seen, service, wanted))
                    .filter(|(_, service)| {
                        let live = service.entry.live.as_ref();
                        live.is_some_and(|live| !live.checks.is_empty())
                    })
                    .map(|(service, wanted)| (service, &**wanted))
                    .collect(),
            };
            let host = HostPreparation {
                tries,
                mask: &request.mask,
                origin: request.options.origin,
                host: &setting.cluster.hosts[name],
                secrets: secrets.collect(),
                manifest,
                from: back.and_then(|back| back.number),
                sent,
                engine: wanted.engine,
                references: references.into_iter().collect(),
                starting: {
                    selected()
                        .filter(|(name, service)| starts.contains(name) || service.image.moving)
                        .map(|(name, service)| (name, Arc::clone(service)))
                        .collect()
                },
                jobs: selected()
                    .filter(|(_, service)| service.handling.runs.once() == Some(OnceKey::Image))
                    .map(|(_, service)| service.image.reference.clone())
                    .collect(),
                ports: needed_ports(plan, name, wanted, seen),
                slots: second_slots(plan, name, wanted, seen),
                networks: selected()
                    .flat_map(|(_, service)| service.handling.networks.clone())
                    .collect(),
                remade: plan.steps(name).filter_map(remade_network).collect(),
            };
            (name.clone(), host)
        });
        Self {
            hosts: prepared.collect(),
            stage: request.staging().clone(),
        }
    }

    /// Its name in the staging areas.
    pub(crate) fn stage(&self) -> &StageId {
        &self.stage
    }

    /// The preparation of a host that takes part.
    pub(crate) fn host(&self, name: &HostName) -> Option<&HostPreparation<'a>> {
        self.hosts.get(name)
    }

    /// Stages and checks.
    pub(crate) fn carry_out(
        &self,
        hosts: &mut Hosts,
        limit: NonZeroUsize,
        tell: &(impl Fn(Event) + Sync),
    ) -> Result<ReadyHosts, BTreeMap<HostName, Problem>> {
        // Checks are hard work, so none begins before all hosts have their files. And if one host cannot take them, no
        // other host pulls an image for nothing.
        let staged = self.on_each(hosts, limit, tell, |host, _, connection, event| {
            host.stage(connection, &self.stage, event)
        })?;
        let checked = self.on_each(hosts, limit, tell, |host, name, connection, event| {
            host.check(connection, &staged[name].check, event)
        })?;
        for (name, checked) in &checked {
            let connection = hosts.connections.get_mut(name);
            apply_pulls(checked, connection.expect("it was just used"));
        }
        let observed = hosts.observed();
        Ok(ReadyHosts { observed, staged })
    }

    /// Does the same on every host that takes part.
    fn on_each<T: Send>(
        &self,
        hosts: &mut Hosts,
        limit: NonZeroUsize,
        tell: &(impl Fn(Event) + Sync),
        work: impl Fn(
            &HostPreparation<'a>,
            &HostName,
            &mut Connection,
            &dyn Fn(EventKind),
        ) -> Result<T, Problem>
        + Sync,
    ) -> Result<BTreeMap<HostName, T>, BTreeMap<HostName, Problem>> {
        let takes_part = |name: &HostName, _: &Connection| self.hosts.contains_key(name);
        let (done, problems) = hosts.on_each(limit, takes_part, |name, connection| {
            let event = |kind| {
                tell(Event {
                    host: name.clone(),
                    kind,
                });
            };
            let result = work(&self.hosts[name], name, connection, &event);
            if let Err(problem) = &result {
                event(EventKind::Failed {
                    error: problem.line(),
                });
            }
            result
        });
        if problems.is_empty() {
            Ok(done)
        } else {
            Err(problems)
        }
    }

    /// Empties the staging area of hosts on which nothing was done in the end, and of those of which no generation was
    /// made: `done` are those that a restart is done with.
    pub(crate) fn clean_up(
        &self,
        hosts: &mut Hosts,
        plan: &Plan,
        done: &[HostName],
        limit: NonZeroUsize,
    ) {
        let acts = |name: &HostName| plan.hosts.get(name).is_some_and(|host| host.acts);
        let idle = |name: &HostName| !acts(name) || done.contains(name);
        let connections = hosts
            .connections
            .iter_mut()
            .filter(|(name, _)| self.hosts.contains_key(*name) && idle(name))
            .map(|(name, connection)| (name.clone(), connection));
        each_in_parallel(connections, limit, |_, connection| {
            let script = format!("rm -rf {}", connection.layout.staging(&self.stage).quoted());
            // What stays there does no harm: the next release removes it.
            let _ = connection.session.run("cleaning up", &script, STAGE);
        });
    }
}

impl HostPreparation<'_> {
    /// Whether secrets are delivered at the activation instead of staged.
    pub(crate) fn delivers(&self) -> bool {
        self.host.secrets == Delivery::Plain
    }

    /// What the host makes of a service's secrets.
    pub(crate) fn secrets_of(&self, service: &ServiceName) -> Option<&BTreeMap<String, MadeFile>> {
        self.secrets.get(service).copied()
    }

    /// The same, of its inputs directory or of one of its live directories, by path below that.
    pub(crate) fn plaintexts(
        &self,
        service: &ServiceName,
        live: Option<&LiveName>,
    ) -> BTreeMap<&str, &Plaintext> {
        let files = self.secrets_of(service).into_iter().flatten();
        let files = files.filter_map(|(path, file)| {
            let path = match live {
                None => (!is_live(path)).then_some(path.as_str())?,
                Some(name) => name.below(path)?,
            };
            Some((path, &file.bytes))
        });
        files.collect()
    }

    /// The secrets, encrypted to the host's own key.
    fn seal(&self) -> Result<BTreeMap<ServiceName, Vec<SealedFile>>, String> {
        let key = match (&self.host.transport, self.host.secrets) {
            (_, Delivery::Plain) => None,
            (Transport::Ssh(ssh), Delivery::Sealed) => ssh.host_key.as_deref(),
            (Transport::Local { .. } | Transport::Directory { .. }, Delivery::Sealed) => None,
        };
        let seal = |service: &ServiceName, path: &String, file: &MadeFile| {
            let ciphertext = match (key, self.delivers()) {
                (_, true) => None,
                (Some(key), false) => {
                    Some(seal_to_host(key, &file.bytes).map_err(|error| error.to_string())?)
                }
                (None, false) => return Err("expected a pinned host_key, found none".to_owned()),
            };
            Ok(SealedFile {
                path: path.clone(),
                mode: file.mode,
                // It depends on the recipe, and a host may keep an older one.
                stands: self.sent[service].entry.stands_for(path),
                ciphertext,
            })
        };
        let services = self.secrets.iter();
        services
            .map(|(service, files)| {
                let files = files.iter().map(|(path, file)| seal(service, path, file));
                let files = files.collect::<Result<_, String>>()?;
                Ok(((*service).clone(), files))
            })
            .collect()
    }

    /// The first secret variable with a value that this systemd does not pass on.
    fn dropped_by(&self, systemd: Version) -> Option<(&ServiceName, String)> {
        if passes_control_characters(systemd) {
            return None;
        }
        self.secrets.iter().find_map(|(service, files)| {
            let text = std::str::from_utf8(files.get(secret_files::ENV)?.bytes.bytes()).ok()?;
            let mut variables = env_file::parse(text).into_iter();
            let (name, _) = variables.find(|(_, value)| has_odd_control_character(value))?;
            Some((*service, name))
        })
    }

    /// Puts the files into the staging area, unless just these were pushed there.
    fn stage(
        &self,
        connection: &mut Connection,
        stage: &StageId,
        event: &dyn Fn(EventKind),
    ) -> Result<StagedThere, Problem> {
        let not_staged = |why: String| Problem::NotStaged { why };
        if let Some(systemd) = connection.session.facts().systemd
            && let Some((service, variable)) = self.dropped_by(systemd)
        {
            return Err(Problem::Observe(ObserveError::DropsVariable {
                service: service.clone(),
                variable,
                systemd,
            }));
        }
        let sealed = self.seal().map_err(not_staged)?;
        let staged = Staged {
            manifest: &self.manifest,
            from: self.from,
            sent: self.sent.clone(),
            sealed: &sealed,
            scripts: &[],
        };
        let manifest = Digest::of(self.manifest.to_text());
        let found = connection.look.pushed.as_ref();
        let pushed = found.filter(|it| it.stage == stage.as_str() && it.manifest == manifest);
        let layout = &connection.layout;
        let session = &mut connection.session;
        let files = if let Some(pushed) = pushed {
            ExpectedFiles {
                digests: pushed.digests.clone(),
                bytes: pushed.bytes,
            }
        } else {
            let payload = staged
                .payload()
                .map_err(|error| not_staged(error.to_string()))?;
            let bytes = payload.len() as u64;
            let stays = found.filter(|_| self.origin == Origin::Current);
            let stays = stays.map(|it| it.stage.as_str());
            let script = staged.stage_script(layout, stage, stays);
            let answer = session.run_with_payload("staging", &script, payload, STAGE)?;
            parse_staged(&answer.stdout).map_err(not_staged)?;
            event(EventKind::Staged { bytes });
            staged.expected(bytes)
        };
        let tried = self.deliver_tries();
        if !tried.files.is_empty() {
            let payload = tried
                .payload()
                .map_err(|error| not_staged(error.to_string()))?;
            let script = tried.script_below(layout, &tries::tried(layout, stage));
            let answer = session.run_with_payload("sending secrets", &script, payload, STAGE)?;
            parse_delivered(&answer.stdout).map_err(not_staged)?;
        }
        let ports = match self.ports.as_slice() {
            [] => AskPorts::No,
            [_, ..] => AskPorts::Yes,
        };
        let needs = HostNeeds {
            images: &self.references,
            jobs: &self.jobs,
            ports,
            networks: self.networks.keys().map(String::as_str).collect(),
            sources: self
                .starting
                .values()
                .flat_map(|service| &service.sources)
                .map(String::as_str)
                .collect(),
            // Of what goes back nothing is asked: it ran there.
            declare: self
                .starting
                .values()
                .filter(|service| service.mounted.targets.is_some() || service.mounted.by_image)
                .map(|service| service.image.reference.as_str())
                .collect(),
            slots: &self.slots,
            tries: self.tries.clone(),
        };
        let check = staged.check_script(layout, self.engine, stage, &files, &needs);
        Ok(StagedThere {
            check,
            manifest,
            files,
        })
    }

    /// The secrets of services whose files are checked, if this host gets them unencrypted.
    fn deliver_tries(&self) -> DeliveredFiles<'_> {
        let mut delivery = DeliveredFiles::default();
        for (service, wanted) in self.tries.iter().filter(|_| self.delivers()) {
            let inputs = (wanted.directory.as_str(), self.plaintexts(service, None));
            let live = wanted.live.keys();
            let live = live.map(|name| (name.as_str(), self.plaintexts(service, Some(name))));
            let all = std::iter::once(inputs).chain(live);
            for (directory, files) in all.filter(|(_, files)| !files.is_empty()) {
                delivery.files.insert((service, directory), files);
            }
        }
        delivery
    }

    /// What a service's own check said, without secrets.
    fn mask(&self, findings: &mut [Finding]) {
        for finding in findings {
            let Finding::Refused { service, said, .. } = finding else {
                continue;
            };
            let wanted = self.tries.get(service);
            let secrets = wanted.is_some_and(|wanted| wanted.entry.has_secrets());
            if secrets && !self.mask.knows(service) {
                *said =
                    vec!["(what it said is not shown: its secrets are not known here)".to_owned()];
            }
            for line in said {
                *line = self.mask.line(line);
            }
        }
    }

    /// Checks what was staged, and pulls images.
    fn check(
        &self,
        connection: &mut Connection,
        script: &str,
        event: &dyn Fn(EventKind),
    ) -> Result<ReadinessCheck, Problem> {
        let session = &mut connection.session;
        let answer = match session.place().supervisor {
            Supervisor::None => session.run("checking", script, CHECK_FILES)?,
            Supervisor::Systemd => session.run_watched(script, CHECK, ReadinessCheck::doing)?,
        };
        let mut checked = ReadinessCheck::parse(&answer.stdout)
            .map_err(|_| session.misunderstood("checking", &answer.stdout))?;
        if session.place().supervisor.runs_containers() {
            // An empty answer does not mean that an image is there: the disk may be too full to keep what a pull said.
            let unknown = self.references.iter().filter(|reference| {
                let failed = |finding: &Finding| {
                    matches!(finding, Finding::Pull { reference: of, .. } if *of == reference.name)
                };
                !checked.images.contains_key(&reference.name)
                    && !checked.findings.iter().any(failed)
            });
            let unknown = unknown.map(|reference| Finding::Pull {
                reference: reference.name.clone(),
                message: "the host did not say whether it has it".to_owned(),
            });
            let unknown: Vec<Finding> = unknown.collect();
            checked.findings.extend(unknown);
        }
        checked.findings.extend(checked.taken.against(&self.ports));
        let cluster = &self.manifest.cluster;
        let networks = checked
            .networks
            .against(cluster, self.engine, &self.networks, &self.remade);
        checked.findings.extend(networks);
        let starting = self.starting.iter();
        let starting = starting.map(|(name, service)| Starting { name, service });
        let starting: Vec<Starting<'_>> = starting.collect();
        let (forbidden, lost) = checked.declared.against(&starting);
        checked.findings.extend(forbidden);
        let (forbidden, tight) = checked.memory.against(&self.slots);
        checked.findings.extend(forbidden);
        if !checked.findings.is_empty() {
            let mut findings = checked.findings;
            self.mask(&mut findings);
            return Err(Problem::NotReady { findings });
        }
        let pulled = checked.images.values();
        let pulled = pulled.filter(|image| image.before.as_ref() != Some(&image.after));
        event(EventKind::Checked {
            pulled: pulled.count(),
        });
        for lost in lost {
            event(EventKind::LosesVolume(lost));
        }
        for tight in tight {
            event(EventKind::TightMemory(tight));
        }
        Ok(checked)
    }
}

/// Whether a service's own commands check its files: they change there. A newcomer in networks of the cluster finds nobody in them
/// before it starts, and its start tells.
fn is_tried(
    (plan, host): (&Plan, &HostName),
    seen: &ObservedHost,
    service: &ServiceName,
    wanted: &DesiredService,
) -> bool {
    let swaps = |step: &Step| matches!(step, Step::SwapFiles { service: of, .. } if of == service);
    let runs = seen.services.get(service);
    let runs = runs.is_some_and(|at| at.container.is_some());
    (runs || wanted.handling.networks.is_empty()) && plan.steps(host).any(swaps)
}

/// The ports that services need which start on a host, without those that the cluster's containers have: who gives one
/// to whom is in the plan.
fn needed_ports(
    plan: &Plan,
    host: &HostName,
    wanted: &DesiredHost,
    seen: &ObservedHost,
) -> Vec<(ServiceName, HostPorts)> {
    let services = seen.services.iter();
    let held: Vec<HostPorts> = services
        .flat_map(|(name, at)| at.holds(seen.generation.recorded(name)))
        .collect();
    let starts = plan
        .steps(host)
        .filter(|step| step.kind() == StepKind::Start);
    let starts: BTreeSet<&ServiceName> = starts.flat_map(Step::services).collect();
    let services = starts
        .into_iter()
        .filter_map(|name| wanted.services.get_key_value(name));
    services
        .flat_map(|(name, service)| {
            let ports = service.handling.ports.iter();
            let free = ports.filter(|ports| held.iter().all(|held| held.clash(ports).is_none()));
            free.map(|ports| (name.clone(), *ports))
        })
        .collect()
}

/// The slots that start on a host while the other one of their service serves.
fn second_slots(
    plan: &Plan,
    host: &HostName,
    wanted: &DesiredHost,
    seen: &ObservedHost,
) -> Vec<SecondSlot> {
    let second = |step: &Step| {
        let Step::Restart { service, unit, .. } = step else {
            return None;
        };
        let desired = wanted.services.get(service)?;
        let at = seen.services.get(service)?;
        let serves = unit.of_slot(at.slots.serving?);
        let runs = desired.handling.slots.is_some() && at.container.is_some();
        let line = RunLine::of(&desired.inputs.directives, wanted.engine);
        (runs && serves != *unit).then(|| SecondSlot {
            service: service.clone(),
            limit: line.and_then(|line| line.memory()),
            serves: serves.container(),
            replaced: unit.container(),
        })
    };
    plan.steps(host).filter_map(second).collect()
}

/// The platform that the container of a service is started for, if its unit names one.
fn platform(service: &DesiredService, engine: Engine) -> Option<String> {
    let line = RunLine::of(&service.inputs.directives, engine)?;
    line.values("platform").last().map(expand_nothing)
}

/// The network that a step makes anew.
fn remade_network(step: &Step) -> Option<String> {
    if let Step::RemakeNetwork { network, .. } = step {
        Some(network.clone())
    } else {
        None
    }
}

/// A container whose reference means another image after the pull than before runs another one. What images of jobs are
/// known by is known now.
fn apply_pulls(checked: &ReadinessCheck, connection: &mut Connection) {
    let known = &mut connection.look.observed.job_images;
    known.extend(checked.jobs.clone());
    for service in connection.look.observed.services.values_mut() {
        let Some(container) = &mut service.container else {
            continue;
        };
        let Some(image) = checked.images.get(&container.reference) else {
            continue;
        };
        match (&container.image, &image.before) {
            (RunningImage::Referenced, Some(before)) if *before != image.after => {
                container.image = RunningImage::Another { id: before.clone() };
            }
            (RunningImage::Another { id }, _) if *id == image.after => {
                container.image = RunningImage::Referenced;
            }
            (RunningImage::Referenced | RunningImage::Another { .. }, _) => {}
        }
    }
}

impl Problem {
    /// The first line of it, for a progress display.
    #[must_use]
    pub fn line(&self) -> String {
        match self {
            Problem::Host(error) => error.kind.to_string(),
            Problem::Observe(error) => error.to_string(),
            Problem::SameMachine { other } => format!("is the same machine as {other}"),
            Problem::Locked { holder, at } => {
                let holder = match holder.as_str() {
                    "" => "a process that cannot be seen there",
                    holder => holder,
                };
                match at {
                    Some(at) => format!("locked by {holder}: {}", at.words()),
                    None => format!("locked by {holder}"),
                }
            }
            Problem::Continues(continues) => {
                let Continues { error, at, log: _ } = &**continues;
                format!("{}; the host goes on by itself: {}", error.kind, at.words())
            }
            Problem::NoLock { why } => format!("the lock cannot be taken: {why}"),
            Problem::NoLook { why } => format!("it cannot be looked at what is there: {why}"),
            Problem::Stale { what } => format!("not what the plan was made from: {what}"),
            Problem::NotStaged { why } => format!("staging failed: {why}"),
            Problem::NotReady { findings } => findings
                .first()
                .map_or_else(|| "not ready".to_owned(), Finding::to_string),
            Problem::Activation(failed) => failed
                .errors
                .first()
                .cloned()
                .unwrap_or_else(|| "the activation failed".to_owned()),
            Problem::NoGeneration { number, why } => {
                format!("generation {number} cannot be used: {why}")
            }
            Problem::Unsafe { why } => why.clone(),
        }
    }
}
