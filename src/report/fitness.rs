//! Whether hosts are fit, as text: what is well in one line, the rest with why it matters and what mends it.

use super::palette::{Palette, paint};
use super::plan_end::next;
use super::text::{count, ended, escape, indent, list};
use super::view::{FitnessFindingView, FitnessView, HostFitnessView, LevelView};

/// Every host that was seen, and a last line that sums it up.
#[must_use]
pub fn text(view: &FitnessView<'_>, palette: &Palette) -> String {
    let mut lines = Vec::new();
    for host in &view.hosts {
        lines.extend(host_lines(host, palette));
    }
    lines.push(summary(view));
    let findings = view.hosts.iter().flat_map(|host| &host.findings);
    let by_command =
        |one: &&FitnessFindingView<'_>| one.level != LevelView::Ok && !one.commands.is_empty();
    if findings.clone().any(|one| by_command(&one)) {
        let command = format!("bayplan host prepare {}", view.cluster);
        lines.push(next(&command, palette).trim_end().to_owned());
    }
    ended(&lines)
}

fn host_lines(view: &HostFitnessView<'_>, palette: &Palette) -> Vec<String> {
    let HostFitnessView {
        host,
        location,
        distribution,
        fit: _,
        findings,
    } = view;
    let mut header = paint(palette.strong, host);
    for more in [location.as_str(), distribution] {
        if !more.is_empty() {
            header += &format!("  {}", paint(palette.dim, &escape(more)));
        }
    }
    let mut lines = vec![header];
    let well: Vec<String> = findings
        .iter()
        .filter(|finding| finding.level == LevelView::Ok)
        .map(|finding| escape(finding.found))
        .collect();
    if !well.is_empty() {
        let words = format!("ok: {}", well.join("; "));
        let mut well = indent(&words, 2, palette.width());
        well[0] = well[0].replacen("ok:", &paint(palette.added, "ok:"), 1);
        lines.extend(well);
    }
    for finding in findings {
        lines.extend(finding_lines(finding, palette));
    }
    lines
}

fn finding_lines(finding: &FitnessFindingView<'_>, palette: &Palette) -> Vec<String> {
    let FitnessFindingView {
        topic: _,
        level,
        found,
        why,
        commands,
        by_hand,
    } = finding;
    let (word, style) = match level {
        LevelView::Ok => return Vec::new(),
        LevelView::Warning => ("warning:", palette.changed),
        LevelView::Problem => ("problem:", palette.removed),
    };
    let mut lines = indent(&format!("{word} {}", escape(found)), 2, palette.width());
    lines[0] = lines[0].replacen(word, &paint(style, word), 1);
    lines.extend(indent(&format!("why: {why}"), 4, palette.width()));
    if !commands.is_empty() {
        lines.push("    as root there:".to_owned());
        // Never wrapped: they are copied.
        lines.extend(commands.iter().map(|it| format!("      {}", escape(it))));
    }
    if let Some(by_hand) = by_hand {
        let help = format!("help: {}", escape(by_hand));
        let mut help = indent(&help, 4, palette.width());
        help[0] = help[0].replacen("help:", &paint(palette.help, "help:"), 1);
        lines.extend(help);
    }
    lines
}

/// `3 hosts: 2 are fit, 1 is not: 2 problems and 1 warning; docker03 not seen`
fn summary(view: &FitnessView<'_>) -> String {
    let total = view.hosts.len() + view.failures.len();
    let fit = view.hosts.iter().filter(|host| host.fit).count();
    let unfit = view.hosts.len() - fit;
    let is = |number: usize| if number == 1 { "is" } else { "are" };
    let mut parts = Vec::new();
    if fit > 0 {
        parts.push(format!("{fit} {} fit", is(fit)));
    }
    if unfit > 0 {
        parts.push(format!("{unfit} {} not", is(unfit)));
    }
    let all = view.hosts.iter().flat_map(|host| &host.findings);
    let number = |level| all.clone().filter(|one| one.level == level).count();
    let counted = [
        (number(LevelView::Problem), "problem", "problems"),
        (number(LevelView::Warning), "warning", "warnings"),
    ];
    let counted = counted.iter().filter(|(number, ..)| *number > 0);
    let counted: Vec<String> = counted
        .map(|(number, one, many)| count(*number, one, many))
        .collect();
    let mut text = count(total, "host", "hosts");
    if !parts.is_empty() {
        text += &format!(": {}", parts.join(", "));
    }
    if !counted.is_empty() {
        text += &format!(", with {}", list(counted));
    }
    if !view.failures.is_empty() {
        let missing = super::hosts::list(view.failures.iter().map(|it| it.host));
        text += &format!("; {missing} not seen");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn what_is_not_well_is_told_with_why_and_what_mends_it() {
        let (examined, failures) = (samples::examined("odd"), samples::failures("odd"));
        let cluster = samples::cluster();
        let view = FitnessView::of(&cluster, &examined, &failures);
        insta::assert_snapshot!(text(&view, &Palette::PLAIN));
    }

    proptest::proptest! {
        #[test]
        fn nothing_of_a_host_steers_a_terminal(odd in proptest::prelude::any::<String>()) {
            let (examined, failures) = (samples::examined(&odd), samples::failures(&odd));
            let cluster = samples::cluster();
            let view = FitnessView::of(&cluster, &examined, &failures);
            samples::assert_tame(&text(&view, &Palette::PLAIN));
        }
    }
}
