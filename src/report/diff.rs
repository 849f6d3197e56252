//! A changed file as a unified diff.

use similar::{ChangeTag, TextDiff};

use super::palette::{Palette, paint};
use super::text::escape;
use crate::plan::{Change, FileChange};
use crate::render::marks::{blanked, with_marks_of};

/// Unchanged lines around a change.
const CONTEXT: usize = 3;

/// The lines of a file's unified diff, escaped, without line breaks. A file whose text before was
/// not fetched is named only: a diff of all its lines would be untrue.
pub(super) fn lines(file: &FileChange, palette: &Palette) -> Vec<String> {
    let FileChange {
        path,
        before,
        after,
        kind,
    } = file;
    let path = escape(path);
    let (old, new, before, after) = match (kind, before, after) {
        (Change::Added, before, Some(after)) => (
            "/dev/null",
            path.as_str(),
            before.as_deref().unwrap_or_default(),
            &**after,
        ),
        (Change::Removed, Some(before), after) => (
            path.as_str(),
            "/dev/null",
            &**before,
            after.as_deref().unwrap_or_default(),
        ),
        (Change::Changed, Some(before), Some(after)) => {
            (path.as_str(), path.as_str(), &**before, &**after)
        }
        (Change::Added, _, None) => return vec![named(&path, "new", palette)],
        (Change::Removed, None, _) => return vec![named(&path, "removed", palette)],
        (Change::Changed, None, _) | (Change::Changed, _, None) => {
            return vec![named(&path, "changed; its text was not fetched", palette)];
        }
    };
    if *kind == Change::Changed && before != after && blanked(before) == blanked(after) {
        // True of every unit whose inputs change, and of no interest beside the files that changed.
        let what = "only its fingerprint and the path of its inputs";
        return vec![named(&path, what, palette)];
    }
    let mut lines = vec![
        paint(palette.strong, &format!("--- {old}")),
        paint(palette.strong, &format!("+++ {new}")),
    ];
    // What every change of inputs changes, in six places of a unit, only hides the rest.
    let before = match kind {
        Change::Changed => with_marks_of(before, after),
        Change::Added | Change::Removed => before.to_owned(),
    };
    let diff = TextDiff::from_lines(before.as_str(), after);
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        lines.push(paint(palette.dim, &hunk.header().to_string()));
        for change in hunk.iter_changes() {
            let (sign, style) = match change.tag() {
                ChangeTag::Delete => ('-', palette.removed),
                ChangeTag::Insert => ('+', palette.added),
                ChangeTag::Equal => (' ', anstyle::Style::new()),
            };
            let text = change.value();
            let text = text.strip_suffix('\n').unwrap_or(text);
            lines.push(paint(style, &format!("{sign}{}", escape(text))));
            if change.missing_newline() {
                lines.push(paint(palette.dim, "\\ no line break at the end"));
            }
        }
    }
    lines
}

/// The diff as plain text, for JSON; `None` where only the fact is known.
pub(super) fn text(file: &FileChange) -> Option<String> {
    let lines = lines(file, &Palette::PLAIN);
    (lines.len() > 1).then(|| lines.join("\n") + "\n")
}

fn named(path: &str, what: &str, palette: &Palette) -> String {
    paint(palette.strong, &format!("=== {path}: {what}"))
}
