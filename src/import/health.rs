//! `healthcheck` of a service.

use super::converter::Converter;
use super::draft::{Draft, DraftLine, Toml};
use super::told::{Keys, ToldLines, texts};
use super::units::{duration, milliseconds};
use super::variables;
use super::yaml::{YamlNode, YamlSpot, YamlValue};

/// The longest pause between two questions of a release: compose asks for as long as the container runs.
const INTERVAL_MAX: u64 = 5_000;

/// The engine's own values, in milliseconds: `interval`, `timeout`, and how many `retries`.
const USUAL: (u64, u64, u64) = (30_000, 30_000, 3);

pub(super) fn read(
    converter: &mut Converter<'_, '_>,
    keys: &mut Keys<'_>,
    draft: &mut Draft,
    is_job: bool,
) {
    let awaited = converter.awaited.contains(&draft.called);
    let told = converter.told();
    let Some(node) = keys.take("healthcheck") else {
        // Somebody waits for the image's own.
        if awaited && !is_job {
            let spot = draft.spot.clone();
            push(draft, "image", Toml::Bare("true".to_owned()), &spot);
        }
        return;
    };
    let path = keys.key("healthcheck");
    if is_job {
        told.not(
            &node.spot,
            &path,
            "a run of a job is well if it ends with exit status 0",
        );
        return;
    }
    let mut check = Keys::new(path, node, told);
    let disabled = check.boolean("disable", told) == Some(true);
    let test = check.take("test");
    let none = test.is_some_and(|test| first(test).as_deref() == Some("NONE"));
    if disabled || none {
        push(draft, "image", Toml::Bare("false".to_owned()), &node.spot);
        for quiet in [
            "interval",
            "timeout",
            "retries",
            "start_period",
            "start_interval",
        ] {
            let _ = check.take(quiet);
        }
        check.finish(told);
        return;
    }
    match test {
        Some(test) => {
            variables::tell_secrets(told, &check.key("test"), test);
            let Some(command) = command(told, &check.key("test"), test) else {
                return;
            };
            push(draft, "command", Toml::texts(command), &test.spot);
        }
        None => push(draft, "image", Toml::Bare("true".to_owned()), &node.spot),
    }
    times(told, &mut check, draft, node);
    check.finish(told);
}

fn push(draft: &mut Draft, key: &str, value: Toml, spot: &YamlSpot) {
    draft.health.push(DraftLine::new(key, value, spot));
}

fn first(test: &YamlNode) -> Option<String> {
    match &test.value {
        YamlValue::List(items) => items.first()?.text(),
        YamlValue::Text(_) => test.text(),
        YamlValue::Null | YamlValue::Map(_) => None,
    }
}

/// The words that are run.
fn command(told: &mut ToldLines, path: &str, test: &YamlNode) -> Option<Vec<String>> {
    let shell = |text: String| Some(["sh".to_owned(), "-c".to_owned(), text].to_vec());
    if let Some(text) = test.text() {
        return shell(text);
    }
    let words = texts(path, test, told);
    let mut words = words.into_iter().map(|(text, _)| text);
    let (kind, rest) = (words.next(), words.collect::<Vec<String>>());
    match kind.as_deref() {
        Some("CMD") if !rest.is_empty() => Some(rest),
        Some("CMD-SHELL") if !rest.is_empty() => shell(rest.join(" ")),
        _ => {
            let why =
                "expected `CMD`, `CMD-SHELL` or `NONE` as the first word, and a command after it";
            told.not(&test.spot, path, why);
            None
        }
    }
}

/// How long a start may take: as long as compose waits until it says unhealthy.
fn times(told: &mut ToldLines, check: &mut Keys<'_>, draft: &mut Draft, node: &YamlNode) {
    let mut time = |name: &str| {
        let (text, node) = check.text(name, told)?;
        let found = milliseconds(&text);
        if found.is_none() {
            let why = format!("expected a duration such as `30s`, found `{text}`");
            told.not(&node.spot, &check.key(name), why);
        }
        found.map(|time| (time, node.spot.clone()))
    };
    let value = |time: &Option<(u64, YamlSpot)>| time.as_ref().map(|(time, _)| *time);
    let interval = time("interval");
    let timeout = time("timeout");
    let start_period = time("start_period");
    let start_interval = time("start_interval");
    let retries = check.text("retries", told);
    let retries = retries.and_then(|(text, _)| text.parse::<u64>().ok());
    // The engine's own is meant by none.
    let or = |found: Option<u64>, usual: u64| found.filter(|found| *found > 0).unwrap_or(usual);
    let each = or(value(&interval), USUAL.0).saturating_add(or(value(&timeout), USUAL.1));
    let whole = value(&start_period)
        .unwrap_or(0)
        .saturating_add(each.saturating_mul(or(retries, USUAL.2)));
    let whole = whole.clamp(1000, 86_400_000);
    // Whole seconds.
    let whole = whole.div_ceil(1000) * 1000;
    push(draft, "timeout", Toml::Text(duration(whole)), &node.spot);
    let asked = start_interval.or(interval);
    if let Some((pause, spot)) = asked.filter(|(pause, _)| *pause > 0) {
        let pause = pause.clamp(1000, INTERVAL_MAX);
        push(draft, "interval", Toml::Text(duration(pause)), &spot);
    }
    let by_image = draft.health.iter().any(|line| line.key == "image");
    if let Some((timeout, spot)) = timeout.filter(|(time, _)| *time > 0 && !by_image) {
        push(draft, "probe_timeout", Toml::Text(duration(timeout)), &spot);
    }
}
