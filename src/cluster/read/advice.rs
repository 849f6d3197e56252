//! What to write instead of a value of another type, or of a line that is no TOML. Each piece of advice is typed once in a
//! test.

use crate::cluster::nesting::parse_recoverable;
use toml::Spanned;
use toml::de::DeValue;

/// A text as TOML writes it in double quotes.
pub(crate) fn toml_text(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A key as TOML writes it: in quotes only where it must be.
pub(crate) fn toml_key(key: &str) -> String {
    let bare = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    match !key.is_empty() && key.bytes().all(bare) {
        true => key.to_owned(),
        false => toml_text(key),
    }
}

/// A value as TOML writes it in one line.
pub(in crate::cluster) fn toml_value(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => toml_text(text),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(moment) => moment.to_string(),
        DeValue::Array(items) => {
            let items = items.iter().map(|item| toml_value(item.get_ref()));
            format!("[{}]", items.collect::<Vec<_>>().join(", "))
        }
        DeValue::Table(entries) => {
            let entries = entries.iter().map(|(key, value)| {
                format!(
                    "{} = {}",
                    toml_key(key.get_ref()),
                    toml_value(value.get_ref())
                )
            });
            match entries.collect::<Vec<_>>().join(", ") {
                none if none.is_empty() => "{}".to_owned(),
                entries => format!("{{ {entries} }}"),
            }
        }
    }
}

/// What to write for a value of another type than expected.
pub(super) fn retyped(key: &str, expected: &str, value: &DeValue<'_>) -> Option<String> {
    if let ("strings", DeValue::Integer(number)) = (expected, value) {
        return Some(format!(
            "write it as a string: `{}`",
            toml_text(&number.to_string())
        ));
    }
    let expected = match expected {
        "a list of networks" => "a list of strings",
        expected => expected,
    };
    let written = match (expected, value) {
        ("a string", DeValue::Integer(number)) => {
            let number = number.to_string();
            match key {
                "timeout" | "stop_timeout" => toml_text(&format!("{number}s")),
                // Who writes small numbers means megabytes.
                "memory" | "shm_size" | "memory_reservation" if number.len() < 7 => {
                    toml_text(&format!("{number}m"))
                }
                _ => toml_text(&number),
            }
        }
        ("a string", DeValue::Float(number)) => toml_text(number.as_str()),
        ("a string", DeValue::Datetime(date)) => toml_text(&date.to_string()),
        ("a string", DeValue::Boolean(value)) => toml_text(&value.to_string()),
        ("a string", DeValue::Array(items)) => match &items[..] {
            [one] => toml_text(one.get_ref().as_str()?),
            // As compose has it.
            [program, words @ ..] if key == "entrypoint" => {
                let program = toml_text(program.get_ref().as_str()?);
                let words: Option<Vec<&str>> =
                    words.iter().map(|word| word.get_ref().as_str()).collect();
                let words: Vec<String> = words?.into_iter().map(str::to_owned).collect();
                return Some(format!(
                    "write `entrypoint = {program}`, and the further words first in `command`: `command = {}`",
                    list(&words)
                ));
            }
            [_, _, ..] if key == "options" => {
                let all: Option<Vec<&str>> =
                    items.iter().map(|item| item.get_ref().as_str()).collect();
                toml_text(&all?.join(","))
            }
            _ => return None,
        },
        ("a number", DeValue::Array(items)) if key == "gpus" => gpus(items)?,
        ("a number", DeValue::Boolean(true)) if key == "gpus" => toml_text("all"),
        ("`true` or `false`", DeValue::String(text)) => truth(text)?.to_string(),
        ("`true` or `false`", DeValue::Integer(number)) => truth(number.as_str())?.to_string(),
        (_, DeValue::String(text)) if expected.starts_with("a number from") => {
            let number = text.trim();
            if let Some((outside, inside)) = number.split_once(':') {
                let outside: u16 = outside.parse().ok()?;
                let inside: u16 = inside.parse().ok()?;
                return Some(match outside == inside {
                    true => format!("write `{key} = {inside}`"),
                    false => {
                        format!("write `port = {inside}` and `publish = [\"{outside}:{inside}\"]`")
                    }
                });
            }
            let number: u32 = number.parse().ok()?;
            number.to_string()
        }
        ("a list of strings", DeValue::String(text)) if text.len() < 60 => match key {
            "command" | "extra_args" => list(&words(text)),
            "vars" | "needs" | "after" | "protect" | "secrets" | "capabilities" => {
                let split = |c: char| c.is_whitespace() || c == ',';
                let items = text.split(split).filter(|item| !item.is_empty());
                list(&items.map(str::to_owned).collect::<Vec<_>>())
            }
            _ => list(&[text.to_string()]),
        },
        // `nofile` of compose.
        ("a string", DeValue::Table(limits)) if limits.len() == 2 => {
            let limit = |name| {
                let limit = limits.get(name)?.get_ref();
                limit.as_integer().map(ToString::to_string)
            };
            toml_text(&format!("{}:{}", limit("soft")?, limit("hard")?))
        }
        // `NAME=value` of compose.
        ("a table", DeValue::Array(items)) => {
            let pairs = items.iter().map(|item| {
                let (name, value) = item.get_ref().as_str()?.split_once('=')?;
                Some((name.to_owned(), value.to_owned()))
            });
            let pairs: Vec<(String, String)> = pairs.collect::<Option<_>>()?;
            match pairs.is_empty() {
                true => return None,
                false => table(&pairs),
            }
        }
        ("a list of names", DeValue::String(text)) => list(&[text.to_string()]),
        // As compose has it, with settings of each.
        ("a list of strings", DeValue::Table(table)) if key == "networks" => {
            let entries = table.iter().map(|(name, settings)| {
                let name = toml_text(name.get_ref());
                let addresses: Vec<String> = ["ipv4_address", "ipv6_address"]
                    .iter()
                    .filter_map(|key| {
                        Some(settings.get_ref().get(key)?.get_ref().as_str()?.to_owned())
                    })
                    .collect();
                match &addresses[..] {
                    [] => name,
                    [one] => format!("{{ name = {name}, address = {} }}", toml_text(one)),
                    _ => format!("{{ name = {name}, address = {} }}", list(&addresses)),
                }
            });
            format!("[{}]", entries.collect::<Vec<_>>().join(", "))
        }
        _ => return None,
    };
    Some(match expected {
        "a string" => format!("write it as a string: `{key} = {written}`"),
        _ => format!("write `{key} = {written}`"),
    })
}

/// What other tools take for `true` and `false`.
pub(crate) fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" | "y" => Some(true),
        "false" | "no" | "off" | "0" | "n" => Some(false),
        _ => None,
    }
}

/// GPUs as compose has them: devices that are asked for, or their numbers.
fn gpus(items: &[Spanned<DeValue<'_>>]) -> Option<String> {
    let number = |value: &DeValue<'_>| {
        let text = value.as_str().map(str::to_owned);
        text.or_else(|| Some(value.as_integer()?.to_string()))
    };
    let devices = |items: &[Spanned<DeValue<'_>>]| {
        let all: Option<Vec<String>> = items.iter().map(|item| number(item.get_ref())).collect();
        all.filter(|all| !all.is_empty())
            .map(|all| toml_text(&format!("device={}", all.join(","))))
    };
    let [one] = items else {
        return devices(items);
    };
    let DeValue::Table(asked) = one.get_ref() else {
        return match one.get_ref().as_str() {
            Some("all") => Some(toml_text("all")),
            _ => devices(items),
        };
    };
    if let Some(ids) = asked.get("device_ids") {
        return devices(ids.get_ref().as_array()?);
    }
    Some(match asked.get("count").map(Spanned::get_ref) {
        Some(DeValue::Integer(count)) => count.to_string(),
        _ => toml_text("all"),
    })
}

/// The words of a command line; what needs a shell gets one.
pub(in crate::cluster) fn words(text: &str) -> Vec<String> {
    match text.contains(|c: char| "\"'\\$&|;<>`*?()".contains(c)) {
        true => ["sh", "-c", text].map(str::to_owned).to_vec(),
        false => text.split_whitespace().map(str::to_owned).collect(),
    }
}

/// Strings as a list of TOML.
pub(in crate::cluster) fn list(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| toml_text(item)).collect();
    format!("[{}]", items.join(", "))
}

/// Texts by name as a table of TOML.
fn table(pairs: &[(String, String)]) -> String {
    let pairs = pairs
        .iter()
        .map(|(name, value)| format!("{} = {}", toml_key(name), toml_text(value)));
    format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
}

/// Nobody types a longer line from a message.
const LINE_MAX: usize = 300;

/// What is wrong with a line that is no TOML, where that is easy to see: a title, and what to write.
pub(super) fn of_syntax(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    if line.len() > LINE_MAX {
        return None;
    }
    if let Some((key, value)) = assignment(line, '=') {
        let (value, fixed) = fixed_value(value)?;
        let fixed = format!("{key} = {fixed}");
        let title = match value.starts_with(['"', '\'']) {
            true => format!("expected a text between two quotes, found `{value}`"),
            false => format!("expected a value such as a text in quotes, found `{value}`"),
        };
        return is_toml(&fixed).then(|| (title, format!("write `{fixed}`")));
    }
    if let Some((key, value)) = assignment(line, ':') {
        let value = match is_toml(&format!("a = {value}")) {
            true => value.to_owned(),
            false => fixed_value(value)?.1,
        };
        let fixed = format!("{key} = {value}");
        let title = format!("expected `=` after `{key}`, found `:`");
        return is_toml(&fixed).then(|| (title, format!("write `{fixed}`")));
    }
    let item = line.trim_end_matches(',').trim();
    let word = !item.is_empty() && !item.contains(|c: char| " =[]{}\"'#,".contains(c));
    word.then(|| {
        (
            format!("expected a value such as a text in quotes, found `{item}`"),
            format!("write `{}`", toml_text(item)),
        )
    })
}

fn is_toml(line: &str) -> bool {
    parse_recoverable(line).is_ok_and(|(_, errors)| errors.is_empty())
}

/// A bare key and what follows it.
fn assignment(line: &str, sign: char) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(sign)?;
    let (key, value) = (key.trim(), value.trim());
    let bare = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
    (!key.is_empty() && key.bytes().all(bare)).then_some((key, value))
}

/// A value as it is shown, and as TOML has it.
fn fixed_value(value: &str) -> Option<(String, String)> {
    const QUOTES: [char; 6] = ['“', '”', '„', '‘', '’', '«'];
    let value = match value.starts_with(['"', '\'']) {
        true => value,
        false => value.split(" #").next().unwrap_or_default().trim(),
    };
    let shown = value.to_owned();
    let inner = value.trim_matches(QUOTES);
    let fixed = if value.is_empty() {
        return None;
    } else if inner != value {
        toml_text(inner)
    } else if let Some(items) = value.strip_prefix('[').and_then(|v| v.strip_suffix(']')) {
        let items: Vec<String> = items
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(|item| match is_toml(&format!("a = {item}")) {
                true => item.to_owned(),
                false => toml_text(item.trim_matches(QUOTES).trim_matches(['"', '\''])),
            })
            .collect();
        format!("[{}]", items.join(", "))
    } else if value.starts_with(['{', '[']) {
        return None;
    } else if let Some(open) = value.strip_prefix('"') {
        let text = open.strip_suffix('"').unwrap_or(open);
        match text.contains('\'') {
            true => toml_text(text),
            false => format!("'{text}'"),
        }
    } else if let Some(open) = value.strip_prefix('\'') {
        toml_text(open.strip_suffix('\'').unwrap_or(open))
    } else if let Some(truth) = truth(value).filter(|_| value.len() > 1) {
        truth.to_string()
    } else {
        toml_text(value.trim_end_matches([',', ';']))
    };
    Some((shown, fixed))
}
