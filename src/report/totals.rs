//! What the last line of a plan counts.

use schemars::JsonSchema;
use serde::Serialize;

use super::text::count;
use crate::plan::{Action, Plan};

/// What the last line counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Totals {
    /// Hosts that were seen.
    pub hosts: usize,
    /// Files that change.
    pub files: usize,
    /// Units that start.
    pub start: usize,
    /// Containers that read their files again.
    pub reload: usize,
    /// Units that restart.
    pub restart: usize,
    /// Services that start in one slot while they run on in the other one.
    #[serde(skip_serializing_if = "is_zero")]
    pub swap: usize,
    /// Units that restart if a pull finds another image.
    pub may_restart: usize,
    /// Units that stop.
    pub stop: usize,
    /// Jobs that run.
    pub run: usize,
    /// Jobs that may run.
    pub may_run: usize,
    /// Units whose restart waits for the operator.
    pub pending: usize,
    /// Units that stay as they are.
    pub stay: usize,
    /// Units on machines that are no longer described.
    pub left: usize,
    /// Services that the plan has something to say of, on each host.
    #[serde(skip)]
    pub(super) listed: usize,
    /// Networks that are made, made anew or removed, on each host.
    #[serde(skip)]
    pub(super) networks: usize,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Totals {
    /// Counts a plan.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let mut totals = Self {
            hosts: plan.hosts.len(),
            left: plan.left.iter().map(|left| left.services.len()).sum(),
            ..Self::default()
        };
        for host in plan.hosts.values() {
            totals.stay += host.stay;
            totals.listed += host.services.len();
            totals.networks += host.networks.len();
            for service in &host.services {
                totals.files += service.files.len();
                match service.action {
                    Action::None => {}
                    Action::Start => totals.start += 1,
                    Action::Reload => totals.reload += 1,
                    Action::Restart => totals.restart += 1,
                    Action::Swap => totals.swap += 1,
                    Action::MayRestart => totals.may_restart += 1,
                    Action::Stop => totals.stop += 1,
                    Action::Pending => totals.pending += 1,
                    Action::Run => totals.run += 1,
                    Action::MayRun => totals.may_run += 1,
                }
            }
        }
        totals
    }

    /// What becomes of containers, without what stays: `2 restarts`, `1 move`. Each move with how many hosts gain and lose
    /// its service: these starts and stops are not told beside it.
    pub(super) fn deeds(&self, moves: impl Iterator<Item = (usize, usize)>) -> Vec<String> {
        let (mut moved, mut started, mut stopped) = (0, self.start, self.stop);
        for (gained, lost) in moves {
            moved += 1;
            started = started.saturating_sub(gained);
            stopped = stopped.saturating_sub(lost);
        }
        [
            (self.restart, "restart", "restarts"),
            (self.swap, "swap", "swaps"),
            (moved, "move", "moves"),
            (started, "start", "starts"),
            (stopped, "stop", "stops"),
            (self.reload, "reload", "reloads"),
            (self.run, "run of a job", "runs of jobs"),
        ]
        .into_iter()
        .filter(|(number, _, _)| *number > 0)
        .map(|(number, one, several)| count(number, one, several))
        .collect()
    }

    /// `4 files change, 2 units restart, 38 stay`.
    pub(super) fn words(&self) -> String {
        let verb = |number: usize, noun: &str, verb: &str| match number {
            1 => format!("1 {noun} {verb}s"),
            _ => format!("{number} {noun}s {verb}"),
        };
        let mut parts = Vec::new();
        for (number, noun, word) in [
            (self.files, "file", "change"),
            (self.start, "unit", "start"),
            (self.reload, "unit", "reload"),
            (self.restart, "unit", "restart"),
            (self.swap, "service", "swap"),
            (self.stop, "unit", "stop"),
            (self.networks, "network", "change"),
            (self.run, "job", "run"),
        ] {
            if number > 0 {
                parts.push(verb(number, noun, word));
            }
        }
        if self.may_restart > 0 {
            parts.push(format!(
                "{} may restart",
                count(self.may_restart, "unit", "units")
            ));
        }
        if self.may_run > 0 {
            parts.push(format!("{} may run", count(self.may_run, "job", "jobs")));
        }
        if self.pending > 0 {
            parts.push(format!(
                "{} pending",
                count(self.pending, "restart", "restarts")
            ));
        }
        match self.stay {
            0 => {}
            1 => parts.push("1 stays".to_owned()),
            stay => parts.push(format!("{stay} stay")),
        }
        if parts.is_empty() {
            parts.push("no file and no unit changes".to_owned());
        }
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular() {
        let totals = Totals {
            hosts: 1,
            files: 1,
            reload: 1,
            restart: 1,
            swap: 1,
            may_restart: 1,
            pending: 1,
            stay: 1,
            ..Totals::default()
        };
        assert_eq!(
            totals.words(),
            "1 file changes, 1 unit reloads, 1 unit restarts, 1 service swaps, 1 unit may restart, 1 restart pending, 1 stays"
        );
    }
}
