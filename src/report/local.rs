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
use crate::render::shell::{in_double_quotes, is_plain, quote};

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
                "is at port {}, since {} is not free",
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

/// That the description has not changed since, and what ends the watch.
#[must_use]
pub fn watches(cluster: &str) -> String {
    format!("watching clusters/{cluster} for edits; Ctrl-C ends that, and what runs goes on\n")
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

/// A variable as a shell takes it. A name that is none to a shell is a comment.
#[must_use]
pub fn export(name: &str, value: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    match name.bytes().all(plain) && !name.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("export {name}={}\n", quote(value)),
        false => format!("# {name} is no name of a variable to a shell\n"),
    }
}

/// A variable as a line of a dotenv file: quoted where its readers could take it for something else.
#[must_use]
pub fn dotenv(name: &str, value: &str) -> String {
    if is_plain(value) {
        return format!("{name}={value}\n");
    }
    if !value.contains(['\'', '\n', '\r']) {
        return format!("{name}='{value}'\n");
    }
    let quoted = in_double_quotes(value);
    let quoted = quoted.replace('\n', "\\n").replace('\r', "\\r");
    format!("{name}=\"{quoted}\"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_for_a_shell_or_for_a_file() {
        let both = |value| export("A", value) + &dotenv("A", value);
        assert_eq!(
            both("tcp://db:5432"),
            "export A=tcp://db:5432\nA=tcp://db:5432\n"
        );
        assert_eq!(both("a $b"), "export A='a $b'\nA='a $b'\n");
        assert_eq!(
            both("it's\n$x"),
            "export A='it'\\''s\n$x'\nA=\"it's\\n\\$x\"\n"
        );
        assert!(export("a.b", "x").starts_with('#'));
        assert_eq!(dotenv("A", ""), "A=\n");
    }
}
