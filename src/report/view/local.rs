//! What runs on the machine of a developer.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::VERSION;
use crate::cluster::model::Engine;
use crate::local::decide::SeenContainer;
use crate::local::name::LocalName;
use crate::plan::status::version;

/// What runs of a cluster on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LocalStatusView<'a> {
    /// The version of these shapes. It rises when a field changes its meaning or goes.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// The name of the cluster on this machine.
    pub name: &'a str,
    /// The cluster whose description it has.
    pub cluster: &'a str,
    /// What runs it: `docker` or `podman`.
    pub engine: &'static str,
    /// The services that have a container here, by name.
    pub services: Vec<LocalServiceView<'a>>,
}

/// The container of a service on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LocalServiceView<'a> {
    /// The service.
    pub service: &'a str,
    /// The tag, or the first digits of the digest, of what runs; null if nothing does.
    pub version: Option<String>,
    /// The image, as the description names it.
    pub image: &'a str,
    /// When the running process started.
    pub since: Option<Timestamp>,
    /// Restarts by the engine itself since the container was made.
    pub restarts: u64,
    /// The engine says that the check of its health fails; absent where it does not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unhealthy: bool,
    /// Where it is reached on this machine.
    pub ports: Vec<LocalPortView<'a>>,
    /// Whether it runs.
    pub state: LocalStateView,
}

/// A port of a container on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LocalPortView<'a> {
    /// In the container.
    pub port: u16,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: &'static str,
    /// On 127.0.0.1.
    pub at: u16,
    /// What is spoken there, as `http`, or null.
    pub scheme: Option<&'a str>,
}

/// Whether a container runs, in the words of `status` where that has such a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LocalStateView {
    /// It runs.
    Running,
    /// It runs, and the check of its health fails.
    Unhealthy,
    /// It should run and does not.
    NotRunning {
        /// What it ended with.
        exit_code: i64,
        /// When it ended, or null.
        ended: Option<Timestamp>,
    },
    /// A job that has run to its end.
    JobDone {
        /// When it ended, or null.
        ended: Option<Timestamp>,
    },
    /// A job that is running.
    JobRuns {
        /// Since when.
        began: Option<Timestamp>,
    },
    /// A job whose last run did not succeed.
    JobFailed {
        /// What it ended with.
        exit: String,
        /// When it ended, or null.
        ended: Option<Timestamp>,
    },
}

impl<'a> LocalStatusView<'a> {
    /// The containers, in the order that they have.
    #[must_use]
    pub fn of(
        name: &'a LocalName,
        cluster: &'a str,
        engine: Engine,
        seen: &'a [SeenContainer],
    ) -> Self {
        Self {
            version: VERSION,
            name: name.as_str(),
            cluster,
            engine: engine.program(),
            services: seen.iter().map(LocalServiceView::of).collect(),
        }
    }
}

impl<'a> LocalServiceView<'a> {
    fn of(seen: &'a SeenContainer) -> Self {
        let SeenContainer {
            id: _,
            service,
            running,
            job,
            exit,
            restarts,
            fingerprint: _,
            directory: _,
            image: _,
            reference,
            scheme,
            since,
            ended,
            health,
            ports,
        } = seen;
        let unhealthy = *running && health.as_deref() == Some("unhealthy");
        let (since, ended) = (told_moment(since), told_moment(ended));
        let ports = ports.iter().map(|((port, protocol), at)| LocalPortView {
            port: *port,
            protocol: protocol.as_str(),
            at: *at,
            scheme: Some(scheme.as_str()).filter(|it| !it.is_empty()),
        });
        Self {
            service: service.as_str(),
            version: running.then(|| version(reference)),
            image: reference,
            since: since.filter(|_| *running),
            restarts: *restarts,
            unhealthy,
            ports: ports.collect(),
            state: match (*running, *job, *exit) {
                (true, true, _) => LocalStateView::JobRuns { began: since },
                (true, false, _) if unhealthy => LocalStateView::Unhealthy,
                (true, false, _) => LocalStateView::Running,
                (false, true, 0) => LocalStateView::JobDone { ended },
                (false, true, exit) => LocalStateView::JobFailed {
                    exit: exit.to_string(),
                    ended,
                },
                (false, false, exit_code) => LocalStateView::NotRunning { exit_code, ended },
            },
        }
    }
}

/// A moment as engines tell it. What has not been yet is in the year 1.
fn told_moment(text: &str) -> Option<Timestamp> {
    let moment = text.parse::<Timestamp>().ok();
    moment.filter(|moment| moment.as_second() > 0)
}
