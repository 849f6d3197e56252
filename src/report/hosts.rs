//! Names of hosts in sentences. Many of them are folded: `h[001-300]`.

use std::fmt::Display;

/// So many names are read one by one.
const FEW: usize = 6;
/// From so many on, neighbours are folded.
const RUN: usize = 3;

/// `a, b, c`, folded where they are many; for the left side of a colon.
#[must_use]
pub fn hosts(names: impl IntoIterator<Item = impl Display>) -> String {
    super::text::commas(folded(names))
}

/// `a, b and c`, folded where they are many.
#[must_use]
pub fn list(names: impl IntoIterator<Item = impl Display>) -> String {
    super::text::list(folded(names))
}

/// What to know of hosts with one machine id.
#[must_use]
pub fn copies(names: &[impl Display]) -> String {
    format!(
        "{} have the same /etc/machine-id, as machines have that were copied; give each its own: \
         `rm /etc/machine-id; systemd-machine-id-setup` there, then restart it",
        list(names)
    )
}

/// A name around its last number.
#[derive(PartialEq, Eq)]
struct Parts<'a> {
    before: &'a str,
    digits: &'a str,
    after: &'a str,
}

impl<'a> Parts<'a> {
    /// `None` if it has no number, or one that is none of a row.
    fn of(name: &'a str) -> Option<Self> {
        let digit = |c: char| c.is_ascii_digit();
        let end = name.rfind(digit)? + 1;
        let begin = name[..end].rfind(|c| !digit(c)).map_or(0, |at| at + 1);
        (end - begin <= 9).then_some(Self {
            before: &name[..begin],
            digits: &name[begin..end],
            after: &name[end..],
        })
    }

    fn number(&self) -> u64 {
        self.digits.parse().unwrap_or_default()
    }

    /// Whether both are of one row: `h1` and `h12`, `h01` and `h12`, not `h1` and `h012`.
    fn is_like(&self, other: &Self) -> bool {
        let plain = |digits: &str| digits == "0" || !digits.starts_with('0');
        (self.before, self.after) == (other.before, other.after)
            && (self.digits.len() == other.digits.len()
                || plain(self.digits) && plain(other.digits))
    }
}

/// Many names with their numbers folded. Each row stands where its first name does.
fn folded(names: impl IntoIterator<Item = impl Display>) -> Vec<String> {
    let names: Vec<String> = names.into_iter().map(|name| name.to_string()).collect();
    if names.len() <= FEW {
        return names;
    }
    let mut rows: Vec<Vec<&str>> = Vec::new();
    for name in &names {
        let like = |row: &&mut Vec<&str>| match (Parts::of(name), Parts::of(row[0])) {
            (Some(parts), Some(first)) => parts.is_like(&first),
            _ => false,
        };
        match rows.iter_mut().find(like) {
            Some(row) => row.push(name),
            None => rows.push(vec![name]),
        }
    }
    rows.iter().flat_map(|row| fold(row)).collect()
}

/// One row: `h[001-003,005]`, or its names where that is shorter to read.
fn fold(row: &[&str]) -> Vec<String> {
    let parts: Option<Vec<Parts<'_>>> = row.iter().map(|name| Parts::of(name)).collect();
    let as_they_are = || row.iter().map(|name| (*name).to_owned()).collect();
    let Some(mut parts) = parts.filter(|parts| parts.len() >= RUN) else {
        return as_they_are();
    };
    parts.sort_by_key(Parts::number);
    let runs: Vec<String> = parts
        .chunk_by(|a, b| a.number() + 1 == b.number())
        .flat_map(|run| match run {
            [first, .., last] if run.len() >= RUN => {
                vec![format!("{}-{}", first.digits, last.digits)]
            }
            few => few.iter().map(|part| part.digits.to_owned()).collect(),
        })
        .collect();
    let Parts { before, after, .. } = &parts[0];
    vec![format!("{before}[{}]{after}", runs.join(","))]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn few_names_stay_and_many_are_folded() {
        assert_eq!(hosts(["h1", "h2", "h3"]), "h1, h2, h3");
        let many = (1..=300).map(|number| format!("h{number:03}"));
        assert_eq!(hosts(many), "h[001-300]");
        let some = (1..=9).filter(|number| *number != 5);
        let some = some.map(|number| format!("web-{number}-eu"));
        assert_eq!(
            list(some.chain(["db".to_owned()])),
            "web-[1-4,6-9]-eu and db"
        );
        // As a map has them: h1, h10, h11, h2, …
        let sorted: std::collections::BTreeSet<_> =
            (1..=12).map(|number| format!("h{number}")).collect();
        assert_eq!(hosts(&sorted), "h[1-12]");
        assert_eq!(
            hosts(["a", "b", "c", "d", "e", "x1", "x2"]),
            "a, b, c, d, e, x1, x2"
        );
    }

    /// The names that a folded list means.
    fn unfolded(text: &str) -> Vec<String> {
        let mut names = Vec::new();
        for part in text.split(", ") {
            let Some((before, rest)) = part.split_once('[') else {
                names.push(part.to_owned());
                continue;
            };
            let (runs, after) = rest.split_once(']').unwrap();
            for run in runs.split(',') {
                let (first, last) = run.split_once('-').unwrap_or((run, run));
                let numbers = first.parse::<u64>().unwrap()..=last.parse().unwrap();
                let width = if first.starts_with('0') {
                    first.len()
                } else {
                    0
                };
                names.extend(numbers.map(|number| format!("{before}{number:0width$}{after}")));
            }
        }
        names
    }

    proptest! {
        #[test]
        fn no_name_is_lost_or_made(
            names in prop::collection::btree_set("[a-c]?[0-9]{0,3}(-[a-b])?", 0..40),
        ) {
            let names: Vec<_> = names.into_iter().filter(|name| !name.is_empty()).collect();
            let text = hosts(&names);
            let mut found = if text.is_empty() { Vec::new() } else { unfolded(&text) };
            found.sort();
            prop_assert_eq!(found, names);
        }
    }
}
