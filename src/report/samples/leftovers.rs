//! What nothing uses.

use std::collections::BTreeMap;

use super::host;
use crate::cluster::name::HostName;
use crate::host::belongings::leftover::{Leftover, LeftoverKind};

/// What could go from four hosts: two have the same, one has nothing.
pub fn leftovers(odd: &str) -> BTreeMap<HostName, Vec<Leftover>> {
    let one = |kind, names: &[&str], size| Leftover {
        kind,
        id: "0123456789abcdef".to_owned(),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        size,
    };
    let all = vec![
        one(LeftoverKind::Container, &["production-old"], None),
        one(LeftoverKind::Network, &[&format!("back{odd}")], None),
        one(LeftoverKind::Image, &["r/search:1.4.2"], Some(31_000_000)),
        one(LeftoverKind::Image, &[], Some(4_000)),
    ];
    let hosts = ["docker01", "docker02", "docker03", "docker04"].map(host);
    let lists = [all.clone(), all[2..].to_vec(), all, Vec::new()];
    hosts.into_iter().zip(lists).collect()
}
