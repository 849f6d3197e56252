//! How a release ended, in a few lines.

use super::palette::{Palette, paint};
use super::text::{commas, count};
use crate::cluster::model::{Cluster, Transport};
use crate::plan::{Action, Plan};
use crate::release::Released;

/// What was done where, what was not, and what to type next.
#[must_use]
pub fn text(cluster: &Cluster, released: &Released, palette: &Palette) -> String {
    let Released {
        plan,
        done,
        left,
        problems,
    } = released;
    let name = &cluster.name;
    let mut text = String::new();
    if problems.is_empty() {
        if done.is_empty() {
            return format!("No changes. {name} is in sync.\n");
        }
        let hosts = count(done.len(), "host", "hosts");
        text += &format!(
            "{} {name} on {hosts}: {}.\n",
            paint(palette.strong, "Released"),
            acts(plan)
        );
        let on_files = |host| {
            let host = cluster.hosts.get(host);
            host.is_some_and(|h| matches!(h.transport, Transport::Directory { .. }))
        };
        if done.iter().any(on_files) {
            text += "Nothing was started: directory hosts have files only.\n";
        }
        return text;
    }
    let failed: Vec<_> = problems.keys().collect();
    text += &format!("{} on {}", paint(palette.error, "Failed"), commas(&failed));
    if !done.is_empty() {
        text += &format!("; done on {}", commas(done));
    }
    if !left.is_empty() {
        text += &format!("; not finished on {}", commas(left));
    }
    text += &format!(
        ".\nWhat was done stays. `bayplan status {name}` shows it; once the cause is mended, \
         `bayplan release {name}` finishes it.\n"
    );
    text
}

fn acts(plan: &Plan) -> String {
    let services = || plan.hosts.values().flat_map(|host| &host.services);
    let number = |action| services().filter(|s| s.action == action).count();
    let parts = [
        (number(Action::Start), "started"),
        (number(Action::Restart), "restarted"),
        (number(Action::Stop), "stopped"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{} {what}", count(*number, "unit", "units")))
        .collect();
    if parts.is_empty() {
        "files written".to_owned()
    } else {
        parts.join(", ")
    }
}
