//! Sizes, durations and command lines, as compose writes them.

/// Permissions in octal. YAML makes a decimal number of those without quotes, which never begins with 0.
pub(super) fn mode(text: &str) -> String {
    let number = text.parse::<u32>().ok().filter(|_| !text.starts_with('0'));
    number.map_or_else(|| format!("{text:0>4}"), |number| format!("{number:04o}"))
}

/// Bytes with `b`, `k`, `m` or `g`, from `512mb`, `1.5G`, `1073741824`.
pub(super) fn size(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.'));
    let (number, unit) = text.split_at(digits.unwrap_or(text.len()));
    let (letter, power) = match unit.trim() {
        "" | "b" => ('b', 0u32),
        "k" | "kb" | "kib" => ('k', 1),
        "m" | "mb" | "mib" => ('m', 2),
        "g" | "gb" | "gib" => ('g', 3),
        "t" | "tb" | "tib" => ('t', 4),
        _ => return None,
    };
    if let Ok(whole) = number.parse::<u64>()
        && letter != 't'
    {
        // What is a whole number of a larger unit is written so.
        if letter == 'b' {
            for (letter, power) in [('g', 30), ('m', 20), ('k', 10)] {
                if whole > 0 && whole.is_multiple_of(1 << power) {
                    return Some(format!("{}{letter}", whole >> power));
                }
            }
        }
        return Some(format!("{whole}{letter}"));
    }
    let bytes = number.parse::<f64>().ok()? * 1024f64.powi(i32::try_from(power).ok()?);
    // Sizes of machines are exact in a float.
    let exact = (0.0..9e15).contains(&bytes).then_some(bytes)?;
    size(&format!("{exact:.0}"))
}

/// Milliseconds of `1m30s`, `500ms`, `1.5s`.
pub(super) fn milliseconds(text: &str) -> Option<u64> {
    let mut rest = text.trim();
    if rest == "0" {
        return Some(0);
    }
    let mut total = 0f64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let (number, after) = rest.split_at(digits);
        let unit = after
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        let factor = match unit {
            "ns" => 1e-6,
            "us" | "µs" => 1e-3,
            "ms" => 1.0,
            "s" => 1e3,
            "m" => 60e3,
            "h" => 3600e3,
            "d" => 86_400e3,
            "w" => 604_800e3,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * factor;
        rest = after;
    }
    (0.0..1e15).contains(&total).then(|| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "in these bounds"
        )]
        let whole = total.ceil() as u64;
        whole
    })
}

/// A duration here: one number.
pub(super) fn duration(milliseconds: u64) -> String {
    match milliseconds {
        ms if !ms.is_multiple_of(1000) => format!("{ms}ms"),
        ms if ms >= 3_600_000 && ms.is_multiple_of(3_600_000) => format!("{}h", ms / 3_600_000),
        ms if ms >= 120_000 && ms.is_multiple_of(60_000) => format!("{}m", ms / 60_000),
        ms => format!("{}s", ms / 1000),
    }
}

/// The words of a command line, as compose splits it: quotes and backslashes, nothing else of a shell.
pub(super) fn words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    let mut quote: Option<char> = None;
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some('\''), '\'') | (Some('"'), '"') => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '\\') => {
                // A line that goes on is one line.
                match chars.next()? {
                    '\n' => {}
                    next => word.get_or_insert_default().push(next),
                }
            }
            (Some('"'), '\\') => match chars.next()? {
                next @ ('"' | '\\' | '$' | '`') => word.get_or_insert_default().push(next),
                '\n' => {}
                next => word.get_or_insert_default().extend(['\\', next]),
            },
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_octal_with_and_without_quotes() {
        // 0440 without quotes is 288 for YAML.
        for (text, expected) in [
            ("288", "0440"),
            ("0440", "0440"),
            ("493", "0755"),
            ("0755", "0755"),
            ("1777x", "1777x"),
        ] {
            assert_eq!(mode(text), expected, "{text}");
        }
    }
}
