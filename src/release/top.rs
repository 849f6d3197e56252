//! One look at what hosts and containers use.

use std::collections::BTreeMap;
use std::time::Duration;

use super::event::Event;
use super::problem::Problem;
use super::visit::HostVisit;
use crate::cluster::name::HostName;
use crate::host::usage::{HostUsage, usage_script};

/// The engine measures for two seconds; a loaded host needs far more.
const MEASURE: Duration = Duration::from_secs(120);

/// What each host uses now, and its containers of the cluster.
pub fn usages(
    visit: HostVisit<'_>,
    tell: &(impl Fn(Event) + Sync),
) -> (BTreeMap<HostName, HostUsage>, BTreeMap<HostName, Problem>) {
    visit.each(tell, |host| {
        let doing = "measuring";
        let script = usage_script(&host.layout, host.engine());
        let answer = host.session.run(doing, &script, MEASURE)?;
        HostUsage::parse(&answer.stdout)
            .ok_or_else(|| host.session.misunderstood(doing, &answer.stdout).into())
    })
}
