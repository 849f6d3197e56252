//! Where a host is, and what runs its containers. This is derived once, from its description. Pure.

use std::path::{Path, PathBuf};

use crate::cluster::model::{EngineClient, Host, Supervisor, Transport};

/// The place of a host, as its session, its paths and its scripts need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPlace {
    /// Where it is, for readers: its address, and the port if the description has one; `this machine`; or
    /// its root directory.
    pub at: String,
    /// The directory that stands before every path of the host, absolute. `None` where a path of the host is
    /// that of its machine.
    pub root: Option<PathBuf>,
    /// What runs its containers.
    pub supervisor: Supervisor,
    /// The engine's client there.
    pub client: EngineClient,
}

impl HostPlace {
    /// The place of a described host. Relative directories begin at `repository_root`, which is absolute.
    #[must_use]
    pub fn of(host: &Host, repository_root: &Path) -> Self {
        let (at, root) = match &host.transport {
            Transport::Ssh(ssh) => {
                let address = host.location();
                let at = match ssh.port {
                    Some(port) => format!("{address} port {port}"),
                    None => address.into_owned(),
                };
                (at, None)
            }
            Transport::Local { .. } => (host.location().into_owned(), None),
            Transport::Directory { root } => {
                let root = repository_root.join(root);
                (root.display().to_string(), Some(root))
            }
        };
        Self {
            at,
            root,
            supervisor: host.supervisor(),
            client: host.client.clone(),
        }
    }
}
