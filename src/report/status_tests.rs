use std::collections::BTreeMap;

use insta::assert_snapshot;
use jiff::SignedDuration;
use proptest::prelude::{any, proptest};

use super::super::samples;
use super::super::time::ago;
use super::*;
use crate::cluster::name::HostName;
use crate::host::activate::activity::Activity;
use crate::plan::status::ClusterStatus;

fn shown(
    status: &ClusterStatus,
    activities: &BTreeMap<HostName, Activity>,
    palette: &Palette,
) -> String {
    let (cluster, failures) = (samples::cluster(), BTreeMap::new());
    let view = StatusView::of(&cluster, status, activities, &failures);
    [
        StatusOrder::Urgency,
        StatusOrder::Host,
        StatusOrder::Service,
    ]
    .map(|order| text(&view, order, now(), palette))
    .join("────\n")
}

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

#[test]
fn every_state_has_its_words() {
    let status = samples::every_state("failed");
    assert_snapshot!(shown(
        &status,
        &samples::activities("restarting web"),
        &Palette::PLAIN
    ));
}

#[test]
fn a_cluster_in_sync_needs_one_line_at_the_end() {
    let status = samples::in_sync();
    assert_snapshot!(shown(&status, &BTreeMap::new(), &Palette::PLAIN));
}

#[test]
fn hosts_that_were_not_seen_are_named() {
    let mut status = samples::in_sync();
    status.hosts.pop_last();
    let text = shown(&status, &BTreeMap::new(), &Palette::PLAIN);
    let last = text.lines().last().unwrap();
    assert_eq!(last, "2 hosts, 2 units: all in sync; docker03 not seen");
    status.hosts.clear();
    assert_eq!(
        shown(&status, &BTreeMap::new(), &Palette::PLAIN)
            .split("────\n")
            .next(),
        Some("Nothing is known of production; docker01, docker02 and docker03 not seen\n")
    );
}

#[test]
fn time_is_told_in_its_largest_unit() {
    let before = |seconds: i64| ago(now() - SignedDuration::from_secs(seconds), now());
    assert_eq!(before(-30), "just now");
    assert_eq!(before(0), "just now");
    assert_eq!(before(1), "1 second ago");
    assert_eq!(before(119), "1 minute ago");
    assert_eq!(before(7200), "2 hours ago");
    assert_eq!(before(3 * 86_400), "3 days ago");
    assert_eq!(before(-120), "2026-11-21T12:02:00Z");
    assert_eq!(ago(Timestamp::MIN, now()), "4392364 days ago");
    assert_eq!(ago(Timestamp::MAX, now()), Timestamp::MAX.to_string());
}

proptest! {
    #[test]
    fn no_value_can_steer_a_terminal(odd in any::<String>()) {
        let status = samples::every_state(&odd);
        samples::assert_tame(&shown(&status, &samples::activities(&odd), &Palette::PLAIN));
        let coloured = shown(&status, &samples::activities(&odd), &Palette::COLOURED);
        samples::assert_tame(&anstream::adapter::strip_str(&coloured).to_string());
    }
}
