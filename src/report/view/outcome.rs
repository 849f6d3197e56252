//! How a release ended.

use super::super::totals::Totals;
use super::BegunView;
use crate::cluster::model::Cluster;
use crate::cluster::name::HostName;
use crate::release::Released;
use crate::release::problem::Problem;

/// How a release ended that was not stopped before its activation. Each host that it was to change is in one of the lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeView<'a> {
    /// The cluster.
    pub cluster: &'a str,
    /// Hosts on which everything was done.
    pub done: Vec<&'a HostName>,
    /// Hosts of which a part was done, since others failed.
    pub begun: Vec<&'a HostName>,
    /// Hosts on which nothing was done, since others failed.
    pub left: Vec<&'a HostName>,
    /// Hosts that were done, and are as they were before, since others failed.
    pub back: Vec<&'a HostName>,
    /// Hosts that failed and are as they are.
    pub failed: Vec<&'a HostName>,
    /// Hosts that failed and are as they were before.
    pub put_back: Vec<&'a HostName>,
    /// Hosts whose activation goes on by itself, followed by nobody.
    pub goes_on: Vec<&'a HostName>,
    /// Machines that are not told of any more.
    pub forgotten: Vec<&'a HostName>,
    /// What the hosts keep of it, since it is neither done nor undone on all of them.
    pub unfinished: Option<BegunView<'a>>,
    /// What was done, if all of it was.
    pub totals: Totals,
    /// Nothing was made effective: containers were only started or stopped.
    pub starts_only: bool,
    /// Some of the hosts that are done have files only: nothing was started there.
    pub files_only: bool,
}

impl<'a> OutcomeView<'a> {
    /// How a release ended.
    #[must_use]
    pub fn of(model: &'a Cluster, released: &'a Released) -> Self {
        let Released {
            plan,
            done,
            begun,
            left,
            back,
            problems,
            unfinished,
        } = released;
        let mut view = Self {
            cluster: model.name.as_str(),
            done: done.iter().collect(),
            begun: begun.iter().collect(),
            left: left.iter().collect(),
            back: back.iter().collect(),
            failed: Vec::new(),
            put_back: Vec::new(),
            goes_on: Vec::new(),
            forgotten: plan.dismissed.iter().map(|left| &left.host).collect(),
            unfinished: unfinished.as_ref().map(BegunView::of),
            totals: Totals::of(plan),
            starts_only: false,
            files_only: done
                .iter()
                .any(|host| !model.supervisor(host).runs_containers()),
        };
        for (host, problem) in problems {
            let list = if problem.was_put_back() {
                &mut view.put_back
            } else if matches!(problem, Problem::Continues(_)) {
                &mut view.goes_on
            } else {
                &mut view.failed
            };
            list.push(host);
        }
        view
    }

    /// Nothing went wrong.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.failed.is_empty() && self.put_back.is_empty() && self.goes_on.is_empty()
    }
}
