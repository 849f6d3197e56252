//! Where things are on a host. Pure.
//!
//! ```text
//! /etc/systemd/system/<unit>.service                  and its other unit files, <unit>.timer
//! /etc/bayplan/<cluster>/<service>/<directory>/…     inputs directories
//! /var/lib/bayplan/lock                              one a host, for all clusters
//! /var/lib/bayplan/<cluster>/generations/<number>/   manifest.json, digests, record.json, units/, inputs/,
//!                                                    activate-<wave>.sh
//! /var/lib/bayplan/<cluster>/live/<service>/<name>/  live directories, which containers mount
//! /var/lib/bayplan/<cluster>/placement.json           where the services of the whole cluster run
//! /var/lib/bayplan/<cluster>/begun.json               a release that acts on this host and has not ended
//! /var/lib/bayplan/<cluster>/pushed.json              what was pushed and is not effective
//! /var/lib/bayplan/<cluster>/frozen.json              who wants nothing to be released to the cluster
//! /var/lib/bayplan/<cluster>/holds/<service>            who wants it to stay stopped
//! /var/lib/bayplan/<cluster>/jobs/<service>/<key>     the last run of a job that runs once, and how it ended
//! /var/lib/bayplan/<cluster>/history                 what was activated, and how it ended
//! /var/lib/bayplan/<cluster>/images                  what removed generations named, and what was pulled
//! /var/lib/bayplan/<cluster>/current                 a link to generations/<number>
//! /var/lib/bayplan/<cluster>/staging/<id>/           the next generation, before it has a number
//! /run/bayplan/activate-<cluster>.log                what the running or last activation says; its id first
//! /run/bayplan/loaded/<unit>                         which versions of its live directories a process has read
//! /run/bayplan/watch/<unit>                          what the watch of a service found, of the start that runs
//! /run/bayplan/reloaded                              a moment before the last daemon-reload of ours
//! ```

use std::fmt;

use super::place::HostPlace;
use super::reach::protocol::{nonce, plain_surroundings};
use crate::cluster::model::{Engine, EngineClient, Supervisor};
use crate::cluster::name::{ClusterName, ServiceName};
use crate::render::identity::{DirectoryName, UnitFileName};
use crate::render::once::records;
use crate::render::shell::quote;
use crate::render::watch::LOCK;

/// An absolute path on a host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RemotePath(String);

impl RemotePath {
    /// The path as it is.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path of an entry below this one.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        Self(format!("{}/{name}", self.0))
    }

    /// The path as one word of `sh`.
    #[must_use]
    pub fn quoted(&self) -> String {
        quote(&self.0)
    }
}

impl fmt::Display for RemotePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a staging directory: lower-case letters, digits and inner hyphens, so that it is
/// one word in every script and no path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StageId(String);

impl StageId {
    /// Checks and takes a name; `None` if it has other characters, none, or more than 63.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let fits = (1..=63).contains(&text.len()) && !text.starts_with('-');
        (fits && text.bytes().all(plain)).then(|| Self(text.to_owned()))
    }

    /// A name that nobody else has, beginning with a moment (digits and hyphens).
    #[must_use]
    pub fn unique(moment: &str) -> Option<Self> {
        Self::new(&format!("{moment}-{}", &nonce()[..8]))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of one launch of an activation: its unit is called after it, and its log begins with it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActivationId(String);

impl ActivationId {
    /// Checks and takes a name as a host tells it; `None` if it is no word of hexadecimal digits.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        let fits = (1..=32).contains(&text.len());
        (fits && text.bytes().all(digit)).then(|| Self(text.to_owned()))
    }

    /// A name that nothing else has.
    #[must_use]
    pub fn random() -> Self {
        let mut digits = super::reach::protocol::nonce();
        digits.truncate(12);
        Self(digits)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ActivationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The transient unit that an activation runs as, without its suffix. One of an older bayplan has no id.
#[must_use]
pub fn activation_unit(cluster: &str, id: Option<&ActivationId>) -> String {
    match id {
        // No cluster has a dot in its name, so both can be told apart.
        Some(id) => format!("bayplan-activate-{cluster}.{id}"),
        None => format!("bayplan-activate-{cluster}"),
    }
}

/// What the running or last activation of a cluster says. Not below a root: only hosts that run have one.
#[must_use]
pub fn activation_log(cluster: &str) -> String {
    format!("/run/bayplan/activate-{cluster}.log")
}

/// The paths of one cluster on one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// What stands before every path; empty where that is the machine's own.
    root: String,
    cluster: ClusterName,
    supervisor: Supervisor,
    /// The engine's client, where it is not in every PATH.
    client: Option<EngineClient>,
}

impl Layout {
    /// The paths of a cluster at a place. A trailing slash of its root does not matter.
    #[must_use]
    pub fn of(place: &HostPlace, cluster: &ClusterName) -> Self {
        let HostPlace {
            at: _,
            root,
            supervisor,
            client,
        } = place;
        let root = root.as_ref().map(|root| root.to_string_lossy());
        let unusual = client.program != client.engine.usual_path();
        Self {
            root: root.unwrap_or_default().trim_end_matches('/').to_owned(),
            cluster: cluster.clone(),
            supervisor: *supervisor,
            client: (unusual && supervisor.runs_containers()).then(|| client.clone()),
        }
    }

    /// The cluster whose files these are.
    #[must_use]
    pub fn cluster(&self) -> &ClusterName {
        &self.cluster
    }

    /// What runs the containers there.
    #[must_use]
    pub fn supervisor(&self) -> Supervisor {
        self.supervisor
    }

    /// The engine's client, as a program that another one can start.
    #[must_use]
    pub(super) fn client(&self, engine: Engine) -> &str {
        self.client
            .as_ref()
            .map_or(engine.program(), |client| &client.program)
    }

    /// The same by its path, for a unit.
    #[must_use]
    pub(super) fn client_path(&self, engine: Engine) -> &str {
        self.client
            .as_ref()
            .map_or(engine.usual_path(), |client| &client.program)
    }

    /// A path of the host, below the root.
    #[must_use]
    pub fn path(&self, absolute: &str) -> RemotePath {
        RemotePath(format!("{}{absolute}", self.root))
    }

    /// The directory of unit files.
    #[must_use]
    pub fn units(&self) -> RemotePath {
        self.path("/etc/systemd/system")
    }

    /// A unit file.
    #[must_use]
    pub fn unit(&self, file: &UnitFileName) -> RemotePath {
        self.units().join(file.as_str())
    }

    /// The directory of the inputs of all services.
    #[must_use]
    pub fn inputs(&self) -> RemotePath {
        self.path(&format!("/etc/bayplan/{}", self.cluster))
    }

    /// An inputs directory.
    #[must_use]
    pub fn inputs_directory(&self, service: &ServiceName, name: &DirectoryName) -> RemotePath {
        self.inputs().join(service.as_str()).join(name.as_str())
    }

    /// Where generations and staging areas are.
    #[must_use]
    pub fn state(&self) -> RemotePath {
        self.path(&format!("/var/lib/bayplan/{}", self.cluster))
    }

    /// Where the live directories of all services are.
    #[must_use]
    pub fn live(&self) -> RemotePath {
        self.state().join("live")
    }

    /// The link that names the current generation.
    #[must_use]
    pub fn current(&self) -> RemotePath {
        self.state().join("current")
    }

    /// A generation.
    #[must_use]
    pub fn generation(&self, number: u64) -> RemotePath {
        self.state().join("generations").join(&number.to_string())
    }

    /// A staging directory.
    #[must_use]
    pub fn staging(&self, id: &StageId) -> RemotePath {
        self.state().join("staging").join(id.as_str())
    }

    /// The name of the script of a wave, in a staging directory or generation.
    #[must_use]
    pub fn activation_name(wave: usize) -> String {
        format!("activate-{wave}.sh")
    }

    /// What was activated here and how it ended, a line each, the oldest first.
    #[must_use]
    pub fn history(&self) -> RemotePath {
        self.state().join("history")
    }

    /// Which services run on which machines of the cluster.
    #[must_use]
    pub fn placement(&self) -> RemotePath {
        self.state().join("placement.json")
    }

    /// The release that began here and has not ended.
    #[must_use]
    pub fn begun(&self) -> RemotePath {
        self.state().join("begun.json")
    }

    /// What was pushed to the staging area and is not effective.
    #[must_use]
    pub fn pushed(&self) -> RemotePath {
        self.state().join("pushed.json")
    }

    /// Who froze the cluster.
    #[must_use]
    pub fn frozen(&self) -> RemotePath {
        self.state().join("frozen.json")
    }

    /// Who holds services, a file each.
    #[must_use]
    pub fn holds(&self) -> RemotePath {
        self.state().join("holds")
    }

    /// What is kept of the runs of a job.
    #[must_use]
    pub fn runs(&self, service: &ServiceName) -> RemotePath {
        self.path(&records(&self.cluster, service))
    }

    /// The lock of the host.
    #[must_use]
    pub fn lock(&self) -> RemotePath {
        self.path(LOCK)
    }

    /// What every script begins with: plain surroundings, a fixed time zone and mask, a path that
    /// has the programs (`sudo` and some logins leave /usr/sbin out), the places, what runs the containers
    /// (`supervisor`: `systemd` or `none`), and the engine's client by its name, wherever it is.
    #[must_use]
    pub(super) fn variables(&self) -> String {
        let client = self.client.as_ref().map_or_else(String::new, |client| {
            let name = client.engine.program();
            format!("{name}() {{ {} \"$@\"; }}\n", quote(&client.program))
        });
        format!(
            "TZ=UTC PATH=${{PATH:-}}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n\
             export TZ PATH\n\
             {}\n\
             umask 022\n\
             root={}\n\
             cluster={}\n\
             units=$root/etc/systemd/system\n\
             etc=$root/etc/bayplan/$cluster\n\
             var=$root/var/lib/bayplan/$cluster\n\
             supervisor={}\n\
             {client}",
            plain_surroundings!(),
            quote(&self.root),
            quote(self.cluster.as_str()),
            match self.supervisor {
                Supervisor::Systemd => "systemd",
                Supervisor::None => "none",
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::sample::directory_layout;
    use super::*;

    #[test]
    fn a_stage_id_is_no_path() {
        for bad in ["", "-a", "a/b", "..", "a b", "A", &"a".repeat(64)] {
            assert_eq!(StageId::new(bad), None, "{bad}");
        }
        assert!(StageId::new("20261121-093000-3f9a").is_some());
    }

    #[test]
    fn a_directory_host_has_its_own_root() {
        let layout = directory_layout(Path::new("/tmp/a b/"), Supervisor::None);
        assert_eq!(
            layout.generation(3).as_str(),
            "/tmp/a b/var/lib/bayplan/demo/generations/3"
        );
        assert_eq!(layout.lock().quoted(), "'/tmp/a b/var/lib/bayplan/lock'");
    }
}
