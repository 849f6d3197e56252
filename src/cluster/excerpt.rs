//! Shows a problem as rustc does: what, where, the lines, what to type.

use std::borrow::Cow;
use std::ops::Range;

use annotate_snippets::{
    Annotation, AnnotationKind, Group, Level as Style, Origin, Renderer, Snippet,
};

use super::diagnostic::{Diagnostic, Level, Place};
use super::sources::Sources;

/// Whether an excerpt has colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// For a file or a pipe.
    Plain,
    /// For a terminal.
    Colour,
}

/// The width where no terminal has its own, in columns.
pub const EXCERPT_WIDTH: usize = 140;

/// Longer lines are not shown: their place is named, and nobody would read them.
const LINE_MAX: usize = 4096;

/// The problem as a text of several lines without a final line break. A place may be beyond the end of a
/// file, within a character, or in a file that is not there: it is shown as well as possible.
/// Lines of the file that are longer than `width` columns are cut around the place.
#[must_use]
pub fn excerpt(diagnostic: &Diagnostic, sources: &Sources, paint: Paint, width: usize) -> String {
    let style = match diagnostic.level {
        Level::Error => Style::ERROR,
        Level::Warning => Style::WARNING,
    };
    let renderer = match paint {
        Paint::Plain => Renderer::plain(),
        Paint::Colour => Renderer::styled(),
    };
    let renderer = renderer.term_width(width);
    let mut group = style
        .primary_title(one_line(&diagnostic.title))
        .elements(Vec::<Origin<'_>>::new());
    let mut files: Vec<(&str, Vec<(&Place, AnnotationKind)>)> = Vec::new();
    let related = diagnostic.related.iter();
    let places = std::iter::once((&diagnostic.place, AnnotationKind::Primary))
        .chain(related.map(|place| (place, AnnotationKind::Context)));
    for (place, kind) in places {
        match files.iter_mut().find(|(path, _)| *path == place.path) {
            Some((_, places)) => places.push((place, kind)),
            None => files.push((&place.path, vec![(place, kind)])),
        }
    }
    for (path, places) in files {
        group = show(group, path, &places, sources);
    }
    let mut groups = vec![group];
    if let Some(help) = &diagnostic.help {
        groups.push(Group::with_title(
            Style::HELP.secondary_title(one_line(help)),
        ));
    }
    renderer.render(&groups)
}

/// Adds the places within one file.
fn show<'a>(
    group: Group<'a>,
    path: &str,
    places: &[(&'a Place, AnnotationKind)],
    sources: &Sources,
) -> Group<'a> {
    let path = one_line(path);
    let text = sources.get(&path).map(String::from_utf8_lossy);
    let marks: Vec<Mark<'_>> = match (&text, sources.get(&path)) {
        (Some(text), Some(bytes)) => places
            .iter()
            .filter_map(|(place, kind)| {
                let span = span(bytes, text, place.span.clone()?);
                let line = line_of(text, span.start);
                Some(Mark {
                    // The first line of a long span says enough.
                    end: span.end.min(line.end).max(span.start),
                    start: span.start,
                    line,
                    kind: *kind,
                    label: &place.label,
                })
            })
            .collect(),
        _ => Vec::new(),
    };
    let (Some(text), Some(first)) = (text, marks.first()) else {
        return group.element(Origin::path(path));
    };
    let start = marks.iter().map(|mark| mark.line.start).min().unwrap_or(0);
    let end = marks.iter().map(|mark| mark.line.end).max().unwrap_or(0);
    let number = 1 + text[..start].matches('\n').count();
    // What stands there may be a secret that somebody has not encrypted.
    let hidden = path.ends_with("/secrets.toml");
    if hidden || marks.iter().any(|mark| mark.line.len() > LINE_MAX) {
        let line = 1 + text[..first.line.start].matches('\n').count();
        let column = 1 + text[first.line.start..first.start].chars().count();
        return group.element(Origin::path(path).line(line).char_column(column));
    }
    let annotations: Vec<Annotation<'a>> = marks
        .iter()
        .map(|mark| {
            let annotation = mark.kind.span(mark.start - start..mark.end - start);
            match mark.label {
                "" => annotation,
                label => annotation.label(one_line(label)),
            }
        })
        .collect();
    group.element(
        Snippet::source(text[start..end].to_owned())
            .line_start(number)
            .path(path)
            .annotations(annotations),
    )
}

/// A place in a file, as editors count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextPosition {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// Where a place begins, and where it ends: behind its last character. `None` for a file as a whole, and one that is not there.
#[must_use]
pub fn positions(place: &Place, sources: &Sources) -> Option<(TextPosition, TextPosition)> {
    let bytes = sources.get(&place.path)?;
    let text = String::from_utf8_lossy(bytes);
    let span = span(bytes, &text, place.span.clone()?);
    let at = |at: usize| {
        let start = text[..at].rfind('\n').map_or(0, |found| found + 1);
        TextPosition {
            line: 1 + text[..start].matches('\n').count(),
            column: 1 + text[start..at].chars().count(),
        }
    };
    Some((at(span.start), at(span.end)))
}

/// A span within the text that is shown, and the line that it begins on.
struct Mark<'a> {
    start: usize,
    end: usize,
    line: Range<usize>,
    kind: AnnotationKind,
    label: &'a str,
}

/// A span of the file's bytes as a span of its text, which is longer where the bytes are not
/// UTF-8; within the text and on the borders of characters.
fn span(bytes: &[u8], text: &str, span: Range<usize>) -> Range<usize> {
    let offset = |at: usize| {
        let at = at.min(bytes.len());
        let at = match std::str::from_utf8(bytes) {
            Ok(_) => at,
            Err(_) => String::from_utf8_lossy(&bytes[..at]).len(),
        };
        let mut at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let (start, end) = (offset(span.start), offset(span.end));
    start..end.max(start)
}

/// The line that holds an offset, without its line break.
fn line_of(text: &str, at: usize) -> Range<usize> {
    let start = text[..at].rfind('\n').map_or(0, |found| found + 1);
    let end = text[at..].find('\n').map_or(text.len(), |found| at + found);
    let end = if text[start..end].ends_with('\r') && end > at {
        end - 1
    } else {
        end
    };
    start..end
}

/// A text without control characters: anybody may have written the files that it comes from.
fn one_line(text: &str) -> String {
    let clean: Cow<'_, str> = if text.chars().any(char::is_control) {
        text.chars()
            .map(|c| if c.is_control() { '\u{fffd}' } else { c })
            .collect()
    } else {
        text.into()
    };
    clean.into_owned()
}
