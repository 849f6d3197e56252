//! The shape of a duration.

use std::time::Duration;

use super::text::Shape;
use crate::cluster::read::Misfit;

/// The longest time that a field takes: a day. More is a typing error, and keeps sums in range.
const DURATION_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// A duration: `500ms`, `30s`, `2m`, `1h`.
pub(in crate::cluster) fn duration(text: &str) -> Shape<Duration> {
    let misfit = || Misfit {
        expected: "a duration such as `500ms`, `30s` or `2m`, at most `24h`".to_owned(),
        help: duration_written(text).map(|written| format!("write `\"{written}\"`")),
    };
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| misfit())?;
    let scale = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(misfit()),
    };
    let millis = number.checked_mul(scale).ok_or_else(misfit)?;
    let duration = Duration::from_millis(millis);
    (duration <= DURATION_MAX)
        .then_some(duration)
        .ok_or_else(misfit)
}

/// What is meant by a duration that is written in another way: without a unit, in words, with a fraction, as a sum (`1m30s`).
fn duration_written(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    if let Some(seconds) = sum_of_parts(&text) {
        return (1..=86400)
            .contains(&seconds)
            .then(|| format!("{seconds}s"));
    }
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let seconds = match unit.trim() {
        "" | "s" | "sec" | "secs" | "second" | "seconds" => 1,
        "m" | "min" | "mins" | "minute" | "minutes" => 60,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3600,
        "d" | "day" | "days" => 86400,
        _ => return None,
    };
    let number: f64 = number.parse().ok()?;
    let seconds = number * f64::from(seconds);
    let whole = (1.0..=86400.0).contains(&seconds) && seconds.fract() == 0.0;
    whole.then(|| format!("{seconds}s"))
}

/// The seconds of `1h5m`, `1m30s`: two parts or more, the larger units first.
fn sum_of_parts(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut seconds: u64 = 0;
    let mut parts = 0;
    for (unit, scale) in [('h', 3600), ('m', 60), ('s', 1)] {
        if let Some((number, after)) = rest.split_once(unit) {
            seconds = seconds.checked_add(number.parse::<u64>().ok()?.checked_mul(scale)?)?;
            rest = after;
            parts += 1;
        }
    }
    (rest.is_empty() && parts > 1).then_some(seconds)
}

/// A duration that is not zero.
pub(in crate::cluster) fn timeout(text: &str) -> Shape<Duration> {
    match duration(text) {
        Ok(Duration::ZERO) => Err(Misfit::new("a duration above zero")),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::takes;
    use super::*;

    #[test]
    fn durations_are_bounded() {
        takes(
            duration,
            &["0s", "500ms", "30s", "2m", "24h"],
            &[
                "",
                "30",
                "s",
                "-1s",
                "25h",
                "1.5s",
                "99999999999999999h",
                "1d",
            ],
        );
    }
}
