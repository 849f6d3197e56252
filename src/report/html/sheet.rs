//! What stands on a page, as plain data, and how it becomes HTML.

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment};
use serde::Serialize;

const PAGE: &str = include_str!("page.html");
pub(super) const STYLE: &str = include_str!("page.css");

/// How a thing is marked. A sign and a word stand beside the colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PageMark {
    /// It failed, or is not what anybody asked for.
    Bad,
    /// It waits for a release, or is interrupted by one.
    Wait,
    /// It is new.
    News,
    /// It is as it should be.
    Good,
    /// Nothing is to be said of it.
    Calm,
}

/// A page.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Sheet {
    pub css: &'static str,
    pub title: String,
    pub heading: String,
    /// Beside the heading: which commit, when it was seen.
    pub under: Vec<String>,
    pub parts: Vec<SheetPart>,
    /// Commands to type next.
    pub next: Vec<String>,
    pub legend: String,
    /// A served page is asked for again after so many seconds.
    pub refresh: Option<u32>,
    /// The other way to look at a served page.
    pub link: Option<SheetLink>,
}

/// A link to another page of the same server.
#[derive(Debug, Clone, Serialize)]
pub(super) struct SheetLink {
    pub to: &'static str,
    pub text: &'static str,
}

/// One cluster, or one subject of it.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct SheetPart {
    pub heading: Option<String>,
    pub chips: Vec<Marked>,
    pub lead: Vec<String>,
    pub notes: Vec<Marked>,
    pub tables: Vec<SheetTable>,
    pub after: Vec<String>,
    pub pre: Option<String>,
}

/// A text with its mark.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Marked {
    pub class: PageMark,
    pub text: String,
}

impl Marked {
    pub(super) fn new(class: PageMark, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { class, text }
    }
}

/// A table; its first column names the row.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct SheetTable {
    /// For who does not see it.
    pub name: String,
    /// What stands for it while it is closed; it is open where there is none.
    pub fold: Option<String>,
    pub class: &'static str,
    pub heads: Vec<SheetHead>,
    pub rows: Vec<SheetRow>,
}

/// The head of a column.
#[derive(Debug, Clone, Serialize)]
pub(super) struct SheetHead {
    pub text: String,
    pub small: Option<String>,
}

impl SheetHead {
    pub(super) fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { text, small: None }
    }
}

/// A row of a table.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct SheetRow {
    pub class: Option<PageMark>,
    pub name: String,
    pub cells: Vec<SheetCell>,
    /// The last column.
    pub why: String,
}

/// A cell of a table.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct SheetCell {
    /// Nothing but this text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plain: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub empty: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<PageMark>,
    /// The name of the column, shown where columns are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub here: Option<String>,
    /// Sign and word.
    pub text: String,
    pub version: String,
    pub since: String,
    /// It can be opened.
    pub open: bool,
    pub lines: Vec<String>,
    pub diff: Vec<DiffLine>,
}

impl SheetCell {
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self {
            plain: Some(text.into()),
            ..Self::default()
        }
    }

    pub(super) fn empty() -> Self {
        Self {
            empty: true,
            ..Self::default()
        }
    }
}

/// A line of a diff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct DiffLine {
    pub class: Option<&'static str>,
    pub text: String,
}

impl DiffLine {
    pub(super) fn of(text: String) -> Self {
        let class = match text.as_bytes() {
            [b'@', ..] | [b'=', b'=', ..] | [b'-', b'-', b'-', ..] | [b'+', b'+', b'+', ..] => {
                Some("at")
            }
            [b'+', ..] => Some("add"),
            [b'-', ..] => Some("del"),
            _ => None,
        };
        Self { class, text }
    }
}

impl Sheet {
    /// The page as HTML. Every text is escaped; the style is ours.
    pub(super) fn html(&self) -> String {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        let template = environment.template_from_named_str("page.html", PAGE);
        let page = template.and_then(|template| template.render(Serde(self)));
        page.expect("the template is ours and tested")
    }
}
