//! What is asked of a host before a plan is made, and what its answer means. Pure: the texts of
//! scripts out, bytes of answers in.
//!
//! A look has one exchange where everything is as desired and two where something differs: the
//! first one sees digests, times and states; the second one fetches the texts that tell whose a
//! unit is and what a change would change.
//!
//! Two answers are bounds at first, which nearly always suffice, and are made exact only where
//! they do not. A process started *at or after* its invocation's link in /run/systemd/units was
//! made. And systemd last read the unit files *at or after* the moments of /run/bayplan/reloaded
//! (made by an activation, [`crate::host::activate`]) and of /run/systemd/notify (made at boot).
//! `NeedDaemonReload` alone would not do: it compares modification times and misses a file that is
//! older than the one it replaced.

mod interpret;
mod parse;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use interpret::FirstLook;
pub(super) use interpret::recorded_images;
pub(super) use parse::{host_ports, run_record};

use crate::cluster::model::{Engine, Supervisor};
use crate::cluster::name::ServiceName;
use crate::host::ability::Ability;
use crate::host::layout::Layout;
use crate::host::version::Version;
use crate::plan::observed::{Moment, ObservedHost};
use crate::render::begun::BegunRelease;
use crate::render::desired::DesiredService;
use crate::render::hold::Hold;
use crate::render::identity::UnitFileName;
use crate::render::pushed::PushedRelease;
use crate::render::shell::{quote, quote_all};

/// The first record of an answer to [`Request::script`].
const TITLE: &str = "bayplan look 1";

const LOOK: &str = include_str!("look.sh");
const MORE: &str = concat!(include_str!("../image_keys.sh"), include_str!("more.sh"));

/// The properties of `systemctl show` that the second exchange asks for.
const PROPERTIES: &str = "Id,LoadState,ActiveState,SubState,Result,MainPID,NRestarts,InvocationID,\
     UnitFileState,ExecMainStartTimestamp,ExecMainExitTimestamp,ExecMainCode,ExecMainStatus,\
     ActiveEnterTimestamp,NextElapseUSecRealtime";

/// What a look is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookFor {
    /// What a plan needs.
    Plan,
    /// Also since when each unit is active, how often it was restarted, and how it ended then.
    Status,
}

/// What is looked at, and at which level of detail.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// Where things are on the host.
    pub layout: &'a Layout,
    /// The engine that is asked for containers.
    pub engine: Engine,
    /// What the host should hold: where it does, texts need not be fetched.
    pub desired: &'a BTreeMap<ServiceName, Arc<DesiredService>>,
    /// How much is asked.
    pub detail: LookFor,
}

impl Request<'_> {
    /// The script of the first exchange.
    #[must_use]
    pub fn script(&self) -> String {
        self.script_for(self.layout.supervisor())
    }

    /// The script of a look at files alone: [`same_files`] compares its answer with that of
    /// [`Request::script`]. It asks neither systemd nor the engine.
    #[must_use]
    pub fn files_script(&self) -> String {
        self.script_for(Supervisor::None)
    }

    /// Of what runs containers, only `asked` is asked.
    fn script_for(&self, asked: Supervisor) -> String {
        let asked = match asked {
            Supervisor::Systemd => "systemd",
            Supervisor::None => "none",
        };
        format!(
            "{}asked={asked}\nengine={}\n{LOOK}",
            self.layout.variables(),
            self.engine.program(),
        )
    }
}

/// What the first exchange came to.
#[derive(Debug, Clone)]
pub enum Look<'a> {
    /// The host is as desired: nothing more is asked.
    Complete(HostLook),
    /// Something differs from what is desired: one more exchange is needed.
    NeedsMore(FirstLook<'a>),
}

/// Reads the answer of the first exchange.
///
/// # Errors
/// The host lacks something, its systemd or engine did not answer, or the answer is not whole.
pub fn parse<'a>(request: &Request<'a>, answer: &[u8]) -> Result<Look<'a>, ObserveError> {
    let first = FirstLook::new(request.clone(), parse::FirstAnswer::parse(request, answer)?)?;
    Ok(if first.is_enough() {
        Look::Complete(first.complete_without()?)
    } else {
        Look::NeedsMore(first)
    })
}

/// What a host said before its answer to [`Request::script`], and the answer.
#[must_use]
pub fn split(output: &[u8]) -> (&[u8], &[u8]) {
    let title = [TITLE.as_bytes(), b"\0"].concat();
    let at = output.windows(title.len()).position(|bytes| bytes == title);
    output.split_at(at.unwrap_or(0))
}

/// Whether two answers saw the same files: their digests, their times, what leads where, and what the
/// current generation says. If not, more of them may have changed than counts, as the time of a file
/// that was only touched; an answer that cannot be read saw nothing.
#[must_use]
pub fn same_files(request: &Request<'_>, before: &[u8], now: &[u8]) -> bool {
    let files = |answer| {
        let first = parse::FirstAnswer::parse(request, answer).ok()?;
        Some(first.files())
    };
    let before = files(before);
    before.is_some() && before == files(now)
}

/// What the second exchange asks for. Paths are absolute, below the root.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct SecondQuestion {
    /// Files whose texts are fetched.
    texts: BTreeSet<String>,
    /// Units that systemd is asked about; with them, when it last read its files.
    units: BTreeSet<UnitFileName>,
    /// When systemd last read its files, even if no unit is asked about.
    reload: bool,
    /// How containers ended, if any of the units was restarted.
    deaths: Deaths,
    /// Containers whose environment is compared with their env files, by name.
    environments: BTreeMap<String, EnvFiles>,
    /// Networks of which it is asked who is in them.
    networks: BTreeSet<String>,
    /// Images of jobs that run once for each image, by their references.
    images: BTreeSet<String>,
}

/// Whether it is asked how containers ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Deaths {
    Asked,
    #[default]
    NotAsked,
}

/// Env files, and the names that they give a container.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct EnvFiles {
    /// In the order in which they are read.
    files: Vec<String>,
    /// In the order in which they stand there.
    names: Vec<String>,
}

impl SecondQuestion {
    fn is_empty(&self) -> bool {
        let Self {
            texts,
            units,
            reload,
            environments,
            networks,
            images,
            deaths: _,
        } = self;
        texts.is_empty()
            && units.is_empty()
            && !reload
            && environments.is_empty()
            && networks.is_empty()
            && images.is_empty()
    }

    fn script(&self, layout: &Layout, engine: Engine) -> String {
        let mut units: Vec<&str> = self.units.iter().map(UnitFileName::as_str).collect();
        if self.reload && units.is_empty() {
            // Any unit does; this one is always loaded.
            units.push("basic.target");
        }
        let environments = self.environments.iter();
        let environments = environments.map(|(container, EnvFiles { files, names })| {
            let files: Vec<_> = files.iter().map(|file| quote(file)).collect();
            format!(
                "\"$@\" {} {} {}\n",
                quote(container),
                quote(&names.join(" ")),
                files.join(" ")
            )
        });
        format!(
            "{}engine={}\nenvironments() {{\n:\n{}}}\nproperties={PROPERTIES}\ndeaths={}\nshown={}\nimages={}\ntexts={}\nnetworks={}\n{MORE}",
            layout.variables(),
            engine.program(),
            environments.collect::<String>(),
            match self.deaths {
                Deaths::Asked => "asked",
                Deaths::NotAsked => "",
            },
            quote_all(units),
            quote_all(self.images.iter().map(String::as_str)),
            quote_all(self.texts.iter().map(String::as_str)),
            quote(&self.networks.iter().cloned().collect::<Vec<_>>().join(" ")),
        )
    }
}

/// Everything that a look saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostLook {
    /// What a plan is made from.
    pub observed: ObservedHost,
    /// What systemd and the engine say of each unit that systemd has in memory or that has a
    /// container.
    pub details: BTreeMap<ServiceName, UnitDetails>,
    /// Running containers that carry this cluster's label but belong to no unit file.
    pub unmanaged: Vec<Unmanaged>,
    /// The clusters of which an activation runs there, as the host tells their names.
    pub activating: BTreeSet<String>,
    /// The version of bayplan that made the current generation.
    pub released_by: Option<String>,
    /// A release that acts on this host, and others, and has not ended.
    pub begun: Option<BegunRelease>,
    /// What was pushed to it and is not effective.
    pub pushed: Option<PushedRelease>,
    /// Who froze the cluster, if that has not ended by itself.
    pub frozen: Option<Hold>,
}

/// What systemd and the engine say of one unit, for people.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnitDetails {
    /// `loaded`, `not-found`, `masked`, `bad-setting`, `error`; empty if systemd does not know it.
    pub load: String,
    /// `active`, `inactive`, `failed`, `activating`, …
    pub active: String,
    /// `running`, `dead`, `auto-restart`, …
    pub sub: String,
    /// The container's id.
    pub container: Option<String>,
    /// What the engine says that the container runs: the reference, or the image's id.
    pub image: Option<String>,
    /// Only where systemd was asked about this unit: always under [`LookFor::Status`], else where
    /// it does not simply run.
    pub shown: Option<UnitShow>,
}

/// What `systemctl show` says of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnitShow {
    /// `success`, `exit-code`, `start-limit-hit`, …
    pub result: String,
    /// Automatic restarts since the last start by hand.
    pub restarts: u64,
    /// The exit status of the last main process, or the number of the signal that ended it: which one
    /// of the two says `code`, `CLD_EXITED` or another of waitid(2).
    pub status: i32,
    /// How the last main process ended, as waitid(2) numbers it.
    pub code: u32,
    /// Zero if there is none.
    pub main_pid: u32,
    /// The id of its current start; empty if there is none.
    pub invocation: String,
    /// `enabled`, `disabled`, `masked`, …
    pub unit_file_state: String,
    /// When it last became active.
    pub active_since: Option<Moment>,
    /// When its main process was started.
    pub process_since: Option<Moment>,
    /// When its last main process ended.
    pub exited: Option<Moment>,
    /// Of a timer: when it fires next.
    pub next: Option<Moment>,
}

/// A container that carries this cluster's label and belongs to no unit file here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmanaged {
    /// Its name.
    pub container: String,
    /// The label `bayplan.service`; may be empty.
    pub service: String,
    /// Its image, as the engine names it.
    pub image: String,
}

/// Why a look did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObserveError {
    /// A file system that a release writes to is read-only.
    #[error("expected a disk that can be written, {path} is read-only")]
    ReadOnly {
        /// A path on it.
        path: String,
    },
    /// The engine is older than bayplan knows how to use.
    #[error("expected {} {oldest} or newer, found {found}", .engine.program())]
    OldEngine {
        /// The engine.
        engine: Engine,
        /// The oldest version that will do.
        oldest: Version,
        /// Its version.
        found: Version,
    },
    /// A tool of the host is not like those of others: its answer means nothing.
    #[error("expected {ability}, found another one")]
    Unable {
        /// What it should be able to do.
        ability: Ability,
    },
    /// This systemd would drop the variable.
    #[error(
        "{service}: its {variable} has a control character other than tab and line break, and systemd \
         {systemd} drops such a variable"
    )]
    DropsVariable {
        /// Whose variable it is.
        service: ServiceName,
        /// Its name.
        variable: String,
        /// The host's systemd.
        systemd: Version,
    },
    /// The engine does not answer.
    #[error("`{} ps` failed with status {status}: {message}", .engine.program())]
    EngineFailed {
        /// The engine.
        engine: Engine,
        /// Its client's exit status.
        status: u32,
        /// Its client's last words.
        message: String,
    },
    /// systemd does not answer.
    #[error("`systemctl` failed with status {status}: {message}")]
    SystemdFailed {
        /// The exit status of `systemctl`.
        status: u32,
        /// Its last words.
        message: String,
    },
    /// What cannot be read, in words.
    #[error("the answer of the host cannot be read: {0}")]
    Malformed(String),
    /// Two readings of one file differ.
    #[error("{path} changed while it was looked at")]
    Changed {
        /// The file.
        path: String,
    },
}

impl ObserveError {
    fn malformed(what: impl Into<String>) -> Self {
        Self::Malformed(what.into())
    }
}

#[cfg(test)]
mod tests;
