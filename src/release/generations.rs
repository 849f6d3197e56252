//! What hosts know of their past: their histories, and whole generations of theirs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::activity::activity;
use super::event::Event;
use super::hosts::{Connection, Hosts, Setting};
use super::problem::Problem;
use super::request::Back;
use crate::cluster::model::{Cluster, Delivery};
use crate::cluster::name::{HostName, ServiceName};
use crate::host::activate::activity::Activity;
use crate::host::look::LookFor;
use crate::host::past::generation::{self, StoredGeneration};
use crate::host::past::history::{self, HostHistory};
use crate::plan::observed::{Generation, RunningImage};
use crate::plan::step::Step;
use crate::plan::{Moves, Options, plan};
use crate::render::desired::{Desired, DesiredHost};
use crate::render::placement::Reach;
use crate::render::secret_files::{DIGESTS, is_secret};
use crate::render::stored::{ImageThen, stored};

/// For a short question.
const SHORT: Duration = Duration::from_secs(60);
/// For the files of a generation, over a slow line.
const LONG: Duration = Duration::from_secs(10 * 60);

/// The hosts of a cluster with nothing on them: to connect and look, where the description of
/// services does not matter.
#[must_use]
pub fn bare(cluster: &Cluster) -> Desired {
    let host = |(name, host): (&HostName, &crate::cluster::model::Host)| {
        let services = BTreeMap::new();
        let engine = host.client.engine;
        (name.clone(), DesiredHost { engine, services })
    };
    Desired {
        cluster: cluster.name.clone(),
        hosts: cluster.hosts.iter().map(host).collect(),
        machines: Reach::of_all(cluster),
    }
}

impl Hosts {
    /// The history of every host.
    pub fn histories(&mut self, setting: Setting<'_>) -> BTreeMap<HostName, HostHistory> {
        self.ask(setting.limit, Self::every, |_, connection| past(connection))
    }

    /// Looks at every host, and its history; as [`Hosts::seen`].
    pub fn seen_with_histories(
        setting: Setting<'_>,
        detail: LookFor,
        tell: &(impl Fn(Event) + Sync),
    ) -> (Self, BTreeMap<HostName, HostHistory>) {
        Self::visit(setting, detail, past, tell)
    }

    /// Looks at every host again, at what goes on there, and its history; as [`Hosts::refresh`].
    pub fn refresh_for_page(
        &mut self,
        setting: Setting<'_>,
    ) -> (
        BTreeMap<HostName, Activity>,
        BTreeMap<HostName, HostHistory>,
    ) {
        apart(self.refreshed(setting, LookFor::Status, now_and_past))
    }

    /// Looks at every host, at what goes on there, and its history; as [`Hosts::seen`].
    pub fn seen_for_page(
        setting: Setting<'_>,
        tell: &(impl Fn(Event) + Sync),
    ) -> (
        Self,
        BTreeMap<HostName, Activity>,
        BTreeMap<HostName, HostHistory>,
    ) {
        let (hosts, answers) = Self::visit(setting, LookFor::Status, now_and_past, tell);
        let (activities, histories) = apart(answers);
        (hosts, activities, histories)
    }

    /// Goes on with these hosts only, each with the generation that it is to go back to: its images, and what is to be
    /// desired. One that goes back to before its first release is to have nothing.
    pub fn generations(
        &mut self,
        setting: Setting<'_>,
        numbers: &BTreeMap<HostName, Option<u64>>,
    ) -> BTreeMap<HostName, (BTreeMap<ServiceName, String>, DesiredHost)> {
        self.connections
            .retain(|name, _| numbers.contains_key(name));
        self.ask(setting.limit, Self::every, |name, connection| {
            let engine = setting.cluster.hosts[name].client.engine;
            let Some(number) = numbers[name] else {
                let services = BTreeMap::new();
                return Ok((BTreeMap::new(), DesiredHost { engine, services }));
            };
            let script = generation::script(&connection.layout, number);
            let answer = connection
                .session
                .run("reading a generation", &script, LONG)?;
            let why = |why: String| Problem::NoGeneration { number, why };
            let found = StoredGeneration::parse(&answer.stdout).map_err(why)?;
            let now = match &connection.look.observed.generation {
                // A release that has not ended may have given its tags other images.
                Generation::Current {
                    number: current, ..
                } if *current == number => None,
                Generation::Current { images, .. } => Some(images),
                Generation::None | Generation::Unreadable { .. } => None,
            };
            let host = desired(&found, engine, now).map_err(why)?;
            Ok((found.images, host))
        })
    }

    /// What was released last on every host, as something to be desired: nothing, where no whole generation
    /// is.
    pub fn released(&mut self, setting: Setting<'_>) -> Desired {
        let read = |name: &HostName, connection: &mut Connection| -> Result<DesiredHost, String> {
            let seen = &connection.look.observed.generation;
            let Generation::Current { number, images, .. } = seen else {
                return Err("nothing is released here".to_owned());
            };
            let script = generation::script(&connection.layout, *number);
            let answer = connection
                .session
                .run("reading a generation", &script, LONG);
            let answer = answer.map_err(|error| error.kind.to_string())?;
            let found = StoredGeneration::parse(&answer.stdout)?;
            let engine = setting.cluster.hosts[name].client.engine;
            desired(&found, engine, Some(images))
        };
        let (found, _) = self.on_each(setting.limit, Self::every, |name, connection| {
            Ok(read(name, connection).ok())
        });
        let mut released = bare(setting.cluster);
        for (name, host) in found {
            if let Some(host) = host {
                released.hosts.insert(name, host);
            }
        }
        released
    }

    /// Leaves out hosts that would need inputs with secrets which were sent to them unencrypted: no generation keeps
    /// those.
    pub fn refuse_lost_secrets(&mut self, setting: Setting<'_>, back: &BTreeMap<HostName, Back>) {
        // Whatever may be refused for other reasons.
        let options = Options {
            moves: Moves::Allow,
            ..Options::default()
        };
        let plan = plan(setting.desired, &self.observed(), &options);
        for (host, back) in back {
            let Some(number) = back.number else {
                continue;
            };
            if setting.cluster.hosts[host].secrets == Delivery::Sealed {
                continue;
            }
            let services = &setting.desired.hosts[host].services;
            let made = |service: &ServiceName| {
                let files = services.get(service).map(|service| &service.entry.files);
                files.is_some_and(|files| files.contains_key(DIGESTS))
            };
            let swapped = |step: &Step| {
                let Step::SwapFiles {
                    service, directory, ..
                } = step
                else {
                    return false;
                };
                let entry = services.get(service).map(|service| &service.entry);
                let mut live = entry.iter().flat_map(|entry| entry.live_directories());
                live.any(|(name, files)| name == directory && !files.secrets.is_empty())
            };
            let steps = plan
                .waves
                .iter()
                .filter_map(|wave| wave.activations.get(host));
            let steps: Vec<&Step> = steps.flatten().collect();
            let swaps = steps.iter().filter(|step| swapped(step));
            let lost: BTreeSet<&ServiceName> = steps
                .iter()
                .filter_map(|step| step.placed())
                .filter(|placed| match placed.only {
                    None => made(placed.service),
                    Some(paths) => paths.iter().any(|path| is_secret(path)),
                })
                .map(|placed| placed.service)
                .chain(swaps.flat_map(|step| step.services()))
                .collect();
            if lost.is_empty() {
                continue;
            }
            let lost: Vec<&str> = lost.into_iter().map(AsRef::as_ref).collect();
            let problem = Problem::NoGeneration {
                number,
                why: format!(
                    "the secrets of {} were sent unencrypted (`secrets = \"plain\"`) and are kept nowhere",
                    lost.join(", ")
                ),
            };
            self.drop_host(host.clone(), problem);
        }
    }

    /// Looks again: what is desired are these generations now. Each reference will mean the image again that it meant then,
    /// so who runs that one runs what its reference means.
    pub fn look_for(&mut self, setting: Setting<'_>, back: &BTreeMap<HostName, Back>) {
        self.ask(setting.limit, Self::every, |name, connection| {
            connection.look_again(setting, name)?;
            let Some(back) = back.get(name) else {
                return Ok(());
            };
            for (service, seen) in &mut connection.look.observed.services {
                if let Some(container) = &mut seen.container
                    && let RunningImage::Another { id } = &container.image
                    && back.images.get(service) == Some(id)
                {
                    container.image = RunningImage::Referenced;
                }
            }
            Ok(())
        });
    }
}

fn now_and_past(connection: &mut Connection) -> Result<(Activity, HostHistory), Problem> {
    let now = activity(&mut connection.session, &connection.layout)?;
    Ok((now, past(connection)?))
}

fn apart<A, B>(both: BTreeMap<HostName, (A, B)>) -> (BTreeMap<HostName, A>, BTreeMap<HostName, B>) {
    let both = both.into_iter();
    both.map(|(name, (a, b))| ((name.clone(), a), (name, b)))
        .unzip()
}

fn past(connection: &mut Connection) -> Result<HostHistory, Problem> {
    let doing = "reading the history";
    let session = &mut connection.session;
    let answer = session.run(doing, &history::script(&connection.layout), SHORT)?;
    history::parse(&answer.stdout)
        .ok_or_else(|| session.misunderstood(doing, &answer.stdout).into())
}

/// A generation as something to be desired. `now` are the images that tags mean now, where that is known.
fn desired(
    found: &StoredGeneration,
    engine: crate::cluster::model::Engine,
    now: Option<&BTreeMap<ServiceName, String>>,
) -> Result<DesiredHost, String> {
    let mut services = BTreeMap::new();
    for (name, entry) in &found.manifest.services {
        let Some(files) = found.service(name) else {
            return Err(format!("it lacks a unit of {name}"));
        };
        let image = match (found.images.get(name), now.and_then(|now| now.get(name))) {
            (Some(then), Some(now)) if then == now => ImageThen::AsNow,
            (Some(_), _) => ImageThen::Another,
            (None, _) => ImageThen::AsNow,
        };
        let unit = found.manifest.unit(name);
        let service = stored(unit, entry, files, image);
        let service = service.map_err(|error| error.to_string())?;
        services.insert(name.clone(), service.into());
    }
    Ok(DesiredHost { engine, services })
}
