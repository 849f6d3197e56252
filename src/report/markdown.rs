//! A plan as a comment on a merge request: GitHub's and GitLab's Markdown, never longer than they
//! take. No text of a user can become markup: values stand in `<code>` with every character that
//! Markdown or HTML could read as more than itself written as an entity, files in fences that are
//! longer than any run of backticks in them.

use std::collections::{BTreeMap, BTreeSet};

use super::palette::Palette;
use super::reason::Space;
use super::review::{
    Sides, TRUST, broken_title, effect, remarks, stateful, summary, trust_sentences, what,
};
use super::text::{commas, count, escape_lines};
use super::view::{
    BrokenView, Half, NoteView, PlanView, ReaddressedView, ReviewView, ReviewedView, ReviewsView,
    ServiceView, TrustView,
};
use super::{Detail, diff, hosts, left, moves, refusal, service};
use crate::plan::{Action, Change};

/// What a comment may hold: GitHub takes 65,536 characters. Counted in bytes, which are more.
pub const MAX: usize = 65_536;

/// What is kept free for the lines that say what was left out.
const RESERVE: usize = 1_024;

/// How many clusters of which something is left out are named: the longest names fit in [`RESERVE`].
const INCOMPLETE: usize = 8;

/// A diagram of more services than this is not read by anybody.
const NODES: usize = 40;

/// The comment of a plan against the hosts.
#[must_use]
pub fn plan(view: &PlanView<'_>) -> String {
    let mut page = Page::new(view.cluster);
    page.push(format!("### bayplan: {}\n", view.cluster));
    page.push(format!("{}\n", totals(view)));
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
        [] => "no changes".to_owned(),
        [one] => one.cluster().to_owned(),
        several => {
            let changed = count(several.len(), "cluster", "clusters");
            format!("{changed} of {clusters}")
        }
    };
    page.push(format!("### bayplan: {title}\n"));
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
            page.push(format!("#### {name}\n"));
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
        let what = what(&cause.cause, Detail::Short);
        bullets.push(format!("{}: {}", code(&what), effect(cause, &review.plan)));
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

/// Refusals, table, diagram and diffs of one plan.
fn section(page: &mut Page, view: &PlanView<'_>) {
    for left in &view.left {
        let lines = left::warning(view.cluster, left, &Palette::PLAIN);
        page.push(format!("- ⚠️ {}\n", text(&lines.join(" "))));
    }
    for left_out in &view.left_out {
        let told = text(&left::left_out(left_out));
        page.push(format!("- {}: {told}\n", left_out.host));
    }
    for refused in &view.refusals {
        let lines = refusal::lines(view.cluster, refused, &Palette::PLAIN);
        page.push(format!("- ❌ {}\n", text(&lines.join(" "))));
    }
    let rows = rows(view);
    if rows.is_empty() {
        return;
    }
    page.table(&rows);
    if let Some(diagram) = diagram(view) {
        page.push(diagram);
    }
    for part in diffs(view) {
        page.fold(part);
    }
}

fn totals(view: &PlanView<'_>) -> String {
    let hosts = count(view.totals.hosts, "host", "hosts");
    let left = left::counted(&view.left);
    format!("**{hosts}: {}{left}**", view.totals.words())
}

/// Rows of the table: the same on several hosts is one row.
fn rows(view: &PlanView<'_>) -> Vec<String> {
    let space = Space {
        detail: Detail::Short,
        room: 160,
    };
    let moved = view.moves.iter().map(|it| {
        let why = cell(&moves::explain_move(view.cluster, it, space));
        let hosts = format!("{} → {}", commas(&it.from), commas(&it.to));
        format!("| {} | {hosts} | **move** | {why} |\n", it.service)
    });
    let moved: Vec<String> = moved.collect();
    let mut rows: Vec<(usize, &ServiceView<'_>, String, Vec<&str>)> = Vec::new();
    for host in &view.hosts {
        for service in host.services.iter().filter(|it| it.half == Half::Alone) {
            let why = service::explain(view.cluster, service, host.supervisor, space);
            let why = cell(&why);
            let same = rows.iter_mut().find(|(_, other, text, _)| {
                other.service == service.service
                    && other.action == service.action
                    && other.change == service.change
                    && *text == why
            });
            match same {
                Some((_, _, _, hosts)) => hosts.push(host.host),
                None => rows.push((weight(service), service, why, vec![host.host])),
            }
        }
    }
    // What takes something down first; within that, services by name.
    rows.sort_by_key(|(weight, service, _, _)| (*weight, service.service));
    let row = |(_, service, why, hosts): (usize, &ServiceView<'_>, String, Vec<&str>)| {
        format!(
            "| {} | {} | {} | {why} |\n",
            service.service,
            hosts::hosts(hosts),
            word(service)
        )
    };
    moved.into_iter().chain(rows.into_iter().map(row)).collect()
}

fn cell(lines: &[String]) -> String {
    let lines = lines.iter().map(|line| code(line.trim()));
    lines.collect::<Vec<_>>().join("<br>")
}

fn weight(service: &ServiceView<'_>) -> usize {
    match service.action {
        Action::Stop => 0,
        Action::Restart => 1,
        Action::Pending | Action::MayRestart => 2,
        Action::Start => 3,
        Action::None => 4,
    }
}

fn word(service: &ServiceView<'_>) -> String {
    let word = service::word(service);
    match service.action {
        Action::Restart | Action::Stop => format!("**{word}**"),
        Action::None | Action::Start | Action::Pending | Action::MayRestart => word.to_owned(),
    }
}

/// Hosts, and the services that move or restart there. Names of hosts and services are letters,
/// digits and hyphens, so no text of it needs an escape.
fn diagram(view: &PlanView<'_>) -> Option<String> {
    let mut nodes = 0;
    let mut lines = vec!["```mermaid".to_owned(), "flowchart LR".to_owned()];
    let mut ids: BTreeMap<(&str, &str), String> = BTreeMap::new();
    for (number, host) in view.hosts.iter().enumerate() {
        let disturbed = host.services.iter().filter(|s| s.action != Action::None);
        let disturbed: Vec<&ServiceView<'_>> = disturbed.collect();
        if disturbed.is_empty() {
            continue;
        }
        lines.push(format!("  subgraph h{number}[\"{}\"]", host.host));
        for service in disturbed {
            let id = format!("s{nodes}");
            nodes += 1;
            let (word, class) = (service::word(service), class(service));
            let name = service.service;
            lines.push(format!("    {id}[\"{name}: {word}\"]:::{class}"));
            ids.insert((host.host, name), id);
        }
        lines.push("  end".to_owned());
    }
    if nodes == 0 {
        return None;
    }
    if nodes > NODES {
        return Some(format!(
            "The diagram is left out: it would show {nodes} services.\n"
        ));
    }
    for host in &view.hosts {
        for service in &host.services {
            for note in &service.notes {
                let NoteView::MovesTo { hosts } = note else {
                    continue;
                };
                let name = service.service;
                for to in *hosts {
                    let to = ids.get(&(to.as_str(), name));
                    if let (Some(from), Some(to)) = (ids.get(&(host.host, name)), to) {
                        lines.push(format!("  {from} -- moves --> {to}"));
                    }
                }
            }
        }
    }
    for (class, style) in [
        ("restarts", "fill:#fff3c4,stroke:#b58900,color:#333"),
        ("starts", "fill:#d6f5d6,stroke:#2e8b57,color:#333"),
        ("stops", "fill:#fbdcdc,stroke:#b22222,color:#333"),
    ] {
        lines.push(format!("  classDef {class} {style}"));
    }
    lines.push("```".to_owned());
    Some(lines.join("\n") + "\n")
}

fn class(service: &ServiceView<'_>) -> &'static str {
    match service.action {
        Action::Start => "starts",
        Action::Stop => "stops",
        Action::None | Action::Restart | Action::Pending | Action::MayRestart => "restarts",
    }
}

/// The unified diffs of each service; the same files on several hosts once.
fn diffs(view: &PlanView<'_>) -> Vec<FoldedPart> {
    let mut bodies: Vec<(&str, String, BTreeSet<&str>)> = Vec::new();
    for host in &view.hosts {
        for service in &host.services {
            let files = service.files.iter().map(|file| file.file);
            let lines = files
                .filter(|file| file.before.is_some() || file.kind != Change::Removed)
                .flat_map(|file| diff::lines(file, &Palette::PLAIN));
            let lines: Vec<String> = lines.collect();
            if lines.is_empty() {
                continue;
            }
            let body = lines.join("\n") + "\n";
            let name = service.service;
            let same = bodies
                .iter_mut()
                .find(|(other, text, _)| *other == name && *text == body);
            match same {
                Some((_, _, hosts)) => {
                    hosts.insert(host.host);
                }
                None => bodies.push((name, body, BTreeSet::from([host.host]))),
            }
        }
    }
    let part = |(name, body, hosts): (&str, String, BTreeSet<&str>)| FoldedPart {
        title: format!("{name} on {}", hosts::hosts(hosts)),
        body: fence("diff", &body),
    };
    bodies.into_iter().map(part).collect()
}

/// A folded part: its title, of names only, and its Markdown.
struct FoldedPart {
    title: String,
    body: String,
}

/// A comment that is being written: what people must see first, then what fits.
struct Page {
    text: String,
    /// With the cluster that each belongs to.
    folded: Vec<(Option<String>, FoldedPart)>,
    /// The cluster that is being written about, where there may be several.
    about: Option<String>,
    rows_left_out: usize,
    parts_left_out: usize,
    /// The clusters of which something is left out.
    incomplete: BTreeSet<String>,
}

impl Page {
    fn new(marker: &str) -> Self {
        Self {
            text: format!("<!-- bayplan:{marker} -->\n"),
            folded: Vec::new(),
            about: None,
            rows_left_out: 0,
            parts_left_out: 0,
            incomplete: BTreeSet::new(),
        }
    }

    fn fits(&self, more: usize) -> bool {
        self.text.len() + more + RESERVE <= MAX
    }

    /// Adds a block, if it fits.
    fn push(&mut self, block: String) {
        if self.fits(block.len() + 1) {
            self.text += &block;
            self.text.push('\n');
        } else {
            self.parts_left_out += 1;
            self.incomplete.extend(self.about.clone());
        }
    }

    /// Adds a table, or as many of its rows as fit in half of what is left.
    fn table(&mut self, rows: &[String]) {
        const HEAD: &str = "| service | hosts | what | why |\n| --- | --- | --- | --- |\n";
        if !self.fits(HEAD.len() + 1) {
            self.rows_left_out += rows.len();
            self.incomplete.extend(self.about.clone());
            return;
        }
        self.text += HEAD;
        let mut left_out = 0;
        for row in rows {
            if left_out == 0 && self.fits(row.len() + 1) {
                self.text += row;
            } else {
                left_out += 1;
            }
        }
        if left_out > 0 {
            self.rows_left_out += left_out;
            self.incomplete.extend(self.about.clone());
        }
        self.text.push('\n');
    }

    fn fold(&mut self, part: FoldedPart) {
        self.folded.push((self.about.clone(), part));
    }

    fn finish(mut self) -> String {
        let several = self.incomplete.len() > 1 || {
            let about: BTreeSet<_> = self.folded.iter().map(|(about, _)| about).collect();
            about.len() > 1
        };
        for (about, part) in std::mem::take(&mut self.folded) {
            let FoldedPart { title, body } = part;
            let title = match &about {
                Some(cluster) if several => format!("{cluster}: {title}"),
                Some(_) | None => title,
            };
            self.about = about;
            self.push(format!(
                "<details><summary>{title}</summary>\n\n{body}\n</details>\n"
            ));
        }
        let mut left = Vec::new();
        if self.rows_left_out > 0 {
            left.push(count(self.rows_left_out, "row", "rows"));
        }
        if self.parts_left_out > 0 {
            left.push(count(self.parts_left_out, "part", "parts"));
        }
        if !left.is_empty() {
            let of = match self.incomplete.len() {
                0 | 1 => String::new(),
                number => {
                    let named = self.incomplete.iter().take(INCOMPLETE);
                    let named: Vec<_> = named.map(|name| name.as_str()).collect();
                    match number - named.len() {
                        0 => format!(" of {}", commas(&named)),
                        more => format!(" of {} and {more} more clusters", named.join(", ")),
                    }
                }
            };
            self.text += &format!(
                "**Left out, since a comment holds {MAX} characters: {}{of}.** \
                 `bayplan diff --diff` shows all of it.\n",
                left.join(" and ")
            );
        }
        self.text
    }
}

/// A block of lines as they are; the fence is longer than any that they could hold.
fn fence(language: &str, lines: &str) -> String {
    let run = lines.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(run.max(2) + 1);
    let body: String = escape_lines(lines).map(|line| line + "\n").collect();
    format!("{fence}{language}\n{body}{fence}\n")
}

/// A text that nobody reads as markup; in `<code>`, where mentions and links are none either.
fn code(shown: &str) -> String {
    format!("<code>{}</code>", entities(&super::text::escape(shown)))
}

/// A sentence of ours in which `…` marks what to type and anything else may be a user's.
fn text(sentence: &str) -> String {
    let mut shown = String::new();
    for (number, part) in sentence.split('`').enumerate() {
        match number % 2 {
            0 => shown += &entities(&super::text::escape(part)),
            _ => shown += &code(part),
        }
    }
    shown
}

/// Every character that Markdown or HTML reads as more than itself as an entity: in Markdown an
/// entity is never structure.
fn entities(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => shown += "&amp;",
            '<' => shown += "&lt;",
            '>' => shown += "&gt;",
            '"' => shown += "&quot;",
            // A blank at the start of a line, or two, would indent or break it.
            ' ' | '.' | ',' | ':' | '/' | '-' | '(' | ')' | '+' | '=' | '%' | ';' | '?' | '→'
            | '…' => shown.push(c),
            c if c.is_ascii_punctuation() => shown += &format!("&#{};", u32::from(c)),
            c => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
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
}
