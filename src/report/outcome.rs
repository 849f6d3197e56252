//! How a release ended, in a few lines.

use super::hosts::hosts;
use super::palette::{Palette, paint};
use super::text::count;
use crate::cluster::model::Cluster;
use crate::cluster::name::HostName;
use crate::plan::{Action, Plan};
use crate::release::Released;
use crate::release::problem::{Problem, Then};

/// What was done where, what was not, and what to type next.
#[must_use]
pub fn text(cluster: &Cluster, released: &Released, palette: &Palette) -> String {
    let Released {
        plan,
        done,
        begun,
        left,
        problems,
    } = released;
    let name = &cluster.name;
    let mut text = String::new();
    if problems.is_empty() {
        if done.is_empty() && !plan.dismissed.is_empty() {
            let forgotten = plan.dismissed.iter().map(|left| &left.host);
            return format!(
                "{name} does not tell of {} any more.\n",
                super::hosts::list(forgotten)
            );
        }
        if done.is_empty() {
            return format!("No changes. {name} is in sync.\n");
        }
        let on = count(done.len(), "host", "hosts");
        text += &format!(
            "{} {name} on {on}: {}.\n",
            paint(palette.strong, "Released"),
            acts(plan)
        );
        let on_files = |host| !cluster.supervisor(host).runs_containers();
        if done.iter().any(on_files) {
            text += "Nothing was started: directory hosts have files only.\n";
        }
        return text;
    }
    let of_kind = |kind: fn(&Problem) -> bool| -> Vec<&HostName> {
        let hosts = problems.iter().filter(|(_, problem)| kind(problem));
        hosts.map(|(host, _)| host).collect()
    };
    let back = of_kind(was_put_back);
    let goes_on = of_kind(|problem| matches!(problem, Problem::Continues(_)));
    let failed =
        of_kind(|problem| !was_put_back(problem) && !matches!(problem, Problem::Continues(_)));
    let mut parts = Vec::new();
    if !failed.is_empty() {
        let word = paint(palette.error, "Failed");
        parts.push(format!("{word} on {}", hosts(&failed)));
    }
    if !back.is_empty() {
        let word = paint(palette.error, "Failed and put back");
        parts.push(format!("{word} on {}", hosts(&back)));
    }
    if !goes_on.is_empty() {
        let word = paint(palette.changed, "Not followed to the end");
        parts.push(format!("{word} on {}", hosts(&goes_on)));
    }
    text += &parts.join("; ");
    if !done.is_empty() {
        text += &format!("; done on {}", hosts(done));
    }
    if !begun.is_empty() {
        text += &format!("; not finished on {}", hosts(begun));
    }
    if !left.is_empty() {
        text += &format!("; not begun on {}", hosts(left));
    }
    text += ".\n";
    if !goes_on.is_empty() {
        text += &format!(
            "{} on by itself, or puts back what was before: `bayplan status {name}` shows it, \
             `bayplan release {name}` follows it and finishes the rest.\n",
            if goes_on.len() == 1 {
                "That host goes"
            } else {
                "Those hosts go"
            }
        );
    }
    if !failed.is_empty() || !back.is_empty() {
        let stays = if done.is_empty() {
            ""
        } else {
            "What was done stays. "
        };
        text += &format!(
            "{stays}`bayplan status {name}` shows it; once the cause is mended, \
             `bayplan release {name}` finishes it.\n"
        );
    }
    text
}

/// Whether the host is as it was before it failed.
#[must_use]
pub fn was_put_back(problem: &Problem) -> bool {
    matches!(problem, Problem::Activation(failed) if failed.then == Then::PutBack)
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
