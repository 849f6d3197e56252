//! Where everything comes from that a service runs with.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::super::errors::HostFailure;
use super::{CrashesView, FailureView, VERSION, WatchView};
use crate::cluster::model::{
    ConfigFile, ConfigFiles, Content, Contents, FileMode, FileOwner, Layer, ReloadBy,
    RestartPolicy, Service, Variable, VariableValue,
};
use crate::cluster::name::{ClusterName, HostName, ServiceName, VariableName};
use crate::cluster::{Definition, FieldOrigin, Line, Provenance};
use crate::host::past::history::{HistoryEntry, HostHistory};
use crate::plan::observed::{Observed, ObservedHost, ObservedProcess, ObservedService, Steady};
use crate::plan::recorded::RecordedReason;
use crate::render::desired::DesiredService;

/// Where everything comes from that a service runs with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WhyView<'a> {
    /// The version of these shapes. It rises when a field changes its meaning or goes.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// The cluster.
    pub cluster: &'a str,
    /// The service.
    pub service: &'a str,
    /// Its file.
    pub file: LineView<'a>,
    /// Where it is placed, in that order.
    pub hosts: &'a [HostName],
    /// Its line in `[place]`, or null.
    pub place: Option<LineView<'a>>,
    /// What its `from` leads to, or null.
    pub from: Option<FromView<'a>>,
    /// Its image, with tag or digest.
    pub image: &'a str,
    /// The line that says which version.
    pub image_at: LineView<'a>,
    /// The path of its unit template, or `built-in`.
    pub template: &'a str,
    /// The ports of the host that lead to it.
    pub ports: Vec<String>,
    /// The line that says so, or null.
    pub ports_at: Option<LineView<'a>>,
    /// Its fingerprint on its first host; null where it is placed nowhere.
    pub inputs: Option<&'a str>,
    /// The one that it has where it has not changed since an earlier bayplan, or null.
    pub older_inputs: Option<&'a str>,
    /// The fields that another text than its file has, too.
    pub fields: Vec<SharedFieldView<'a>>,
    /// Its variables, by layer and name.
    pub variables: Vec<VariableView<'a>>,
    /// Its secrets that are files.
    pub secret_files: Vec<SecretFileView<'a>>,
    /// The files of `[files]`.
    pub files: Vec<ConfigFileView<'a>>,
    /// What it needs.
    pub needs: &'a [ServiceName],
    /// What it only comes after.
    pub after: &'a [ServiceName],
    /// The line that says so, or null.
    pub after_at: Option<LineView<'a>>,
    /// It restarts only when a release names it: `restart = "manual"`.
    pub waits: bool,
    /// What its hosts say, with `--live`; absent without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<Vec<LiveView<'a>>>,
    /// Hosts that could not be seen.
    pub failures: Vec<FailureView<'a>>,
}

/// A line of a file of the config repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LineView<'a> {
    /// Relative to the root of the config repository.
    pub path: &'a str,
    /// From 1; null speaks of the whole file.
    pub line: Option<usize>,
}

/// What `from` leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FromView<'a> {
    /// The services, the nearest first.
    pub services: &'a [ServiceName],
    /// The line that says so.
    pub at: LineView<'a>,
}

/// A field that is written in another text than the service's file, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SharedFieldView<'a> {
    /// Its key, or the key of a table and a name in it: `labels.team`.
    pub key: &'a str,
    /// Where it is written, the text that decides first.
    pub written: Vec<WrittenFieldView<'a>>,
}

/// A field in one text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WrittenFieldView<'a> {
    /// The line that has it.
    pub at: LineView<'a>,
    /// A text as it is, another value as TOML writes it.
    pub value: &'a str,
    /// It decides, or it is united with others.
    pub counts: bool,
}

/// A variable that the service gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct VariableView<'a> {
    /// The layer that it is in.
    pub layer: String,
    /// Its name.
    pub name: &'a str,
    /// The hosts on which it is this one, where others have another one or none; empty if all have it.
    pub hosts: Vec<&'a HostName>,
    /// Its value; null if it is secret.
    pub value: Option<&'a str>,
    /// The secrets that it is made of.
    pub secrets: Vec<&'a VariableName>,
    /// The line that decides, or null.
    pub at: Option<LineView<'a>>,
    /// The variables and secrets that it is made of as it is written.
    pub uses: Vec<UsedView<'a>>,
    /// Definitions that it wins over.
    pub wins_over: Vec<OtherDefinitionView<'a>>,
    /// Its layer.
    #[serde(skip)]
    pub of: Layer,
}

/// A name that a value uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UsedView<'a> {
    /// The name.
    pub name: &'a str,
    /// Its definition, or null.
    pub at: Option<LineView<'a>>,
}

/// A definition that does not decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OtherDefinitionView<'a> {
    /// Its layer.
    pub layer: String,
    /// Its line.
    pub at: LineView<'a>,
}

/// A secret that is a file in the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SecretFileView<'a> {
    /// The path in the container.
    pub path: &'a str,
    /// The secret.
    pub secret: &'a VariableName,
    /// Its line in `secrets.toml`, or null.
    pub at: Option<LineView<'a>>,
}

/// A file of the repository that its container gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ConfigFileView<'a> {
    /// The path in the container.
    pub path: Cow<'a, str>,
    /// The path in the config repository.
    pub source: &'a str,
    /// How the service reads it again without a restart; absent if a change restarts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reload: Option<&'a ReloadBy>,
    /// It differs by host.
    pub by_host: bool,
    /// The secrets that it is made of.
    pub secrets: Vec<&'a VariableName>,
    /// Whose it is, by numbers: `1000:1000`.
    pub owner: String,
    /// Its permissions: `0444`.
    pub mode: String,
    /// Its owner is another one than usual.
    #[serde(skip)]
    pub owned: bool,
    /// Its permissions are others than usual.
    #[serde(skip)]
    pub permitted: bool,
}

/// What one of its hosts says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LiveView<'a> {
    /// The host's name in the description.
    pub host: &'a str,
    /// The release that last restarted it there, or null.
    pub last_restart: Option<LastRestartView<'a>>,
    /// It runs; null on a directory.
    pub runs: Option<bool>,
    /// systemd's word for its state where it is not well, or null.
    pub state: Option<Cow<'a, str>>,
    /// Since when it runs, or null.
    pub since: Option<Timestamp>,
    /// How often systemd started it again since the last start that somebody asked for, or null.
    pub restarts: Option<u64>,
    /// How it ended before systemd started it again, or null.
    pub crashes: Option<CrashesView>,
    /// What its `watch` found; absent where there is nothing to tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watch: Option<WatchView<'a>>,
    /// It runs since a moment after that release.
    pub started_later: bool,
    /// It is in a crash loop.
    pub crash_loop: bool,
}

/// The release that last restarted a service on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LastRestartView<'a> {
    /// When, by the releaser's clock.
    pub when: &'a str,
    /// Who released.
    pub who: &'a str,
    /// The commit that was released, or null.
    pub commit: Option<&'a str>,
    /// The generation that it made or would have made.
    pub generation: u64,
    /// The generation that a rollback brought back, or null.
    pub back_to: Option<u64>,
    /// As in `history --json`.
    pub result: &'a str,
    /// For which reasons it restarted the service, without any value.
    pub reasons: Vec<&'a RecordedReason>,
}

impl<'a> LineView<'a> {
    pub(super) fn of(line: &'a Line) -> Self {
        let Line { path, line } = line;
        Self { path, line: *line }
    }
}

impl<'a> WhyView<'a> {
    /// What the description says. `desired` is what its first host gets, if it is placed.
    #[must_use]
    pub fn of(
        cluster: &'a ClusterName,
        service: &'a Service,
        desired: Option<&'a DesiredService>,
        found: &'a Provenance,
    ) -> Self {
        let Provenance {
            file,
            place,
            image,
            ports,
            after,
            from,
            fields,
            variables: _,
            used: _,
            secrets,
        } = found;
        let secret_files = service
            .secret_files
            .iter()
            .map(|(path, file)| SecretFileView {
                path,
                secret: &file.name,
                at: secrets.get(file.name.as_str()).map(LineView::of),
            });
        let mut variables = by_host(service);
        variables.sort_by_key(|(name, variable, _)| (variable.layer, *name));
        let variables = variables.into_iter();
        let variables = variables.map(|(name, variable, hosts)| {
            VariableView::of(&service.name, name, variable, hosts, found)
        });
        let ports_of = |desired: &DesiredService| {
            let ports = desired.handling.ports.iter();
            ports.map(ToString::to_string).collect()
        };
        Self {
            version: VERSION,
            cluster: cluster.as_str(),
            service: service.name.as_str(),
            file: LineView::of(file),
            hosts: &service.hosts,
            place: place.as_ref().map(LineView::of),
            from: from.as_ref().map(|(services, at)| FromView {
                services,
                at: LineView::of(at),
            }),
            image: &service.image.reference,
            image_at: LineView::of(image),
            template: &service.template.origin,
            ports: desired.map_or_else(Vec::new, ports_of),
            ports_at: ports.as_ref().map(LineView::of),
            inputs: desired.map(|desired| desired.fingerprint.as_str()),
            older_inputs: desired
                .and_then(|desired| desired.older())
                .map(|older| older.fingerprint.as_str()),
            fields: fields.iter().map(SharedFieldView::of).collect(),
            variables: variables.collect(),
            secret_files: secret_files.collect(),
            files: ConfigFileView::all(&service.files),
            needs: &service.needs,
            after: &service.after,
            after_at: after.as_ref().map(LineView::of),
            waits: service.restart == RestartPolicy::Manual,
            live: None,
            failures: Vec::new(),
        }
    }

    /// The same with what its hosts say.
    #[must_use]
    pub fn with_live(
        self,
        service: &ServiceName,
        observed: &'a Observed,
        histories: &'a BTreeMap<HostName, HostHistory>,
        failures: &'a BTreeMap<HostName, HostFailure>,
    ) -> Self {
        Self {
            live: Some(LiveView::all(service, observed, histories)),
            failures: failures.iter().map(FailureView::of).collect(),
            ..self
        }
    }
}

impl<'a> ConfigFileView<'a> {
    /// Every file of a service, by its path in the container.
    fn all(files: &'a ConfigFiles) -> Vec<Self> {
        let fixed = files.files.iter();
        let fixed = fixed.map(|(path, file)| Self::of(path.as_str().into(), file, None));
        let live = files.live.iter().flat_map(|live| {
            let directories = live.directories.iter();
            directories.flat_map(move |(target, files)| {
                let files = files.iter();
                files.map(move |(path, file)| {
                    Self::of(format!("{target}/{path}").into(), file, Some(&live.reload))
                })
            })
        });
        let mut all: Vec<Self> = fixed.chain(live).collect();
        all.sort_by(|a, b| a.path.cmp(&b.path));
        all
    }

    fn of(path: Cow<'a, str>, file: &'a ConfigFile, reload: Option<&'a ReloadBy>) -> Self {
        let ConfigFile {
            source,
            contents,
            owner,
            mode,
        } = file;
        let mut secrets = BTreeSet::new();
        for content in contents.each() {
            if let Content::Secret(secret) = content {
                secrets.extend(secret.names());
            }
        }
        Self {
            path,
            source,
            reload,
            by_host: matches!(contents, Contents::ByHost(_)),
            secrets: secrets.into_iter().collect(),
            owner: format!("{}:{}", owner.user, owner.group),
            mode: mode.to_string(),
            owned: *owner != FileOwner::default(),
            permitted: *mode != FileMode::default(),
        }
    }
}

impl<'a> SharedFieldView<'a> {
    fn of(origin: &'a FieldOrigin) -> Self {
        let FieldOrigin { key, written } = origin;
        let written = written.iter().map(|one| WrittenFieldView {
            at: LineView::of(&one.at),
            value: &one.raw,
            counts: one.counts,
        });
        Self {
            key,
            written: written.collect(),
        }
    }
}

/// The variables of a service on all of its hosts, each with the hosts that have this one, where not all have it.
fn by_host(service: &Service) -> Vec<(&VariableName, &Variable, Vec<&HostName>)> {
    if service.elsewhere.is_empty() {
        let all = service.variables.iter();
        return all
            .map(|(name, variable)| (name, variable, Vec::new()))
            .collect();
    }
    let variables_on = |host: &HostName| {
        let mut others = service.elsewhere.iter();
        let other = others.find(|other| other.hosts.contains(host));
        other.map_or(&service.variables, |other| &other.variables)
    };
    let mut found: Vec<(&VariableName, &Variable, Vec<&HostName>)> = Vec::new();
    for host in &service.hosts {
        for (name, variable) in variables_on(host) {
            let same = found
                .iter_mut()
                .find(|(other, value, _)| (*other, *value) == (name, variable));
            match same {
                Some((_, _, hosts)) => hosts.push(host),
                None => found.push((name, variable, vec![host])),
            }
        }
    }
    for (_, _, hosts) in &mut found {
        if hosts.len() == service.hosts.len() {
            hosts.clear();
        }
    }
    found
}

impl<'a> VariableView<'a> {
    fn of(
        service: &ServiceName,
        name: &'a VariableName,
        Variable { layer, value }: &'a Variable,
        hosts: Vec<&'a HostName>,
        found: &'a Provenance,
    ) -> Self {
        let layer = *layer;
        let definitions = found.variables.get(name.as_str());
        let definitions = definitions.into_iter().flatten();
        // Those of other hosts say nothing of this value.
        let definitions: Vec<&Definition> = definitions
            .filter(|definition| {
                let of = definition.host.as_ref();
                of.is_none_or(|of| hosts.is_empty() || hosts.contains(&of))
            })
            .collect();
        let (value, secrets, winner) = match value {
            VariableValue::Plain(value) => {
                let winner = definitions.iter().copied().rev().find(|d| d.layer == layer);
                (Some(value.as_str()), Vec::new(), winner)
            }
            // What is made of a secret moved from the layer that defines it.
            VariableValue::Secret(secret) => (
                None,
                secret.names().into_iter().collect(),
                definitions.last().copied(),
            ),
        };
        let at = match winner {
            Some(winner) => Some(&winner.at),
            None => found.secrets.get(name.as_str()),
        };
        let others = definitions.iter().copied();
        // Of one value that several hosts have each by its own line, one line is enough.
        let by_host = winner.is_some_and(|winner| winner.host.is_some());
        let others = others.filter(|d| Some(*d) != winner && !(by_host && d.host.is_some()));
        Self {
            layer: layer.label(service),
            name: name.as_str(),
            hosts,
            value,
            secrets,
            at: at.map(LineView::of),
            uses: winner.map_or_else(Vec::new, |winner| uses(winner, found)),
            wins_over: others
                .map(|other| OtherDefinitionView {
                    layer: other.layer.label(service),
                    at: LineView::of(&other.at),
                })
                .collect(),
            of: match winner {
                Some(winner) => winner.layer,
                None => layer,
            },
        }
    }
}

/// The names that a definition uses, each with its own definition.
fn uses<'a>(definition: &'a Definition, found: &'a Provenance) -> Vec<UsedView<'a>> {
    let uses = definition.uses.iter().map(|used| {
        let winner = found.variables.get(used).and_then(|all| all.last());
        let at = match winner.or_else(|| found.used.get(used)) {
            Some(definition) => Some(&definition.at),
            None => found.secrets.get(used),
        };
        UsedView {
            name: used,
            at: at.map(LineView::of),
        }
    });
    uses.collect()
}

impl<'a> LiveView<'a> {
    /// What the hosts say of a service.
    #[must_use]
    pub fn all(
        service: &ServiceName,
        observed: &'a Observed,
        histories: &'a BTreeMap<HostName, HostHistory>,
    ) -> Vec<Self> {
        let hosts = observed.hosts.iter();
        hosts
            .filter_map(|(host, seen)| {
                let last = histories.get(host)?.restarted(service);
                Some(Self::of(host, service, seen, last))
            })
            .collect()
    }

    fn of(
        host: &'a HostName,
        service: &ServiceName,
        seen: &'a ObservedHost,
        last: Option<&'a HistoryEntry>,
    ) -> Self {
        let at = seen.services.get(service);
        let at = at.filter(|_| seen.supervisor.runs_containers());
        let (state, since) = match at.map(|at| &at.process) {
            Some(ObservedProcess::Unwell { state }) => (Some(Cow::from(state)), None),
            Some(ObservedProcess::Active { since }) => {
                (None, Timestamp::from_nanosecond(since.0).ok())
            }
            Some(ObservedProcess::Stopped) | None => (None, None),
        };
        // Whole seconds, as the history has them.
        let since = since.and_then(|since| Timestamp::from_second(since.as_second()).ok());
        let released = last.and_then(|entry| entry.finished.parse::<Timestamp>().ok());
        let crashes = at.and_then(|at: &ObservedService| at.crashes.as_ref());
        let active = matches!(
            at.map(|at| &at.process),
            Some(ObservedProcess::Active { .. })
        );
        Self {
            host: host.as_str(),
            last_restart: last.map(|entry| LastRestartView::of(entry, service)),
            runs: seen.supervisor.runs_containers().then_some(active),
            state,
            since,
            restarts: at.and_then(|at| at.restarts),
            crashes: crashes.map(CrashesView::of),
            watch: at.and_then(|at| at.watched.as_ref()).map(WatchView::of),
            started_later: released
                .zip(since)
                .is_some_and(|(then, since)| since > then),
            crash_loop: crashes.is_some_and(|crashes| crashes.steady == Steady::No),
        }
    }
}

impl<'a> LastRestartView<'a> {
    fn of(entry: &'a HistoryEntry, service: &ServiceName) -> Self {
        Self {
            when: &entry.when,
            who: &entry.who,
            commit: entry.commit.as_deref(),
            generation: entry.generation,
            back_to: entry.back_to,
            result: &entry.result,
            reasons: entry.reasons_of(service).collect(),
        }
    }
}
