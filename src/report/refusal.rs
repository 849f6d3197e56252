//! Why a plan is not carried out, and what to type.

use super::palette::{Palette, paint};
use super::text::{escape, value};
use crate::cluster::name::{ClusterName, UnitName};
use crate::plan::observed::Owner;
use crate::plan::{Refusal, RefusalReason};

/// Where unit files of administrators are (`systemd.unit(5)`); others belong to packages.
const ADMINISTRATOR: &str = "/etc/systemd/system/";

/// An `error:` line and a `help:` line.
pub(super) fn lines(cluster: &ClusterName, refusal: &Refusal, palette: &Palette) -> [String; 2] {
    let Refusal { host, why } = refusal;
    let (error, help) = match why {
        RefusalReason::ForeignUnit {
            service,
            path,
            owner,
        } => {
            let unit = UnitName::new(cluster, service).file_name();
            let rename = format!("rename the service {service}");
            let remove = || {
                if path.starts_with(ADMINISTRATOR) {
                    format!(
                        "{rename}, or, if nobody needs that unit, `systemctl disable --now {unit}` \
                         and remove the file on {host}"
                    )
                } else {
                    rename.clone()
                }
            };
            let (what, help) = match owner {
                Owner::Masked => (
                    "is masked".to_owned(),
                    format!(
                        "`systemctl unmask {unit}` on {host}, or take {service} off {host} in \
                         [place]"
                    ),
                ),
                Owner::Cluster(other) => (
                    format!("belongs to the cluster {}", value(other)),
                    format!(
                        "{rename} or the cluster, or release {} without it first",
                        value(other)
                    ),
                ),
                Owner::Unmarked => ("is not bayplan's".to_owned(), remove()),
            };
            (format!("{} {what}; it is left alone", value(path)), help)
        }
        RefusalReason::Stateful { service, moves } => (
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
        RefusalReason::Newer { why } => (
            escape(why),
            "a newer bayplan released there: use that version here, too".to_owned(),
        ),
    };
    [
        format!("{} {host}: {error}", paint(palette.error, "error:")),
        format!("{} {help}", paint(palette.help, "help:")),
    ]
}
