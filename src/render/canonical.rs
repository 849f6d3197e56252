//! `docker run` and `podman run` in one form: command lines that ask for the same container are the
//! same words, whatever way they are written.
//!
//! Only what is known is rewritten. From the first word on whose [meaning](Meaning) is not known, or that systemd
//! replaces by others (`$NAME`), all words stay as they are and in their order: two command lines then
//! count as different though they may not be, which costs one restart, never a missing one.

use std::collections::BTreeMap;

use crate::cluster::run_flags::{self, Key, Meaning, RunFlag, Writing};

/// Letters that recipe v2 does not know: what it rewrites ends there.
const NOT_IN_V2: [char; 2] = ['n', 'q'];

/// Flags that are off where nobody says a word, in docker whatever its configuration. (podman's
/// defaults are its configuration's.)
const OFF: [&str; 8] = [
    "detach",
    "init",
    "interactive",
    "privileged",
    "publish-all",
    "read-only",
    "rm",
    "tty",
];

/// The directives of a unit, what makes and starts its container in one form.
pub(super) fn directives(written: &[(String, Vec<String>)]) -> Vec<(String, Vec<String>)> {
    let line = |(key, words): &(String, Vec<String>)| {
        let words = match key.as_str() {
            "ExecStart" | "ExecStartPre" => command_line(words),
            _ => words.clone(),
        };
        (key.clone(), words)
    };
    written.iter().map(line).collect()
}

/// A command line in its one form, if it is one of `docker run` or `podman run`; else as it is.
/// Words are as [`split_words`](super::unit::split_words) gives them.
#[must_use]
pub(crate) fn command_line(words: &[String]) -> Vec<String> {
    let Some((engine, verb, mut rest)) = after_run(words) else {
        return without_path(words);
    };
    let mut given: BTreeMap<&'static str, (Meaning, Vec<String>)> = BTreeMap::new();
    while let Some(given_here) = option(rest) {
        let Given {
            flag,
            meaning,
            value,
            after,
        } = given_here;
        let (_, all) = given.entry(flag.name).or_insert((meaning, Vec::new()));
        all.push(value);
        rest = after;
    }
    let mut line = vec![client(&words[0], engine), verb.to_owned()];
    for (name, (meaning, all)) in given {
        match meaning {
            Meaning::Switch => line.extend(switch(engine, name, &all)),
            Meaning::Last(_) | Meaning::Keyed(..) | Meaning::Set(_) | Meaning::List => {
                let all = in_order(name, meaning, all);
                line.extend(
                    all.into_iter()
                        .flat_map(|value| [format!("--{name}"), value]),
                );
            }
        }
    }
    line.extend_from_slice(rest);
    line
}

/// The path of the engine's client: where it is means nothing to a container.
fn client(word: &str, engine: &str) -> String {
    match word.strip_prefix('-') {
        Some(program) if program.starts_with('/') => format!("-/usr/bin/{engine}"),
        None if word.starts_with('/') => format!("/usr/bin/{engine}"),
        Some(_) | None => word.to_owned(),
    }
}

/// `docker network connect` and `docker start`, wherever the client is.
fn without_path(words: &[String]) -> Vec<String> {
    let Some((program, rest)) = words.split_first() else {
        return Vec::new();
    };
    let engine = program.rsplit('/').next().unwrap_or_default();
    let ours = match rest {
        [verb, second, ..] if verb == "network" => second == "connect",
        [verb, ..] => verb == "start",
        [] => false,
    };
    match (engine, ours) {
        ("docker" | "podman", true) => {
            let program = client(program, engine);
            std::iter::once(program)
                .chain(rest.iter().cloned())
                .collect()
        }
        _ => words.to_vec(),
    }
}

/// The engine's name, `run` or `create`, and the words that follow.
fn after_run(words: &[String]) -> Option<(&str, &'static str, &[String])> {
    let (program, rest) = words.split_first()?;
    // Other prefixes of systemd than `-` change what the words mean.
    let program = program.strip_prefix('-').unwrap_or(program);
    let engine = program.rsplit('/').next()?;
    if !matches!(engine, "docker" | "podman") || program.starts_with(['@', ':', '+', '!', '|']) {
        return None;
    }
    match rest {
        [run, rest @ ..] if run == "run" => Some((engine, "run", rest)),
        [create, rest @ ..] if create == "create" => Some((engine, "create", rest)),
        [container, run, rest @ ..] if container == "container" && run == "run" => {
            Some((engine, "run", rest))
        }
        _ => None,
    }
}

/// A flag as a command line has it.
struct Given<'w> {
    flag: &'static RunFlag,
    meaning: Meaning,
    value: String,
    /// The words that follow it.
    after: &'w [String],
}

/// The first word as a flag with its value: `None` at the image, and where nobody knows what the word means.
fn option(words: &[String]) -> Option<Given<'_>> {
    let (word, rest) = words.split_first()?;
    let (flag, attached) = match word.strip_prefix("--") {
        Some(long) => match long.split_once('=') {
            Some((name, value)) => (run_flags::named(name)?, Some(value)),
            None => (run_flags::named(long)?, None),
        },
        None => {
            // `-e NAME`, `-eNAME`, `-e=NAME`
            let letters = word.strip_prefix('-')?;
            let letter = letters.chars().next()?;
            let flag = run_flags::of_letter(letter).filter(|_| !NOT_IN_V2.contains(&letter))?;
            let value = &letters[letter.len_utf8()..];
            let attached = value.strip_prefix('=').unwrap_or(value);
            (flag, (!value.is_empty()).then_some(attached))
        }
    };
    let meaning = flag.meaning?;
    let (value, after) = match (meaning, attached) {
        (Meaning::Switch, None) => ("true".to_owned(), rest),
        (Meaning::Switch, Some(value)) if word.starts_with("--") => {
            (truth(value)?.to_string(), rest)
        }
        // `-it`
        (Meaning::Switch, Some(_)) => return None,
        (Meaning::Last(_) | Meaning::Keyed(..) | Meaning::Set(_) | Meaning::List, Some(value)) => {
            (value.to_owned(), rest)
        }
        (Meaning::Last(_) | Meaning::Keyed(..) | Meaning::Set(_) | Meaning::List, None) => {
            let (value, rest) = rest.split_first()?;
            (value.clone(), rest)
        }
    };
    let taken = &words[..words.len() - after.len()];
    (!taken.iter().any(|word| splits(word))).then_some(Given {
        flag,
        meaning,
        value,
        after,
    })
}

/// As Go's `strconv.ParseBool`.
fn truth(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

fn switch(engine: &str, name: &str, all: &[String]) -> Option<String> {
    let on = all.last().is_none_or(|value| value == "true");
    match on {
        true => Some(format!("--{name}")),
        false if engine == "docker" && OFF.contains(&name) => None,
        false => Some(format!("--{name}=false")),
    }
}

fn in_order(name: &str, meaning: Meaning, mut all: Vec<String>) -> Vec<String> {
    // What systemd puts in could be anything, also a separator.
    if all.iter().any(|value| expands(value)) {
        return all;
    }
    match meaning {
        Meaning::Last(way) => all
            .last()
            .map(|value| write(way, value))
            .into_iter()
            .collect(),
        Meaning::Keyed(way, key) => {
            let mut all: Vec<String> = all.iter().flat_map(|value| several(name, value)).collect();
            all = all.iter().map(|value| write(way, value)).collect();
            all.sort_by_key(|value| key_of(key, value));
            // Twice the same is an error to an engine where it is not once.
            if !matches!(name, "publish" | "volume" | "mount" | "tmpfs") {
                all.dedup();
            }
            all
        }
        Meaning::Set(way) => {
            all = all.iter().map(|value| write(way, value)).collect();
            all.sort();
            all.dedup();
            // Beside ALL no other one means anything.
            if name.starts_with("cap-") && all.iter().any(|one| one == "ALL") {
                all.retain(|one| one == "ALL");
            }
            all
        }
        Meaning::Switch | Meaning::List => all,
    }
}

/// Whether systemd makes any number of words of one.
pub(super) fn splits(word: &str) -> bool {
    let name = word.strip_prefix('$');
    name.is_some_and(|rest| !rest.starts_with(['$', '{']))
}

/// Whether systemd puts something into a word.
pub(super) fn expands(word: &str) -> bool {
    let literal = word.replace("%%", "").replace("$$", "");
    literal.contains(['%', '$'])
}

// ---- keys ----

fn key_of(key: Key, value: &str) -> String {
    match key {
        Key::BeforeEquals => until_equals(value),
        Key::BeforeColon => until_colon(value),
        Key::VolumeTarget => volume_target(value),
        Key::MountTarget => mount_target(value),
        Key::DeviceTarget => device_target(value),
        Key::PortInside => port_inside(value),
    }
}

fn until_equals(value: &str) -> String {
    value.split('=').next().unwrap_or_default().to_owned()
}

fn until_colon(value: &str) -> String {
    value
        .split([':', '='])
        .next()
        .unwrap_or_default()
        .to_owned()
}

fn volume_target(value: &str) -> String {
    let mut parts = value.split(':');
    let first = parts.next().unwrap_or_default();
    parts.next().unwrap_or(first).to_owned()
}

fn mount_target(value: &str) -> String {
    let mut fields = value.split(',');
    let target = fields.find_map(|field| field.strip_prefix("target="));
    target.unwrap_or(value).to_owned()
}

fn device_target(value: &str) -> String {
    value.split(':').nth(1).unwrap_or(value).to_owned()
}

/// The container's port: of one port several addresses may be published.
fn port_inside(value: &str) -> String {
    value.rsplit(':').next().unwrap_or_default().to_owned() + " " + value
}

// ---- one way of writing a value ----

fn write(way: Writing, value: &str) -> String {
    match way {
        Writing::AsIs => value.to_owned(),
        Writing::Bytes => bytes(value),
        Writing::Decimal => decimal(value),
        Writing::Capability => capability(value),
        Writing::Label => label(value),
        Writing::Ulimit => ulimit(value),
        Writing::Volume => volume(value),
        Writing::Mount => mount(value),
        Writing::Device => device(value),
        Writing::Port => port(value),
        Writing::Publish => publish(value),
    }
}

/// A size as docker reads it (go-units `RAMInBytes`), in the largest unit that it is a multiple of.
fn bytes(value: &str) -> String {
    let lower = value.to_ascii_lowercase();
    let digits = lower.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = lower[digits.len()..].trim_start();
    let unit = match unit {
        "" | "b" => Some(0),
        _ => {
            let letter = unit.strip_suffix("ib").or_else(|| unit.strip_suffix('b'));
            match letter.unwrap_or(unit) {
                "k" => Some(10),
                "m" => Some(20),
                "g" => Some(30),
                "t" => Some(40),
                _ => None,
            }
        }
    };
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let number = digits.parse::<u64>().ok().filter(|_| plain);
    let size = number.zip(unit);
    let Some(size) = size.and_then(|(number, unit)| number.checked_mul(1 << unit)) else {
        return value.to_owned();
    };
    let units = [("g", 30), ("m", 20), ("k", 10)];
    let fits = |(_, shift): &(&str, u32)| size != 0 && size.trailing_zeros() >= *shift;
    match units.into_iter().find(fits) {
        Some((unit, shift)) => format!("{}{unit}", size >> shift),
        None => size.to_string(),
    }
}

/// A decimal number without zeros that mean nothing.
fn decimal(value: &str) -> String {
    let (whole, part) = value.split_once('.').unwrap_or((value, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(part) || whole.is_empty() && part.is_empty() {
        return value.to_owned();
    }
    let (whole, part) = (whole.trim_start_matches('0'), part.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    match part {
        "" => whole.to_owned(),
        part => format!("{whole}.{part}"),
    }
}

/// Without what the engines add themselves.
fn capability(value: &str) -> String {
    let upper = value.to_ascii_uppercase();
    upper.strip_prefix("CAP_").unwrap_or(&upper).to_owned()
}

/// A label without a value has an empty one.
fn label(value: &str) -> String {
    if value.contains('=') {
        value.to_owned()
    } else {
        format!("{value}=")
    }
}

/// The hard limit is the soft one where it is not given.
fn ulimit(value: &str) -> String {
    let Some((name, limits)) = value.split_once('=') else {
        return value.to_owned();
    };
    let (soft, hard) = limits.split_once(':').unwrap_or((limits, limits));
    match (soft.parse::<i64>(), hard.parse::<i64>()) {
        (Ok(soft), Ok(hard)) if soft == hard => format!("{name}={soft}"),
        (Ok(soft), Ok(hard)) => format!("{name}={soft}:{hard}"),
        (Ok(_) | Err(_), _) => value.to_owned(),
    }
}

/// An absolute path as Go's `path.Clean` has it.
fn path(value: &str) -> String {
    if !value.starts_with('/') {
        return value.to_owned();
    }
    let mut parts = Vec::new();
    for part in value.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// `source:target`, then the options that are no default, sorted.
fn volume(value: &str) -> String {
    let parts: Vec<&str> = value.split(':').collect();
    let (source, target, options) = match parts[..] {
        [target] => return path(target),
        [source, target] if target.starts_with('/') => (source, target, ""),
        [source, target, options] => (source, target, options),
        _ => return value.to_owned(),
    };
    let mut options: Vec<&str> = options.split(',').filter(|one| !one.is_empty()).collect();
    if !options.contains(&"ro") {
        options.retain(|one| *one != "rw");
    }
    options.sort_unstable();
    options.dedup();
    let mut volume = format!("{}:{}", path(source), path(target));
    if !options.is_empty() {
        volume += ":";
        volume += &options.join(",");
    }
    volume
}

/// Its fields by one name each, sorted.
fn mount(value: &str) -> String {
    // Quotes as in CSV.
    if value.contains('"') {
        return value.to_owned();
    }
    let field = |field: &str| {
        let (name, value) = match field.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (field, None),
        };
        let name = match name {
            "src" => "source",
            "dst" | "destination" => "target",
            "ro" => "readonly",
            name => name,
        };
        match (name, value) {
            ("readonly", value) => match value.map_or(Some(true), truth) {
                Some(true) => Some("readonly".to_owned()),
                Some(false) => None,
                None => Some(field.to_owned()),
            },
            ("type", Some("volume")) => None,
            ("source" | "target", Some(value)) => Some(format!("{name}={}", path(value))),
            (name, Some(value)) => Some(format!("{name}={value}")),
            (name, None) => Some(name.to_owned()),
        }
    };
    let mut fields: Vec<String> = value.split(',').filter_map(field).collect();
    fields.sort();
    fields.join(",")
}

/// `/dev/a:/dev/b:rwm` of a path; another name of a device is left as it is.
fn device(value: &str) -> String {
    let mode = |text: &str| {
        let mut letters: Vec<char> = text.chars().collect();
        letters.sort_unstable_by_key(|c| "rwm".find(*c));
        let many = letters.len();
        letters.dedup();
        let known = !letters.is_empty() && letters.iter().all(|c| "rwm".contains(*c));
        (known && many == letters.len()).then(|| letters.into_iter().collect::<String>())
    };
    let parts: Vec<&str> = value.split(':').collect();
    let whole = || "rwm".to_owned();
    let parts = match parts[..] {
        [source] if source.starts_with('/') => Some((source, source, whole())),
        [source, target] if target.starts_with('/') => Some((source, target, whole())),
        [source, letters] => mode(letters).map(|mode| (source, source, mode)),
        [source, target, letters] => mode(letters).map(|mode| (source, target, mode)),
        _ => None,
    };
    match parts {
        Some((source, target, mode)) => format!("{source}:{target}:{mode}"),
        None => value.to_owned(),
    }
}

/// A container's port without the protocol that it has anyway.
fn port(value: &str) -> String {
    let (ports, protocol) = value.split_once('/').unwrap_or((value, "tcp"));
    let protocol = protocol.to_ascii_lowercase();
    let ports = match range(ports) {
        Some((first, last)) if first == last => first.to_string(),
        Some((first, last)) => format!("{first}-{last}"),
        None => ports.to_owned(),
    };
    match protocol.as_str() {
        "tcp" => ports,
        protocol => format!("{ports}/{protocol}"),
    }
}

fn range(text: &str) -> Option<(u16, u16)> {
    let number = |text: &str| {
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u16>().ok().filter(|_| digits)
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then_some((first, last))
}

/// `[address:][host]:container`, one port each.
fn publish(value: &str) -> String {
    match value.rsplit_once(':') {
        Some((host, inside)) => {
            let (address, outside) = match host.rsplit_once(':') {
                Some((address, outside)) => (Some(address), outside),
                None => (None, host),
            };
            let outside = range(outside).map_or_else(
                || outside.to_owned(),
                |(first, last)| match first == last {
                    true => first.to_string(),
                    false => format!("{first}-{last}"),
                },
            );
            let address = address.map_or_else(String::new, |address| format!("{address}:"));
            format!("{address}{outside}:{}", port(inside))
        }
        None => port(value),
    }
}

/// A published range is its ports.
fn several(name: &str, value: &str) -> Vec<String> {
    let parts = || {
        let (host, inside) = value.rsplit_once(':')?;
        let (inside, protocol) = inside.split_once('/').unwrap_or((inside, "tcp"));
        let (address, outside) = match host.rsplit_once(':') {
            Some((address, outside)) => (format!("{address}:"), outside),
            None => (String::new(), host),
        };
        let ((first, last), (to, end)) = (range(outside)?, range(inside)?);
        let one = |offset: u16| format!("{address}{}:{}/{protocol}", first + offset, to + offset);
        (last - first == end - to).then(|| (0..=last - first).map(one).collect())
    };
    match name {
        "publish" => parts().unwrap_or_else(|| vec![value.to_owned()]),
        _ => vec![value.to_owned()],
    }
}

#[cfg(test)]
#[path = "canonical_tests.rs"]
mod tests;
