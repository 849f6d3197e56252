//! What `ExecStartPost=` does: wait until the container runs and answers. docker relays no
//! `sd_notify(3)`, so somebody has to look.
//!
//! It is a bash script on the unit's own lines, since a host has no file of ours that could
//! outlive an upgrade, and is sure to have neither curl nor wget; bash speaks TCP by itself. It
//! gives up when the unit's main process, the engine's client, is gone.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::identity::UnitName;
use super::shell::{in_double_quotes, quote};
use super::unit::quote_lines;
use crate::cluster::model::{Health, HttpProbe, Probe, Service};

/// How long a container without `[health]` may take until it runs.
const UNTIL_RUNNING: Duration = Duration::from_secs(60);

/// How long one question may take.
const ONE_QUESTION: Duration = Duration::from_secs(10);

/// How much longer systemd waits than the wait for the first good answer.
const MARGIN: Duration = Duration::from_secs(30);

/// Whole seconds, rounded up: a limit is never shorter than the description says.
pub(super) fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// How long a start may take until the wait gives up.
pub(crate) fn limit(service: &Service) -> Duration {
    service.health.as_ref().map_or(UNTIL_RUNNING, |h| h.timeout)
}

/// How long one question may take.
pub(crate) fn question(health: &Health) -> Duration {
    health.probe_timeout.unwrap_or(ONE_QUESTION)
}

/// `TimeoutStartSec=`: longer than the wait, with what it may be late by.
pub(super) fn start_limit(service: &Service) -> Duration {
    let late = match &service.health {
        Some(health) if health.interval.is_some() || health.probe_timeout.is_some() => {
            let pause = health.interval.unwrap_or_default();
            (MARGIN - ONE_QUESTION)
                .saturating_add(pause)
                .saturating_add(question(health))
        }
        Some(_) | None => MARGIN,
    };
    limit(service).saturating_add(late)
}

/// The pause between two questions in seconds, as `sleep` takes it; `None` is what all have.
fn pause(health: &Health) -> Option<String> {
    let interval = match (health.interval, &health.probe) {
        (Some(interval), _) => interval,
        (None, Probe::Image) => Duration::from_secs(1),
        (None, Probe::Http(_) | Probe::Tcp | Probe::Command(_)) => return None,
    };
    Some(format!("{}", interval.as_secs_f64()))
}

/// Where a probe of the service's port asks.
struct Asked {
    /// `None` is the container's own address, which only the engine knows.
    address: Option<IpAddr>,
    port: u16,
}

impl Asked {
    /// Where it is published, or in the host's network; else in the container.
    fn of(service: &Service, listen: Option<IpAddr>) -> Self {
        // `check` refuses a probe of a port without a port.
        let inside = service.port.unwrap_or_default();
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let mut published = service.published(listen).into_iter();
        let found = published.find_map(|publish| Some((publish.at.address, publish.to(inside)?)));
        let (address, port) = match (service.container.network.as_deref(), found) {
            (Some("host"), _) => (Some(here), inside),
            (_, None) => (None, inside),
            (_, Some((address, port))) => {
                let address = match address {
                    None => here,
                    Some(IpAddr::V6(address)) if address.is_unspecified() => {
                        IpAddr::V6(Ipv6Addr::LOCALHOST)
                    }
                    Some(address) if address.is_unspecified() => here,
                    Some(address) => address,
                };
                (Some(address), port)
            }
        };
        Self { address, port }
    }

    /// What comes before the question, and the address for bash.
    fn socket(&self) -> (&'static str, String) {
        match self.address {
            Some(address) => ("", address.to_string()),
            None => ("own && ", "$address".to_owned()),
        }
    }

    /// For readers.
    fn shown(&self) -> String {
        let port = self.port;
        match self.address {
            Some(address) => SocketAddr::new(address, port).to_string(),
            None => format!("CONTAINER:{port}"),
        }
    }
}

/// The value of `ExecStartPost=`: a command line that ends with 0 when the service is well, and
/// with 1 and a line that says why when it is not. `client` is the engine's, one word of a shell.
pub(super) fn command_line(
    service: &Service,
    unit: &UnitName,
    listen: Option<IpAddr>,
    client: &str,
) -> String {
    let name = unit.container();
    let limit = seconds(limit(service));
    let pause = service.health.as_ref().and_then(pause);
    let (set, between) = match pause {
        Some(_) => (" pause=0.2", "$pause"),
        None => ("", "0.2"),
    };
    let mut lines = vec![
        // The service may have variables of these names: bash would start from their values.
        format!("SECONDS=0 last={set};"),
        "await() { until \"$2\" >/dev/null 2>&1; do".to_owned(),
        "  kill -0 $MAINPID 2>/dev/null || { echo \"bayplan: it ended before it $1$last\"; exit 1; };"
            .to_owned(),
        format!(
            "  ((SECONDS <= {limit})) || {{ echo \"bayplan: gave up after {limit} s, before it $1$last\"; exit 1; }};"
        ),
        format!("  sleep {between}; done; }};"),
        format!(
            "running() {{ [ \"$({client} inspect -f \"{{{{.State.Running}}}}\" {name})\" = true ]; }};"
        ),
        "await \"was running\" running;".to_owned(),
    ];
    if let Some(health) = &service.health {
        if let Some(pause) = pause {
            lines.push(format!("pause={pause};"));
        }
        let (asks, answered) = question_lines(service, health, listen, client, &name);
        lines.extend(asks);
        lines.push(format!("await \"{answered}\" answers;"));
    }
    // With `-p` bash reads no file, even if the service has a variable BASH_ENV.
    format!("/bin/bash -pc {}", quote_lines(&lines))
}

/// The lines of a script that define `answers`, which asks a container once, and what a good answer is, for a text in double
/// quotes. A bad one leaves what is known of it in `last`, which the script prints after its own words.
pub(super) fn question_lines(
    service: &Service,
    health: &Health,
    listen: Option<IpAddr>,
    client: &str,
    name: &str,
) -> (Vec<String>, String) {
    let mut lines = Vec::new();
    let probe = &health.probe;
    let one = seconds(question(health));
    let asked = Asked::of(service, listen);
    let by_port = matches!(probe, Probe::Http(_) | Probe::Tcp);
    if asked.address.is_none() && by_port {
        lines.push(format!(
            "own() {{ set -- $({client} inspect -f \"{{{{range .NetworkSettings.Networks}}}}{{{{.IPAddress}}}} {{{{end}}}}\" {name}); address=$1; }};"
        ));
    }
    let (before, at) = asked.socket();
    let port = asked.port;
    let answered = match probe {
        Probe::Http(http) => {
            lines.extend(http_lines(http, one, before, &at, port));
            format!(
                "answered GET http://{}{} with a status below 400",
                asked.shown(),
                in_double_quotes(&http.path)
            )
        }
        Probe::Tcp => {
            // docker's proxy accepts at once and hangs up if the container does not listen: a
            // connection that stays open, or says something, is one to the container.
            lines.extend([
                format!("answers() {{ {before}{{ read -r -n 1 -t 0.3 -u 3 first;"),
                format!("  (($? != 1)); }} 3<>/dev/tcp/{at}/{port}; }};"),
            ]);
            format!("accepted a connection on port {port}")
        }
        Probe::Command(words) => {
            let words: Vec<_> = words.iter().map(|w| quote(w)).collect();
            let words = words.join(" ");
            lines.push(format!(
                "answers() {{ timeout {one} {client} exec {name} {words}; }};"
            ));
            "passed its health command".to_owned()
        }
        Probe::Image => {
            // docker has none where the image has no HEALTHCHECK, podman an empty one.
            lines.extend([
                format!(
                    "answers() {{ state=$({client} inspect -f \"{{{{if .State.Health}}}}{{{{.State.Health.Status}}}}{{{{end}}}}\" {name});"
                ),
                "  last=\"; its status: ${state:-none}\"; [ \"$state\" = healthy ]; };".to_owned(),
            ]);
            "was healthy by the HEALTHCHECK of its image".to_owned()
        }
    };
    (lines, answered)
}

/// `answers` of a request of HTTP.
fn http_lines(http: &HttpProbe, one: u64, before: &str, at: &str, port: u16) -> [String; 3] {
    let HttpProbe {
        path,
        host,
        headers,
    } = http;
    // As printf's format.
    let text = |text: &str| in_double_quotes(&text.replace('\\', "\\\\").replace('%', "%%"));
    let headers: Vec<String> = headers
        .iter()
        .map(|(name, value)| format!("{}: {}\\r\\n", text(name), text(value)))
        .collect();
    [
        format!(
            "answers() {{ {before}{{ printf \"GET {} HTTP/1.0\\r\\nHost: {}\\r\\n{}\\r\\n\" >&3;",
            text(path),
            host.as_deref().map_or("localhost".into(), text),
            headers.concat()
        ),
        format!(
            "  read -r -t {one} -u 3 version status reason; last=\"; last answer: ${{status:-none}}\";"
        ),
        // A pattern, since what a container sends must never be evaluated.
        format!("  [[ $status == [123][0-9][0-9]* ]]; }} 3<>/dev/tcp/{at}/{port}; }};"),
    ]
}
