//! What `check` says at the end.

use super::errors::note;
use super::palette::Palette;
use super::text::{count, list, without_colours, wrap};
use crate::cluster::diagnostic::quoted;
use crate::cluster::name::ClusterName;

/// The result of one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedCluster {
    /// Which one.
    pub cluster: ClusterName,
    /// How many errors its description has.
    pub errors: usize,
    /// How many warnings.
    pub warnings: usize,
    /// Hosts and placed services of the model; `None` if errors left no model.
    pub size: Option<Size>,
}

/// How large a cluster is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// How many hosts.
    pub hosts: usize,
    /// How many services that are placed somewhere.
    pub services: usize,
}

/// Diagnostics, already rendered with their excerpts, with an empty line after each. On a terminal of
/// some width their sentences are wrapped, which are their first line and their help.
#[must_use]
pub fn diagnostics(rendered: &[String], terminal: Option<usize>) -> String {
    let mut text = String::new();
    for one in rendered {
        for (number, line) in one.trim_end().lines().enumerate() {
            let sentence = number == 0 || without_colours(line).starts_with("help:");
            match terminal.filter(|_| sentence) {
                Some(width) => text += &wrap(line, width).join("\n"),
                None => text += line,
            }
            text.push('\n');
        }
        text.push('\n');
    }
    text
}

/// That a file has further problems than those that are shown.
#[must_use]
pub fn more_problems(number: usize, path: &str, palette: &Palette) -> String {
    let problems = count(number, "more problem", "more problems");
    note(&format!("{problems} in {}", quoted(path)), palette) + "\n"
}

/// A line for each cluster that is fine, and a last one if there are problems:
/// `3 errors, 1 warning in 2 clusters`.
#[must_use]
pub fn summary(checked: &[CheckedCluster]) -> String {
    let mut text = String::new();
    for CheckedCluster {
        cluster,
        errors,
        warnings: _,
        size,
    } in checked
    {
        if let (0, Some(Size { hosts, services })) = (errors, size) {
            let hosts = count(*hosts, "host", "hosts");
            let services = count(*services, "service", "services");
            text += &format!("ok: {cluster} ({hosts}, {services})\n");
        }
    }
    let errors: usize = checked.iter().map(|one| one.errors).sum();
    let warnings: usize = checked.iter().map(|one| one.warnings).sum();
    let parts = [
        (errors, "error", "errors"),
        (warnings, "warning", "warnings"),
    ];
    let parts = parts.iter().filter(|(number, ..)| *number > 0);
    let problems: Vec<String> = parts
        .map(|(number, one, many)| count(*number, one, many))
        .collect();
    if !problems.is_empty() {
        let concerned: Vec<&ClusterName> = checked
            .iter()
            .filter(|one| one.errors + one.warnings > 0)
            .map(|one| &one.cluster)
            .collect();
        let place = match concerned.as_slice() {
            clusters @ ([] | [_] | [_, _]) => list(clusters),
            clusters => count(clusters.len(), "cluster", "clusters"),
        };
        text += &format!("{} in {place}\n", problems.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(cluster: &str, errors: usize, warnings: usize) -> CheckedCluster {
        CheckedCluster {
            cluster: ClusterName::new(cluster).unwrap(),
            errors,
            warnings,
            size: (errors == 0).then_some(Size {
                hosts: 3,
                services: 20,
            }),
        }
    }

    #[test]
    fn clusters_that_are_fine_are_named_and_problems_counted() {
        assert_eq!(
            summary(&[checked("demo", 0, 0)]),
            "ok: demo (3 hosts, 20 services)\n"
        );
        assert_eq!(summary(&[checked("demo", 1, 0)]), "1 error in demo\n");
        assert_eq!(
            summary(&[checked("demo", 3, 0), checked("production", 0, 1)]),
            "ok: production (3 hosts, 20 services)\n3 errors, 1 warning in demo and production\n"
        );
        let many = [
            checked("a", 1, 0),
            checked("b", 0, 2),
            checked("c", 0, 0),
            checked("d", 1, 0),
        ];
        assert!(summary(&many).ends_with("2 errors, 2 warnings in 3 clusters\n"));
        assert_eq!(summary(&[]), "");
    }

    #[test]
    fn diagnostics_are_apart() {
        let rendered = ["error: a\n".to_owned(), "warning: b".to_owned()];
        assert_eq!(diagnostics(&rendered, None), "error: a\n\nwarning: b\n\n");
    }

    #[test]
    fn sentences_are_wrapped_on_a_terminal_and_excerpts_are_not() {
        let long = |words: usize| vec!["word"; words].join(" ");
        let excerpt = format!(" 1 | {}", long(9));
        let rendered = [format!(
            "error: {}\n{excerpt}\n\u{1b}[1mhelp\u{1b}[0m: {}",
            long(6),
            long(6)
        )];
        let shown = diagnostics(&rendered, Some(30));
        let expected = "error: word word word word\n  word word\n".to_owned()
            + &excerpt
            + "\n\u{1b}[1mhelp\u{1b}[0m: word word word word word\n  word\n\n";
        assert_eq!(shown, expected);
    }
}
