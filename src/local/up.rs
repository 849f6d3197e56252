//! A cluster comes up here: one look, one decision for each service, then each starts as soon as those run that it needs.

#![expect(
    clippy::disallowed_methods,
    reason = "measures how long a start takes, and asks for free ports"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::decide::{SeenContainer, WantedContainer, job_key, reasons};
use super::engine::{
    DIRECTORY, FINGERPRINT, JOB, LocalEngine, LocalEngineError, NewContainer, OWNER, PAUSE,
    REFERENCE, SCHEME, SERVICE,
};
use super::event::{LocalEvent, LocalProblem};
use super::order::{waits, with_needs};
use super::ports::PortBook;
use super::probe::await_well;
use super::store::{LocalRecord, LocalStore};
use crate::cluster::model::{Cluster, Engine, Probe, ReloadBy, Service};
use crate::cluster::name::{ServiceName, VariableName};
use crate::cluster::ports::Protocol;
use crate::cluster::secret::Plaintext;
use crate::plan::reason::Reason;
use crate::render::bare::{BareContainer, LocalPort};
use crate::render::secrets::MakeError;

/// How many lines of a container that failed are shown.
const LINES: usize = 20;
/// How often another port is tried.
const TRIES: usize = 20;
/// How long a command may take that checks files.
const CHECK: Duration = Duration::from_secs(60);

/// Why nothing was begun.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The engine does not do its part.
    #[error(transparent)]
    Engine(#[from] LocalEngineError),
    /// A file cannot be read or written.
    #[error(transparent)]
    Store(#[from] io::Error),
    /// A secret cannot be what it is to be.
    #[error("{service}: {error}")]
    Secret {
        /// Whose.
        service: ServiceName,
        /// Why.
        error: MakeError,
    },
    /// A service takes over from itself by two slots.
    #[error(
        "expected services without `[swap]`, found `{0}`: its slots and their proxy are for hosts"
    )]
    Swap(ServiceName),
}

/// What is to come up, and where.
pub struct LocalUp<'a> {
    /// The engine.
    pub engine: &'a LocalEngine,
    /// The files.
    pub store: &'a LocalStore,
    /// What is kept of it; its ports change.
    pub record: LocalRecord,
    /// The description, as it runs here.
    pub cluster: &'a Cluster,
    /// Only these and what they need; `None` is all of it.
    pub part: Option<&'a BTreeSet<ServiceName>>,
    /// Services that are not here, and are found elsewhere.
    pub outside: &'a BTreeSet<ServiceName>,
    /// The values of secrets.
    pub stored: &'a BTreeMap<VariableName, Plaintext>,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UpEnd {
    /// How many containers started, or read files again.
    pub changed: usize,
    /// How many services do not run as they should.
    pub failed: usize,
}

/// Which services are to run: those of a part with what they need, or all; without jobs of a calendar, which nothing starts
/// here.
#[must_use]
pub fn chosen<'a>(
    cluster: &'a Cluster,
    part: Option<&BTreeSet<ServiceName>>,
    outside: &BTreeSet<ServiceName>,
) -> BTreeMap<&'a ServiceName, &'a Service> {
    let part = part.map(|part| {
        let here: BTreeMap<ServiceName, Service> = cluster
            .services
            .iter()
            .filter(|(name, _)| !outside.contains(*name))
            .map(|(name, service)| (name.clone(), service.clone()))
            .collect();
        with_needs(&here, part)
    });
    let services = cluster.services.iter().filter(|(name, service)| {
        !service.hosts.is_empty()
            && service.run.schedule().is_none()
            && !outside.contains(*name)
            && part.as_ref().is_none_or(|part| part.contains(*name))
    });
    services.collect()
}

/// One service, and what is known of it.
struct Task<'a> {
    service: &'a Service,
    container: BareContainer,
    seen: Option<&'a SeenContainer>,
    reasons: Vec<Reason>,
    /// What the success of a job is kept under.
    key: Option<String>,
    /// Whether its image is here, or why it could not be fetched.
    has_image: Result<(), String>,
}

struct Work<'a> {
    up: &'a LocalUp<'a>,
    ports: PortBook,
    tell: &'a (dyn Fn(LocalEvent) + Sync),
    states: Mutex<BTreeMap<&'a ServiceName, Ended>>,
    ended: Condvar,
}

/// How a service's turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Unchanged,
    Changed,
    Failed,
}

/// Brings it up.
///
/// # Errors
/// Nothing could be begun. What happens to single services is told.
pub fn up(up: &LocalUp<'_>, tell: &(dyn Fn(LocalEvent) + Sync)) -> Result<UpEnd, LocalError> {
    let name = up.store.name();
    let services = chosen(up.cluster, up.part, up.outside);
    for (service, described) in &services {
        if described.swap.is_some() || !described.swaps.is_empty() {
            return Err(LocalError::Swap((*service).clone()));
        }
    }
    let key = up.store.key()?;
    let mut containers = BTreeMap::new();
    for (service, described) in &services {
        let made = BareContainer::of(up.cluster, described, up.stored, key.bytes());
        let made = made.map_err(|error| LocalError::Secret {
            service: (*service).clone(),
            error,
        })?;
        containers.insert(*service, made);
    }
    let seen = up.engine.containers(name)?;
    let images = images(up.engine, &services, tell);
    let tasks = tasks(up, &services, containers, &seen, &images);

    let mut end = UpEnd::default();
    let goes = |seen: &&SeenContainer| match up.part {
        None => !services.contains_key(&seen.service),
        Some(_) => up.outside.contains(&seen.service) && !services.contains_key(&seen.service),
    };
    for gone in seen.iter().filter(goes) {
        up.engine.remove(&gone.id)?;
        end.changed += 1;
        let service = gone.service.clone();
        tell(LocalEvent::Removed { service });
    }
    if tasks.values().any(|task| !task.reasons.is_empty()) {
        up.engine.make_network(name)?;
    }
    let taken = tasks.values().filter(|task| task.reasons.is_empty());
    let taken = taken
        .filter_map(|task| task.seen)
        .flat_map(|seen| &seen.ports);
    let taken = taken.map(|((_, protocol), at)| (*at, *protocol)).collect();
    let work = Work {
        up,
        ports: PortBook::new(name.as_str(), up.record.ports.clone(), taken),
        tell,
        states: Mutex::new(BTreeMap::new()),
        ended: Condvar::new(),
    };
    let waits = waits(&services);
    thread::scope(|scope| {
        for (service, task) in &tasks {
            let (work, before) = (&work, &waits[service]);
            scope.spawn(move || work.turn(service, task, before));
        }
    });
    let mut record = up.record.clone();
    record.ports = work.ports.known();
    up.store.set_record(&record)?;
    let states = work
        .states
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    for ended in states.values() {
        match ended {
            Ended::Unchanged => {}
            Ended::Changed => end.changed += 1,
            Ended::Failed => end.failed += 1,
        }
    }
    Ok(end)
}

/// What references mean.
struct Images {
    /// Ids by reference.
    images: BTreeMap<String, String>,
    /// Why one could not be fetched.
    unfetched: BTreeMap<String, String>,
}

/// What the references mean. Those that mean nothing here are fetched: before anything stops.
fn images(
    engine: &LocalEngine,
    services: &BTreeMap<&ServiceName, &Service>,
    tell: &(dyn Fn(LocalEvent) + Sync),
) -> Images {
    let references = services.values().map(|service| &*service.image.reference);
    let references: BTreeSet<&str> = references.collect();
    let mut images = engine.images(&references);
    let missing = references.iter().filter(|one| !images.contains_key(**one));
    let missing: BTreeSet<&str> = missing.copied().collect();
    let mut unfetched = BTreeMap::new();
    if missing.is_empty() {
        return Images { images, unfetched };
    }
    let pull = |reference: &&str| {
        let image = (*reference).to_owned();
        tell(LocalEvent::Pulls { image });
        let mut of_it = services.values();
        let of_it = of_it.find(|service| service.image.reference == *reference);
        let platform = of_it.and_then(|service| service.container.platform.as_deref());
        engine.pull(reference, platform)
    };
    let missing: Vec<&str> = missing.into_iter().collect();
    for few in missing.chunks(4) {
        // What cannot be had is told with the service that wants it.
        thread::scope(|scope| {
            let pull = &pull;
            let pulls: Vec<_> = few
                .iter()
                .map(|one| (*one, scope.spawn(move || pull(one))))
                .collect();
            for (one, pulled) in pulls {
                if let Err(error) = pulled.join().expect("it does not panic") {
                    unfetched.insert(one.to_owned(), error.to_string());
                }
            }
        });
    }
    images.extend(engine.images(&missing.into_iter().collect()));
    Images { images, unfetched }
}

fn tasks<'a>(
    up: &LocalUp<'_>,
    services: &BTreeMap<&'a ServiceName, &'a Service>,
    mut containers: BTreeMap<&'a ServiceName, BareContainer>,
    seen: &'a [SeenContainer],
    images: &Images,
) -> BTreeMap<&'a ServiceName, Task<'a>> {
    let mut tasks = BTreeMap::new();
    for (name, service) in services {
        let container = containers.remove(name).expect("each has been made");
        let mut all = seen.iter();
        let seen = all.find(|seen| seen.service == **name);
        let reference = &service.image.reference;
        let image = images.images.get(reference);
        let wanted = WantedContainer {
            inputs: &container.inputs,
            fingerprint: container.fingerprint.as_str(),
            reference: &service.image.reference,
            image: image.map(String::as_str).unwrap_or_default(),
        };
        let kept = || up.store.kept(name, &seen?.directory);
        let (key, reasons) = match service.run.once() {
            None => (None, reasons(&wanted, seen, kept().as_ref())),
            Some(once) => match job_key(once.key, &wanted) {
                Some(key) if up.store.is_done(name, &key) => (Some(key), Vec::new()),
                Some(key) => (Some(key), vec![Reason::NotRunYet]),
                None => (None, vec![Reason::EachRelease]),
            },
        };
        let task = Task {
            service,
            container,
            seen,
            reasons,
            key,
            has_image: match image {
                Some(_) => Ok(()),
                None => Err(images.unfetched.get(reference).cloned().unwrap_or_default()),
            },
        };
        tasks.insert(*name, task);
    }
    // It runs with what changes, and is no change itself.
    let is_each = |task: &Task<'_>| task.reasons == [Reason::EachRelease];
    let changes = |task: &Task<'_>| !task.reasons.is_empty() && !is_each(task);
    if !tasks.values().any(changes) {
        for task in tasks.values_mut().filter(|task| is_each(task)) {
            task.reasons.clear();
        }
    }
    tasks
}

impl<'a> Work<'a> {
    /// Waits for those before it, and does what is to be done.
    fn turn(&self, name: &'a ServiceName, task: &Task<'a>, before: &BTreeSet<&'a ServiceName>) {
        let ended = match self.await_those(before) {
            Some(because) => {
                let (service, because) = (name.clone(), because.clone());
                if task.reasons.is_empty() {
                    // What runs goes on: whoever failed may come back.
                    Ended::Unchanged
                } else {
                    (self.tell)(LocalEvent::NotStarted { service, because });
                    Ended::Failed
                }
            }
            None => match self.bring(name, task) {
                Ok(true) => Ended::Changed,
                Ok(false) => Ended::Unchanged,
                Err(problem) => {
                    let service = name.clone();
                    (self.tell)(LocalEvent::Failed { service, problem });
                    Ended::Failed
                }
            },
        };
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        states.insert(name, ended);
        self.ended.notify_all();
    }

    /// One of those before it that failed, if one did.
    fn await_those(&self, before: &BTreeSet<&'a ServiceName>) -> Option<&'a ServiceName> {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let mut all = before.iter();
            if let Some(failed) = all.find(|one| states.get(*one) == Some(&Ended::Failed)) {
                return Some(failed);
            }
            if before.iter().all(|one| states.contains_key(one)) {
                return None;
            }
            states = self
                .ended
                .wait(states)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether something changed.
    fn bring(&self, name: &ServiceName, task: &Task<'_>) -> Result<bool, LocalProblem> {
        let began = Instant::now();
        if task.reasons.is_empty() {
            return match task.seen {
                // A job that has succeeded.
                _ if task.service.run.is_job() => Ok(false),
                None => Ok(false),
                Some(seen) => {
                    let reloaded = self.reload(name, task, seen)?;
                    self.well(task, &seen.id, seen.restarts)?;
                    Ok(reloaded)
                }
            };
        }
        (self.tell)(LocalEvent::Starts {
            service: name.clone(),
            reasons: task.reasons.clone(),
        });
        let id = self.start(name, task)?;
        let service = name.clone();
        if task.service.run.is_job() {
            self.await_end(task, &id)?;
            if let Some(key) = &task.key {
                self.up.store.set_done(name, key).map_err(unwritten)?;
            }
            let took = began.elapsed();
            (self.tell)(LocalEvent::Done { service, took });
        } else {
            self.well(task, &id, 0)?;
            let took = began.elapsed();
            (self.tell)(LocalEvent::Runs { service, took });
        }
        let directory = task.container.directory.as_str();
        self.up.store.prune(name, directory).map_err(unwritten)?;
        Ok(true)
    }

    fn well(&self, task: &Task<'_>, id: &str, restarts: u64) -> Result<(), LocalProblem> {
        await_well(self.up.engine, task.service, id, restarts)
            .map_err(|what| self.failure(what, id))
    }

    fn failure(&self, what: String, id: &str) -> LocalProblem {
        let lines = self.up.engine.last_lines(id, LINES);
        LocalProblem {
            what,
            lines: Some(lines).filter(|lines| !lines.trim().is_empty()),
            help: None,
        }
    }

    /// Makes the container, in place of the one before: its id.
    fn start(&self, name: &ServiceName, task: &Task<'_>) -> Result<String, LocalProblem> {
        let (engine, store, service) = (self.up.engine, self.up.store, task.service);
        // What runs goes on if there is nothing to take its place.
        if let Err(why) = &task.has_image {
            return Err(LocalProblem {
                what: format!("its image {} is not here: {why}", service.image.reference),
                ..LocalProblem::default()
            });
        }
        for path in BareContainer::mounted_paths(service) {
            if !Path::new(&path).exists() {
                return Err(LocalProblem {
                    what: format!("it mounts {path}, which is not on this machine"),
                    lines: None,
                    help: Some(format!(
                        "make it, or describe another volume for `{name}` in a cluster of your own, as clusters/local"
                    )),
                });
            }
        }
        let inputs = store.place(name, &task.container).map_err(unwritten)?;
        store.place_live(name, &task.container).map_err(unwritten)?;
        let prefix = store.name().volumes();
        for volume in &service.container.volumes {
            let source = volume.split(':').next().unwrap_or_default();
            if source.starts_with(&prefix) {
                engine.make_volume(store.name(), source).map_err(refused)?;
            }
        }
        if let Some(seen) = task.seen {
            engine.remove(&seen.id).map_err(refused)?;
        }
        let mut options = self.options(name, task);
        let (inputs, live) = (inputs.to_string_lossy(), store.live(name));
        options.extend(task.container.options_at(&inputs, &live.to_string_lossy()));
        let mut tries = 0;
        loop {
            let mut options = options.clone();
            let ports = self.publish(name, task, &mut options);
            let new = NewContainer {
                name: store.name().container(name),
                options,
                image: &service.image.reference,
                command: &task.container.command,
                environment: &task.container.environment,
            };
            match engine.run(&new) {
                Ok(id) => {
                    for (port, at) in ports {
                        if at != port.wanted {
                            let service = name.clone();
                            (self.tell)(LocalEvent::Moved { service, port, at });
                        }
                    }
                    return Ok(id);
                }
                // Somebody was faster, or only the engine may not have it.
                Err(error)
                    if is_of_port(&error.to_string()) && tries < TRIES && !ports.is_empty() =>
                {
                    tries += 1;
                }
                Err(error) => return Err(refused(error)),
            }
        }
    }

    /// The options that are no inputs.
    fn options(&self, name: &ServiceName, task: &Task<'_>) -> Vec<String> {
        let (up, service) = (self.up, task.service);
        let mut options = Vec::new();
        let mut option = |name: &str, value: &str| {
            options.extend([name.to_owned(), value.to_owned()]);
        };
        let label = |name: &str, value: &str| format!("{name}={value}");
        option("--label", &label(OWNER, up.store.name().as_str()));
        option("--label", &label(SERVICE, name.as_str()));
        option(
            "--label",
            &label(FINGERPRINT, task.container.fingerprint.as_str()),
        );
        option(
            "--label",
            &label(DIRECTORY, task.container.directory.as_str()),
        );
        option("--label", &label(REFERENCE, &service.image.reference));
        let probe = service.health.as_ref().map(|health| &health.probe);
        if matches!(probe, Some(Probe::Http(_))) {
            option("--label", &label(SCHEME, "http"));
        }
        if service.run.is_job() {
            option("--label", &label(JOB, "once"));
        } else {
            option("--restart", "unless-stopped");
        }
        let seconds = service.container.stop_timeout.as_secs().max(1);
        option("--stop-timeout", &seconds.to_string());
        if !up.outside.is_empty() && up.engine.engine() == Engine::Docker {
            let gateway = format!("{}:host-gateway", up.engine.machine());
            option("--add-host", &gateway);
        }
        options
    }

    /// Adds what is published, and says where.
    fn publish(
        &self,
        name: &ServiceName,
        task: &Task<'_>,
        options: &mut Vec<String>,
    ) -> Vec<(LocalPort, u16)> {
        let mut ports = Vec::new();
        for port in &task.container.published {
            let Some(at) = self.ports.choose(name, *port, is_free) else {
                continue;
            };
            let protocol = port.protocol.as_str();
            options.push("--publish".to_owned());
            options.push(format!("127.0.0.1:{at}:{}/{protocol}", port.inside));
            ports.push((*port, at));
        }
        ports
    }

    /// Waits until a job has succeeded.
    fn await_end(&self, task: &Task<'_>, id: &str) -> Result<(), LocalProblem> {
        let began = Instant::now();
        let limit = task.service.run.timeout().unwrap_or(Duration::MAX);
        loop {
            let seen = self.up.engine.container(id).map_err(refused)?;
            let Some(seen) = seen else {
                return Err(LocalProblem {
                    what: "its container was removed".to_owned(),
                    ..LocalProblem::default()
                });
            };
            match seen.running {
                false if seen.exit == 0 => return Ok(()),
                false => return Err(self.failure(format!("it ended with {}", seen.exit), id)),
                true if began.elapsed() > limit => {
                    self.up.engine.stop(id);
                    let what = format!("it did not end within {} s", limit.as_secs());
                    return Err(self.failure(what, id));
                }
                true => thread::sleep(PAUSE),
            }
        }
    }

    /// Gives new files to what runs, if it reads them again without a restart; whether there were some.
    fn reload(
        &self,
        name: &ServiceName,
        task: &Task<'_>,
        seen: &SeenContainer,
    ) -> Result<bool, LocalProblem> {
        let Some((reload, checks)) = &task.container.reload else {
            return Ok(false);
        };
        let (engine, store) = (self.up.engine, self.up.store);
        let changed = store.place_live(name, &task.container).map_err(unwritten)?;
        if changed.is_empty() {
            return Ok(false);
        }
        let done = checks
            .iter()
            .try_for_each(|words| engine.exec(&seen.id, words, CHECK))
            .and_then(|()| match reload {
                ReloadBy::Signal(signal) => engine.signal(&seen.id, signal),
                ReloadBy::Command(words) => engine.exec(&seen.id, words, CHECK),
            });
        if let Err(error) = done {
            // The files before, so that the next try sees a change again.
            for (directory, before) in changed {
                if let Some(before) = before {
                    store.show_live(&directory, &before).map_err(unwritten)?;
                }
            }
            return Err(LocalProblem {
                what: format!("its new files were not taken: {error}"),
                ..LocalProblem::default()
            });
        }
        let service = name.clone();
        (self.tell)(LocalEvent::Reloaded { service });
        Ok(true)
    }
}

fn refused(error: LocalEngineError) -> LocalProblem {
    LocalProblem {
        what: error.to_string(),
        ..LocalProblem::default()
    }
}

fn unwritten(error: io::Error) -> LocalProblem {
    LocalProblem {
        what: error.to_string(),
        ..LocalProblem::default()
    }
}

/// Whether the engine did not get a port.
fn is_of_port(said: &str) -> bool {
    let said = said.to_lowercase();
    let words = [
        "already allocated",
        "already in use",
        "failed to bind",
        "cannot expose",
        "permission denied",
    ];
    said.contains("port") && words.iter().any(|word| said.contains(word))
}

/// Whether a port of this machine is free.
fn is_free(port: u16, protocol: Protocol) -> bool {
    let at = (Ipv4Addr::LOCALHOST, port);
    match protocol {
        Protocol::Tcp => TcpListener::bind(at).is_ok(),
        Protocol::Udp => UdpSocket::bind(at).is_ok(),
        Protocol::Sctp => true,
    }
}
