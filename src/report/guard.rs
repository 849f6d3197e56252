//! Guards that forbid a release, in words.

use std::path::Path;

use super::errors;
use super::palette::Palette;
use super::text::{count, shell_word, value};
use crate::cluster::name::ClusterName;
use crate::plan::Action;
use crate::plan::guard::{Breach, CheckoutState, OnBranch, Signature};

/// Every guard that refuses, each with what lifts it. `saved` is the file of the plan, if it came
/// from one.
#[must_use]
pub fn text(
    cluster: &ClusterName,
    saved: Option<&Path>,
    breaches: &[Breach],
    palette: &Palette,
) -> String {
    let saved = saved.map(|path| format!(" --plan {}", shell_word(&path.to_string_lossy())));
    let saved = saved.unwrap_or_default();
    let one = |breach: &Breach| {
        let help = format!(
            "`bayplan release {cluster}{saved} --lift {}`",
            breach.guard()
        );
        errors::one(&sentence(breach), Some(&help), palette)
    };
    breaches.iter().map(one).collect()
}

/// What a guard forbids: `guard max_restarts: expected at most 5 restarts, found 12`.
pub(super) fn sentence(breach: &Breach) -> String {
    let guard = breach.guard();
    match breach {
        Breach::MaxRestarts { limit, found } => format!(
            "guard {guard}: expected at most {}, found {found}",
            count(*limit, "restart", "restarts")
        ),
        Breach::Protected {
            service,
            action,
            hosts,
        } => {
            let what = match action {
                Action::Stop => "stop",
                Action::MayRestart => "perhaps restart",
                Action::Reload => "reload",
                Action::Swap => "be swapped",
                Action::None
                | Action::Start
                | Action::Restart
                | Action::Pending
                | Action::Run
                | Action::MayRun => "restart",
            };
            format!(
                "guard {guard}: {service} would {what} on {}",
                super::hosts::list(hosts)
            )
        }
        Breach::Branch { expected, found } => {
            let found = match found {
                OnBranch::No {
                    instead: Some(found),
                } => format!("{}, which is not on it", value(found)),
                OnBranch::No { instead: None } | OnBranch::Yes => {
                    "a directory without a commit".to_owned()
                }
                OnBranch::Unknown { why } => format!("that git cannot be asked: {why}"),
            };
            format!(
                "guard {guard}: expected a commit of {}, found {found}",
                value(expected)
            )
        }
        Breach::Unclean { state } => format!(
            "guard {guard}: expected committed files, found {}",
            match state {
                CheckoutState::Dirty => "changes that are not committed".to_owned(),
                CheckoutState::NoCommit | CheckoutState::Committed => "no commit".to_owned(),
                CheckoutState::Unknown { why } => format!("that git cannot be asked: {why}"),
            }
        ),
        Breach::Unsigned { state, signature } => format!(
            "guard {guard}: expected a commit whose signature `git verify-commit` accepts, found {}",
            match (state, signature) {
                (CheckoutState::Dirty, _) => "changes that are not committed".to_owned(),
                (CheckoutState::NoCommit, _) => "no commit".to_owned(),
                (CheckoutState::Unknown { why }, _) | (_, Signature::Unknown { why }) =>
                    format!("that git cannot be asked: {why}"),
                (CheckoutState::Committed, Signature::Refused { commit, why })
                    if why.is_empty() =>
                    format!("{commit}, which is not signed"),
                (CheckoutState::Committed, Signature::Refused { commit, why }) =>
                    format!("{commit}: {why}"),
                (CheckoutState::Committed, Signature::Good) => "a signed one".to_owned(),
            }
        ),
        Breach::Hours { allowed, now } => {
            format!("guard {guard}: releases are allowed {allowed}, and there it is {now}")
        }
    }
}
