//! Why a plan is not carried out, and what to type.

use std::collections::BTreeSet;

use super::palette::{Palette, paint};
use super::text::{escape, list, value, wrap};
use super::view::{OwnerView, RefusalView};
use crate::cluster::name::ServiceName;
use crate::render::placement::Reach;

/// Where unit files of administrators are (`systemd.unit(5)`); others belong to packages.
const ADMINISTRATOR: &str = "/etc/systemd/system/";

/// Whose a unit file is, after its path.
pub(super) fn whose(owner: &OwnerView<'_>) -> String {
    match owner {
        OwnerView::Masked => "is masked".to_owned(),
        OwnerView::Cluster { cluster } => format!("belongs to the cluster {}", value(cluster)),
        OwnerView::Unmarked => "is not bayplan's".to_owned(),
    }
}

/// The options of a network, in words.
pub(super) fn network_options(options: &str) -> String {
    match options {
        "" => "no options".to_owned(),
        options => format!("`{}`", escape(options)),
    }
}

/// What is wrong, then what to type.
pub(super) fn lines(cluster: &str, refusal: &RefusalView<'_>, palette: &Palette) -> Vec<String> {
    let host = refusal.host();
    let (error, help) = match refusal {
        RefusalView::ForeignUnit {
            host: _,
            service,
            path,
            owner,
            unit,
        } => {
            let rename = format!("rename the service {service}");
            let remove = || {
                if path.starts_with(ADMINISTRATOR) {
                    format!(
                        "{rename}; if nobody needs that unit, `systemctl disable --now {unit}` on \
                         {host} and remove its file"
                    )
                } else {
                    rename.clone()
                }
            };
            let help = match owner {
                OwnerView::Masked => format!(
                    "`systemctl unmask {unit}` on {host}, or take {service} off {host} in \
                         [place]"
                ),
                OwnerView::Cluster { cluster: other } => format!(
                    "{rename} or the cluster, or release {} without it first",
                    value(other)
                ),
                OwnerView::Unmarked => remove(),
            };
            (format!("{} {}", value(path), whose(owner)), help)
        }
        RefusalView::Stateful {
            host: _,
            service,
            moves,
        } => (
            if *moves {
                format!("{service} is stateful and would move away")
            } else {
                format!("{service} is stateful and would vanish")
            },
            format!(
                "once its data is safe, `bayplan release {cluster} --allow-move`; otherwise put it back \
                 on {host} in [place]"
            ),
        ),
        RefusalView::NotAsReleased { host: _, service } => (
            format!("{service} is not as it was released"),
            format!(
                "`bayplan release {cluster} {service}` brings it in sync, and restarts it if that asks for it; \
                 or leave it out"
            ),
        ),
        RefusalView::RunUnderWay { host: _, job, unit } => (
            format!("{job} leaves this host, and a run of it is under way"),
            format!(
                "wait until it has ended (`journalctl -fu {unit}` on {host}), then release again; \
                 `systemctl stop {unit}` there cuts it"
            ),
        ),
        RefusalView::StatefulAway {
            host: _,
            service,
            starts,
            away: _,
            reach,
        } => {
            let (there, back) = elsewhere(host, service, *reach);
            (
                format!(
                    "{service} is stateful and may still run {there}: it would start without its data on {}",
                    list(*starts)
                ),
                format!(
                    "once its data is safe, `bayplan release {cluster} --allow-move`; otherwise {back}"
                ),
            )
        }
        RefusalView::ScheduledAway {
            host: _,
            service,
            starts,
            away: _,
            reach,
        } => {
            let (there, back) = elsewhere(host, service, *reach);
            (
                format!(
                    "the timer of {service} may still run {there}: each time it would run twice, there and on {}",
                    list(*starts)
                ),
                format!(
                    "once it has stopped there, `bayplan release {cluster} --allow-move`; otherwise {back}"
                ),
            )
        }
        RefusalView::StatefulUnknown { host: _, service } => (
            format!(
                "{service} is stateful and new here, and no host keeps where it ran before: an older bayplan \
                 released them"
            ),
            format!(
                "if it never ran, or its data is here, `bayplan release {cluster} --allow-move`; if it ran on a \
                 host that is no longer described, put that one back first"
            ),
        ),
        RefusalView::PortHeld {
            host: _,
            service,
            ports,
            holder,
            ..
        } => (
            format!("{service} needs port {ports}, which {holder} holds"),
            format!("`bayplan release {cluster} {service} {holder}`, so that both change"),
        ),
        RefusalView::AddressHeld {
            host: _,
            service,
            network,
            address,
            holder,
        } => (
            format!(
                "{service} needs the address {address} in {}, which {holder} has",
                value(network)
            ),
            format!("`bayplan release {cluster} {service} {holder}`, so that both change"),
        ),
        RefusalView::NetworkHeld {
            host: _,
            network,
            before,
            after,
            users,
            services,
            containers,
            engine,
        } => {
            let held: Vec<String> = services
                .iter()
                .map(ToString::to_string)
                .chain(containers.iter().map(|name| value(name)))
                .collect();
            let error = format!(
                "the network {} has {} and is to have {}: it is made anew once nobody is in it, and {} would stay in it",
                value(network),
                network_options(before),
                network_options(after),
                list(&held)
            );
            let all: BTreeSet<&ServiceName> = users.iter().chain(*services).collect();
            let all: Vec<&str> = all.into_iter().map(ServiceName::as_str).collect();
            let together = format!(
                "`bayplan release {cluster} {}`, so that all of them go",
                all.join(" ")
            );
            let out = containers.iter().map(|name| {
                format!(
                    "`{engine} network disconnect -f {} {}`",
                    escape(network),
                    escape(name)
                )
            });
            let out = format!("{} on {host}, or stop it", list(out));
            let help = match (containers.is_empty(), services.is_empty()) {
                (true, _) => together,
                (false, true) => out,
                (false, false) => format!("{out}; then {together}"),
            };
            (error, help)
        }
        RefusalView::NetworksAlike {
            host: _,
            network,
            ids,
            engine,
        } => (
            format!(
                "expected one network {}, found several: {}",
                value(network),
                list(ids.iter().map(|id| escape(id)))
            ),
            format!(
                "`{engine} network inspect ID` on {host} shows who is in which one; `{engine} network rm ID` removes \
                 one that nobody is in"
            ),
        ),
        RefusalView::JobAway {
            host: _,
            service,
            job,
            at,
        } => (
            format!(
                "{service} comes after the job {job}, which has to run first on {at}, and this release does not reach that host"
            ),
            format!("release with {at}, or place {job} on another host"),
        ),
        RefusalView::Newer { host: _, why } => (
            escape(why),
            "a newer bayplan released there: use that version here, too".to_owned(),
        ),
    };
    let part = |style, word: &str, text: &str| {
        let mut lines = wrap(&format!("{word} {text}"), palette.width());
        // Coloured after wrapping: escape sequences have no width.
        lines[0] = lines[0].replacen(word, &paint(style, word), 1);
        lines
    };
    let mut lines = part(palette.error, "error:", &format!("{host}: {error}"));
    lines.extend(part(palette.help, "help:", &help));
    lines
}

/// Where a service may still run, and what to write so that it is to run there again. `reach` is how a host is reached that
/// is no longer described.
fn elsewhere(host: &str, service: &str, reach: Option<&Reach>) -> (String, String) {
    match reach {
        Some(reach) => (
            format!(
                "({}), which is no longer described",
                escape(&reach.to_string())
            ),
            format!("put [hosts.{host}] and {service} there back"),
        ),
        None => (
            "there, which is left out".to_owned(),
            format!("put it back on {host} in [place]"),
        ),
    }
}
