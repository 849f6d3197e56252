//! What one cluster takes over of another one, as text.

use jiff::Timestamp;

use super::palette::{Palette, paint};
use super::status::shown_state;
use super::text::{count, ended, escape, list};
use super::time::shown_since;
use super::view::StatusView;
use crate::cluster::name::ClusterName;
use crate::cluster::promote::{PromotedFile, Promotion};
use crate::plan::proven::{Unproven, WhyUnproven};

/// The files that change, and what is not taken over.
#[must_use]
pub fn text(
    from: &ClusterName,
    to: &ClusterName,
    promotion: &Promotion,
    palette: &Palette,
) -> String {
    let Promotion {
        files,
        services: _,
        left_out,
        own,
        config_stays,
    } = promotion;
    let title = format!("{from} → {to}: {}", count(files.len(), "file", "files"));
    let mut lines = vec![paint(palette.strong, &title)];
    lines.extend(files.iter().map(|file| file_line(file, palette)));
    let mut notes = Vec::new();
    if !left_out.is_empty() {
        notes.push(format!(
            "{} left out: {to} does not place {}",
            list(left_out),
            if left_out.len() == 1 { "it" } else { "them" }
        ));
    }
    if !own.is_empty() {
        notes.push(format!("{} only in {to}: unchanged", list(own)));
    }
    if *config_stays {
        notes.push(
            "service-config.toml differs and stays: without a SERVICE it is taken over, too"
                .to_owned(),
        );
    }
    lines.extend(notes.iter().map(|note| format!("  {note}")));
    ended(&lines)
}

fn file_line(file: &PromotedFile, palette: &Palette) -> String {
    let PromotedFile { to, from, there } = file;
    let (style, sign) = match (from, there) {
        (None, _) => (palette.removed, '-'),
        (Some(_), false) => (palette.added, '+'),
        (Some(_), true) => (palette.changed, '~'),
    };
    paint(style, &format!("  {sign} {}", escape(to)))
}

/// That there is nothing to take over.
#[must_use]
pub fn nothing(from: &ClusterName, to: &ClusterName) -> String {
    format!("{to} has all of that as {from} has it; nothing was written\n")
}

/// What has not run for long enough as it is described, a line each.
#[must_use]
pub fn unproven(found: &[Unproven], view: &StatusView<'_>, now: Timestamp) -> String {
    let lines = found.iter().map(|Unproven { host, service, why }| {
        let rows = view.hosts.iter().filter(|row| row.host == host.as_str());
        let mut rows = rows.flat_map(|row| &row.services);
        let row = rows.find(|row| row.service == service.as_str());
        let state = row.map_or_else(String::new, |row| shown_state(&row.state));
        let state = match why {
            WhyUnproven::Otherwise => state,
            WhyUnproven::Young { .. } => {
                let since = row.and_then(|row| row.since);
                format!("{state}, {} only", shown_since(since, now))
            }
            WhyUnproven::Unknown => format!("{state}, since nobody knows when"),
            WhyUnproven::FilesOnly => "a directory has files only: nothing runs there".to_owned(),
        };
        format!("  {host}  {service}  {state}\n")
    });
    lines.collect()
}
