//! Reasons and notes in words.

use super::Detail;
use super::hold;
use super::text::{escape, short_pair, short_value, some, value, width, wrap};
use super::time::exact;
use super::view::{NoteView, ReasonView};
use crate::plan::Change;
use crate::plan::recorded::RecordedReason;

/// How many paths a short line names.
const PATHS: usize = 3;

/// Where a reason is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Space {
    pub detail: Detail,
    /// Characters from its column to the right edge.
    pub room: usize,
}

impl Space {
    /// As good as any.
    pub(super) const WIDE: Self = Self {
        detail: Detail::Short,
        room: 160,
    };
}

/// A reason in words: one line, or three where two values do not fit beside each other.
pub(super) fn reason(reason: &ReasonView<'_>, space: Space) -> Vec<String> {
    let sentence = |text: &str| wrap(text, space.room);
    match reason {
        ReasonView::New => vec!["new here".to_owned()],
        ReasonView::NotRunning { state } => sentence(&format!("not running ({})", value(state))),
        ReasonView::Variable {
            layer,
            name,
            before,
            after,
            told_by: _,
        } => {
            let key = variable(layer, name);
            match (before, after) {
                (Some(before), Some(after)) => change(&format!("{key}:"), before, after, space),
                (None, Some(after)) => one(&format!("{key} added:"), after, space),
                (Some(before), None) => one(&format!("{key} removed, was:"), before, space),
                (None, None) => vec![format!("{key} changed")],
            }
        }
        ReasonView::Secret { name, change } => {
            let word = match change {
                Change::Added => "added",
                Change::Changed => "changed",
                Change::Removed => "removed",
            };
            sentence(&format!("{name} {word}"))
        }
        ReasonView::Image { before, after } => {
            let (before, after) = versions(before, after);
            change("image", &before, &after, space)
        }
        ReasonView::Directive {
            key,
            removed,
            added,
        } => {
            let key = value(key);
            let (before, after) = (removed.join(" "), added.join(" "));
            match (removed.is_empty(), added.is_empty()) {
                (false, false) => change(&format!("{key}:"), &before, &after, space),
                (true, false) => one(&format!("{key} added:"), &after, space),
                (false, true) => one(&format!("{key} removed:"), &before, space),
                (true, true) => vec![format!("{key}: its words are in another order")],
            }
        }
        ReasonView::File { path } => sentence(&format!("{} changed", value(path))),
        ReasonView::Unknown { fingerprint } => sentence(&format!(
            "its inputs changed; those of {} can no longer be read",
            short_value(fingerprint, 20)
        )),
        ReasonView::ImageMoved {
            reference,
            running: "",
        } => sentence(&format!(
            "{} now means another image than the one that ran",
            value(reference)
        )),
        ReasonView::ImageMoved { reference, running } => {
            let running = running.strip_prefix("sha256:").unwrap_or(running);
            let running: String = running.chars().take(12).collect();
            sentence(&format!(
                "{} now means another image than the running {}",
                value(reference),
                value(&running)
            ))
        }
        ReasonView::Edited { paths } => sentence(&format!(
            "{} edited on the host",
            some_paths(paths, space.detail)
        )),
        ReasonView::Touched { paths } => sentence(&format!(
            "may have read an edit: {} changed on the host after it started",
            some_paths(paths, space.detail)
        )),
        ReasonView::Network { network } => {
            sentence(&format!("its network {} is made anew", value(network)))
        }
        ReasonView::HalfSwapped => {
            sentence("a release ended before one slot had taken over from the other")
        }
        ReasonView::NotReloaded { paths } => sentence(&format!(
            "has not read {} since they were swapped",
            some_paths(paths, space.detail)
        )),
        ReasonView::NotRunYet => vec!["has not run yet".to_owned()],
        ReasonView::RunFailed { exit, ended } => sentence(&format!(
            "its last run failed{} ({})",
            at(*ended),
            value(exit)
        )),
        ReasonView::RunCut { began } => sentence(&format!(
            "no end is recorded of its last run, begun{}; if it goes on, it is waited for",
            match began {
                Some(_) => at(*began),
                None => " at an unknown time".to_owned(),
            }
        )),
        ReasonView::EachRelease => sentence("with each release that changes something"),
        ReasonView::Asked { why: None } => vec!["asked for".to_owned()],
        ReasonView::Asked { why: Some(why) } => sentence(&format!("asked for: {}", escape(why))),
        ReasonView::Held { hold } => sentence(&format!("held{}", hold::by(hold))),
        ReasonView::Displaced { by } => sentence(&format!(
            "gives its port or address to {by} first, then comes back"
        )),
    }
}

/// ` at 2026-11-21 09:31:12 UTC`, or nothing.
pub(super) fn at(time: Option<jiff::Timestamp>) -> String {
    let time = time.map(exact);
    time.map_or_else(String::new, |time| format!(" at {time}"))
}

/// A reason in words as it was kept: what changed, without values.
pub(super) fn kept(reason: &RecordedReason) -> String {
    let RecordedReason {
        kind,
        name,
        change,
        before,
        after,
    } = reason;
    let name = value(name.as_deref().unwrap_or_default());
    match kind.as_str() {
        "new" => "new there".to_owned(),
        "not_running" => format!("was not running ({name})"),
        "variable" | "secret" => {
            let change = change.as_deref().unwrap_or("changed");
            let name = reason.name.as_deref().unwrap_or_default();
            let name = match name.split_once(' ') {
                Some((layer, name)) if kind == "variable" => variable(layer, name),
                Some(_) | None => escape(name),
            };
            format!("{name} {}", escape(change))
        }
        "image" => {
            let (before, after) = (before.as_deref(), after.as_deref());
            let change = version_change(before.unwrap_or("?"), after.unwrap_or("?"));
            format!("image {change}")
        }
        "directive" => format!("{name}= changed"),
        "file" => format!("{name} changed"),
        "unknown" => "its inputs changed; the ones before could not be read".to_owned(),
        "image_moved" => format!("{name} meant another image"),
        "edited" => format!("{} edited on the host", bare(reason.name.as_deref())),
        "touched" => format!("may have read an edit of {}", bare(reason.name.as_deref())),
        "network" => format!("its network {name} was made anew"),
        "not_reloaded" => format!("had not read {}", bare(reason.name.as_deref())),
        "not_run_yet" => "had not run yet".to_owned(),
        "run_failed" => format!("its run before had failed ({name})"),
        "run_cut" => "no end was recorded of its run before".to_owned(),
        "each_release" => "with each release".to_owned(),
        "held" => format!("held by {}", bare(reason.name.as_deref())),
        "asked" => match &reason.name {
            Some(why) => format!("asked for ({})", escape(why)),
            None => "asked for".to_owned(),
        },
        "displaced" => format!("gave its port or address to {name} first"),
        // Of a newer bayplan.
        other => format!("{} {}", escape(other), bare(reason.name.as_deref())),
    }
}

/// A variable by the file that has it, as its reader knows it: `cluster.toml TITLE`. What a service has itself needs no
/// such word.
pub(super) fn variable(layer: &str, name: &str) -> String {
    let file = match layer {
        "10-service-locations" => "[place]",
        "20-service-config" => "service-config.toml",
        "30-cluster" | "35-host" => "cluster.toml",
        own if own.starts_with("50-") => return escape(name),
        other => other,
    };
    format!("{} {}", escape(file), escape(name))
}

/// A name that is words: not quoted.
fn bare(name: Option<&str>) -> String {
    escape(name.unwrap_or_default())
}

/// A note in words.
pub(super) fn note(note: &NoteView<'_>, space: Space) -> Vec<String> {
    let text = match note {
        NoteView::DownMeanwhile => "down meanwhile: a newcomer takes its port or name".to_owned(),
        NoteView::DropIn { path } => format!("{} changes this unit; it is left alone", value(path)),
        NoteView::MovesFrom { hosts } => format!("moves here from {}", super::hosts::list(*hosts)),
        NoteView::MovesTo { hosts } => format!("moves to {}", super::hosts::list(*hosts)),
        NoteView::RunsOn { hosts } => format!(
            "runs on {} as well, which this release does not reach",
            super::hosts::list(*hosts)
        ),
        NoteView::StaysFor { hosts } => {
            format!("leaves once {} took part", super::hosts::list(*hosts))
        }
        NoteView::WaitsForRun { hosts } => format!(
            "moves when the run on {} ends: release again then",
            super::hosts::list(*hosts)
        ),
        NoteView::StaysForRun => {
            "its run is under way: what is left of it goes with a release after that".to_owned()
        }
        NoteView::BackToSlot { slot } => format!("back to slot {slot}, which still runs"),
        NoteView::MayRestart => {
            "restarts instead if the pull finds another image behind its tag".to_owned()
        }
        NoteView::Watch { before, after } => match (before, after) {
            (_, None) => "watched no more".to_owned(),
            (None, Some(after)) => format!("watched {}", escape(after)),
            (Some(before), Some(after)) => {
                format!("watched {}; until now {}", escape(after), escape(before))
            }
        },
        NoteView::Mended { paths } => format!(
            "mends what was edited on the host: {}",
            some_paths(paths, space.detail)
        ),
        NoteView::WasPublic { names } => {
            let was = if names.len() == 1 { "was" } else { "were" };
            format!(
                "{} {was} public until now: git and the kept generations have the old value, so set another one",
                super::text::list(*names)
            )
        }
    };
    wrap(&text, space.room)
}

/// Paths, a few of them in short.
pub(super) fn some_paths(paths: &[impl AsRef<str>], detail: Detail) -> String {
    let shown = match detail {
        Detail::Short if paths.len() > PATHS + 1 => PATHS,
        Detail::Short | Detail::Diff => paths.len(),
    };
    some(paths.iter().map(|path| value(path.as_ref())), shown)
}

fn change(key: &str, before: &str, after: &str, space: Space) -> Vec<String> {
    let line = format!("{key} {} → {}", value(before), value(after));
    if width(&line) <= space.room {
        return vec![line];
    }
    let (before, after) = match space.detail {
        Detail::Short => short_pair(before, after, room_for_a_value(space, 2)),
        Detail::Diff => (value(before), value(after)),
    };
    let line = format!("{key} {before} → {after}");
    if width(&line) <= space.room {
        return vec![line];
    }
    vec![key.to_owned(), format!("  {before}"), format!("→ {after}")]
}

fn one(key: &str, text: &str, space: Space) -> Vec<String> {
    let line = format!("{key} {}", value(text));
    if width(&line) <= space.room || space.detail == Detail::Diff {
        return vec![line];
    }
    vec![format!(
        "{key} {}",
        short_value(text, room_for_a_value(space, width(key) + 1))
    )]
}

/// Less the two quotes that a value may need.
fn room_for_a_value(space: Space, taken: usize) -> usize {
    space.room.saturating_sub(taken + 2).max(24)
}

/// `1.4.2 → 1.5.0`
pub(super) fn version_change(before: &str, after: &str) -> String {
    let (before, after) = versions(before, after);
    format!("{} → {}", value(&before), value(&after))
}

/// The versions of two image references if they are the same image in two versions; otherwise the
/// references as they are.
fn versions(before: &str, after: &str) -> (String, String) {
    let (old_name, old) = split_reference(before);
    let (new_name, new) = split_reference(after);
    if old_name == new_name && old != new {
        (old, new)
    } else {
        (before.to_owned(), after.to_owned())
    }
}

/// The name and the short version of a reference as docker takes it. A colon before the last slash
/// is a registry's port.
fn split_reference(reference: &str) -> (&str, String) {
    if let Some((name, digest)) = reference.split_once('@') {
        let digits = digest.strip_prefix("sha256:").unwrap_or(digest);
        return (name, digits.chars().take(12).collect());
    }
    let name = reference.rfind('/').map_or(0, |slash| slash + 1);
    match reference[name..].find(':') {
        Some(colon) => (
            &reference[..name + colon],
            reference[name + colon + 1..].to_owned(),
        ),
        None => (reference, "latest".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::super::samples;
    use super::*;

    #[test]
    fn every_reason_that_is_kept_has_its_words_and_no_value() {
        let everything = samples::everything("s3cret value");
        let services = everything.hosts.values().flat_map(|host| &host.services);
        let mut lines: Vec<String> = services
            .flat_map(|change| {
                let reasons = change.reasons.iter();
                reasons.map(|reason| kept(&RecordedReason::of(reason, &change.service)))
            })
            .collect();
        lines.sort();
        lines.dedup();
        assert_snapshot!(lines.join("\n"), @"
        ExecStart= changed
        ExecStop= changed
        NEW_KEY added
        OLD_KEY removed
        STRIPE_KEY changed
        asked for (s3cret value)
        cluster.toml A changed
        cluster.toml B added
        cluster.toml C removed
        cluster.toml D changed
        gave its port or address to newcomer first
        held by s3cret value: reindex
        image latest → 2
        its inputs changed; the ones before could not be read
        its network s3cret value was made anew
        may have read an edit of s3cret value
        new there
        s3cret value changed
        s3cret value meant another image
        s3cret value, 50-search.env edited on the host
        s3cret value= changed
        was not running (s3cret value)
        ");
    }

    #[test]
    fn versions_of_one_image_are_shown_alone() {
        let shown = |before, after| {
            let (before, after) = versions(before, after);
            format!("{before} → {after}")
        };
        assert_eq!(shown("r:5000/a/search:1", "r:5000/a/search:2"), "1 → 2");
        assert_eq!(
            shown("r/search:1", "r/search@sha256:0123456789abcdef"),
            "1 → 0123456789ab"
        );
        assert_eq!(
            shown("r/search:1", "r/find:1"),
            "r/search:1 → r/find:1",
            "another name"
        );
        assert_eq!(
            shown("a@sha256:0123456789abX", "a@sha256:0123456789abY"),
            "a@sha256:0123456789abX → a@sha256:0123456789abY",
            "digests that begin the same"
        );
        assert_eq!(shown("search", "search:2"), "latest → 2");
    }
}
