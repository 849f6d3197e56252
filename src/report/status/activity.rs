//! What goes on on a host under the lock.

use jiff::Timestamp;

use super::super::text::{escape, value};
use super::super::time::ago;
use super::super::view::{ActivationView, ActivityView};

/// What goes on there under the lock, in a line; `None` if nothing does.
pub(in crate::report) fn activity(activity: &ActivityView<'_>, now: Timestamp) -> Option<String> {
    let ActivityView {
        holder,
        attended,
        activation,
    } = activity;
    let holder = match *holder {
        "" => "somebody".to_owned(),
        holder => escape(holder),
    };
    let Some(activation) = activation else {
        return attended.then(|| format!("locked by {holder}"));
    };
    let ActivationView {
        cluster,
        since,
        step: _,
        steps: _,
        doing: _,
        at,
    } = activation;
    let since = since.map_or_else(String::new, |since| format!(", begun {}", ago(since, now)));
    let gone = if *attended {
        ""
    } else {
        ", whose session is gone: the host goes on by itself"
    };
    Some(format!(
        "an activation of {}{since}: {}; by {holder}{gone}",
        value(cluster),
        escape(&at.words()),
    ))
}
