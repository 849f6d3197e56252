//! The lock of a host: one for all clusters, held by the shell of a session. Pure.

use super::layout::{Layout, StageId};
use super::reach::watched::FORGET;
use crate::cluster::name::HostName;
use crate::render::shell::quote;

/// Functions that tell who holds the host's lock.
pub(super) const HOLDER: &str = include_str!("lock/holder.sh");
const LOCK: &str = include_str!("lock/lock.sh");

/// Who takes the lock of a host.
#[derive(Debug, Clone, Copy)]
pub struct Holder<'a> {
    /// One line for whoever finds the lock taken: who, from where, since when, what for.
    pub words: &'a str,
    /// The release, by the name that no other one has.
    pub release: &'a StageId,
    /// The host as it is called there.
    pub host: &'a HostName,
}

/// The script that takes the host's lock on descriptor 9 of the shell that evaluates it, so it
/// must not run in a subshell. It does not wait; [`parse_lock`] reads what it says. `then` is a script that
/// the same shell evaluates at once if it gets the lock; what that prints comes after [`LOCKED`].
#[must_use]
pub fn lock_script(layout: &Layout, holder: Holder<'_>, then: &str) -> String {
    let Holder {
        words,
        release,
        host,
    } = holder;
    format!(
        "lock={}\nholder={}\nrelease={}\nlocked() {{\n:\n{then}\n}}\n{HOLDER}\n{LOCK}",
        layout.lock().quoted(),
        quote(&words.replace('\n', " ")),
        quote(&format!("{release} {host}")),
    )
}

/// What the answer of [`lock_script`] begins with if the lock was taken.
pub const LOCKED: &[u8] = b"locked\n";

/// The script that gives the lock back early; the end of the shell does, too. Nothing is staged then.
pub const UNLOCK: &str = "unname\ntrap - EXIT HUP INT TERM PIPE\nexec 9>&-\n";

/// From now on, the end of the session removes what was staged and the name from the lock, whatever ends it. To be
/// run in the session's own shell, before anything is staged, when it takes the lock.
#[must_use]
pub fn guard_stage(layout: &Layout, stage: &StageId) -> String {
    let staged = layout.staging(stage);
    let remove = format!(
        "unname; {FORGET}; rm -rf {} {}",
        staged.quoted(),
        quote(&format!("{staged}.new"))
    );
    format!(
        "trap {} EXIT\ntrap 'exit 1' HUP INT TERM PIPE\n",
        quote(&remove)
    )
}

/// What was staged stays from now on: an activation takes it over, or it was pushed.
pub const UNGUARD_STAGE: &str = "trap unname EXIT\n";

/// What came of taking the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockAnswer {
    /// This session holds it now.
    Taken,
    /// Somebody else has it.
    Held {
        /// Their line, or which process it is. Empty where none is seen.
        holder: String,
        /// The holder's release and what it calls this host.
        release: Option<(StageId, HostName)>,
    },
    /// It could not be tried.
    Failed {
        /// The system's words.
        why: String,
    },
}

/// Reads the answer of [`lock_script`].
#[must_use]
pub fn parse_lock(answer: &[u8]) -> LockAnswer {
    let answer = String::from_utf8_lossy(answer);
    let (first, rest) = answer.split_once('\n').unwrap_or((&answer, ""));
    let line = |text: &str| {
        let line: String = text.trim().chars().take(300).collect();
        line.replace(char::is_control, " ")
    };
    match first {
        "locked" => LockAnswer::Taken,
        "held" => {
            let (holder, release) = rest.split_once('\n').unwrap_or((rest, ""));
            let release = release.trim().split_once(' ');
            LockAnswer::Held {
                holder: line(holder),
                release: release.and_then(|(release, host)| {
                    Some((StageId::new(release)?, HostName::new(host).ok()?))
                }),
            }
        }
        "failed" => LockAnswer::Failed { why: line(rest) },
        _ => LockAnswer::Failed {
            why: "expected an answer about the lock, found none".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests;
