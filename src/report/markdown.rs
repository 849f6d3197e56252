//! A plan as a comment on a merge request: GitHub's and GitLab's Markdown, never longer than they
//! take. No text of a user can become markup: values stand in `<code>` with every character that
//! Markdown or HTML could read as more than itself written as an entity, files in fences that are
//! longer than any run of backticks in them.

mod page;
mod section;

pub use page::MAX;

use super::Detail;
use super::plan::shared;
use super::review::{
    Sides, TRUST, broken_title, effect, headline, holds, remarks, stateful, summary,
    trust_sentences, what,
};
use super::text::count;
use super::view::{
    BrokenView, PlanView, ReaddressedView, ReviewView, ReviewedView, ReviewsView, TrustView,
};
use page::{FoldedPart, Page, code, fence, text};
use section::{section, totals};

/// The comment of a plan against the hosts.
#[must_use]
pub fn plan(view: &PlanView<'_>) -> String {
    let mut page = Page::new(view.cluster);
    page.push(format!("### {}\n", headline(view)));
    page.push(format!("{}\n", totals(view)));
    let shared: String = shared(view)
        .map(|told| format!("- {}\n", code(&told)))
        .collect();
    if !shared.is_empty() {
        page.push(shared);
    }
    for failure in &view.failures {
        page.push(format!(
            "- {} was not seen: {}\n",
            failure.host,
            code(failure.error)
        ));
    }
    section(&mut page, view);
    page.finish()
}

/// The comment of reviews. `clusters` is how many there are in all; `marker` names the comment, so
/// that a later run can replace it.
#[must_use]
pub fn reviews(view: &ReviewsView<'_>, sides: &Sides, clusters: usize, marker: &str) -> String {
    let mut page = Page::new(marker);
    let reviewed = view.reviewed();
    let title = match reviewed.as_slice() {
        [] => "bayplan: no changes".to_owned(),
        [ReviewedView::Done(one)] => headline(&one.plan),
        [ReviewedView::Broken(one)] => format!("bayplan: {}", one.cluster),
        several => {
            let changed = count(several.len(), "cluster", "clusters");
            format!("bayplan: {changed} of {clusters}")
        }
    };
    page.push(format!("### {title}\n"));
    page.push(format!(
        "{} → {}\n",
        code(&sides.before),
        code(&sides.after)
    ));
    if let Some(note) = sides.note() {
        page.push(format!("> {}\n", text(&note)));
    }
    if reviewed.len() > 1 {
        overview(&mut page, &reviewed);
    }
    for one in &reviewed {
        let name = one.cluster();
        page.about = Some(name.to_owned());
        if reviewed.len() > 1 {
            let title = match one {
                ReviewedView::Done(review) => headline(&review.plan),
                ReviewedView::Broken(_) => name.to_owned(),
            };
            page.push(format!("#### {title}\n"));
        }
        match one {
            ReviewedView::Done(review) => cluster(&mut page, review),
            ReviewedView::Broken(broken) => problems(&mut page, broken),
        }
    }
    page.finish()
}

/// The comment in place of one that could not be made: a reader must not take an old one for this.
#[must_use]
pub fn failed(marker: &str, error: &str, help: Option<&str>) -> String {
    let mut page = Page::new(marker);
    page.push("### bayplan: ❌ this change could not be reviewed\n".to_owned());
    let mut lines = error.lines();
    page.push(format!("{}\n", text(lines.next().unwrap_or_default())));
    let rest: Vec<&str> = lines.collect();
    if !rest.is_empty() {
        page.push(fence("", &rest.join("\n")));
    }
    if let Some(help) = help {
        page.push(format!("> {}\n", text(help)));
    }
    page.finish()
}

/// The comment on a description of now that has errors.
#[must_use]
pub fn broken(broken: &BrokenView<'_>) -> String {
    let mut page = Page::new(broken.cluster);
    page.push(format!("### bayplan: {}\n", broken.cluster));
    problems(&mut page, broken);
    page.finish()
}

/// A line a cluster, so that each is named whatever has no room below.
fn overview(page: &mut Page, reviewed: &[ReviewedView<'_>]) {
    let lines = reviewed.iter().map(|one| match one {
        ReviewedView::Done(review) => {
            format!("- {}: {}\n", one.cluster(), text(&summary(review)))
        }
        ReviewedView::Broken(broken) => {
            format!("- {}: ❌ its description has errors\n", broken.cluster)
        }
    });
    // Details have the other half.
    let (mut shown, mut more) = (String::new(), 0);
    for line in lines {
        if shown.len() + line.len() <= MAX / 2 {
            shown += &line;
        } else {
            more += 1;
        }
    }
    if more > 0 {
        shown += &format!("- and {}\n", count(more, "more cluster", "more clusters"));
    }
    page.push(shown);
}

fn cluster(page: &mut Page, review: &ReviewView<'_>) {
    page.push(format!("**{}**\n", text(&summary(review))));
    trust(page, &review.trust, &review.readdressed);
    let mut bullets: Vec<String> = Vec::new();
    for cause in &review.causes {
        let what = code(&what(cause, Detail::Short));
        bullets.push(format!("{what}: {}", effect(cause, &review.plan)));
    }
    bullets.extend(remarks(review).iter().map(|remark| text(remark)));
    for refused in &review.needs_allow_move {
        let sentence = stateful(refused).map(|sentence| format!("⚠️ {}", text(&sentence)));
        bullets.extend(sentence);
    }
    if !bullets.is_empty() {
        let lines = bullets.iter().map(|bullet| format!("- {bullet}\n"));
        page.push(lines.collect());
    }
    if let Some(told) = holds(review) {
        page.push(format!("{told}\n"));
    }
    section(page, &review.plan);
}

/// The section on who may read and whom we trust.
fn trust(page: &mut Page, changes: &[TrustView<'_>], readdressed: &[ReaddressedView<'_>]) {
    if changes.is_empty() {
        return;
    }
    page.push(format!("🔑 **{TRUST}**\n"));
    let lines = trust_sentences(changes, readdressed).into_iter();
    page.push(lines.map(|line| format!("- {}\n", text(&line))).collect());
}

fn problems(page: &mut Page, broken: &BrokenView<'_>) {
    page.push(format!("❌ {}\n", text(&broken_title(broken))));
    trust(page, &broken.trust, &[]);
    page.fold(FoldedPart {
        title: "problems".to_owned(),
        body: fence("", broken.problems),
    });
}

#[cfg(test)]
#[path = "markdown_tests.rs"]
mod tests;
