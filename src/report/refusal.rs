//! Why a plan is not carried out, and what to type.

use super::palette::{Palette, paint};
use super::text::{escape, list, value, wrap};
use super::view::{OwnerView, RefusalView};

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
        RefusalView::StatefulAway {
            host: _,
            service,
            starts,
            away: _,
            reach,
        } => {
            let (where_, back) = match reach {
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
            };
            (
                format!(
                    "{service} is stateful and may still run {where_}: it would start without its data on {}",
                    list(*starts)
                ),
                format!(
                    "once its data is safe, `bayplan release {cluster} --allow-move`; otherwise {back}"
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
