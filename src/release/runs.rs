//! What hosts keep of the runs of jobs: each host knows of every success, so that a job that moves, or whose host is
//! replaced, does not run again.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::time::Duration;

use super::hosts::{Connection, Hosts, Setting};
use super::problem::Problem;
use crate::cluster::name::{HostName, ServiceName};
use crate::host::past::runs;
use crate::plan::step::{Step, StepKind};
use crate::plan::{Options, lacking};

/// For a few files.
const RECORDS: Duration = Duration::from_secs(60);

impl Hosts {
    /// Tells every host of the successes that it does not know of and another one does.
    pub(super) fn share_runs(&mut self, limit: NonZeroUsize) -> BTreeMap<HostName, Problem> {
        let observed = self.observed();
        let lacks = |_: &HostName, connection: &Connection| {
            let seen = &connection.look.observed;
            connection.layout.supervisor().runs_containers() && !lacking(&observed, seen).is_empty()
        };
        let (_, problems) = self.on_each(limit, lacks, |_, connection| {
            let missing = lacking(&observed, &connection.look.observed);
            let script = runs::write_script(&connection.layout, &missing);
            write(connection, &script)?;
            for (service, records) in missing {
                let there = connection.look.observed.runs.entry(service.clone());
                let copies = records.into_iter();
                there
                    .or_default()
                    .extend(copies.map(|(key, record)| (key.to_owned(), record.clone())));
            }
            Ok(())
        });
        problems
    }

    /// The same after jobs ran in a wave: their hosts are asked first.
    pub(super) fn share_new_runs<'s>(
        &mut self,
        limit: NonZeroUsize,
        wave: impl Iterator<Item = (&'s HostName, &'s Vec<Step>)>,
    ) -> BTreeMap<HostName, Problem> {
        let ran: BTreeMap<&HostName, BTreeSet<&ServiceName>> = wave
            .map(|(host, steps)| {
                let runs = steps.iter().filter(|step| step.kind() == StepKind::Run);
                (host, runs.flat_map(Step::services).collect::<BTreeSet<_>>())
            })
            .filter(|(_, services)| !services.is_empty())
            .collect();
        if ran.is_empty() {
            return BTreeMap::new();
        }
        let there = |host: &HostName, _: &Connection| ran.contains_key(host);
        let (_, mut problems) = self.on_each(limit, there, |host, connection| {
            for service in &ran[host] {
                let script = runs::read_script(&connection.layout, service);
                let doing = "asking how the job ended";
                let answer = connection.session.run(doing, &script, RECORDS)?;
                let records = runs::parse_read(&answer.stdout)
                    .ok_or_else(|| connection.session.misunderstood(doing, &answer.stdout))?;
                let observed = &mut connection.look.observed;
                observed.runs.insert((*service).clone(), records);
            }
            Ok(())
        });
        problems.extend(self.share_runs(limit));
        problems
    }

    /// Removes what is kept of the runs of services that are described no more.
    pub(super) fn forget_runs(&mut self, setting: Setting<'_>, options: &Options) {
        if !options.runs_jobs() {
            return;
        }
        let gone = |connection: &Connection| -> BTreeSet<ServiceName> {
            let known = connection.look.observed.runs.keys();
            let described = &setting.cluster.services;
            let gone = known.filter(|name| !described.contains_key(*name) && options.selects(name));
            gone.cloned().collect()
        };
        let has = |host: &HostName, connection: &Connection| {
            !options.leaves_out(host) && !gone(connection).is_empty()
        };
        // What stays does no harm, and the next release removes it.
        let _ = self.on_each(setting.limit, has, |_, connection| {
            let gone = gone(connection);
            let script = runs::remove_script(&connection.layout, &gone.iter().collect());
            write(connection, &script)
        });
    }
}

fn write(connection: &mut Connection, script: &str) -> Result<(), Problem> {
    let session = &mut connection.session;
    let answer = session.run("recording that a job has run", script, RECORDS)?;
    runs::parse_written(&answer.stdout).map_err(|why| Problem::NotStaged { why })
}
