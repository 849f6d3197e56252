//! Who may read, and whom we trust: what a change of the description does to that, beside its plan. None of
//! it restarts anything, and all of it is worth a reader's eye.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::model::{
    CleanOnly, Cluster, Delivery, EngineClient, Guard, GuardName, Host, SignedOnly, Ssh, Transport,
};
use crate::cluster::name::HostName;
use crate::cluster::readers::key_of;

/// One thing that was added, changed or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustChange {
    /// What changes.
    pub what: Trusted,
    /// As it is written; `None` if it was added.
    pub before: Option<String>,
    /// `None` if it was removed.
    pub after: Option<String>,
}

/// What is trusted, or decides whom.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trusted {
    /// Who can read the secrets, by name.
    Recipient(String),
    /// A host's setting, by its key: how it is reached, and as whom, and how secrets get there.
    Host {
        /// Its name.
        host: HostName,
        /// The key.
        setting: &'static str,
    },
    /// What a release must not do unasked.
    Guard(GuardName),
}

/// What one side says, as far as it can be read.
#[derive(Debug, Clone, Copy)]
pub struct TrustSide<'a> {
    /// Who can read the secrets; `None` if their file cannot be read.
    pub recipients: Option<&'a BTreeMap<String, String>>,
    /// The hosts and guards; `None` if they cannot be read.
    pub cluster: Option<&'a Cluster>,
}

/// What differs between two sides of a cluster.
#[must_use]
pub fn trust(before: TrustSide<'_>, after: TrustSide<'_>) -> Vec<TrustChange> {
    let mut changes = Vec::new();
    if let (Some(old), Some(new)) = (before.recipients, after.recipients) {
        let table = |recipients: &BTreeMap<String, String>| {
            let recipients = recipients.iter();
            recipients
                .map(|(name, key)| (Trusted::Recipient(name.clone()), key_of(key)))
                .collect()
        };
        changes.extend(differing(table(old), table(new)));
    }
    if let (Some(old), Some(new)) = (before.cluster, after.cluster) {
        let hosts = |cluster: &Cluster| cluster.hosts.values().flat_map(host).collect();
        changes.extend(differing(hosts(old), hosts(new)));
        changes.extend(differing(guards(&old.guard), guards(&new.guard)));
    }
    changes
}

fn differing(
    old: BTreeMap<Trusted, String>,
    new: BTreeMap<Trusted, String>,
) -> impl Iterator<Item = TrustChange> {
    let all: BTreeSet<Trusted> = old.keys().chain(new.keys()).cloned().collect();
    all.into_iter().filter_map(move |what| {
        let (before, after) = (old.get(&what).cloned(), new.get(&what).cloned());
        (before != after).then_some(TrustChange {
            what,
            before,
            after,
        })
    })
}

/// The settings of a host by their keys in the description.
fn host(host: &Host) -> Vec<(Trusted, String)> {
    let Host {
        name,
        address,
        transport,
        client,
        secrets,
        listen,
    } = host;
    let mut settings: Vec<(&'static str, String)> = Vec::new();
    settings.extend(address.clone().map(|address| ("address", address)));
    let become_root = |sudo: &bool| sudo.then(|| ("sudo", "true".to_owned()));
    match transport {
        Transport::Ssh(Ssh {
            user,
            port,
            sudo,
            host_key,
        }) => {
            settings.extend(user.clone().map(|user| ("user", user)));
            settings.extend(port.map(|port| ("port", port.to_string())));
            settings.extend(become_root(sudo));
            settings.extend(host_key.clone().map(|key| ("host_key", key)));
        }
        Transport::Local { sudo } => {
            settings.push(("local", "true".to_owned()));
            settings.extend(become_root(sudo));
        }
        Transport::Directory { root } => {
            settings.push(("directory", root.to_string_lossy().into_owned()));
        }
    }
    // Root runs it there; another engine shows in every unit.
    if *client != EngineClient::usual(client.engine) {
        settings.push(("program", client.program.clone()));
    }
    match secrets {
        Delivery::Sealed => {}
        Delivery::Plain => settings.push(("secrets", "plain".to_owned())),
    }
    // Who can reach what its services publish.
    settings.extend(listen.map(|listen| ("listen", listen.to_string())));
    let named = |(setting, value)| {
        let host = name.clone();
        (Trusted::Host { host, setting }, value)
    };
    settings.into_iter().map(named).collect()
}

fn guards(guard: &Guard) -> BTreeMap<Trusted, String> {
    let Guard {
        max_restarts,
        protect,
        branch,
        clean,
        signed,
        hours,
    } = guard;
    let protect: Vec<&str> = protect.iter().map(AsRef::as_ref).collect();
    let clean = match clean {
        CleanOnly::Yes => Some("true".to_owned()),
        CleanOnly::No => None,
    };
    let signed = match signed {
        SignedOnly::Yes => Some("true".to_owned()),
        SignedOnly::No => None,
    };
    [
        (
            GuardName::MaxRestarts,
            max_restarts.map(|limit| limit.to_string()),
        ),
        (
            GuardName::Protect,
            (!protect.is_empty()).then(|| protect.join(", ")),
        ),
        (GuardName::Branch, branch.clone()),
        (GuardName::Clean, clean),
        (GuardName::Signed, signed),
        (
            GuardName::Hours,
            hours.as_ref().map(|hours| hours.as_str().to_owned()),
        ),
    ]
    .into_iter()
    .filter_map(|(guard, value)| Some((Trusted::Guard(guard), value?)))
    .collect()
}
