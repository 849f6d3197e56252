//! Open files: what many sessions take, and a soft limit that is raised for them (it is 256 on macOS, 1024
//! elsewhere, for programs that are older than it).

use std::num::NonZeroUsize;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The three pipes of a session.
const OPEN: u64 = 3;
/// What a session takes besides while it is opened: the other ends, and how starting its process ended.
const OPENING: u64 = 5;
/// Everything else that bayplan has open.
const REST: u64 = 64;

/// Too few files may be open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {needed} files that may be open at once, found a limit of {limit}")]
pub struct TooFew {
    /// How many files all sessions together take.
    pub needed: u64,
    /// The hard limit.
    pub limit: u64,
}

/// Makes room for sessions that are all open at once, of which some are opened at the same time.
///
/// # Errors
/// The hard limit is lower.
pub fn make_room(sessions: usize, opening: usize) -> Result<(), TooFew> {
    let needed = needed(sessions, opening);
    match raised(needed) {
        Some(limit) if limit < needed => Err(TooFew { needed, limit }),
        Some(_) | None => Ok(()),
    }
}

/// How many sessions can be open at once, of those that are wanted: at least one.
#[must_use]
pub fn sessions_at_once(wanted: NonZeroUsize) -> NonZeroUsize {
    let wanted = wanted.get();
    let fit =
        raised(needed(wanted, wanted)).map(|limit| limit.saturating_sub(REST) / (OPEN + OPENING));
    let fit = fit.map_or(wanted, |fit| usize::try_from(fit).unwrap_or(usize::MAX));
    NonZeroUsize::new(fit.min(wanted)).unwrap_or(NonZeroUsize::MIN)
}

fn needed(sessions: usize, opening: usize) -> u64 {
    sessions as u64 * OPEN + opening as u64 * OPENING + REST
}

/// The soft limit, raised where that is too low for so many files; `None` if there is none.
fn raised(needed: u64) -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let current = current?;
    if current >= needed {
        return Some(current);
    }
    let wanted = maximum.map_or(needed, |maximum| maximum.min(needed));
    let limit = Rlimit {
        current: Some(wanted),
        maximum,
    };
    // Where that is not allowed the old one is in force.
    Some(match setrlimit(Resource::Nofile, limit) {
        Ok(()) => wanted,
        Err(_) => current,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_soft_limit_is_raised_and_never_lowered() {
        let Some(before) = getrlimit(Resource::Nofile).current else {
            return;
        };
        assert_eq!(make_room(1, 1), Ok(()));
        assert_eq!(sessions_at_once(NonZeroUsize::MIN), NonZeroUsize::MIN);
        assert_eq!(getrlimit(Resource::Nofile).current, Some(before));
        let Some(hard) = getrlimit(Resource::Nofile).maximum else {
            return;
        };
        let too_many = usize::try_from(hard).unwrap_or(usize::MAX / 16);
        assert!(make_room(too_many, 1).is_err());
        let too_many = NonZeroUsize::new(too_many).unwrap();
        assert!(sessions_at_once(too_many) < too_many);
    }
}
