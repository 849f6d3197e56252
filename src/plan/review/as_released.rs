//! What hosts look like on which a revision was released and runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::observed::{
    Attached, ContainerHealth, Environment, Generation, LiveRead, Loaded, Moment, Observed,
    ObservedContainer, ObservedDirectory, ObservedHost, ObservedLive, ObservedNetwork,
    ObservedProcess, ObservedService, ObservedSlots, ObservedUnit, RecordedPlacement, RunRecord,
    RunState, RunningImage, SlotLink, TimerState, UnitFile,
};
use crate::cluster::model::Supervisor;
use crate::cluster::name::{ClusterName, HostName, ServiceName};
use crate::render::desired::{Desired, DesiredHost, DesiredService};
use crate::render::identity::{Slot, UnitFileName};
use crate::render::live::LiveVersion;
use crate::render::placement::{self, Placement};

/// What hosts look like on which `before` was released and runs, in sync: for every host that
/// `after` has. As on real hosts, texts are there only where something differs.
#[must_use]
pub fn as_released(
    before: &Desired,
    after: &Desired,
    supervisor: impl Fn(&HostName) -> Supervisor,
) -> Observed {
    let hosts = after.hosts.iter().map(|(name, wanted)| {
        let seen = match before.hosts.get(name) {
            Some(old) => released(&before.cluster, name, old, wanted, supervisor(name)),
            None => ObservedHost {
                supervisor: supervisor(name),
                placement: RecordedPlacement::Read(nothing_left(&before.cluster)),
                next_generation: 1,
                ..ObservedHost::default()
            },
        };
        (name.clone(), seen)
    });
    Observed {
        hosts: hosts.collect(),
    }
}

/// Hosts that left are told by the review itself.
fn nothing_left(cluster: &ClusterName) -> Placement {
    Placement {
        format: placement::FORMAT,
        cluster: cluster.clone(),
        release: 1,
        machines: Vec::new(),
    }
}

fn released(
    cluster: &ClusterName,
    name: &HostName,
    old: &DesiredHost,
    wanted: &DesiredHost,
    supervisor: Supervisor,
) -> ObservedHost {
    let services = old.services.iter();
    let services = services.map(|(name, service)| {
        let same = wanted
            .services
            .get(name)
            .is_some_and(|wanted| wanted.entry == service.entry);
        (name.clone(), runs_in_sync(service, supervisor, !same))
    });
    let empty = old.services.is_empty();
    ObservedHost {
        supervisor,
        placement: RecordedPlacement::Read(nothing_left(cluster)),
        generation: match empty {
            true => Generation::None,
            false => Generation::Current {
                number: 1,
                manifest: old.manifest(cluster, name),
                images: BTreeMap::new(),
            },
        },
        next_generation: if empty { 1 } else { 2 },
        kept_generations: (!empty).then_some(1).into_iter().collect(),
        services: services.collect(),
        networks: match supervisor.runs_containers() {
            true => networks(old),
            false => BTreeMap::new(),
        },
        runs: old.services.iter().filter_map(ran).collect(),
        holds: BTreeMap::new(),
        job_images: BTreeMap::new(),
    }
}

/// The networks that the units of a host made.
fn networks(host: &DesiredHost) -> BTreeMap<String, ObservedNetwork> {
    let mut networks: BTreeMap<String, ObservedNetwork> = BTreeMap::new();
    for (service, desired) in &host.services {
        let made = desired.handling.networks.iter();
        for (name, options) in made.filter_map(|(name, options)| Some((name, options.as_ref()?))) {
            let network = networks.entry(name.clone()).or_default();
            network.ids = vec![name.clone()];
            network.options.clone_from(options);
            network.attached.insert(Attached::Service(service.clone()));
        }
    }
    networks
}

/// A job that was released has run.
fn ran(
    (name, service): (&ServiceName, &Arc<DesiredService>),
) -> Option<(ServiceName, BTreeMap<String, RunRecord>)> {
    service.handling.runs.once()?;
    let record = RunRecord {
        state: RunState::Succeeded,
        began: None,
        ended: None,
        reference: service.image.reference.clone(),
        image: None,
        line: String::new(),
    };
    let key = service.fingerprint.to_string();
    Some((name.clone(), [(key, record)].into()))
}

fn runs_in_sync(
    service: &DesiredService,
    supervisor: Supervisor,
    with_texts: bool,
) -> ObservedService {
    let text =
        |(path, bytes): (&String, &Vec<u8>)| (path.clone(), String::from_utf8_lossy(bytes).into());
    let texts = service.files.iter().filter(|_| with_texts).map(text);
    let directory = ObservedDirectory {
        files: service.entry.files.clone(),
        texts: texts.collect(),
        ..ObservedDirectory::default()
    };
    let container = ObservedContainer {
        fingerprint: service.fingerprint.clone(),
        directory: Some(service.directory.clone()),
        reference: service.image.reference.clone(),
        image: RunningImage::Referenced,
        environment: Environment::Unasked,
        ports: service.handling.ports.clone(),
    };
    let runs = supervisor.runs_containers() && service.handling.runs.is_all_the_time();
    let mut units: BTreeMap<UnitFileName, ObservedUnit> = service
        .units
        .iter()
        .map(|(file, unit)| {
            let unit = ObservedUnit {
                file: UnitFile::Ours {
                    digest: service.entry.units[file].clone(),
                    text: with_texts.then(|| unit.text.clone()),
                },
                changed: Moment(0),
                enabled_by: unit.enabled_by.clone(),
                loaded: Loaded::AsOnDisk,
            };
            (file.clone(), unit)
        })
        .collect();
    let unit = units.remove(&service.unit.service_file());
    ObservedService {
        unit: unit.unwrap_or_default(),
        health: ContainerHealth::NotBad,
        slots: ObservedSlots {
            serving: service.handling.has_slots().then_some(Slot::A),
            link: SlotLink::Read,
            ..ObservedSlots::default()
        },
        further: units,
        drop_ins: BTreeSet::new(),
        directories: BTreeMap::from([(service.directory.clone(), directory)]),
        leftovers: BTreeSet::new(),
        live: service
            .entry
            .live_directories()
            .map(|(name, digests)| {
                let files = service.live.get(name).into_iter();
                let files = files.flat_map(|live| &live.files).filter(|_| with_texts);
                let there = ObservedLive {
                    version: Some(LiveVersion::first(&digests.digest)),
                    files: digests.all(),
                    texts: files.map(text).collect(),
                    read: LiveRead::Yes,
                    ..ObservedLive::default()
                };
                (name.clone(), there)
            })
            .collect(),
        timer: match service.timer() {
            Some(_) => TimerState::Active,
            None => TimerState::Inactive,
        },
        watch: match service.watch() {
            Some(_) if runs => TimerState::Active,
            Some(_) | None => TimerState::Inactive,
        },
        watched: None,
        runs: None,
        process: match runs {
            true => ObservedProcess::Active { since: Moment(1) },
            false => ObservedProcess::Stopped,
        },
        restarts: None,
        crashes: None,
        container: runs.then_some(container),
    }
}
