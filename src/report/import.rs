//! What an import of compose files gave, as text.

use super::palette::{Palette, paint};
use super::text::{count, escape};
use crate::import::{HowCarried, Imported, ToldLine};

/// A line for each key that is not carried, or carried in another way.
#[must_use]
pub fn told(lines: &[ToldLine], palette: &Palette) -> String {
    let lines = lines.iter().map(|line| {
        let word = match line.carried {
            HowCarried::Not => paint(palette.removed, "not carried"),
            HowCarried::Otherwise => paint(palette.help, "note"),
        };
        let place = format!("{}:{}:{}", line.file, line.line, line.column);
        format!(
            "{}: {word}: {}: {}\n",
            escape(&place),
            escape(&line.key),
            escape(&line.why)
        )
    });
    lines.collect()
}

/// `2 keys are not carried`
#[must_use]
pub fn lost_keys(number: usize) -> String {
    count(number, "key is not carried", "keys are not carried")
}

/// How much there is of all.
#[must_use]
pub fn summary(imported: &Imported, lost: usize) -> String {
    let secrets = match imported.secrets.len() {
        0 => String::new(),
        number => format!(", {}", count(number, "secret", "secrets")),
    };
    let lost = match lost {
        0 => "every key is carried".to_owned(),
        number => lost_keys(number),
    };
    format!(
        "{}: {}{secrets}; {lost}\n",
        imported.cluster,
        count(imported.services, "service", "services"),
    )
}
