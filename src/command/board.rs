//! `bayplan board CLUSTER`.

#![expect(
    clippy::disallowed_methods,
    reason = "tells how old a look is; waits for Ctrl-C"
)]

use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use oxhttp::Server;
use oxhttp::model::header::{CONTENT_TYPE, HOST, HeaderName};
use oxhttp::model::{Body, Method, Request, Response, StatusCode};

use super::description::{Description, load_hosts, repository};
use super::history::subjects;
use super::page;
use super::shown::failures;
use super::status::{desired, with_view};
use super::{Exit, Failure};
use crate::cli::{self, Parallel};
use crate::host::reach::descriptors::make_room;
use crate::release::{Hosts, Setting};
use crate::render::desired::Desired;
use crate::report::html::{self, PageContext, Served};
use crate::report::stream;
use crate::report::view::HistoryView;
use crate::repository::Repository;

/// A look that is younger is shown again.
const FRESH: Duration = Duration::from_secs(3);
/// How often a page that is open is asked for again, in seconds.
const AGAIN: u32 = 5;
/// How soon Ctrl-C is noticed.
const NOTICE: Duration = Duration::from_millis(50);
/// A browser that does not end its question.
const PATIENCE: Duration = Duration::from_secs(120);
/// Browsers and their tabs.
const CONNECTIONS: usize = 32;

/// What is not for any other page, and not kept.
const HEADERS: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; form-action 'none'; base-uri 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cache-control", "no-store"),
];

/// What is served.
struct ServedBoard {
    /// Of the description as it was when the board began.
    context: PageContext,
    repository: Repository,
    description: Description,
    desired: Desired,
    parallel: Parallel,
    seen: Mutex<SeenHosts>,
}

/// The last look, with its sessions.
#[derive(Default)]
struct SeenHosts {
    hosts: Hosts,
    /// When it was, and the page of it: one that is asked for again, and one that is not.
    pages: Option<(Instant, [String; 2])>,
}

pub(super) fn run(directory: Option<&Path>, arguments: &cli::Board) -> Result<Exit, Failure> {
    let repository = repository(directory)?;
    let (description, services) = match load_hosts(&repository, &arguments.cluster) {
        Ok(loaded) => loaded,
        Err(exit) => return Ok(exit),
    };
    let all = description.cluster.hosts.len();
    make_room(all + CONNECTIONS, all.min(arguments.parallel.hosts.get()))?;
    let interrupt = description.connect.interrupt.clone();
    let board = Arc::new(ServedBoard {
        desired: desired(&description, services, &arguments.parallel, &|_| {}),
        context: page::context(&repository),
        repository,
        description,
        parallel: arguments.parallel,
        seen: Mutex::default(),
    });
    let served = Arc::clone(&board);
    let server = Server::new(move |request| served.answer(request))
        .bind(arguments.listen)
        .with_global_timeout(PATIENCE)
        .with_max_concurrent_connections(CONNECTIONS)
        .spawn();
    let _server = server.map_err(|error| {
        let address = arguments.listen;
        Failure::with_help(
            anyhow::anyhow!("cannot listen on {address}: {error}"),
            "`--listen 127.0.0.1:PORT` takes another port",
        )
    })?;
    interrupt.listen()?;
    stream::stdout(&format!(
        "http://{}/ shows {}; Ctrl-C ends it.\n",
        arguments.listen, arguments.cluster
    ))?;
    while !interrupt.asked() {
        std::thread::sleep(NOTICE);
    }
    Ok(Exit::Interrupted)
}

impl ServedBoard {
    fn answer(&self, request: &Request<Body>) -> Response<Body> {
        let host = request.headers().get(HOST);
        let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
        let (status, kind, body) = if !is_here(host) {
            let told = "this page is for this machine alone: open it by 127.0.0.1 or localhost\n";
            (StatusCode::FORBIDDEN, "text/plain", told.to_owned())
        } else if request.method() != Method::GET {
            let told = "there is nothing to do here but to read\n";
            (
                StatusCode::METHOD_NOT_ALLOWED,
                "text/plain",
                told.to_owned(),
            )
        } else {
            match request.uri().path() {
                "/" => (StatusCode::OK, "text/html", self.page(0)),
                "/still" => (StatusCode::OK, "text/html", self.page(1)),
                _ => (
                    StatusCode::NOT_FOUND,
                    "text/plain",
                    "there is only /\n".to_owned(),
                ),
            }
        };
        let mut answer = Response::builder()
            .status(status)
            .header(CONTENT_TYPE, format!("{kind}; charset=utf-8"));
        for (name, value) in HEADERS {
            answer = answer.header(HeaderName::from_static(name), value);
        }
        answer
            .body(Body::from(body))
            .expect("status and headers are ours")
    }

    /// The page of a look of now. Who asks at the same time waits for the same look.
    fn page(&self, which: usize) -> String {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((when, pages)) = &seen.pages
            && when.elapsed() < FRESH
        {
            return pages[which].clone();
        }
        let setting = Setting {
            desired: &self.desired,
            ..self.description.setting(&self.parallel)
        };
        let (at_work, histories) = seen.hosts.refresh_for_page(setting);
        let failures = failures(seen.hosts.problems());
        let subjects = subjects(&self.repository, &histories);
        let past =
            HistoryView::of(&setting.cluster.name, &histories, &failures).with_subjects(&subjects);
        let now = jiff::Timestamp::now();
        let pages = with_view(setting, &seen.hosts, &at_work, &failures, |view| {
            [Served::Again(AGAIN), Served::Still].map(|served| {
                let context = PageContext {
                    now,
                    served,
                    ..self.context.clone()
                };
                html::status(view, &past, &context)
            })
        });
        let page = pages[which].clone();
        seen.pages = Some((Instant::now(), pages));
        page
    }
}

/// Whether a `Host` header names this machine: a name of somebody else's that leads here does not.
fn is_here(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.chars().all(|c| c.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    let bare = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    let address: Result<IpAddr, _> = bare.unwrap_or(name).parse();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|it| it.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::is_here;

    #[test]
    fn only_a_name_of_this_machine_is_answered() {
        for host in [
            "localhost",
            "LOCALHOST:7077",
            "127.0.0.1:7077",
            "[::1]:7077",
            "[::1]",
        ] {
            assert!(is_here(host), "{host}");
        }
        for host in [
            "",
            "evil.test",
            "evil.test:7077",
            "127.0.0.1.evil.test",
            "10.0.0.1:7077",
            "localhost.evil.test",
            "[fe80::1]:7077",
        ] {
            assert!(!is_here(host), "{host}");
        }
    }
}
