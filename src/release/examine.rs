//! Looks whether hosts are fit, without a plan: `bayplan host check`.

#![expect(
    clippy::disallowed_methods,
    reason = "compares the clocks of hosts with this machine's"
)]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::num::NonZeroUsize;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::event::{Event, EventKind};
use super::problem::Problem;
use crate::cluster::model::{Cluster, Host, Supervisor, Transport};
use crate::cluster::name::HostName;
use crate::host::ability::Ability;
use crate::host::fitness::{
    Distribution, Examination, FitnessFinding, Grade, NeedsOfHost, SeenHost, alike, examine_script,
    judge, judge_directory, registries_script, registry_answers,
};
use crate::host::place::HostPlace;
use crate::host::reach::connect::{ConnectContext, connect_to_examine};
use crate::host::reach::descriptors::sessions_at_once;
use crate::host::reach::error::{HostError, HostErrorKind};
use crate::host::reach::facts::Facts;
use crate::host::reach::parallel::{apart, each_in_parallel};
use crate::host::reach::session::Session;

/// An engine that hangs takes up to 20 s for each question.
const EXAMINE: Duration = Duration::from_secs(120);
/// Registries have 30 s, all at the same time.
const ASK: Duration = Duration::from_secs(60);

/// A package repository may be slow.
const INSTALL: Duration = Duration::from_secs(1800);
/// So many lines of a command that failed are shown.
const LINES: usize = 20;

/// What was found on one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExaminedHost {
    /// What it runs.
    pub distribution: Distribution,
    /// All that was looked at.
    pub findings: Vec<FitnessFinding>,
    facts: Facts,
}

impl ExaminedHost {
    /// Whether a release works there.
    #[must_use]
    pub fn is_fit(&self) -> bool {
        self.findings.iter().all(|one| one.grade != Grade::Unfit)
    }
}

/// A command that failed on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedCommand {
    /// The command.
    pub command: String,
    /// Its exit status.
    pub status: i32,
    /// The last lines that it said.
    pub said: String,
}

/// Runs commands as root on a host, one after the other, up to the first one that fails. Each is told before it begins.
///
/// # Errors
/// There is no session, or it was lost.
pub fn run_commands(
    host: &Host,
    connect: &ConnectContext,
    commands: &[String],
    tell: impl Fn(&str),
) -> Result<Option<FailedCommand>, HostError> {
    let place = HostPlace::of(host, &connect.repository_root);
    let mut session = connect_to_examine(host, place, connect)?;
    for command in commands {
        tell(command);
        let mut said = VecDeque::new();
        // As for `sh -c`: what it prepares for itself ends with it.
        let script = format!("exec 2>&1\n{command}");
        let doing = "preparing the host";
        let status = session.run_following(doing, &script, INSTALL, |line| {
            said.push_back(line.to_owned());
            if said.len() > LINES {
                said.pop_front();
            }
        })?;
        if status != 0 {
            let said: Vec<String> = said.into();
            return Ok(Some(FailedCommand {
                command: command.clone(),
                status,
                said: said.join("\n"),
            }));
        }
    }
    Ok(None)
}

/// Looks at these hosts of a cluster, and at nothing that runs on them. Gives the hosts that answered, and why the others
/// did not.
pub fn examine(
    cluster: &Cluster,
    these: &BTreeSet<HostName>,
    connect: &ConnectContext,
    limit: NonZeroUsize,
    tell: &(impl Fn(Event) + Sync),
) -> (
    BTreeMap<HostName, ExaminedHost>,
    BTreeMap<HostName, Problem>,
) {
    let hosts = cluster
        .hosts
        .iter()
        .filter(|(name, _)| these.contains(name));
    let hosts = hosts.map(|(name, host)| (name.clone(), host));
    let results = each_in_parallel(hosts, sessions_at_once(limit), |name, host| {
        let event = |kind| {
            let host = name.clone();
            tell(Event { host, kind });
        };
        event(EventKind::Connecting);
        let examined = examine_host(cluster, host, connect);
        event(EventKind::Observed);
        examined.map_err(Problem::Host)
    });
    let (mut examined, problems) = apart(results);
    let machines = examined
        .iter()
        .filter(|(name, _)| cluster.hosts[*name].supervisor().runs_containers());
    let facts = machines.map(|(name, host)| (name, &host.facts)).collect();
    for (name, finding) in alike(&facts) {
        if let Some(host) = examined.get_mut(&name) {
            host.findings.push(finding);
        }
    }
    (examined, problems)
}

impl ExaminedHost {
    /// One that somebody made up.
    #[cfg(test)]
    #[must_use]
    pub fn sample(distribution: Distribution, findings: Vec<FitnessFinding>) -> Self {
        Self {
            distribution,
            findings,
            facts: Facts::default(),
        }
    }
}

fn examine_host(
    cluster: &Cluster,
    host: &Host,
    connect: &ConnectContext,
) -> Result<ExaminedHost, HostError> {
    let (mut session, no_sudo) = open(host, connect)?;
    let facts = session.facts().clone();
    if host.supervisor() == Supervisor::None {
        return Ok(ExaminedHost {
            distribution: Distribution::default(),
            findings: judge_directory(&facts),
            facts,
        });
    }
    let needs = NeedsOfHost::of(cluster, host);
    // What carries the answers must work before one is believed.
    let believed = !facts.unable.contains(&Ability::Head) && facts.kernel == "Linux";
    let (mut examination, mut ahead, mut registries) = (None, None, Vec::new());
    if believed {
        let (seen, clock) = look(&mut session, &needs)?;
        let works = seen.server.as_ref().is_some_and(|words| words.status == 0);
        if works && facts.uid == 0 && !needs.registries.is_empty() {
            let script = registries_script(&needs, &seen);
            registries = registry_answers(&session.run("asking registries", &script, ASK)?.stdout);
        }
        (examination, ahead) = (Some(seen), clock);
    }
    let findings = judge(
        SeenHost {
            facts: &facts,
            no_sudo: no_sudo.as_ref(),
            examination: examination.as_ref(),
            ahead,
            registries: &registries,
        },
        &needs,
    );
    Ok(ExaminedHost {
        distribution: examination.map(|it| it.distribution).unwrap_or_default(),
        findings,
        facts,
    })
}

/// A session, as root if that can be had; else why it is not.
fn open(
    host: &Host,
    connect: &ConnectContext,
) -> Result<(Session, Option<(String, String)>), HostError> {
    let place = || HostPlace::of(host, &connect.repository_root);
    match connect_to_examine(host, place(), connect) {
        Ok(session) => Ok((session, None)),
        Err(error) => {
            let HostErrorKind::NoSudo(why) = &error.kind else {
                return Err(error);
            };
            let why = (why.to_string(), error.kind.help().unwrap_or_default());
            let mut plain = host.clone();
            match &mut plain.transport {
                Transport::Ssh(ssh) => ssh.sudo = false,
                Transport::Local { sudo } => *sudo = false,
                Transport::Directory { .. } => {}
            }
            Ok((connect_to_examine(&plain, place(), connect)?, Some(why)))
        }
    }
}

/// What the host is like, and how far its clock is ahead.
fn look(
    session: &mut Session,
    needs: &NeedsOfHost,
) -> Result<(Examination, Option<i64>), HostError> {
    const DOING: &str = "looking at the host";
    let before = now();
    let answer = session.run(DOING, &examine_script(needs), EXAMINE)?;
    let after = now();
    let seen = Examination::parse(&answer.stdout)
        .ok_or_else(|| session.misunderstood(DOING, &answer.stdout))?;
    // Its clock was read some time in between.
    let ahead = seen.clock.map(|clock| match clock {
        clock if clock > after => clock - after,
        clock if clock < before => clock - before,
        _ => 0,
    });
    Ok((seen, ahead))
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs().cast_signed())
}
