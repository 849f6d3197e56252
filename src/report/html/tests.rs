use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::{any, proptest};

use super::super::Detail;
use super::super::samples;
use super::super::view::{HistoryView, PlanView, ReviewsView, StatusView};
use super::*;
use crate::cluster::model::Cluster;
use crate::cluster::name::HostName;
use crate::host::activate::activity::Activity;
use crate::host::past::history::HostHistory;
use crate::plan::status::{ClusterStatus, HostStatus, ServiceState};
use crate::report::review::Reviewed;

/// Ends every text that it stands in, if one is not escaped.
pub(super) const HOSTILE: &str = "\"'></i></pre></td></table><script>document.title='owned'</script><img src=http://evil.test/x onerror=document.title='owned'>{{ 7*7 }}&\u{202e}";

fn context() -> PageContext {
    PageContext {
        now: "2026-11-21T12:00:00Z".parse().unwrap(),
        commit: Some("0123456789abcdef0123456789abcdef01234567".to_owned()),
        served: Served::No,
    }
}

fn status_page(cluster: &Cluster, status: &ClusterStatus, odd: Option<&str>) -> String {
    let nobody: BTreeMap<HostName, Activity> = BTreeMap::new();
    let activities = odd.map_or(nobody, samples::activities);
    let failures = odd.map_or_else(BTreeMap::new, samples::failures);
    let histories: BTreeMap<HostName, HostHistory> =
        samples::histories(odd.unwrap_or("ada@laptop"));
    let past = HistoryView::of(&cluster.name, &histories, &failures);
    let view = StatusView::of(cluster, status, &activities, &failures);
    super::status(&view, &past, &context())
}

fn plan_page(plan: &crate::plan::Plan, odd: &str) -> String {
    let (cluster, failures) = (samples::cluster(), samples::failures(odd));
    let nobody = BTreeMap::new();
    let view = PlanView::of(&cluster, plan, &nobody, &failures, Detail::Diff);
    let of = PlanOnPage {
        cluster: &cluster,
        view: &view,
        only: &[],
        next: Some("bayplan release production"),
    };
    super::plan(&of, &context())
}

fn review_page(odd: &str) -> String {
    let (reviews, sides) = (samples::reviews(odd), samples::sides(odd));
    let view = ReviewsView::of(&reviews, &sides, Detail::Diff);
    let models = reviews.iter().filter_map(|reviewed| match reviewed {
        Reviewed::Done { cluster, .. } => Some(&**cluster),
        Reviewed::Broken(_) => None,
    });
    super::reviews(&models.collect::<Vec<_>>(), &view, &sides, &context())
}

fn history_page(odd: &str) -> String {
    let (cluster, failures) = (samples::cluster(), samples::failures(odd));
    let histories = samples::histories(odd);
    super::history(
        &HistoryView::of(&cluster.name, &histories, &failures),
        &context(),
    )
}

/// One of each, in which every free text is this one.
pub(super) fn pages(odd: &str) -> Vec<(&'static str, String)> {
    let status = samples::every_state(odd);
    vec![
        (
            "status",
            status_page(&samples::cluster(), &status, Some(odd)),
        ),
        ("plan", plan_page(&samples::everything(odd), odd)),
        ("review", review_page(odd)),
        ("history", history_page(odd)),
    ]
}

/// A cluster of so many hosts, on each of which all of so many services run; some of them do not.
pub(super) fn many(hosts: usize, services: usize) -> (Cluster, ClusterStatus) {
    let model = samples::cluster();
    let mut cluster = Cluster {
        hosts: BTreeMap::new(),
        ..model.clone()
    };
    let host_model = &model.hosts[&samples::host("docker01")];
    let row = samples::in_sync().hosts[&samples::host("docker01")].services
        [&samples::service("search")]
        .clone();
    let mut status = ClusterStatus::default();
    for number in 1..=hosts {
        let name = samples::host(&format!("docker{number:04}"));
        let mut host = HostStatus {
            generation: Some(3),
            ..HostStatus::default()
        };
        for service in 1..=services {
            let mut at = row.clone();
            if (number * 31 + service) % 397 == 0 {
                at.state = ServiceState::NotRunning {
                    state: "failed".to_owned(),
                };
                at.since = None;
            } else if (service == 7 && number > hosts / 2) || (number + service) % 211 == 0 {
                at.state = ServiceState::PendingRestart {
                    reasons: vec![samples::image("1.4.2", "1.5.0")],
                };
            }
            let service = samples::service(&format!("service{service:02}"));
            at.unit = samples::unit(service.as_str());
            host.services.insert(service, at);
        }
        cluster.hosts.insert(name.clone(), host_model.clone());
        status.hosts.insert(name, host);
    }
    (cluster, status)
}

pub(super) fn page_of_many(hosts: usize, services: usize) -> String {
    let (cluster, status) = many(hosts, services);
    status_page(&cluster, &status, None)
}

#[test]
fn a_page_asks_for_nothing_and_has_no_script() {
    for (name, page) in pages("ordinary") {
        for asks in [
            "<script",
            " src=",
            "url(",
            "@import",
            "http:",
            "https:",
            " on",
            "javascript:",
        ] {
            let asked = page.match_indices('<').any(|(at, _)| {
                let tag = page[at..].split('>').next().unwrap_or_default();
                tag.contains(asks)
            });
            assert!(!asked, "{name}: {asks}");
        }
        assert!(page.contains("default-src 'none'; style-src 'unsafe-inline'"));
        assert!(!STYLE_OF_PAGES.contains("url(") && !STYLE_OF_PAGES.contains("@import"));
    }
}

const STYLE_OF_PAGES: &str = include_str!("page.css");

#[test]
fn everything_that_opens_has_a_name_and_every_table_a_label() {
    for (name, page) in pages("ordinary") {
        for summary in page.split("<summary>").skip(1) {
            let text = summary.split("</summary>").next().unwrap_or_default();
            assert!(text.contains(|c: char| c.is_alphabetic()), "{name}: {text}");
        }
        let regions = page.matches("role=\"region\" aria-label=\"").count();
        assert_eq!(page.matches("<table").count(), regions, "{name}");
        assert!(!page.contains("aria-label=\"\""), "{name}");
    }
}

#[test]
fn a_state_is_a_sign_and_a_word() {
    let (_, page) = pages("failed").remove(0);
    for told in [
        "✗ not running",
        "✎ edited by hand",
        "~ pending restart",
        "+ not released",
        "− unmanaged",
        "✓ in sync",
    ] {
        assert!(page.contains(&format!("<b>{told}</b>")), "{told}");
    }
}

#[test]
fn what_is_held_and_what_else_changes_a_unit_is_on_the_page_of_a_plan() {
    let page = plan_page(&samples::everything("ada@laptop"), "no route to host");
    let told = [
        "■ held",
        "held by ada@laptop until",
        "changes this unit; it is left alone",
        "■ somebody holds it",
    ];
    for told in told {
        assert!(page.contains(told), "{told}");
    }
    // The legend has no sign that is not there.
    let page = plan_page(&samples::ordinary(), "no route to host");
    assert!(!page.contains("■"), "{page}");
    // What several services have in common is told once, with its values.
    let told = "cluster.toml MONGODB_HOST_01: 10.0.0.177 → 10.0.0.178";
    assert_eq!(page.matches(told).count(), 1, "{page}");
}

#[test]
fn the_legend_of_a_status_has_what_is_counted() {
    let (cluster, odd) = (samples::cluster(), "ada@laptop");
    let page = status_page(&cluster, &samples::every_state(odd), Some(odd));
    let legend = page.rsplit_once("<p>").unwrap().1;
    for told in ["■ held: ", "✗ unhealthy: ", "◐ at work: "] {
        assert!(legend.contains(told), "{told}: {legend}");
    }
    let page = status_page(&cluster, &samples::in_sync(), None);
    let legend = page.rsplit_once("<p>").unwrap().1;
    assert!(!legend.contains("■"), "{legend}");
}

#[test]
fn a_thousand_hosts_fit() {
    let page = page_of_many(1000, 20);
    assert!(page.len() < 5_000_000, "{}", page.len());
    // What fails is not hidden among what does not.
    let (first, folded) = page.split_once("<details class=\"fold\">").unwrap();
    assert!(first.contains("✗ not running") && folded.contains("docker1000"));
    // What is to be told of five hundred hosts is told once.
    let rows = first.matches("<tr").count();
    assert!(rows < 60, "{rows}");
}

#[test]
fn a_sample_of_each_page_is_written_where_somebody_wants_to_look() {
    let Some(to) = std::env::var_os("BAYPLAN_PAGES") else {
        return;
    };
    let write = |name: &str, page: &str| {
        fs_err::write(Path::new(&to).join(format!("{name}.html")), page).unwrap();
    };
    for (name, page) in pages("failed") {
        write(name, &page);
    }
    write(
        "ordinary",
        &plan_page(&samples::ordinary(), "no route to host"),
    );
    write(
        "healthy",
        &status_page(&samples::cluster(), &samples::in_sync(), None),
    );
    write("three", &page_of_many(3, 20));
    write("many", &page_of_many(300, 20));
    write("thousand", &page_of_many(1000, 20));
}

proptest! {
    #[test]
    fn no_text_becomes_markup(odd in any::<String>()) {
        let plain: Vec<_> = pages("ordinary");
        let tags = |page: &str| page.matches('<').count();
        for (name, page) in pages(&format!("{odd}{HOSTILE}")) {
            assert!(!page.contains("<script") && !page.contains("<img"), "{name}");
            assert!(!page.chars().any(|c| c != '\n' && super::super::text::steers(c)), "{name}");
        }
        assert!(plain.iter().all(|(_, page)| tags(page) > 20));
    }
}
