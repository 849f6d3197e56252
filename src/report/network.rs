//! What becomes of a network, in words.

use super::palette::{Palette, paint};
use super::refusal::network_options;
use super::text::{hanging, list, value};
use super::view::NetworkView;
use crate::plan::Change;

/// Below the name of a host.
pub(super) fn lines(view: &NetworkView<'_>, palette: &Palette) -> Vec<String> {
    let (sign, style) = match view.change {
        Change::Added => ("+", palette.added),
        Change::Changed => ("~", palette.changed),
        Change::Removed => ("-", palette.removed),
    };
    let start = format!("  {} ", paint(style, sign));
    hanging(&start, &words(view), palette.width())
}

/// In one sentence.
pub(super) fn words(view: &NetworkView<'_>) -> String {
    let NetworkView {
        network,
        change: _,
        before,
        after,
        down,
    } = view;
    let name = format!("network {}", value(network));
    match (before, after) {
        (None, Some("") | None) => format!("{name} is made"),
        (None, Some(options)) => format!("{name} is made with {}", network_options(options)),
        (Some(_), None) => format!("{name} is removed: nothing uses it"),
        (Some(before), Some(after)) => {
            let (before, after) = (network_options(before), network_options(after));
            let meanwhile = match down {
                [] => String::new(),
                [one] => format!("; {one} is down meanwhile"),
                several => format!("; {} are down meanwhile", list(*several)),
            };
            format!("{name} is made anew: {before} → {after}{meanwhile}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::refusal;
    use super::super::samples;
    use super::super::view::RefusalView;
    use super::*;
    use crate::cluster::model::Engine;
    use crate::plan::{NetworkPlan, Refusal, RefusalReason};

    #[test]
    fn what_becomes_of_a_network_is_one_sentence() {
        let told = |before: Option<&str>, after: Option<&str>, down: &[&str]| {
            let plan = NetworkPlan {
                network: "demo-mail".to_owned(),
                before: before.map(str::to_owned),
                after: after.map(str::to_owned),
                down: down.iter().map(|name| samples::service(name)).collect(),
            };
            words(&NetworkView::of(&plan))
        };
        assert_eq!(told(None, Some(""), &[]), "network demo-mail is made");
        assert_eq!(
            told(None, Some("internal"), &[]),
            "network demo-mail is made with `internal`"
        );
        assert_eq!(
            told(Some("internal"), Some(""), &["db", "web"]),
            "network demo-mail is made anew: `internal` → no options; db and web are down meanwhile"
        );
        assert_eq!(
            told(Some(""), None, &[]),
            "network demo-mail is removed: nothing uses it"
        );
    }

    #[test]
    fn a_network_that_is_held_is_told_with_what_to_type() {
        let told = |services: &[&str], containers: &[&str]| {
            let refusal = Refusal {
                host: samples::host("docker01"),
                why: RefusalReason::NetworkHeld {
                    engine: Engine::Docker,
                    network: "demo-mail".to_owned(),
                    before: String::new(),
                    after: "internal".to_owned(),
                    users: vec![samples::service("web")],
                    services: services.iter().map(|name| samples::service(name)).collect(),
                    containers: containers.iter().map(|&name| name.to_owned()).collect(),
                },
            };
            let cluster = samples::production();
            let view = RefusalView::of(&cluster, &refusal);
            let lines = refusal::lines(cluster.as_str(), &view, &Palette::PLAIN);
            lines
                .iter()
                .map(|line| line.trim())
                .collect::<Vec<_>>()
                .join(" ")
        };
        let error = "error: docker01: the network demo-mail has no options and is to have `internal`: it is made \
                     anew once nobody is in it, and";
        assert_eq!(
            told(&["db"], &[]),
            format!(
                "{error} db would stay in it help: `bayplan release production db web`, so that all of them go"
            )
        );
        assert_eq!(
            told(&[], &["stranger"]),
            format!(
                "{error} stranger would stay in it help: `docker network disconnect -f demo-mail stranger` on \
                 docker01, or stop it"
            )
        );
    }
}
