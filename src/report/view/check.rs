//! The problems of a description.

use schemars::JsonSchema;
use serde::Serialize;

use super::super::check::{CheckedCluster, Size};
use super::VERSION;
use crate::cluster::diagnostic::{Diagnostic, Level, Place};
use crate::cluster::{Sources, TextPosition, is_lint, positions};

/// What `check` found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CheckView {
    /// The version of these shapes. It rises when a field changes its meaning or goes.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// There are no errors; warnings do not count.
    pub ok: bool,
    /// The clusters that were checked.
    pub clusters: Vec<CheckedClusterView>,
    /// Every problem, in the order of the files.
    pub diagnostics: Vec<DiagnosticView>,
}

/// One cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CheckedClusterView {
    /// Its name.
    pub cluster: String,
    /// How many errors it has.
    pub errors: usize,
    /// How many warnings.
    pub warnings: usize,
    /// How many hosts, or null if errors hide them.
    pub hosts: Option<usize>,
    /// How many services that are placed somewhere, or null.
    pub services: Option<usize>,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DiagnosticView {
    /// The cluster that it was found in: a file that two of them share is told with each.
    pub cluster: String,
    /// `error` or `warning`.
    pub level: String,
    /// The name of the lint, as `[lint]` takes it, or null.
    pub code: Option<String>,
    /// What was expected, and what was found.
    pub message: String,
    /// What to type, or null.
    pub help: Option<String>,
    /// The place to look at first.
    #[serde(flatten)]
    pub place: DiagnosticPlaceView,
    /// Further places that explain it.
    pub related: Vec<DiagnosticPlaceView>,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DiagnosticPlaceView {
    /// The file, from the root of the config repository.
    pub file: String,
    /// Its line, from 1, or null for the file as a whole.
    pub line: Option<usize>,
    /// The column in characters, from 1, or null.
    pub column: Option<usize>,
    /// The line on which it ends, or null.
    pub end_line: Option<usize>,
    /// The column after its last character, or null.
    pub end_column: Option<usize>,
    /// A few words about the place; may be empty.
    pub label: String,
}

impl CheckView {
    /// Of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            version: VERSION,
            ok: true,
            clusters: Vec::new(),
            diagnostics: Vec::new(),
        }
    }

    /// Adds what was found in a cluster.
    pub fn add(&mut self, checked: &CheckedCluster, problems: &[Diagnostic], sources: &Sources) {
        let CheckedCluster {
            cluster,
            errors,
            warnings,
            size,
        } = checked;
        let size = size.map(|Size { hosts, services }| (hosts, services));
        self.ok &= *errors == 0;
        self.clusters.push(CheckedClusterView {
            cluster: cluster.to_string(),
            errors: *errors,
            warnings: *warnings,
            hosts: size.map(|(hosts, _)| hosts),
            services: size.map(|(_, services)| services),
        });
        let views = problems.iter();
        let views = views.map(|one| DiagnosticView::of(cluster.as_str(), one, sources));
        self.diagnostics.extend(views);
    }

    /// Adds a directory whose name is no cluster's.
    pub fn add_misnamed(&mut self, directory: &str, error: &str, help: &str) {
        self.ok = false;
        self.diagnostics.push(DiagnosticView {
            cluster: directory.to_owned(),
            level: "error".to_owned(),
            code: None,
            message: error.to_owned(),
            help: Some(help.to_owned()),
            place: DiagnosticPlaceView {
                file: format!("clusters/{directory}"),
                line: None,
                column: None,
                end_line: None,
                end_column: None,
                label: String::new(),
            },
            related: Vec::new(),
        });
    }
}

impl Default for CheckView {
    fn default() -> Self {
        Self::new()
    }
}

impl DiagnosticView {
    fn of(cluster: &str, diagnostic: &Diagnostic, sources: &Sources) -> Self {
        let Diagnostic {
            level,
            title,
            place,
            related,
            help,
        } = diagnostic;
        let related = related.iter();
        Self {
            cluster: cluster.to_owned(),
            level: match level {
                Level::Error => "error".to_owned(),
                Level::Warning => "warning".to_owned(),
            },
            code: is_lint(&place.label).then(|| place.label.clone()),
            message: title.clone(),
            help: help.clone(),
            place: DiagnosticPlaceView::of(place, sources),
            related: related
                .map(|it| DiagnosticPlaceView::of(it, sources))
                .collect(),
        }
    }
}

impl DiagnosticPlaceView {
    fn of(place: &Place, sources: &Sources) -> Self {
        let Place {
            path,
            span: _,
            label,
        } = place;
        let (begin, end) = positions(place, sources).unzip();
        let line = |at: Option<TextPosition>| at.map(|it| it.line);
        let column = |at: Option<TextPosition>| at.map(|it| it.column);
        Self {
            file: path.clone(),
            line: line(begin),
            column: column(begin),
            end_line: line(end),
            end_column: column(end),
            label: label.clone(),
        }
    }
}
