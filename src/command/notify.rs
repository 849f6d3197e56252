//! Whom a release tells what it does (`[notify]`), and who is asked before it (`[hooks]`).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use super::Failure;
use super::helper::{self, HelperEnd};
use crate::cluster::model::Cluster;
use crate::cluster::name::{ClusterName, HostName};
use crate::cluster::secret::Plaintext;
use crate::host::activate::record::Record;
use crate::plan::{Phase, Plan};
use crate::release::event::{Event, EventKind};
use crate::report::notification::{Happened, NotificationView};
use crate::report::palette::Palette;
use crate::report::{errors, json, stream};

/// How long telling one event may take.
const TELLING: Duration = Duration::from_secs(10);
/// How long a hook may think.
const THINKING: Duration = Duration::from_secs(5 * 60);

/// Tells what a release does, one event after the other, while it goes on.
pub(super) struct Notifier {
    cluster: ClusterName,
    record: Record,
    /// `None` if nobody is to be told.
    told: Option<Told>,
    /// On how many waves each host has still to be visited before it is done.
    left: Mutex<BTreeMap<HostName, usize>>,
}

struct Told {
    events: mpsc::Sender<String>,
    worker: JoinHandle<Vec<String>>,
}

impl Notifier {
    /// Whom `[notify]` names. `webhook` gives the value of its secret, or why there is none.
    pub(super) fn of(
        cluster: &Cluster,
        root: &Path,
        record: &Record,
        webhook: Option<Result<Plaintext, String>>,
    ) -> Self {
        let mut channels = Vec::new();
        let mut failures = Vec::new();
        if !cluster.notify.command.is_empty() {
            channels.push(Channel::Command(cluster.notify.command.clone()));
        }
        match webhook {
            None => {}
            Some(Ok(url)) => channels.push(Channel::Webhook(url)),
            Some(Err(why)) => failures.push(format!("the webhook is not told: {why}")),
        }
        let told = (!channels.is_empty() || !failures.is_empty()).then(|| {
            let (events, heard) = mpsc::channel();
            let root = root.to_owned();
            let worker = std::thread::spawn(move || tell(channels, &root, &heard, failures));
            Told { events, worker }
        });
        Self {
            cluster: cluster.name.clone(),
            record: record.clone(),
            told,
            left: Mutex::default(),
        }
    }

    /// Tells something that is about the whole release.
    pub(super) fn happens<'a>(
        &'a self,
        what: Happened,
        more: impl FnOnce(NotificationView<'a>) -> NotificationView<'a>,
    ) {
        let Some(told) = &self.told else {
            return;
        };
        let view = NotificationView::of(self.cluster.as_str(), &self.record, what);
        // Whoever listens ends after all events.
        let _ = told.events.send(json::line(&more(view)));
    }

    /// What is to be done on the hosts, so that it is known when one is done.
    pub(super) fn begins(&self, plan: &Plan) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.clear();
        // What only records and removes is no part of what people wait for, unless there is nothing else.
        let changing = plan.waves.iter().filter(|it| it.phase != Phase::Contract);
        for host in changing.flat_map(|wave| wave.activations.keys()) {
            *left.entry(host.clone()).or_default() += 1;
        }
        for host in plan.waves.iter().flat_map(|wave| wave.activations.keys()) {
            left.entry(host.clone()).or_insert(1);
        }
    }

    /// Tells what is for others of what happened on a host.
    pub(super) fn event<'a>(&'a self, event: &'a Event) {
        if self.told.is_none() {
            return;
        }
        match &event.kind {
            EventKind::Activated { .. } => {
                let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
                let last = left.get_mut(&event.host).is_some_and(|left| {
                    let last = *left == 1;
                    *left = left.saturating_sub(1);
                    last
                });
                drop(left);
                if last {
                    self.happens(Happened::HostDone, |view| view.on(&event.host));
                }
            }
            EventKind::Failed { error } => {
                self.happens(Happened::HostFailed, |view| {
                    view.on(&event.host).since(error)
                });
            }
            EventKind::PutBack => self.happens(Happened::HostBack, |view| view.on(&event.host)),
            EventKind::Connecting
            | EventKind::Observed
            | EventKind::WaitingForLock { .. }
            | EventKind::Following { .. }
            | EventKind::Followed { .. }
            | EventKind::FollowedToEnd { .. }
            | EventKind::Locked
            | EventKind::Staged { .. }
            | EventKind::Checked { .. }
            | EventKind::LosesVolume(_)
            | EventKind::TightMemory(_)
            | EventKind::Activating { .. }
            | EventKind::Step { .. }
            | EventKind::Soaking { .. }
            | EventKind::PuttingBack { .. } => {}
        }
    }

    /// Waits until all are told, and says who could not be. That fails no release.
    pub(super) fn ends(self) {
        let Some(Told { events, worker }) = self.told else {
            return;
        };
        drop(events);
        for failure in worker.join().unwrap_or_default() {
            stream::stderr(&errors::note(&failure, &Palette::stderr()));
        }
    }
}

/// One who is told.
enum Channel {
    /// A program, which gets each event on its standard input.
    Command(Vec<String>),
    /// A URL, to which each event is posted.
    Webhook(Plaintext),
}

/// Tells all events to all; who fails once is told no more. Gives who failed, and why.
fn tell(
    mut channels: Vec<Channel>,
    root: &Path,
    events: &mpsc::Receiver<String>,
    mut failures: Vec<String>,
) -> Vec<String> {
    for event in events {
        channels.retain(|channel| match channel.tell(root, &event) {
            None => true,
            Some(failure) => {
                failures.push(failure);
                false
            }
        });
    }
    failures
}

impl Channel {
    /// Why it could not be told.
    fn tell(&self, root: &Path, event: &str) -> Option<String> {
        let (who, words, input) = match self {
            Channel::Command(words) => (format!("`{}`", words[0]), words.clone(), event.to_owned()),
            Channel::Webhook(url) => {
                let words = ["curl", "--config", "-"].map(str::to_owned).to_vec();
                let Some(config) = curl_config(url, event) else {
                    return Some(
                        "the webhook is not told: expected its secret to be a URL".to_owned(),
                    );
                };
                ("the webhook".to_owned(), words, config)
            }
        };
        let why = match helper::run(&words, root, &input, TELLING) {
            Ok(HelperEnd::Ended { failure: None, .. }) => return None,
            Ok(HelperEnd::Ended {
                failure: Some(failure),
                ..
            }) => failure,
            Ok(HelperEnd::Late) => format!("took more than {} seconds", TELLING.as_secs()),
            Err(error) => format!("cannot be started: {error}"),
        };
        // What curl says may have a part of the URL.
        let of = match self {
            Channel::Command(_) => "",
            Channel::Webhook(_) => "curl ",
        };
        Some(format!("{who} is told no more: {of}{why}"))
    }
}

/// What curl reads on its standard input: an argument could be seen by everybody on this machine. `None` if it is no URL.
fn curl_config(url: &Plaintext, event: &str) -> Option<String> {
    let url = url.text()?.trim();
    let is_url = url.starts_with("https://") || url.starts_with("http://");
    if !is_url || url.contains(|c: char| c.is_control() || c.is_whitespace()) {
        return None;
    }
    let quoted = |text: &str| {
        let text = text.trim_end().replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{text}\"")
    };
    Some(format!(
        "silent\nfail\nmax-time = {}\noutput = \"/dev/null\"\n\
         header = \"Content-Type: application/json\"\nurl = {}\ndata-raw = {}\n",
        TELLING.as_secs() - 1,
        quoted(url),
        quoted(event)
    ))
}

/// Asks `[hooks] before`, which gets the plan as JSON. `false` if it refuses; then it has been told why.
///
/// # Errors
/// It cannot be started.
pub(super) fn is_allowed(before: &[String], root: &Path, plan: &str) -> Result<bool, Failure> {
    let Some(program) = before.first() else {
        return Ok(true);
    };
    let end = helper::run(before, root, plan, THINKING).map_err(|error| {
        Failure::with_help(
            anyhow::anyhow!("the hook `{program}` cannot be started: {error}"),
            "`before` of `[hooks]` in cluster.toml names it; `--lift hooks` goes without",
        )
    })?;
    let (why, said) = match end {
        HelperEnd::Ended { failure: None, .. } => return Ok(true),
        HelperEnd::Ended {
            failure: Some(failure),
            said,
        } => (failure, said),
        HelperEnd::Late => (
            format!("took more than {} minutes", THINKING.as_secs() / 60),
            String::new(),
        ),
    };
    let error = format!("the hook `{program}` {why}\n{}", said.trim_end());
    let help = Some("`--lift hooks` goes on all the same");
    stream::stderr(&errors::one(error.trim_end(), help, &Palette::stderr()));
    Ok(false)
}
