//! What a look says of one service: its unit, its process, its container.

use std::collections::BTreeMap;

use super::super::parse::{ListedUnit, More, RunningContainer};
use super::super::{LookFor, ObserveError, UnitDetails};
use super::crashes::crashes;
use super::{FirstLook, ServiceFiles};
use crate::cluster::digest::Digest;
use crate::cluster::model::Engine;
use crate::cluster::name::ServiceName;
use crate::plan::observed::{
    ContainerHealth, Crashes, Environment, JobRuns, KeptSlot, LiveRead, Loaded, Moment,
    ObservedContainer, ObservedLive, ObservedProcess, ObservedService, ObservedSlots, ObservedUnit,
    OtherInstance, Owner, RunningImage, SlotLink, TimerState, UnitFile, Watched,
};
use crate::render::identity::{
    DirectoryName, Fingerprint, Slot, UnitFileName, UnitKind, UnitName, without_slot,
};
use crate::render::live::{LiveName, LiveVersion};
use crate::render::slots;

/// Where a unit file stands in the way of ours although ours is in /etc: systemd reads it first.
const BEFORE: &str = "/run/systemd/transient";

/// Where a unit file of our unit's name is somebody else's.
const BEHIND: [&str; 4] = [
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

impl FirstLook<'_> {
    pub(super) fn service(
        &self,
        service: &ServiceName,
        files: &ServiceFiles,
        more: &More,
    ) -> Result<ObservedService, ObserveError> {
        let mut directories = files.directories.clone();
        for (directory, seen) in &mut directories {
            let base = self.request.layout.inputs_directory(service, directory);
            for file in seen.files.keys() {
                let path = base.join(file);
                let digest = self.first.digests.get(path.as_str());
                if let (Some(text), Some(digest)) = (more.texts.get(path.as_str()), digest) {
                    self.check_unchanged(path.as_str(), text, digest)?;
                    seen.texts.insert(file.clone(), text.as_str().into());
                }
            }
        }
        let live = self.live(service, files, more)?;
        let mut further = BTreeMap::new();
        for kind in UnitKind::ALL {
            if kind != UnitKind::Service {
                let file = self.unit_of(service).file(kind);
                let unit = self.unit(service, &file, files, more)?;
                if self.wanted_unit(service, &file).is_some() || unit != ObservedUnit::default() {
                    further.insert(file, unit);
                }
            }
        }
        let mut others = BTreeMap::new();
        for other in self.other_units(service) {
            let file = other.service_file();
            let unit = self.unit(service, &file, files, more)?;
            if matches!(unit.file, UnitFile::Foreign { .. }) {
                continue;
            }
            let container = self.container(&other);
            let seen = OtherInstance {
                runs: self.is_up(&file) && unit.is_ours() || container.is_some(),
                unit,
                process: self.process(&other, more),
                container: container.map(|it| self.observed(it, more)),
                kept: self.kept(&other),
            };
            if seen.is_up() || seen.unit.is_left() {
                others.insert(other, seen);
            }
        }
        let shown = more
            .shown
            .get(self.unit_of(service).service_file().as_str());
        Ok(ObservedService {
            unit: self.unit(service, &self.unit_of(service).service_file(), files, more)?,
            slots: ObservedSlots {
                serving: self.slot(service),
                link: self.link(service),
                others,
            },
            further,
            drop_ins: files.drop_ins.clone(),
            directories,
            leftovers: files.leftovers.clone(),
            live,
            process: self.process(&self.unit_of(service), more),
            timer: self.timer(service, UnitKind::Timer),
            watch: self.timer(service, UnitKind::WatchTimer),
            watched: self.watched(service),
            runs: self.runs(service, more),
            restarts: shown.map(|shown| shown.restarts),
            crashes: self.crashes(service, more),
            health: self
                .container_of(service)
                .map_or_else(ContainerHealth::default, |container| container.health),
            container: self.container_of(service).map(|c| self.observed(c, more)),
        })
    }

    /// Its live directories, with what the process that runs has read of them.
    fn live(
        &self,
        service: &ServiceName,
        files: &ServiceFiles,
        more: &More,
    ) -> Result<BTreeMap<LiveName, ObservedLive>, ObserveError> {
        let mut live = files.live.clone();
        let noted = self.noted(&self.unit_of(service));
        for (name, seen) in &mut live {
            let read = |version: &LiveVersion| {
                let mut words = noted.unwrap_or_default().split(' ');
                words.any(|word| word.split_once('=') == Some((name.as_str(), version.as_str())))
            };
            if seen.version.as_ref().is_some_and(read) {
                seen.read = LiveRead::Yes;
            }
            for file in seen.files.keys() {
                let path = self.live_file(service, name, file);
                let digest = self.first.digests.get(&path);
                if let (Some(text), Some(digest)) = (more.texts.get(&path), digest) {
                    self.check_unchanged(&path, text, digest)?;
                    seen.texts.insert(file.clone(), text.as_str().into());
                }
            }
        }
        Ok(live)
    }

    /// What the process of a unit noted that it read, if that is the one that runs.
    fn noted(&self, unit: &UnitName) -> Option<&str> {
        let (start, note) = self.first.read.get(unit.as_str())?;
        let rest = note.strip_prefix(start.as_str())?;
        rest.is_empty()
            .then_some("")
            .or_else(|| rest.strip_prefix(' '))
    }

    /// Whether systemd has it up, or on its way.
    fn is_up(&self, file: &UnitFileName) -> bool {
        self.is_up_by_name(file.as_str())
    }

    /// Whether systemd is about to stop it: it reads nothing any more.
    fn is_ending(&self, unit: &UnitName) -> bool {
        let state = self.first.states.get(unit.service_file().as_str());
        state.is_some_and(|state| state.active == "deactivating")
    }

    fn is_up_by_name(&self, unit: &str) -> bool {
        let state = self.first.states.get(unit);
        state.is_some_and(|state| !matches!(state.active.as_str(), "inactive" | "failed"))
    }

    /// Whether a timer of ours waits to stop a unit, or does so now: its line ends with the time.
    pub(super) fn kept(&self, unit: &UnitName) -> Option<KeptSlot> {
        let keepers = slots::keepers(unit);
        let mut up = keepers.iter().filter(|keeper| self.is_up_by_name(keeper));
        let line = self.first.states.get(up.next()?)?;
        let time = line.rest.rsplit_once('@').map(|(_, time)| time);
        let until = time.and_then(|time| time.parse().ok());
        Some(KeptSlot { until })
    }

    /// Whether the proxy of a service with slots has read which one serves. Nobody reads it of a service that is the proxy.
    fn link(&self, service: &ServiceName) -> SlotLink {
        let handling = self.request.desired.get(service);
        let handling = handling.map(|wanted| &wanted.handling);
        let Some(handling) = handling.filter(|handling| handling.has_slots()) else {
            return SlotLink::Absent;
        };
        let Some(target) = self.first.swap.get(service.as_str()) else {
            return SlotLink::Absent;
        };
        let mut both = Slot::BOTH.iter();
        let (known, read) = match &handling.slots {
            Some(slots) => (
                both.any(|slot| slots.file_of(*slot) == target),
                self.all_have_read(&slots.proxy, &format!("swap:{service}={target}")),
            ),
            None => (
                both.any(|slot| slots::own_target(service, *slot) == *target),
                true,
            ),
        };
        match known && read {
            true => SlotLink::Read,
            false => SlotLink::Unread,
        }
    }

    /// Whether each instance of a proxy that runs noted this word. One that does not run will read when it starts.
    fn all_have_read(&self, proxy: &ServiceName, word: &str) -> bool {
        let all = [None, Some(Slot::A), Some(Slot::B)].into_iter();
        let mut running = all
            .map(|slot| self.instance(proxy, slot))
            .filter(|unit| self.is_up(&unit.service_file()) && !self.is_ending(unit));
        running.all(|unit| {
            let noted = self.noted(&unit).unwrap_or_default();
            noted.split(' ').any(|other| other == word)
        })
    }

    /// A text that was fetched is the one whose digest was seen, or is no text at all.
    fn check_unchanged(&self, path: &str, text: &str, digest: &Digest) -> Result<(), ObserveError> {
        if Digest::of(text) == *digest || text.contains('\u{fffd}') {
            return Ok(());
        }
        let path = path.to_owned();
        Err(ObserveError::Changed { path })
    }

    fn unit(
        &self,
        service: &ServiceName,
        file: &UnitFileName,
        files: &ServiceFiles,
        more: &More,
    ) -> Result<ObservedUnit, ObserveError> {
        let stat = self.first.stats.get(&self.unit_path(file));
        Ok(ObservedUnit {
            file: self.unit_file(service, file, more)?,
            changed: stat.map_or(Moment(0), |stat| stat.changed),
            enabled_by: files.links.get(file.as_str()).cloned().unwrap_or_default(),
            loaded: self.loaded(file, more),
        })
    }

    fn unit_file(
        &self,
        service: &ServiceName,
        file_name: &UnitFileName,
        more: &More,
    ) -> Result<UnitFile, ObserveError> {
        let foreign = |path: &str, owner| UnitFile::Foreign {
            path: path.to_owned(),
            owner,
        };
        let elsewhere = |place: &str| {
            let path = self.request.layout.path(place).join(file_name.as_str());
            let there = self.first.stats.contains_key(path.as_str());
            there.then(|| {
                let masked = self.first.masked.contains(path.as_str());
                let owner = if masked {
                    Owner::Masked
                } else {
                    Owner::Unmarked
                };
                foreign(path.as_str(), owner)
            })
        };
        if let Some(file) = elsewhere(BEFORE) {
            return Ok(file);
        }
        // A template of somebody else's has drop-ins for units of this name, or is what they meant.
        if let Some((prefix, _)) = file_name.unit().split_once('@') {
            let template = self.request.layout.path("/etc/systemd/system");
            let template = template.join(&format!("{prefix}@.service"));
            if self.first.stats.contains_key(template.as_str()) {
                return Ok(foreign(template.as_str(), Owner::Unmarked));
            }
        }
        let path = self.unit_path(file_name);
        let Some(stat) = self.first.stats.get(&path) else {
            let behind = BEHIND.iter().find_map(|place| elsewhere(place));
            return Ok(behind.unwrap_or(UnitFile::Absent));
        };
        // systemd takes an empty unit file for a mask, too (systemd.unit(5)).
        if self.first.masked.contains(&path) || (stat.is_file() && stat.size() == 0) {
            return Ok(foreign(&path, Owner::Masked));
        }
        if !stat.is_file() {
            return Ok(foreign(&path, Owner::Unmarked));
        }
        let changed = || ObserveError::Changed { path: path.clone() };
        let digest = self.first.digests.get(&path).ok_or_else(changed)?.clone();
        if self.wanted_unit(service, file_name) == Some(&digest) {
            return Ok(UnitFile::Ours { digest, text: None });
        }
        let Some(text) = more.texts.get(&path) else {
            return Ok(foreign(&path, Owner::Unmarked));
        };
        self.check_unchanged(&path, text, &digest)?;
        let cluster = self.request.layout.cluster().as_str();
        Ok(match mark(text) {
            Some((owner, of)) if owner == cluster && of == service.as_str() => {
                let text = Some(text.as_str().into());
                UnitFile::Ours { digest, text }
            }
            Some((owner, _)) if owner != cluster => {
                foreign(&path, Owner::Cluster(owner.to_owned()))
            }
            Some(_) | None => foreign(&path, Owner::Unmarked),
        })
    }

    fn loaded(&self, file_name: &UnitFileName, more: &More) -> Loaded {
        let Some(state) = self.first.states.get(file_name.as_str()) else {
            // What is not in memory is read when it is needed.
            return Loaded::AsOnDisk;
        };
        let Some(file) = self.first.stats.get(&self.unit_path(file_name)) else {
            let gone = state.load == "loaded";
            return if gone {
                Loaded::Older
            } else {
                Loaded::AsOnDisk
            };
        };
        let reloaded = |moment: Moment| file.changed <= moment;
        if !self.changed_after_reload(file_name) || more.reloaded.is_some_and(reloaded) {
            Loaded::AsOnDisk
        } else {
            Loaded::Older
        }
    }

    fn process(&self, unit: &UnitName, more: &More) -> ObservedProcess {
        let Some(state) = self.first.states.get(unit.service_file().as_str()) else {
            return ObservedProcess::Stopped;
        };
        let shown = more.shown.get(unit.service_file().as_str());
        match state.active.as_str() {
            "inactive" => ObservedProcess::Stopped,
            "active" => {
                let told = shown.and_then(|shown| shown.process_since.or(shown.active_since));
                // Before systemd 248 what is told has whole seconds, so each may be the later one; neither is
                // later than the start. Without any moment everything counts as changed since: one restart
                // too many.
                let since = told.max(self.started(unit)).unwrap_or_default();
                ObservedProcess::Active { since }
            }
            "failed" => {
                let result = shown.map_or(state.sub.as_str(), |shown| shown.result.as_str());
                let state = format!("failed ({result})");
                ObservedProcess::Unwell { state }
            }
            active => {
                let state = format!("{active} ({})", state.sub);
                ObservedProcess::Unwell { state }
            }
        }
    }

    fn timer(&self, service: &ServiceName, kind: UnitKind) -> TimerState {
        let timer = self.unit_of(service).file(kind);
        let state = self.first.states.get(timer.as_str());
        match state.is_some_and(|state| state.active == "active") {
            true => TimerState::Active,
            false => TimerState::Inactive,
        }
    }

    /// What its watch found of the start that runs.
    fn watched(&self, service: &ServiceName) -> Option<Watched> {
        let unit = self.unit_of(service);
        let (start, line) = self.first.watched.get(without_slot(unit.as_str()))?;
        let told = Watched::parse(line, &unit, start)?;
        (told != Watched::default()).then_some(told)
    }

    /// When a scheduled job ran and will run.
    fn runs(&self, service: &ServiceName, more: &More) -> Option<JobRuns> {
        self.wanted(service)?.timer()?;
        if self.request.detail != LookFor::Status {
            return None;
        }
        let unit = self.unit_of(service);
        let timer = more.shown.get(unit.file(UnitKind::Timer).as_str());
        let shown = more.shown.get(unit.service_file().as_str());
        let began = shown.and_then(|shown| shown.process_since);
        let ended = shown.and_then(|shown| shown.exited);
        let ended = ended.filter(|ended| began.is_none_or(|began| *ended >= began));
        let failure = shown.filter(|shown| !matches!(shown.result.as_str(), "" | "success"));
        Some(JobRuns {
            began,
            ended,
            failure: failure.map(|shown| shown.result.clone()),
            status: failure.and_then(|shown| {
                let status = u8::try_from(shown.status).ok();
                // CLD_EXITED.
                status.filter(|_| shown.code == 1 && shown.result == "exit-code")
            }),
            next: timer.and_then(|timer| timer.next),
        })
    }

    fn crashes(&self, service: &ServiceName, more: &More) -> Option<Crashes> {
        let unit: String = self.unit_of(service).service_file().into();
        let (state, shown) = (self.first.states.get(&unit)?, more.shown.get(&unit)?);
        crashes(state, shown, more.crashed.get(&unit), more.now)
    }

    fn observed(&self, container: &RunningContainer, more: &More) -> ObservedContainer {
        ObservedContainer {
            fingerprint: Fingerprint::reported(&container.inputs),
            directory: DirectoryName::reported(&container.directory),
            reference: container.image.clone(),
            image: self.running_image(container),
            environment: match more.environments.get(&container.name) {
                Some(true) => Environment::AsFiles,
                Some(false) => Environment::Another,
                None => Environment::Unasked,
            },
            ports: container.ports.clone(),
        }
    }

    fn running_image(&self, container: &RunningContainer) -> RunningImage {
        let another = |id: &str| RunningImage::Another { id: id.to_owned() };
        match self.request.engine {
            // `docker ps` names the image by its reference while that means this image, else by
            // its id (moby daemon/list.go, "keep the original ref if still valid").
            Engine::Docker if container.image.starts_with("sha256:") => another(&container.image),
            Engine::Docker => RunningImage::Referenced,
            // A digest always means the same image.
            Engine::Podman if container.image.contains('@') => RunningImage::Referenced,
            Engine::Podman => match self.first.images.get(&container.image) {
                Some(id) if same_id(id, &container.image_id) => RunningImage::Referenced,
                Some(_) | None => another(&container.image_id),
            },
        }
    }

    pub(super) fn details(&self, service: &ServiceName, more: &More) -> Option<UnitDetails> {
        let file_name: String = self.unit_of(service).service_file().into();
        let state = self.first.states.get(&file_name);
        let container = self.container_of(service);
        if state.is_none() && container.is_none() {
            return None;
        }
        let word = |get: fn(&ListedUnit) -> &String| state.map(get).cloned().unwrap_or_default();
        Some(UnitDetails {
            load: word(|state| &state.load),
            active: word(|state| &state.active),
            sub: word(|state| &state.sub),
            container: container.map(|container| container.id.clone()),
            image: container.map(|container| container.image.clone()),
            shown: more.shown.get(&file_name).cloned(),
        })
    }
}

/// The cluster and service of the section that marks a unit as ours.
fn mark(text: &str) -> Option<(&str, &str)> {
    let mut lines = text.lines().map(str::trim);
    lines.find(|line| *line == "[X-Bayplan]")?;
    let section: Vec<_> = lines.take_while(|line| !line.starts_with('[')).collect();
    let value = |key: &str| section.iter().find_map(|line| line.strip_prefix(key));
    Some((value("Cluster=")?, value("Service=")?))
}

/// Podman tells ids with and without the name of the algorithm.
fn same_id(one: &str, other: &str) -> bool {
    let bare = |id: &str| id.strip_prefix("sha256:").unwrap_or(id).to_owned();
    bare(one) == bare(other)
}
