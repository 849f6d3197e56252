//! A host on which a service has two slots: whatever release dies or fails at whatever step, the slot that the proxy knows of
//! runs, and the next release ends with one slot, which runs what is desired. Beside it at most the one before runs on, which
//! nothing but a timer knows of. The same of a proxy itself: one of its instances runs at any time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use std::time::Duration;

use proptest::prelude::*;

use super::observed::{
    Generation, KeptSlot, LiveRead, Loaded, Moment, Observed, ObservedContainer, ObservedDirectory,
    ObservedHost, ObservedLive, ObservedProcess, ObservedService, ObservedSlots, ObservedUnit,
    OtherInstance, RecordedPlacement, RunningImage, SlotLink, TimerState, UnitFile,
};
use super::reasons::carried;
use super::step::Step;
use super::{Options, Plan, RefusalReason, WayBack, plan, way_back};
use crate::cluster::digest::Digest;
use crate::cluster::model::{
    ConfigFile, Content, Contents, FileMode, FileOwner, Health, HealthWatch, HttpProbe, Layer,
    LiveFiles, Probe, ReloadBy, Replacement, Service, Supervisor, Swap, SwapFile, WhenUnhealthy,
};
use crate::cluster::name::{HostName, ServiceName};
use crate::cluster::ports::{HostPorts, Publish};
use crate::render::desired::{Desired, DesiredService};
use crate::render::identity::{DirectoryName, Fingerprint, Slot, UnitFileName, UnitKind, UnitName};
use crate::render::live::{LiveName, LiveVersion};
use crate::render::manifest::Manifest;
use crate::render::render;
use crate::render::slots::{own_target, slot_of};
use crate::render::tests::{cluster_of, service, variable};

fn web() -> ServiceName {
    ServiceName::new("web").unwrap()
}

fn host() -> HostName {
    HostName::new("docker01").unwrap()
}

/// How many seconds a slot that has handed over is kept.
const KEEP: u64 = 600;

/// A version of the service, of which slots are kept and watched or not.
fn version(number: u8, keeps: bool) -> &'static Desired {
    // To render them takes longer than all else.
    static ALL: LazyLock<BTreeMap<(u8, bool), Desired>> = LazyLock::new(|| {
        let all = (0..3).flat_map(|number| [(number, false), (number, true)]);
        all.map(|(number, keeps)| ((number, keeps), rendered(number, keeps)))
            .collect()
    });
    &ALL[&(number, keeps)]
}

/// The same. Its proxy is left to the model.
fn rendered(number: u8, keeps: bool) -> Desired {
    let mut proxy = service("proxy");
    proxy.container.network = Some("host".to_owned());
    proxy.swaps = vec![SwapFile {
        service: web(),
        files: ["/etc/web.a.cfg".to_owned(), "/etc/web.b.cfg".to_owned()],
    }];
    let files: BTreeMap<String, ConfigFile> = BTreeMap::new();
    proxy.files.live = Some(LiveFiles {
        reload: ReloadBy::Signal("USR2".to_owned()),
        checks: Vec::new(),
        directories: BTreeMap::from([("/etc".to_owned(), files)]),
    });
    let mut web: Service = service("web");
    web.port = Some(3000);
    let probe = Probe::Http(HttpProbe::of("/health"));
    web.health = Some(Health {
        watch: keeps.then_some(HealthWatch {
            every: Duration::from_secs(30),
            failures: 3,
            then: WhenUnhealthy::Restart,
        }),
        ..Health::of(probe, Duration::from_secs(30))
    });
    web.swap = Some(Swap {
        proxy: proxy.name.clone(),
        port: 8080,
        slots: [19000, 19001],
        drain: Duration::from_secs(30),
        keep: Duration::from_secs(if keeps { KEEP } else { 0 }),
        files: ["/etc/web.a.cfg".to_owned(), "/etc/web.b.cfg".to_owned()],
    });
    variable(&mut web, Layer::Service, "GREETING", &number.to_string());
    let mut desired = render(&cluster_of([proxy, web])).unwrap();
    for host in desired.hosts.values_mut() {
        host.services.retain(|name, _| name.as_str() == "web");
    }
    desired.hosts.retain(|name, _| *name == host());
    desired
}

/// A version of a proxy, with files that it reads again, which is replaced beside itself or restarts.
fn proxy(version: ProxyVersion) -> &'static Desired {
    static ALL: LazyLock<BTreeMap<ProxyVersion, Desired>> = LazyLock::new(|| {
        let all = (0..3).flat_map(|input| (0..2).map(move |file| (input, file)));
        let all = all.flat_map(|(input, file)| {
            [Replacement::Reuseport, Replacement::Restart].map(|by| (input, file, by))
        });
        all.map(|(input, file, by)| {
            let version = ProxyVersion {
                input,
                file,
                beside: by == Replacement::Reuseport,
            };
            (version, rendered_proxy(version, by))
        })
        .collect()
    });
    &ALL[&version]
}

/// What a version of a proxy has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct ProxyVersion {
    input: u8,
    file: u8,
    /// One instance replaces the other.
    beside: bool,
}

fn rendered_proxy(version: ProxyVersion, by: Replacement) -> Desired {
    let mut proxy: Service = service("web");
    proxy.container.network = Some("host".to_owned());
    proxy.replace = by;
    proxy.port = Some(8080);
    variable(
        &mut proxy,
        Layer::Service,
        "GREETING",
        &version.input.to_string(),
    );
    let text: Vec<u8> = vec![b'0' + version.file];
    let file = ConfigFile {
        source: "clusters/test/services/web/proxy.cfg".to_owned(),
        contents: Contents::Same(Content::Plain(text.into())),
        mode: FileMode::default(),
        owner: FileOwner::default(),
    };
    proxy.files.live = Some(LiveFiles {
        reload: ReloadBy::Signal("USR2".to_owned()),
        checks: Vec::new(),
        directories: BTreeMap::from([(
            "/etc/proxy".to_owned(),
            BTreeMap::from([("proxy.cfg".to_owned(), file)]),
        )]),
    });
    let mut desired = render(&cluster_of([proxy])).unwrap();
    desired.hosts.retain(|name, _| *name == host());
    desired
}

fn of(desired: &Desired) -> &DesiredService {
    &desired.hosts[&host()].services[&web()]
}

#[derive(Debug, Clone)]
struct SlotProcess {
    fingerprint: Fingerprint,
    directory: DirectoryName,
    since: Moment,
    /// The versions of its live directories that it has read.
    read: BTreeMap<LiveName, LiveVersion>,
}

/// What a live directory shows.
#[derive(Debug, Clone)]
struct ShownVersion {
    version: LiveVersion,
    files: BTreeMap<String, Digest>,
}

#[derive(Debug, Clone, Default)]
struct SlotHost {
    clock: i128,
    units: BTreeMap<UnitFileName, (String, Moment)>,
    loaded: BTreeMap<UnitFileName, (String, Moment)>,
    links: BTreeMap<UnitFileName, BTreeSet<String>>,
    directories: BTreeMap<DirectoryName, BTreeMap<String, Vec<u8>>>,
    link: Option<String>,
    live: BTreeMap<LiveName, ShownVersion>,
    /// Versions that nothing shows any more.
    older: BTreeMap<LiveName, Vec<ShownVersion>>,
    /// It is a proxy, whose instances share its ports: each that runs serves.
    shares: bool,
    processes: BTreeMap<UnitName, SlotProcess>,
    /// The timers that stop slots.
    keepers: BTreeSet<UnitName>,
    /// The timer that asks was started, and not dropped.
    watch: bool,
    /// Where the link led when the proxy read it, and which start noted that.
    proxy: Option<(Moment, Option<String>)>,
    noted: Option<(Moment, String)>,
    current: Option<(u64, Manifest)>,
    generations: BTreeMap<u64, Desired>,
}

impl SlotHost {
    fn now(&mut self) -> Moment {
        self.clock += 1;
        Moment(self.clock)
    }

    fn unit(&self, slot: Slot) -> UnitName {
        of(version(0, false)).unit.of_slot(slot)
    }

    fn start_proxy(&mut self) {
        let since = self.now();
        let link = self.link.get_or_insert("/etc/web.a.cfg".to_owned()).clone();
        self.proxy = Some((since, Some(link.clone())));
        self.noted = Some((since, link));
    }

    fn start(&mut self, unit: &UnitName) -> Result<(), String> {
        let file = unit.service_file();
        if !self.loaded.contains_key(&file) {
            let (text, _) = self.units.get(&file).cloned().ok_or("no such unit")?;
            let at = self.now();
            self.loaded.insert(file.clone(), (text, at));
        }
        let carried = carried(&self.loaded[&file].0).ok_or("no mark")?;
        assert!(
            self.directories.contains_key(&carried.directory),
            "{unit} starts from a directory that is gone"
        );
        let since = self.now();
        let process = SlotProcess {
            fingerprint: carried.fingerprint,
            directory: carried.directory,
            since,
            read: self.shown(),
        };
        self.processes.insert(unit.clone(), process);
        self.keepers.remove(unit);
        let watch = unit.file(UnitKind::WatchTimer);
        self.watch = self.is_watched() || self.links.contains_key(&watch);
        Ok(())
    }

    /// The timer that asks goes with the last slot.
    fn is_watched(&self) -> bool {
        self.watch && !self.processes.is_empty()
    }

    /// Which versions its live directories show.
    fn shown(&self) -> BTreeMap<LiveName, LiveVersion> {
        let live = self.live.iter();
        live.map(|(name, shown)| (name.clone(), shown.version.clone()))
            .collect()
    }

    fn show(&mut self, directory: &LiveName, shown: ShownVersion) {
        if let Some(older) = self.live.insert(directory.clone(), shown) {
            self.older.entry(directory.clone()).or_default().push(older);
        }
    }

    fn step(&mut self, step: &Step, staged: &Desired) -> Result<(), String> {
        let wanted = staged.hosts[&host()].services.get(&web());
        match step {
            Step::PlaceInputs { directory, .. } => {
                let files = wanted.unwrap().files.clone();
                self.directories.entry(directory.clone()).or_insert(files);
            }
            Step::WriteUnit { file, .. } => {
                let text = wanted.unwrap().units[file].text.to_string();
                let at = self.now();
                self.units.insert(file.clone(), (text, at));
            }
            Step::Enable { files } => {
                for file in files {
                    let enabled_by = wanted.unwrap().units[file].enabled_by.clone();
                    self.links.insert(file.clone(), enabled_by);
                }
            }
            Step::Reload => {
                let at = self.now();
                let units = self.units.iter();
                let units = units.map(|(file, (text, _))| (file.clone(), (text.clone(), at)));
                self.loaded = units.collect();
            }
            Step::StartWatch { unit, .. } => {
                assert!(self.loaded.contains_key(&unit.file(UnitKind::WatchTimer)));
                self.watch = true;
            }
            Step::Restart { unit, .. } => self.start(unit)?,
            Step::RestartUnless {
                unit, fingerprint, ..
            } => {
                let there = self.processes.get(unit);
                if there.is_none_or(|process| process.fingerprint != *fingerprint) {
                    self.start(unit)?;
                }
            }
            Step::RestartWithoutWaiting { unit, .. } => {
                let _ = self.start(unit);
            }
            Step::Stop { unit, .. } | Step::DrainSlot { unit, .. } => self.stop(unit),
            // Whatever runs here is healthy.
            Step::AskProbe { .. } => {}
            Step::AwaitHealthy { units } => {
                let down = units
                    .iter()
                    .find(|unit| !self.processes.contains_key(*unit));
                if let Some(unit) = down {
                    return Err(format!("{unit} is not active"));
                }
            }
            Step::FlipSlot { slot, slots, .. } => {
                self.link = Some(slots.file_of(*slot).to_owned());
                self.reread(slots.file_of(*slot).to_owned());
                if !self.processes.contains_key(&self.unit(*slot)) {
                    return Err("nobody answers in it".to_owned());
                }
            }
            Step::TakeOver {
                slot, unit, ports, ..
            } => {
                assert_eq!(*ports, [8080].into());
                assert_eq!(self.unit(*slot), *unit);
                self.link = Some(own_target(&web(), *slot));
                if !self.processes.contains_key(unit) {
                    return Err("it does not listen".to_owned());
                }
            }
            Step::SwapFiles {
                directory, digest, ..
            } => {
                let at = self.now().0;
                let (_, digests) = wanted
                    .unwrap()
                    .entry
                    .live_directories()
                    .find(|(name, _)| *name == directory)
                    .unwrap();
                assert_eq!(digests.digest, *digest);
                let version = format!("..{digest}.{at}");
                let version = LiveVersion::reported(&version).unwrap();
                let files = digests.all();
                self.show(directory, ShownVersion { version, files });
            }
            Step::SwapBack {
                directory, version, ..
            } => {
                let mut older = self.older[directory].iter().cloned();
                let shown = older.find(|shown| shown.version == *version);
                self.show(directory, shown.expect("it is still there"));
            }
            Step::ReloadService { unit, .. } => {
                let shown = self.shown();
                let process = self.processes.get_mut(unit).ok_or("it does not run")?;
                process.read = shown;
            }
            Step::CleanLive { keep, .. } => {
                self.live.retain(|name, _| keep.contains(name));
                self.older.clear();
            }
            Step::WakeSlot {
                unit, fingerprint, ..
            } => {
                self.keepers.remove(unit);
                let there = self.processes.get(unit);
                if there.is_none_or(|process| process.fingerprint != *fingerprint) {
                    self.start(unit)?;
                }
            }
            Step::KeepSlot { unit, seconds, .. } => {
                assert_eq!(seconds.get(), KEEP);
                self.links.remove(&unit.service_file());
                self.keepers.insert(unit.clone());
            }
            Step::EndSlot { unit, .. } => {
                self.links.remove(&unit.service_file());
                self.stop(unit);
                self.units.remove(&unit.service_file());
                self.loaded.remove(&unit.service_file());
            }
            Step::RemoveUnit { file, .. } => {
                self.units.remove(file);
                self.links.remove(file);
                self.watch &= file.kind() != Some(UnitKind::WatchTimer);
            }
            Step::SetCurrent { number } => {
                self.generations.insert(*number, staged.clone());
                let manifest = staged.hosts[&host()].manifest(&staged.cluster, &host());
                self.current = Some((*number, manifest));
            }
            Step::RemoveInputs { names, .. } => {
                for process in self.processes.values() {
                    assert!(!names.contains(process.directory.as_str()), "it is in use");
                }
                self.directories
                    .retain(|name, _| !names.contains(name.as_str()));
            }
            Step::RemoveGenerations { numbers } => {
                self.generations
                    .retain(|number, _| !numbers.contains(number));
            }
            other => panic!("{other:?} is no step of this model"),
        }
        Ok(())
    }

    fn stop(&mut self, unit: &UnitName) {
        self.processes.remove(unit);
        self.keepers.remove(unit);
    }

    /// The timers of slots that are kept come to their end, whoever serves.
    fn keepers_end(&mut self) {
        for unit in std::mem::take(&mut self.keepers) {
            self.processes.remove(&unit);
        }
    }

    fn container(process: &SlotProcess, wanted: &DesiredService) -> ObservedContainer {
        ObservedContainer {
            fingerprint: process.fingerprint.clone(),
            directory: Some(process.directory.clone()),
            reference: wanted.image.reference.clone(),
            image: RunningImage::Referenced,
            environment: super::observed::Environment::Unasked,
            ports: BTreeSet::new(),
        }
    }

    /// The proxy, if it is up, reads the link.
    fn reread(&mut self, target: String) {
        if let Some((since, read)) = &mut self.proxy {
            *read = Some(target.clone());
            self.noted = Some((*since, target));
        }
    }

    fn observe(&self, desired: &Desired) -> Observed {
        let wanted = of(desired);
        let link = self.link.as_deref().and_then(|link| slot_of(&web(), link));
        let runs = |slot: &Slot| self.processes.contains_key(&self.unit(*slot));
        let serving = link.or_else(|| Slot::BOTH.into_iter().find(runs));
        let serving = serving.unwrap_or(Slot::A);
        let has_slots = wanted.handling.has_slots();
        let only = desired.unit(&web());
        let own = match has_slots {
            true => self.unit(serving),
            false => only.clone(),
        };
        let unit_file = |file: &UnitFileName| {
            let there = self.units.get(file);
            let loaded = self.loaded.get(file);
            let older = match (there, loaded) {
                (Some((_, at)), Some((_, loaded))) => at > loaded,
                (None, Some(_)) => true,
                (_, None) => false,
            };
            ObservedUnit {
                file: there.map_or(UnitFile::Absent, |(text, _)| UnitFile::Ours {
                    digest: Digest::of(text),
                    text: Some(text.as_str().into()),
                }),
                changed: there.map_or(Moment(0), |(_, at)| *at),
                enabled_by: self.links.get(file).cloned().unwrap_or_default(),
                loaded: if older {
                    Loaded::Older
                } else {
                    Loaded::AsOnDisk
                },
            }
        };
        let unit = |unit: &UnitName| unit_file(&unit.service_file());
        let active = |unit: &UnitName| match self.processes.get(unit) {
            None => ObservedProcess::Stopped,
            Some(SlotProcess { since, .. }) => ObservedProcess::Active { since: *since },
        };
        let container = |unit: &UnitName| {
            let process = self.processes.get(unit)?;
            Some(Self::container(process, wanted))
        };
        let all = [only, self.unit(Slot::A), self.unit(Slot::B)].into_iter();
        let others = all.filter(|unit| *unit != own).map(|other| {
            let instance = OtherInstance {
                runs: self.processes.contains_key(&other),
                unit: unit(&other),
                process: active(&other),
                container: container(&other),
                kept: self
                    .keepers
                    .contains(&other)
                    .then_some(KeptSlot { until: None }),
            };
            (other, instance)
        });
        let others = others.filter(|(_, it)| it.is_up() || it.unit.is_left());
        let read = |name: &LiveName, version: &LiveVersion| {
            let process = self.processes.get(&own);
            process.is_some_and(|process| process.read.get(name) == Some(version))
        };
        let live = self
            .live
            .iter()
            .map(|(name, ShownVersion { version, files })| {
                let seen = ObservedLive {
                    read: match read(name, version) {
                        true => LiveRead::Yes,
                        false => LiveRead::No,
                    },
                    version: Some(version.clone()),
                    files: files.clone(),
                    others: self.older.contains_key(name),
                    ..ObservedLive::default()
                };
                (name.clone(), seen)
            });
        let service = ObservedService {
            unit: unit(&own),
            slots: ObservedSlots {
                serving: has_slots.then_some(serving),
                link: match (&self.link, &self.proxy) {
                    _ if !has_slots => SlotLink::Absent,
                    (None, _) => SlotLink::Absent,
                    (Some(_), None) => SlotLink::Read,
                    (Some(link), Some((since, _))) => {
                        match self.noted == Some((*since, link.clone())) {
                            true => SlotLink::Read,
                            false => SlotLink::Unread,
                        }
                    }
                },
                others: others.collect(),
            },
            live: live.collect(),
            directories: self
                .directories
                .iter()
                .map(|(name, files)| {
                    let text = |bytes: &Vec<u8>| String::from_utf8(bytes.clone()).unwrap();
                    let files = files.iter();
                    let seen = ObservedDirectory {
                        files: files
                            .clone()
                            .map(|(path, b)| (path.clone(), Digest::of(b)))
                            .collect(),
                        texts: files
                            .map(|(path, b)| (path.clone(), text(b).into()))
                            .collect(),
                        ..ObservedDirectory::default()
                    };
                    (name.clone(), seen)
                })
                .collect(),
            further: {
                let files = [UnitKind::Watch, UnitKind::WatchTimer].map(|kind| own.file(kind));
                let seen = files.into_iter().map(|file| {
                    let seen = unit_file(&file);
                    (file, seen)
                });
                seen.collect()
            },
            watch: match self.is_watched() {
                true => TimerState::Active,
                false => TimerState::Inactive,
            },
            process: active(&own),
            container: container(&own),
            ..ObservedService::default()
        };
        let seen = ObservedHost {
            supervisor: Supervisor::Systemd,
            generation: self
                .current
                .clone()
                .map_or(Generation::None, |(number, manifest)| Generation::Current {
                    number,
                    manifest,
                    images: BTreeMap::new(),
                }),
            next_generation: self.generations.keys().last().map_or(1, |n| n + 1),
            kept_generations: self.generations.keys().copied().collect(),
            placement: RecordedPlacement::None,
            services: BTreeMap::from([(web(), service)]),
            ..ObservedHost::default()
        };
        Observed {
            hosts: BTreeMap::from([(host(), seen)]),
        }
    }

    /// The slot that gets requests, if the proxy is up: it is up.
    fn assert_it_serves(&self, when: &str) {
        if self.shares {
            assert!(!self.processes.is_empty(), "requests are lost {when}");
        }
        if let Some((_, read)) = &self.proxy {
            let slot = read.as_deref().and_then(|read| slot_of(&web(), read));
            let slot = slot.expect("it has read a link");
            assert!(
                self.processes.contains_key(&self.unit(slot)),
                "requests are lost {when}: slot {slot} is down"
            );
        }
    }

    /// Of a proxy: one instance runs, a boot starts it, and it has read its files.
    fn assert_proxy_done(&self, desired: &Desired) {
        let slot = || {
            let link = self.link.as_deref();
            link.and_then(|link| slot_of(&web(), link)).unwrap()
        };
        let own = match of(desired).handling.has_slots() {
            true => self.unit(slot()),
            false => desired.unit(&web()),
        };
        assert_eq!(self.processes.keys().collect::<Vec<_>>(), [&own]);
        assert_eq!(self.processes[&own].fingerprint, of(desired).fingerprint);
        assert_eq!(self.processes[&own].read, self.shown());
        assert_eq!(self.links.keys().collect::<Vec<_>>(), [&own.service_file()]);
        // That of the other one may be left by who died, and does nothing.
        assert!(self.units.contains_key(&own.service_file()));
        for (name, digests) in of(desired).entry.live_directories() {
            assert!(self.live[name].version.is_of(&digests.digest));
        }
    }

    fn serving_since(&self) -> Moment {
        let link = self.link.as_deref();
        let slot = link.and_then(|link| slot_of(&web(), link)).unwrap();
        self.processes[&self.unit(slot)].since
    }

    fn assert_done(&self, desired: &Desired) {
        let link = self
            .link
            .as_deref()
            .and_then(|link| slot_of(&web(), link))
            .unwrap();
        let own = self.unit(link);
        let running = self.processes.keys();
        let running: Vec<&UnitName> = running
            .filter(|unit| !self.keepers.contains(*unit))
            .collect();
        assert_eq!(running, [&own], "one slot runs, and one that is kept");
        assert_eq!(self.processes[&own].fingerprint, of(desired).fingerprint);
        let watch = of(desired).watch();
        assert_eq!(self.is_watched(), watch.is_some(), "it is watched");
        let mut files: Vec<&UnitFileName> = self.units.keys().collect();
        files.retain(|file| file.is_watch());
        assert_eq!(files.len(), 2 * usize::from(watch.is_some()), "{files:?}");
        let links: BTreeSet<UnitFileName> = watch.into_iter().chain([own.service_file()]).collect();
        assert_eq!(self.links.keys().cloned().collect::<BTreeSet<_>>(), links);
        if let Some((_, read)) = &self.proxy {
            assert_eq!(*read, self.link);
        }
    }
}

fn planned(host: &SlotHost, desired: &Desired) -> (Observed, Plan) {
    let observed = host.observe(desired);
    let plan = plan(desired, &observed, &Options::default());
    assert_eq!(plan.refusals, []);
    (observed, plan)
}

/// How a release ends.
#[derive(Debug, Clone, Copy)]
enum End {
    Done,
    /// It dies before its step of this number.
    Dies(usize),
    /// Its step of this number is done, and fails; it goes back.
    Fails(usize),
    /// It dies between the link and the proxy, if it gets there.
    DiesWithinTheFlip,
}

#[derive(Debug, Clone)]
enum SlotEvent {
    Release(u8, bool, End),
    Crash(bool),
    ProxyCrashes,
    KeepersEnd,
    Reboot,
}

fn go_back(host: &mut SlotHost, way: &WayBack, failed_at: usize, desired: &Desired) {
    if failed_at >= way.until {
        return;
    }
    let nothing = {
        let mut desired = desired.clone();
        for host in desired.hosts.values_mut() {
            host.services.clear();
        }
        desired
    };
    let files = way
        .generation
        .map_or(nothing, |number| host.generations[&number].clone());
    for back in way.steps.iter().filter(|back| back.from <= failed_at) {
        host.step(&back.step, &files).unwrap();
        if way.generation.is_some() {
            host.assert_it_serves("on the way back");
        }
    }
}

fn release(host: &mut SlotHost, number: u8, keeps: bool, end: End) {
    release_of(host, version(number, keeps), end);
}

fn release_of(host_: &mut SlotHost, desired: &Desired, end: End) {
    let (observed, plan) = planned(host_, desired);
    let served = host_.current.is_some();
    let mut at = 0;
    for (number, wave) in plan.waves.iter().enumerate() {
        let steps = &wave.activations[&host()];
        let way = way_back(
            desired,
            &host(),
            &observed.hosts[&host()],
            &plan.waves[..=number],
        );
        for (in_wave, step) in steps.iter().enumerate() {
            match end {
                End::Dies(dies) if dies == at => return,
                End::DiesWithinTheFlip => {
                    if let Step::FlipSlot { slot, slots, .. } = step {
                        host_.link = Some(slots.file_of(*slot).to_owned());
                        return;
                    }
                    if let Step::TakeOver { .. } = step {
                        return;
                    }
                }
                _ => {}
            }
            host_.step(step, desired).unwrap();
            if served {
                host_.assert_it_serves(&format!("after {step:?}"));
            }
            if matches!(end, End::Fails(fails) if fails == at) {
                go_back(host_, &way, in_wave, desired);
                return;
            }
            at += 1;
        }
    }
    match of(desired).handling.slots {
        Some(_) => host_.assert_done(desired),
        None => host_.assert_proxy_done(desired),
    }
    let (_, again) = planned(host_, desired);
    assert_eq!(again.waves, [], "nothing is left to do");
}

fn happen(host: &mut SlotHost, event: &SlotEvent) {
    match event {
        SlotEvent::Release(number, keeps, end) => release(host, *number, *keeps, *end),
        SlotEvent::KeepersEnd => host.keepers_end(),
        SlotEvent::Crash(first) => {
            let slot = if *first { Slot::A } else { Slot::B };
            let unit = host.unit(slot);
            if host.processes.remove(&unit).is_some() {
                host.start(&unit).unwrap();
            }
        }
        SlotEvent::ProxyCrashes => {
            if host.proxy.is_some() {
                host.start_proxy();
            }
        }
        SlotEvent::Reboot => {
            host.processes.clear();
            host.keepers.clear();
            host.watch = false;
            host.loaded.clear();
            let enabled: Vec<UnitFileName> = host.links.keys().cloned().collect();
            let only = version(0, false).unit(&web());
            let all = Slot::BOTH.map(|slot| host.unit(slot));
            for unit in all.into_iter().chain([only]) {
                if enabled.contains(&unit.service_file()) {
                    host.start(&unit).unwrap();
                }
            }
            if host.proxy.is_some() {
                host.start_proxy();
            }
        }
    }
    if host.current.is_some() {
        host.assert_it_serves("then");
    }
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        2 => Just(End::Done),
        3 => (0..16_usize).prop_map(End::Dies),
        2 => (0..16_usize).prop_map(End::Fails),
        1 => Just(End::DiesWithinTheFlip),
    ]
}

fn event() -> impl Strategy<Value = SlotEvent> {
    prop_oneof![
        6 => (0..3_u8, any::<bool>(), end())
            .prop_map(|(number, keeps, end)| SlotEvent::Release(number, keeps, end)),
        1 => Just(SlotEvent::KeepersEnd),
        1 => any::<bool>().prop_map(SlotEvent::Crash),
        1 => Just(SlotEvent::ProxyCrashes),
        1 => Just(SlotEvent::Reboot),
    ]
}

proptest! {
    #[test]
    fn no_release_leaves_a_service_with_slots_without_one_that_serves(
        proxy_first in any::<bool>(),
        events in proptest::collection::vec(event(), 1..8),
    ) {
        let mut host = SlotHost::default();
        if proxy_first {
            host.start_proxy();
        }
        release(&mut host, 0, true, End::Done);
        if host.proxy.is_none() {
            host.start_proxy();
        }
        for event in &events {
            happen(&mut host, event);
        }
        release(&mut host, 1, true, End::Done);
        let before = host.serving_since();
        release(&mut host, 1, true, End::Done);
        prop_assert_eq!(host.serving_since(), before);
        // How long slots are kept restarts nothing and ends nothing.
        release(&mut host, 1, false, End::Done);
        prop_assert_eq!(host.serving_since(), before);
        release(&mut host, 1, true, End::Done);
        // There and back again: what is kept starts no more, and goes when its time is over.
        release(&mut host, 2, true, End::Done);
        release(&mut host, 1, true, End::Done);
        prop_assert_eq!(host.serving_since(), before);
        host.keepers_end();
        prop_assert_eq!(host.processes.len(), 1);
        prop_assert_eq!(planned(&host, version(1, true)).1.waves, []);
        release(&mut host, 2, true, End::Done);
        host.keepers_end();
        release(&mut host, 1, true, End::Done);
        prop_assert_ne!(host.serving_since(), before);
    }

    #[test]
    fn a_proxy_with_two_instances_is_never_without_one(
        plain_first in any::<bool>(),
        events in proptest::collection::vec(proxy_event(), 1..8),
    ) {
        let mut host = SlotHost::default();
        let version = |input, file, beside| proxy(ProxyVersion { input, file, beside });
        release_of(&mut host, version(0, 0, !plain_first), End::Done);
        host.shares = true;
        for event in &events {
            match event {
                ProxyEvent::Release(version, end) => release_of(&mut host, proxy(*version), *end),
                ProxyEvent::Else(event) => happen(&mut host, event),
            }
        }
        release_of(&mut host, version(1, 1, true), End::Done);
        let before = host.serving_since();
        // Other files are no other instance.
        release_of(&mut host, version(1, 0, true), End::Done);
        prop_assert_eq!(host.serving_since(), before);
        release_of(&mut host, version(2, 0, true), End::Done);
        prop_assert_ne!(host.serving_since(), before);
        // Back to one instance is a restart.
        host.shares = false;
        release_of(&mut host, version(2, 0, false), End::Done);
        host.shares = true;
        release_of(&mut host, version(2, 0, true), End::Done);
    }
}

/// What happens to a proxy with two instances.
#[derive(Debug, Clone)]
enum ProxyEvent {
    Release(ProxyVersion, End),
    Else(SlotEvent),
}

fn proxy_event() -> impl Strategy<Value = ProxyEvent> {
    let release = (0..3_u8, 0..2_u8, end()).prop_map(|(input, file, end)| {
        let version = ProxyVersion {
            input,
            file,
            beside: true,
        };
        ProxyEvent::Release(version, end)
    });
    prop_oneof![
        6 => release,
        1 => any::<bool>().prop_map(|first| ProxyEvent::Else(SlotEvent::Crash(first))),
        1 => Just(ProxyEvent::Else(SlotEvent::Reboot)),
    ]
}

#[test]
fn the_port_of_a_slot_that_is_kept_is_free_for_nobody() {
    let mut slots = SlotHost::default();
    slots.start_proxy();
    release(&mut slots, 0, true, End::Done);
    release(&mut slots, 1, true, End::Done);
    let mut desired = version(1, true).clone();
    let mut api = service("api");
    api.port = Some(19000);
    api.publish = Some(vec![Publish::tcp(19000)]);
    let other = render(&cluster_of([api])).unwrap();
    let services = other.hosts[&host()].services.clone();
    let wanted = desired.hosts.get_mut(&host()).unwrap();
    wanted.services.extend(services);
    let mut observed = slots.observe(&desired);
    let refused = |observed: &Observed| {
        let refusals = plan(&desired, observed, &Options::default()).refusals;
        let why = refusals.into_iter().map(|refusal| refusal.why);
        why.map(|why| match why {
            RefusalReason::PortHeld {
                service, holder, ..
            } => format!("{service} {holder}"),
            other => panic!("{other:?}"),
        })
        .collect::<Vec<_>>()
    };
    assert_eq!(refused(&observed), [""; 0]);
    let seen = observed.hosts.get_mut(&host()).unwrap();
    let at = seen.services.get_mut(&web()).unwrap();
    let kept = at.slots.others.values_mut().next().unwrap();
    let container = kept.container.as_mut().expect("it is kept");
    container.ports.insert(HostPorts::tcp(19000));
    assert_eq!(refused(&observed), ["api web"]);
}
