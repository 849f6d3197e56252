//! A cluster on this machine: what happens while it comes up, and what runs.

use super::Detail;
use super::palette::{Palette, paint};
use super::reason::{Space, reason};
use super::text::{count, escape, escape_lines, pad, seconds, width};
use super::view::ReasonView;
use crate::cluster::model::Engine;
use crate::local::decide::SeenContainer;
use crate::local::event::{LocalEvent, LocalProblem};
use crate::local::name::LocalName;
use crate::local::up::UpEnd;

/// Whose state is shown.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// Its name here.
    pub name: &'a LocalName,
    /// Its description.
    pub cluster: &'a str,
    /// What runs it.
    pub engine: Engine,
}

/// An event as lines.
#[must_use]
pub fn event(event: &LocalEvent, palette: &Palette) -> String {
    let line = |service: &dyn std::fmt::Display, text: &str| {
        format!("{} {text}\n", paint(palette.strong, &service.to_string()))
    };
    match event {
        LocalEvent::Waits => {
            "another `bayplan local` works on this cluster: waiting for it\n".to_owned()
        }
        LocalEvent::Pulls { image } => format!("pulling {}\n", escape(image)),
        LocalEvent::Starts { service, reasons } => {
            let space = Space {
                detail: Detail::Short,
                room: palette.width().saturating_sub(4).max(20),
            };
            let views = reasons
                .iter()
                .map(|one| reason(&ReasonView::of(one, service), space));
            let lines: Vec<String> = views.flatten().collect();
            match lines.as_slice() {
                [only] => line(service, &format!("starts: {only}")),
                lines => {
                    let lines = lines.iter().map(|line| format!("    {line}\n"));
                    line(service, "starts:") + &lines.collect::<String>()
                }
            }
        }
        LocalEvent::Moved { service, port, at } => line(
            service,
            &format!(
                "is at port {}, since {} is taken",
                paint(palette.changed, &at.to_string()),
                port.wanted
            ),
        ),
        LocalEvent::Runs { service, took } => line(
            service,
            &format!("{} after {}", paint(palette.added, "runs"), seconds(*took)),
        ),
        LocalEvent::Done { service, took } => line(
            service,
            &format!("{} after {}", paint(palette.added, "done"), seconds(*took)),
        ),
        LocalEvent::Reloaded { service } => line(service, "reads its new files, without a restart"),
        LocalEvent::Removed { service } => line(service, "removed"),
        LocalEvent::Failed { service, problem } => failed(service.as_str(), problem, palette),
        LocalEvent::NotStarted { service, because } => {
            line(service, &format!("not started: {because} comes before it"))
        }
    }
}

fn failed(service: &str, problem: &LocalProblem, palette: &Palette) -> String {
    let LocalProblem { what, lines, help } = problem;
    let mut text = format!(
        "{} {service}: {}\n",
        paint(palette.error, "error:"),
        escape(what)
    );
    for line in lines
        .iter()
        .flat_map(|lines| escape_lines(lines.trim_end()))
    {
        text += &format!("    {line}\n");
    }
    if let Some(help) = help {
        text += &format!("{} {}\n", paint(palette.help, "help:"), escape(help));
    }
    text
}

/// How it ended, in a line.
#[must_use]
pub fn end(end: UpEnd, name: &LocalName, palette: &Palette) -> String {
    match (end.failed, end.changed) {
        (0, 0) => format!("{name} is up to date\n"),
        (0, changed) => format!("{name} is up: {}\n", count(changed, "change", "changes")),
        (failed, _) => format!(
            "{name}: {}\n",
            paint(
                palette.removed,
                &format!(
                    "{} not as it should be",
                    count(failed, "service is", "services are")
                )
            )
        ),
    }
}

/// What `down` took away beside containers.
#[must_use]
pub fn cleared(volumes: usize) -> String {
    format!(
        "{} removed, and the files of the cluster here",
        count(volumes, "volume", "volumes")
    )
}

/// What runs, a line each.
#[must_use]
pub fn status(head: &Head<'_>, seen: &[SeenContainer], palette: &Palette) -> String {
    let Head {
        name,
        cluster,
        engine,
    } = head;
    let mut text = format!(
        "{}  {} by {}\n",
        paint(palette.strong, name.as_str()),
        escape(cluster),
        engine.program()
    );
    if seen.is_empty() {
        return text + "  nothing runs\n";
    }
    let rows: Vec<[String; 4]> = seen
        .iter()
        .map(|seen| {
            [
                seen.service.to_string(),
                state(seen),
                addresses(seen),
                escape(&seen.reference),
            ]
        })
        .collect();
    let columns = [0, 1, 2].map(|at| rows.iter().map(|row| width(&row[at])).max().unwrap_or(0));
    for (row, seen) in rows.iter().zip(seen) {
        let style = match (seen.running, seen.exit) {
            (true, _) if is_well(seen) => palette.added,
            (false, 0) if seen.job => palette.dim,
            (true, _) | (false, _) => palette.removed,
        };
        text += &format!(
            "  {}  {}  {}  {}\n",
            pad(&row[0], columns[0]),
            paint(style, &pad(&row[1], columns[1])),
            pad(&row[2], columns[2]),
            paint(palette.dim, &row[3])
        );
    }
    text
}

fn is_well(seen: &SeenContainer) -> bool {
    seen.health.as_deref() != Some("unhealthy")
}

fn state(seen: &SeenContainer) -> String {
    match (seen.running, seen.job) {
        (true, _) if !is_well(seen) => "unhealthy".to_owned(),
        (true, true) => "running (a job)".to_owned(),
        (true, false) if seen.restarts > 0 => {
            format!(
                "running, {}",
                count(
                    usize::try_from(seen.restarts).unwrap_or(usize::MAX),
                    "crash",
                    "crashes"
                )
            )
        }
        (true, false) => "running".to_owned(),
        (false, true) if seen.exit == 0 => "done".to_owned(),
        (false, _) => format!("ended with {}", seen.exit),
    }
}

/// Where it is found on this machine.
fn addresses(seen: &SeenContainer) -> String {
    let ports = seen.ports.iter().map(|((inside, _), at)| {
        let address = match seen.scheme.as_str() {
            "http" => format!("http://localhost:{at}"),
            _ => format!("127.0.0.1:{at}"),
        };
        match inside == at || seen.ports.len() == 1 {
            true => address,
            false => format!("{address} ({inside})"),
        }
    });
    let ports: Vec<String> = ports.collect();
    match ports.is_empty() {
        true => "-".to_owned(),
        false => ports.join(", "),
    }
}
