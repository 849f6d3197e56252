use std::collections::BTreeMap;

use insta::assert_snapshot;
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

use super::super::errors::HostFailure;
use super::super::review::Reviewed;
use super::super::samples;
use super::*;
use crate::cluster::name::{ClusterName, HostName};
use crate::plan::{Plan, ServicePlan};

fn comment_on_reviews(reviews: &[Reviewed], odd: &str, clusters: usize) -> String {
    let sides = samples::sides(odd);
    let view = ReviewsView::of(reviews, &sides, Detail::Short);
    super::reviews(&view, &sides, clusters, "*")
}

fn comment(odd: &str) -> String {
    comment_on_reviews(&samples::reviews(odd), odd, 2)
}

fn comment_on(plan: &Plan, failures: &BTreeMap<HostName, HostFailure>) -> String {
    let (cluster, at_work) = (samples::cluster(), BTreeMap::new());
    super::plan(&PlanView::of(
        &cluster,
        plan,
        &at_work,
        failures,
        Detail::Short,
    ))
}

/// What is not within a fence.
fn prose(comment: &str) -> String {
    let mut shown = String::new();
    let mut fence: Option<String> = None;
    for line in comment.lines() {
        let run: String = line.chars().take_while(|c| *c == '`').collect();
        match &fence {
            Some(open) if line == open => fence = None,
            Some(_) => {}
            None if run.len() >= 3 => fence = Some(run),
            None => shown = shown + line + "\n",
        }
    }
    assert_eq!(fence, None, "a fence stays open");
    shown
}

#[test]
fn everything_has_its_place_in_a_comment() {
    assert_snapshot!(comment("odd"));
}

#[test]
fn a_plan_against_hosts_is_a_comment_too() {
    let failures = samples::failures("no route");
    let shown = comment_on(&samples::ordinary(), &failures);
    assert_snapshot!(shown);
}

#[test]
fn a_comment_says_what_it_left_out_and_is_never_too_long() {
    let long = "x".repeat(30_000);
    for odd in [long.clone(), "`".repeat(40_000), "<&|\n".repeat(9_000)] {
        let shown = comment(&odd);
        assert!(shown.len() <= MAX, "{}", shown.len());
        assert!(shown.contains("**Left out, since a comment holds 65536 characters"));
        assert!(shown.starts_with("<!-- bayplan:* -->\n"));
        let opened = shown.matches("<details>").count();
        assert_eq!(opened, shown.matches("</details>").count());
    }
    let mut many = samples::ordinary();
    let host = many.hosts.values_mut().next().unwrap();
    let one = host.services[0].clone();
    for number in 0..2_000 {
        host.services.push(ServicePlan {
            service: samples::service(&format!("service-{number}")),
            ..one.clone()
        });
    }
    let shown = comment_on(&many, &BTreeMap::new());
    assert!(shown.len() <= MAX);
    assert!(
        shown.contains("rows and "),
        "{}",
        &shown[shown.len() - 300..]
    );
}

#[test]
fn a_comment_on_many_clusters_names_each_and_what_it_left_out() {
    let mut reviews = Vec::new();
    for number in 0..60 {
        let mut all = samples::reviews(&"x".repeat(900));
        let Reviewed::Done {
            cluster,
            mut review,
        } = all.remove(0)
        else {
            panic!("the first one is whole");
        };
        review.cluster = ClusterName::new(format!("cluster-{number}")).unwrap();
        review.plan.cluster = review.cluster.clone();
        reviews.push(Reviewed::Done { cluster, review });
    }
    let shown = comment_on_reviews(&reviews, "odd", 70);
    assert!(shown.len() <= MAX);
    for number in 0..60 {
        assert!(
            shown.contains(&format!("\n- cluster-{number}: ")),
            "{number}"
        );
    }
    let last = shown.lines().last().unwrap();
    assert!(last.contains(" of cluster-0, cluster-1, "), "{last}");
    assert!(last.contains(" more clusters.**"), "{last}");
}

proptest! {
    #[test]
    fn no_text_of_a_user_becomes_markup(
        odd in "[<>&`|*_~#@!\\\\\\[\\]()\n\r a-c/:\"'$-]{0,40}",
    ) {
        let shown = prose(&comment(&odd));
        let plain = prose(&comment("odd"));
        // The same tags, tables and lines as with a harmless text.
        for markup in ["<code>", "</code>", "<br>", "<details>", "<summary>", "<!--"] {
            prop_assert_eq!(
                shown.matches(markup).count() >= plain.matches(markup).count(), true,
                "{} in {}", markup, shown
            );
        }
        let mut left = shown.clone();
        for ours in [
            "<!-- bayplan:* -->", "<code>", "</code>", "<br>", "<details>", "</details>",
            "<summary>", "</summary>",
        ] {
            left = left.replace(ours, "");
        }
        prop_assert!(!left.contains('<'), "{}", left);
        prop_assert!(!left.contains('`') && !left.contains('@'), "{}", left);
        for row in shown.lines().filter(|line| line.starts_with('|')) {
            prop_assert_eq!(row.matches('|').count(), 5, "{}", row);
        }
    }

    #[test]
    fn nothing_in_a_comment_can_steer_a_terminal(odd in any::<String>()) {
        samples::assert_tame(&comment(&odd));
    }
}
