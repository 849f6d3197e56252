//! Hosts, and the services that move or restart there, as a diagram.

use std::collections::BTreeMap;

use super::super::service;
use super::super::view::{NoteView, PlanView, ServiceView};
use crate::plan::Action;

/// A diagram of more services than this is not read by anybody.
const NODES: usize = 40;

/// Hosts, and the services that move or restart there. Names of hosts and services are letters,
/// digits and hyphens, so no text of it needs an escape.
pub(super) fn diagram(view: &PlanView<'_>) -> Option<String> {
    let mut nodes = 0;
    let mut lines = vec!["```mermaid".to_owned(), "flowchart LR".to_owned()];
    let mut ids: BTreeMap<(&str, &str), String> = BTreeMap::new();
    for (number, host) in view.hosts.iter().enumerate() {
        let disturbed = host.services.iter().filter(|s| s.action != Action::None);
        let disturbed: Vec<&ServiceView<'_>> = disturbed.collect();
        if disturbed.is_empty() {
            continue;
        }
        lines.push(format!("  subgraph h{number}[\"{}\"]", host.host));
        for service in disturbed {
            let id = format!("s{nodes}");
            nodes += 1;
            let (word, class) = (service::word(service), class(service));
            let name = service.service;
            lines.push(format!("    {id}[\"{name}: {word}\"]:::{class}"));
            ids.insert((host.host, name), id);
        }
        lines.push("  end".to_owned());
    }
    if nodes == 0 {
        return None;
    }
    if nodes > NODES {
        return Some(format!(
            "The diagram is left out: it would show {nodes} services.\n"
        ));
    }
    for host in &view.hosts {
        for service in &host.services {
            for note in &service.notes {
                let NoteView::MovesTo { hosts } = note else {
                    continue;
                };
                let name = service.service;
                for to in *hosts {
                    let to = ids.get(&(to.as_str(), name));
                    if let (Some(from), Some(to)) = (ids.get(&(host.host, name)), to) {
                        lines.push(format!("  {from} -- moves --> {to}"));
                    }
                }
            }
        }
    }
    for (class, style) in [
        ("restarts", "fill:#fff3c4,stroke:#b58900,color:#333"),
        ("starts", "fill:#d6f5d6,stroke:#2e8b57,color:#333"),
        ("stops", "fill:#fbdcdc,stroke:#b22222,color:#333"),
    ] {
        lines.push(format!("  classDef {class} {style}"));
    }
    lines.push("```".to_owned());
    Some(lines.join("\n") + "\n")
}

fn class(service: &ServiceView<'_>) -> &'static str {
    match service.action {
        Action::Start => "starts",
        Action::Stop => "stops",
        Action::None
        | Action::Reload
        | Action::Restart
        | Action::Swap
        | Action::Pending
        | Action::MayRestart
        | Action::Run
        | Action::MayRun => "restarts",
    }
}
