//! Whether a container stays up.

use super::super::UnitShow;
use super::super::parse::{Crashed, ListedUnit};
use crate::plan::observed::{Crashes, Death, Moment, Steady};

const SECOND: i128 = 1_000_000_000;
/// After this time a container that systemd started again counts as well.
const PROBATION: i128 = 60 * SECOND;
/// Within this time systemd restarts what is well at most once.
const WINDOW: i128 = 15 * 60 * SECOND;

/// What is to be told of a unit that systemd started again by itself, or is about to. `now` is the host's
/// clock.
pub(super) fn crashes(
    state: &ListedUnit,
    shown: &UnitShow,
    crashed: Option<&Crashed>,
    now: Option<Moment>,
) -> Option<Crashes> {
    let dead = state.sub == "auto-restart";
    if shown.restarts == 0 && !dead {
        return None;
    }
    let nothing = Crashed::default();
    let crashed = crashed.unwrap_or(&nothing);
    // Numbers that are higher belong to starts before the last one that somebody asked for.
    let mut newest_first = crashed.restarts.iter().rev();
    let mut lowest = u64::MAX;
    let mut recent: Vec<Moment> = Vec::new();
    for (at, number) in newest_first.by_ref() {
        if *number >= lowest || *number > shown.restarts {
            break;
        }
        lowest = *number;
        recent.push(*at);
    }
    let last = recent.first().copied().or(shown.active_since);
    let within = |at: &Moment, time: i128| now.is_some_and(|now| now.0 - at.0 < time);
    let again = last.is_some_and(|last| within(&last, PROBATION));
    let often = recent.iter().filter(|at| within(at, WINDOW)).count() > 1;
    let running = state.active == "active";
    let process = match shown.status {
        _ if running => None,
        0 => None,
        status if shown.code == CLD_EXITED => u8::try_from(status).ok().map(Death::Exit),
        signal => u8::try_from(signal).ok().map(Death::Signal),
    };
    Some(Crashes {
        restarts: shown.restarts,
        first: match recent.last() {
            Some(first) if lowest == 1 => Some(*first),
            Some(_) | None => crashed.first,
        },
        last,
        death: crashed.container.or(process).or(crashed.process),
        out_of_memory: crashed.out_of_memory,
        steady: match running && !again && !often {
            true => Steady::Yes,
            false => Steady::No,
        },
    })
}

/// `ExecMainCode` of a process that exited (waitid(2)); others were killed.
const CLD_EXITED: u32 = 1;
