//! A block a service, a row a host.

use jiff::Timestamp;

use super::super::palette::{Palette, paint};
use super::super::text::{pad, width};
use super::super::view::StatusView;
use super::{StatusColumns, host_trouble, network, row, services};

pub(super) fn lines(view: &StatusView<'_>, now: Timestamp, palette: &Palette) -> Vec<String> {
    let mut lines = Vec::new();
    for host in &view.hosts {
        for trouble in host_trouble(host, view.under_way.as_ref(), now) {
            let sign = paint(palette.changed, "!");
            lines.push(format!("{sign} {}: {trouble}", host.host));
        }
        let networks = host.networks.iter();
        lines.extend(networks.flat_map(|it| network::lines(it, palette)));
    }
    let mut columns = StatusColumns::of(view, now);
    let hosts = view.hosts.iter();
    columns.label = hosts.map(|host| width(host.host)).max().unwrap_or_default();
    let mut rows: Vec<_> = services(view).collect();
    rows.sort_by_key(|(host, service)| (service.service, *host));
    let mut last = None;
    for (host, service) in rows {
        if last != Some(service.service) {
            lines.push(paint(palette.strong, service.service));
            last = Some(service.service);
        }
        let label = pad(host, columns.label);
        lines.extend(row(&label, service, columns, now, palette));
    }
    lines
}
