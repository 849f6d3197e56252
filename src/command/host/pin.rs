//! `bayplan host pin CLUSTER`.

use std::collections::BTreeMap;
use std::path::Path;

use super::super::bump::not_written;
use super::super::confirm::is_confirmed;
use super::super::description::{examine, show};
use super::super::shown::failures;
use super::super::{Exit, Failure};
use super::ChosenHosts;
use crate::cli::HostPin;
use crate::cluster::model::Transport;
use crate::cluster::name::HostName;
use crate::cluster::pin::{fingerprint, with_host_key};
use crate::host::reach::descriptors::sessions_at_once;
use crate::host::reach::keyscan::shown_key;
use crate::host::reach::parallel::{apart, each_in_parallel};
use crate::release::event::{Event, EventKind};
use crate::release::problem::Problem;
use crate::report::palette::Palette;
use crate::report::pin::{KeyState, ShownKey, text};
use crate::report::plan_end::next;
use crate::report::progress::Progress;
use crate::report::{errors, stream};
use crate::repository::{Edit, EditMode};

pub(super) fn run(directory: Option<&Path>, arguments: &HostPin) -> Result<Exit, Failure> {
    let chosen = match ChosenHosts::of(directory, &arguments.hosts)? {
        Ok(chosen) => chosen,
        Err(exit) => return Ok(exit),
    };
    let (keys, problems) = scan(&chosen, arguments);
    let failures = failures(&problems);
    if !keys.is_empty() || failures.is_empty() {
        stream::stdout(&text(&keys, &Palette::stdout()))?;
    }
    if !failures.is_empty() {
        stream::stderr(&errors::text(&failures, &Palette::stderr()));
        let rest = "nothing was written; `--host` names the hosts that answer\n";
        stream::stderr(rest);
        return Ok(Exit::Failed);
    }
    let wanted: Vec<&ShownKey> = keys
        .iter()
        .filter(|key| !matches!(key.state, KeyState::Pinned))
        .collect();
    if wanted.is_empty() {
        if !keys.is_empty() {
            unshown(arguments, &keys)?;
        }
        return Ok(Exit::Done);
    }
    let after = edited(&chosen, &wanted)?;
    if !is_agreed(arguments, &keys, &wanted)? {
        stream::stderr("nothing was written\n");
        return Ok(Exit::Failed);
    }
    write(&chosen, after)?;
    Ok(Exit::Done)
}

/// The keys that the hosts show, and why the other hosts did not show one.
fn scan(chosen: &ChosenHosts, arguments: &HostPin) -> (Vec<ShownKey>, BTreeMap<HostName, Problem>) {
    let description = &chosen.description;
    let hosts = description.cluster.hosts.iter().filter_map(|(name, host)| {
        let Transport::Ssh(ssh) = &host.transport else {
            return None;
        };
        chosen
            .these
            .contains(name)
            .then(|| (name.clone(), (host, ssh)))
    });
    let progress = Progress::stderr(chosen.these.iter(), &Palette::stderr());
    let limit = sessions_at_once(arguments.hosts.parallel.hosts);
    let results = each_in_parallel(hosts, limit, |name, (host, ssh)| {
        let event = |kind| {
            let host = name.clone();
            progress.event(&Event { host, kind });
        };
        event(EventKind::Connecting);
        let key = shown_key(host, ssh, &description.connect);
        event(EventKind::Observed);
        let key = key?;
        let state = match &ssh.host_key {
            None => KeyState::New,
            Some(pinned) if *pinned == key => KeyState::Pinned,
            Some(pinned) => KeyState::InsteadOf(fingerprint(pinned).unwrap_or_default()),
        };
        Ok::<_, Problem>(ShownKey {
            host: name.clone(),
            at: host.location().into_owned(),
            fingerprint: fingerprint(&key).unwrap_or_default(),
            key,
            state,
        })
    });
    progress.finish();
    let (keys, problems) = apart(results);
    (keys.into_values().collect(), problems)
}

/// The file as it is to be, and as it is.
fn edited(chosen: &ChosenHosts, wanted: &[&ShownKey]) -> Result<Edit, Failure> {
    let name = &chosen.description.cluster.name;
    let path = format!("clusters/{name}/cluster.toml");
    let before = chosen.repository.read_to_edit(&path).map_err(not_written)?;
    let mut text = String::from_utf8(before.clone().unwrap_or_default())
        .map_err(|_| anyhow::anyhow!("{path}: expected UTF-8, found other bytes"))?;
    for key in wanted {
        text = with_host_key(&text, &key.host, &key.key).map_err(|by_hand| {
            let found =
                anyhow::anyhow!("{path}: expected [hosts.{}] on lines of its own", key.host);
            Failure::with_help(found, by_hand)
        })?;
    }
    Ok(Edit {
        path,
        before,
        after: Some(text.into_bytes()),
        mode: EditMode::Plain,
    })
}

/// Every fingerprint that was expected is one of a host.
fn unshown(arguments: &HostPin, keys: &[ShownKey]) -> Result<(), Failure> {
    let shown = |expected: &&String| !keys.iter().any(|key| key.fingerprint == **expected);
    match arguments.expect.iter().find(shown) {
        None => Ok(()),
        Some(expected) => Err(Failure::with_help(
            anyhow::anyhow!("expected a host with the key {expected}, found none"),
            "somebody may be in between: do not write what they show; `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on the host shows \
             its own",
        )),
    }
}

/// Nothing is trusted because it came first: somebody compared it, or says so.
fn is_agreed(
    arguments: &HostPin,
    keys: &[ShownKey],
    wanted: &[&ShownKey],
) -> Result<bool, Failure> {
    if !arguments.expect.is_empty() {
        unshown(arguments, keys)?;
        let expected = |key: &&&ShownKey| !arguments.expect.contains(&key.fingerprint);
        return match wanted.iter().find(expected) {
            None => Ok(true),
            Some(key) => Err(Failure::with_help(
                anyhow::anyhow!(
                    "{}: expected one of the fingerprints of `--expect`, found {}",
                    key.host,
                    key.fingerprint
                ),
                format!(
                    "`--host` leaves it out; `--expect {}` takes it, too",
                    key.fingerprint
                ),
            )),
        };
    }
    let changed = wanted
        .iter()
        .find(|key| matches!(key.state, KeyState::InsteadOf(_)));
    match (changed, arguments.yes) {
        (None, true) => return Ok(true),
        (Some(key), true) => {
            return Err(Failure::with_help(
                anyhow::anyhow!(
                    "{}: `--yes` does not replace a key that is pinned",
                    key.host
                ),
                format!(
                    "compare it on the host, then `--expect {}`",
                    key.fingerprint
                ),
            ));
        }
        (_, false) => {}
    }
    let question = match wanted.len() {
        1 => "Is it the same on the host? Write it? [y/N] ".to_owned(),
        number => format!("Are all {number} the same on the hosts? Write them? [y/N] "),
    };
    let otherwise = "`--expect SHA256:…` writes the keys that you compared, `--yes` whatever hosts show that have none";
    is_confirmed(&question, otherwise)
}

/// Writes it, if it makes no error in a description that had none.
fn write(chosen: &ChosenHosts, edit: Edit) -> Result<(), Failure> {
    let name = &chosen.description.cluster.name;
    let sources = &chosen.description.sources;
    let mut after = sources.clone();
    after.insert(edit.path.clone(), edit.after.as_deref().unwrap_or_default());
    if examine(name, sources).model.is_some() {
        let outcome = examine(name, &after);
        if outcome.model.is_none() {
            stream::stderr(&show(&outcome.problems, &after, &Palette::stderr()));
            return Err(
                anyhow::anyhow!("nothing was written: the description would have errors").into(),
            );
        }
    }
    chosen
        .repository
        .write_all(std::slice::from_ref(&edit))
        .map_err(not_written)?;
    stream::stdout(&format!("wrote {}\n", edit.path))?;
    let next = next(&format!("bayplan host check {name}"), &Palette::stdout());
    Ok(stream::stdout(&next)?)
}
