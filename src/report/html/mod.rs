//! A page for whoever would rather look than read: one file, without script, that asks for nothing.

mod grid;
mod history;
mod plan;
mod sheet;
mod status;

pub use history::history;
pub use plan::{PlanOnPage, plan, reviews};
pub use status::status;

use jiff::Timestamp;

use super::history::short_commit;
use super::text::escape;
use super::view::FailureView;
use sheet::{Marked, PageMark, STYLE, Sheet, SheetLink};

/// When and of which commit a page was made, and how it comes to its reader.
#[derive(Debug, Clone)]
pub struct PageContext {
    /// The reader's clock.
    pub now: Timestamp,
    /// The commit of the description; `None` outside of git.
    pub commit: Option<String>,
    /// Whether it is a file or served.
    pub served: Served,
}

/// How a page comes to its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served {
    /// As a file.
    No,
    /// By a server, which is asked again after so many seconds.
    Again(u32),
    /// By a server, as it was when it was asked for.
    Still,
}

impl PageContext {
    /// A sheet with what every page has.
    fn sheet(&self, cluster: &str, subject: &str) -> Sheet {
        let commit = self.commit.as_deref().map(short_commit);
        let commit = commit.map(|commit| format!("description {commit}"));
        let seen = self.now.strftime("seen %Y-%m-%d %H:%M:%S UTC").to_string();
        let link = |to, text| Some(SheetLink { to, text });
        Sheet {
            css: STYLE,
            title: format!("{cluster} · {subject}"),
            heading: format!("{cluster} · {subject}"),
            under: commit.into_iter().chain([seen]).collect(),
            refresh: match self.served {
                Served::Again(seconds) => Some(seconds),
                Served::No | Served::Still => None,
            },
            link: match self.served {
                Served::No => None,
                Served::Again(_) => link("/still", "hold still"),
                Served::Still => link("/", "look again every few seconds"),
            },
            ..Sheet::default()
        }
    }
}

/// Hosts that were not seen, and why.
fn failed<'a>(failures: &'a [FailureView<'a>]) -> impl Iterator<Item = Marked> {
    failures.iter().map(|failure| {
        let FailureView {
            host,
            error,
            detail,
            help,
        } = failure;
        let mut text = format!("✗ {host} was not seen: {}", escape(error));
        let more = [detail, help].into_iter().flatten();
        for line in more.flat_map(|more| super::text::escape_lines(more)) {
            text += &format!("\n{line}");
        }
        Marked::new(PageMark::Bad, text)
    })
}

/// Lines of a report as one note.
fn note(mark: PageMark, lines: &[String]) -> Marked {
    Marked::new(mark, lines.join("\n"))
}

#[cfg(test)]
mod browser_tests;
#[cfg(test)]
mod tests;
