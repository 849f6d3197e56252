//! Containers of a cluster on this machine.

use super::service;
use crate::cluster::ports::Protocol;
use crate::local::decide::SeenContainer;

/// One in every state.
pub fn containers_here(odd: &str) -> Vec<SeenContainer> {
    let one = |name: &str| SeenContainer {
        id: odd.to_owned(),
        service: service(name),
        running: true,
        job: false,
        exit: 0,
        restarts: 1,
        fingerprint: odd.to_owned(),
        directory: odd.to_owned(),
        image: odd.to_owned(),
        reference: format!("{odd}:1.4.2"),
        scheme: String::new(),
        since: "2026-11-27T09:00:00.123456789Z".to_owned(),
        ended: "0001-01-01T00:00:00Z".to_owned(),
        health: None,
        ports: [((8080, Protocol::Tcp), 20001)].into(),
    };
    let ended = |name: &str, job, exit| SeenContainer {
        running: false,
        job,
        exit,
        ended: "2026-11-27T10:00:00Z".to_owned(),
        ..one(name)
    };
    vec![
        SeenContainer {
            scheme: "http".to_owned(),
            ..one("api")
        },
        SeenContainer {
            health: Some("unhealthy".to_owned()),
            ..one("booking")
        },
        ended("calendar", false, 137),
        ended("import", true, 0),
        SeenContainer {
            job: true,
            ..one("migrate")
        },
        ended("reindex", true, 3),
    ]
}
